//! Names that try to leave the directory served, in every spelling known from other servers' bugs.
//!
//! | trick | where it is tried |
//! |---|---|
//! | `../x`, `..\\x`, `....//x`, `.../...//x`, `a/../../x`, and more of the kind | `names` |
//! | `/etc/passwd`, `//x` | `names`; what is inside under such a name: `odd_spellings_of_names_inside` |
//! | `a/./b` | `odd_spellings_of_names_inside` |
//! | `%2e%2e/x`, doubly encoded too | `names` |
//! | overlong UTF-8, look-alikes | `names` |
//! | trailing dot or space, `x:$DATA`, `con` | `names`; there only if a file has that very name: `names_of_another_system` |
//! | links to the outside, loops, dangling | `server` and `names`; those that stay inside: `links_that_stay_inside_are_fine` |
//! | FIFO, socket, device | `what_is_no_file` (and `refused_files`) |
//! | directory | `names` |
//! | 4096 bytes | `names_beyond_the_limit` |
//! | NUL in the middle | `a_nul_in_the_middle` |
//! | newline, ESC, `%n` | `names`, and in the log: `the_log_is_safe_to_read` |

use std::fs;
use std::os::unix::fs::symlink;
use std::time::Duration;

use crate::harness::{Packet, Record, Server, Wire, rrq, wrq};

const SECRET: &[u8] = b"this must never leave";

/// A server whose root has a secret beside it and links that lead there. `flags` may allow uploads.
fn server(flags: &[&str]) -> Server {
    let builder = Server::builder()
        .file("hello.txt", b"hello")
        .file("a/b/inside.txt", b"inside");
    let root = builder.root();
    let outside = root.parent().expect("a parent").to_owned();
    fs::write(outside.join("secret.txt"), SECRET).expect("a secret");
    symlink(outside.join("secret.txt"), root.join("absolute-link")).expect("a link");
    symlink("../secret.txt", root.join("relative-link")).expect("a link");
    symlink("../../../secret.txt", root.join("a/b/deep-link")).expect("a link");
    symlink(&outside, root.join("parent")).expect("a link");
    symlink("/", root.join("slash")).expect("a link");
    symlink("/proc/self/root", root.join("magic")).expect("a link");
    symlink("loop", root.join("loop")).expect("a link");
    symlink("pong", root.join("ping")).expect("a link");
    symlink("ping", root.join("pong")).expect("a link");
    symlink("nowhere", root.join("dangling")).expect("a link");
    builder.flags(flags).start()
}

/// Names from outside, with the secret's own path put in where one stands for it.
fn names(server: &Server) -> Vec<Vec<u8>> {
    let outside = server.outside().to_str().expect("text");
    let climbing = [
        "../secret.txt",
        "..\\secret.txt",
        "/../secret.txt",
        "\\..\\secret.txt",
        "....//secret.txt",
        "..../secret.txt",
        "....\\\\secret.txt",
        ".../...//secret.txt",
        "..//secret.txt",
        ".//..//secret.txt",
        "./../secret.txt",
        "a/../../secret.txt",
        "a/b/../../../secret.txt",
        "a\\..\\..\\secret.txt",
        "a/..\\../secret.txt",
        "nosuch/../../secret.txt",
        "hello.txt/../../secret.txt",
        "../root/../secret.txt",
        "%2e%2e/secret.txt",
        "%2e%2e%2fsecret.txt",
        "..%2fsecret.txt",
        "..%5csecret.txt",
        "%252e%252e/secret.txt",
        "..;/secret.txt",
        "../secret.txt.",
        "../secret.txt ",
        "../secret.txt%00.txt",
        "~/secret.txt",
        "file:///etc/passwd",
        "/etc/passwd",
        "//etc/passwd",
        "\\etc\\passwd",
        "C:\\secret.txt",
        "\\\\host\\share\\secret.txt",
        "../../../../../../../../../../etc/passwd",
        "..\\..\\..\\..\\..\\..\\..\\..\\etc\\passwd",
        "absolute-link",
        "relative-link",
        "a/b/deep-link",
        "parent/secret.txt",
        "slash/etc/passwd",
        "magic/etc/passwd",
        "/proc/self/environ",
        "/dev/zero",
        "loop",
        "ping",
        "dangling",
        "hello.txt/",
        "hello.txt/.",
        "hello.txt.",
        "hello.txt ",
        "hello.txt:$DATA",
        "hello.txt::$INDEX_ALLOCATION",
        "con",
        "aux.txt",
        "com1",
        "a/b",
        "a/",
        ".",
        "..",
        "...",
        "/",
        "//",
        "\\",
        "new\nline",
        "\x1b[2Jescape",
        "%n%s%x",
    ];
    let mut names: Vec<Vec<u8>> = climbing
        .iter()
        .map(|name| name.as_bytes().to_vec())
        .collect();
    // The overlong forms of `.` and `/` in UTF-8, and half characters.
    names.push(b"\xc0\xae\xc0\xae/secret.txt".to_vec());
    names.push(b"..\xc0\xafsecret.txt".to_vec());
    names.push(b"\xe0\x80\xae\xe0\x80\xae/secret.txt".to_vec());
    names.push(b"\xff\xfe..\xff/secret.txt".to_vec());
    // Unicode that looks like it: fullwidth, one dot leader, division slash.
    names.push("\u{ff0e}\u{ff0e}\u{ff0f}secret.txt".into());
    names.push("\u{2024}\u{2024}\u{2215}secret.txt".into());
    names.push(format!("{outside}/secret.txt").into());
    names.push(format!("//{outside}/secret.txt").into());
    names.push(format!("../..{outside}/secret.txt").into());
    names.push([b"a/".repeat(240), b"../../x".to_vec()].concat());
    names.push([b"../".repeat(150), b"etc/passwd".to_vec()].concat());
    names.push(b"x".repeat(500));
    names
}

/// An answer that gives nothing away: ERROR 1 or 2 and a text without a path of the server's.
fn is_clean(server: &Server, name: &[u8], packet: &Packet) {
    let shown = String::from_utf8_lossy(name);
    let Packet::Error { code, text } = packet else {
        panic!("{shown:?}: {packet:?}")
    };
    assert!(matches!(code, 1 | 2), "{shown:?}: ERROR {code} {text}");
    assert!(
        text.len() <= 60 && !text.contains(char::is_control),
        "{shown:?}: {text:?}"
    );
    let outside = server.outside().to_str().expect("text");
    for inner in [outside, "secret", "root", "/", "\\", "os error"] {
        assert!(
            !text.contains(inner),
            "{shown:?}: the text names {inner:?}: {text:?}"
        );
    }
}

#[test]
fn no_name_reads_outside() {
    let server = server(&[]);
    for name in names(&server) {
        let mut client = Wire::new(server.address());
        client.to_listener(&rrq(&name, "octet", &[("blksize", "1024"), ("tsize", "0")]));
        let packet = client
            .receive_within(Duration::from_secs(20))
            .expect("an answer");
        is_clean(&server, &name, &packet);
    }
    assert_eq!(
        Wire::new(server.address()).fetch("hello.txt"),
        b"hello",
        "still at work"
    );
}

/// The same where absolute links are taken as if the root were `/`.
#[test]
fn no_name_reads_outside_with_links_in_root() {
    let server = server(&["--links", "in-root"]);
    for name in names(&server) {
        // A link to `/` is a link to the root there, so this name is one of a file inside.
        let mut client = Wire::new(server.address());
        client.to_listener(&rrq(&name, "octet", &[]));
        let packet = client
            .receive_within(Duration::from_secs(20))
            .expect("an answer");
        is_clean(&server, &name, &packet);
    }
}

/// And the same regardless of case, where names are looked up in listings.
#[test]
fn no_name_reads_outside_whatever_the_case() {
    let server = server(&["--case-insensitive", "--per-client"]);
    for name in names(&server) {
        let mut client = Wire::new(server.address());
        client.to_listener(&rrq(&name, "octet", &[]));
        let packet = client
            .receive_within(Duration::from_secs(20))
            .expect("an answer");
        is_clean(&server, &name, &packet);
    }
    assert_eq!(Wire::new(server.address()).fetch("HELLO.TXT"), b"hello");
}

/// Uploads by such names put nothing outside and change nothing there.
#[test]
fn no_name_writes_outside() {
    for rule in ["--create", "--replace", "--versioned"] {
        let server = server(&[rule, "--create-dirs"]);
        let before = outside(&server);
        for name in names(&server) {
            let mut client = Wire::new(server.address());
            client.to_listener(&wrq(&name, "octet", &[]));
            match client
                .receive_within(Duration::from_secs(20))
                .expect("an answer")
            {
                // Odd as it is, this is a name inside.
                Packet::Ack(0) => {
                    client.data(1, b"written");
                    assert!(client.receive_within(Duration::from_secs(20)).is_some());
                }
                // 6: the name is taken, by a link that may lead anywhere.
                Packet::Error { code: 6, .. } => {}
                other => is_clean(&server, &name, &other),
            }
        }
        assert_eq!(outside(&server), before, "{rule}");
        assert_eq!(
            fs::read(server.outside().join("secret.txt")).expect("the secret"),
            SECRET,
            "{rule}"
        );
    }
}

/// Names beside the root.
fn outside(server: &Server) -> Vec<String> {
    let entries = fs::read_dir(server.outside()).expect("the parent");
    let mut names: Vec<_> = entries
        .map(|entry| {
            entry
                .expect("an entry")
                .file_name()
                .to_string_lossy()
                .into_owned()
        })
        .collect();
    names.sort();
    names
}

/// What needs no escape: odd spellings of names inside are those names.
#[test]
fn odd_spellings_of_names_inside() {
    let server = server(&[]);
    for name in [
        "a/./b/inside.txt",
        "./a/b/inside.txt",
        "/a/b/inside.txt",
        "//a//b//inside.txt",
        "a\\b\\inside.txt",
        "\\a/b\\.\\inside.txt",
    ] {
        let content = Wire::new(server.address()).fetch(name);
        assert_eq!(content, b"inside", "{name}");
    }
}

/// Names that mean a device, a stream or another file elsewhere are plain names here.
#[test]
fn names_of_another_system() {
    let names = [
        "con",
        "aux.txt",
        "hello.txt.",
        "hello.txt ",
        "hello.txt:$DATA",
    ];
    let builder = Server::builder().file("hello.txt", b"hello");
    let server = names
        .iter()
        .fold(builder, |builder, name| builder.file(name, name.as_bytes()))
        .start();
    for name in names {
        let content = Wire::new(server.address()).fetch(name);
        assert_eq!(content, name.as_bytes(), "its own content, no other's");
    }
}

/// FIFOs, sockets and devices are neither read nor waited for.
#[test]
fn what_is_no_file() {
    let builder = Server::builder().file("hello.txt", b"hello");
    let root = builder.root();
    let fifo = std::process::Command::new("mkfifo")
        .arg(root.join("fifo"))
        .status();
    assert!(fifo.is_ok_and(|status| status.success()), "a FIFO");
    let _socket = std::os::unix::net::UnixListener::bind(root.join("socket")).expect("a socket");
    symlink("/dev/zero", root.join("zero")).expect("a link");
    symlink("/dev/tty", root.join("tty")).expect("a link");
    let server = builder.start();
    for name in ["fifo", "socket", "zero", "tty"] {
        let mut client = Wire::new(server.address());
        client.read(name, &[]);
        let packet = client
            .receive_within(Duration::from_secs(20))
            .expect("an answer");
        is_clean(&server, name.as_bytes(), &packet);
    }
}

/// A name has 500 bytes at most, climbing or not; the ERROR says so.
#[test]
fn names_beyond_the_limit() {
    let server = server(&["--create"]);
    for len in [501, 512, 4096, 60_000] {
        for name in [b"x".repeat(len), b"../".repeat(len / 3 + 1)] {
            for request in [rrq(&name, "octet", &[]), wrq(&name, "octet", &[])] {
                let mut client = Wire::new(server.address());
                client.to_listener(&request);
                let (code, text) = client.expect_error();
                assert_eq!((code, text.as_str()), (4, "File name too long"), "{len}");
            }
        }
    }
    assert_eq!(Wire::new(server.address()).fetch("hello.txt"), b"hello");
}

/// A NUL ends the name; what follows is the mode, and that is none.
#[test]
fn a_nul_in_the_middle() {
    let server = server(&[]);
    for name in [
        b"hello.txt\0.jpg".as_slice(),
        b"hello.txt\0/../../secret.txt",
        b"\0hello.txt",
    ] {
        let mut client = Wire::new(server.address());
        client.to_listener(&rrq(name, "octet", &[]));
        client.expect_error_code(4);
    }
}

/// Links that stay inside are served.
#[test]
fn links_that_stay_inside_are_fine() {
    let builder = Server::builder().file("a/b/inside.txt", b"inside");
    symlink("a/b/inside.txt", builder.root().join("file-link")).expect("a link");
    symlink("a/b", builder.root().join("directory-link")).expect("a link");
    symlink("../b/inside.txt", builder.root().join("a/b/around")).expect("a link");
    let server = builder.start();
    for name in ["file-link", "directory-link/inside.txt", "a/b/around"] {
        assert_eq!(Wire::new(server.address()).fetch(name), b"inside", "{name}");
    }
}

/// Control characters of a client's never reach a terminal through the log.
#[test]
fn the_log_is_safe_to_read() {
    for json in [false, true] {
        let builder = Server::builder();
        let server = if json {
            builder.start()
        } else {
            builder.plain_log().start()
        };
        let mut client = Wire::new(server.address());
        let name = b"\x1b]0;title\x07\x1b[2J\r\nforged line\xc2\x9b31m\x9b\x7f\xff".as_slice();
        client.to_listener(&rrq(name, "octet", &[("\x1b[1m", "\r\n\x07")]));
        client.expect_error_code(1);
        client.read("the second", &[]);
        client.expect_error_code(1);
        let logged = server
            .log()
            .wait(Duration::from_secs(30), |lines| {
                lines
                    .last()
                    .is_some_and(|line| line.contains("the second"))
                    .then(|| lines.to_vec())
            })
            .expect("two lines");
        assert_eq!(logged.len(), 2, "a line for each transfer: {logged:#?}");
        assert!(
            !logged.iter().any(|line| line.contains(char::is_control)),
            "{logged:#?}"
        );
        assert_eq!(Record::parse(&logged[0]).is_some(), json);
    }
}
