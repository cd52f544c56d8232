//! The binary as a script sees it: what it prints where, and how it exits. Transfers have their
//! own tests.

use std::net::UdpSocket;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::Duration;

fn bootwire(args: &[&str]) -> Output {
    command(args).output().unwrap()
}

fn command(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_bootwire"));
    command.args(args).stdin(Stdio::null());
    command
}

#[track_caller]
fn code(output: &Output) -> i32 {
    output.status.code().expect("an exit code")
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// An error of ours is one line that begins with the program's name.
#[track_caller]
fn complaint(output: &Output) -> String {
    let text = stderr(output);
    assert_eq!(text.lines().count(), 1, "{text}");
    text.strip_prefix("bootwire: ")
        .unwrap_or_else(|| panic!("{text}"))
        .trim_end()
        .to_owned()
}

#[test]
fn without_a_subcommand_it_prints_help() {
    let output = bootwire(&[]);
    assert_eq!(code(&output), 2);
    let help = stderr(&output);
    for part in ["Usage: bootwire", "serve", "get", "put", "Examples:"] {
        assert!(help.contains(part), "{help}");
    }
}

#[test]
fn help_teaches_by_example() {
    for (command, parts) in [
        (
            "serve",
            &["Examples:", "--versioned", "[::]:69", "private"][..],
        ),
        ("get", &["Examples:", "Exit codes:", "130"]),
        ("put", &["Examples:", "Exit codes:", "tar c"]),
        (
            "bench",
            &["Examples:", "Exit codes:", "{client}", "modulo 251"],
        ),
        (
            "machines",
            &["Examples:", "Exit codes:", "import", "--database"],
        ),
        (
            "migrate",
            &["Examples:", "Exit codes:", "tftp-hpa", "hooktftp"],
        ),
        ("schema", &["Examples:", "#:schema"]),
        ("completions", &["Examples:", "bash"]),
        ("man", &["Examples:", "man -l"]),
    ] {
        let output = bootwire(&[command, "--help"]);
        assert_eq!(code(&output), 0);
        for part in parts {
            assert!(stdout(&output).contains(part), "{command}: {part}");
        }
    }
    let version = bootwire(&["--version"]);
    assert_eq!(
        stdout(&version),
        format!("bootwire {}\n", env!("CARGO_PKG_VERSION"))
    );
}

#[test]
fn a_wrong_command_line_says_what_to_type() {
    for (args, part) in [
        (&["sreve"][..], "'serve'"),
        (&["serve", "--lissten", "x"], "'--listen'"),
        (
            &["serve", "--single-port", "--ports", "1-2"],
            "--ports: \"ports\" beside \"single_port\"",
        ),
        (&["serve", "--create", "--replace"], "cannot be used with"),
        (
            &["serve", "--upload-max", "1G"],
            "--create|--replace|--overwrite|--versioned",
        ),
        (
            &["serve", "--create", "--upload-max", "1X"],
            "no such unit \"x\"",
        ),
        (
            &["serve", "--allow", "lan"],
            "write a network like \"10.0.0.0/8\"",
        ),
        (&["serve", "--ports", "9-1"], "must not be above"),
        (
            &["serve", "--blksize-max", "7"],
            "--blksize-max: 7 is out of range: write 8 to 65464",
        ),
        (&["serve", "--links", "all"], "beneath, in-root"),
        (
            &["serve", "--workers", "0"],
            "--workers: 0 is out of range: write 1 to 1024",
        ),
        (&["get"], "<URL|HOST:PATH>"),
        (
            &["get", "file"],
            "tftp://HOST[:PORT]/PATH, HOST:PATH or HOST:PORT:PATH",
        ),
        (&["get", "http://h/x"], "http is not spoken here"),
        (
            &["get", "h:x", "--quiet", "--verbose"],
            "cannot be used with",
        ),
        (
            &["get", "h:x", "--no-options", "--blksize", "9"],
            "cannot be used with",
        ),
        (&["get", "h:x", "--windowsize", "0"], "1..=65535"),
        (&["put", "file"], "<URL|HOST:PATH>"),
        (&["completions", "tcsh"], "bash"),
    ] {
        let output = bootwire(args);
        assert_eq!(code(&output), 2, "{args:?}");
        assert!(
            stderr(&output).contains(part),
            "{args:?}: {}",
            stderr(&output)
        );
        assert_eq!(stdout(&output), "");
    }
}

#[test]
fn a_directory_that_is_not_there_is_named() {
    let output = bootwire(&["serve", "/no/such/dir", "--listen", "127.0.0.1:0"]);
    assert_eq!(code(&output), 1);
    assert!(complaint(&output).contains("/no/such/dir"));
}

#[test]
fn a_listen_address_that_is_none_is_explained() {
    let output = bootwire(&["serve", "/", "--listen", "localhost"]);
    assert_eq!(code(&output), 2);
    assert!(
        complaint(&output).contains("[::]:69"),
        "{}",
        stderr(&output)
    );
}

#[test]
fn a_listen_address_without_its_port_is_completed() {
    for (address, help) in [
        ("127.0.0.1", "write 127.0.0.1:69\n"),
        ("::1", "write [::1]:69\n"),
        ("[fd00::1]", "write [fd00::1]:69\n"),
        (":6969", "write [::]:6969 for all addresses"),
        ("6969", "write [::]:6969 for all addresses"),
    ] {
        let output = bootwire(&["serve", "/", "--listen", address]);
        assert_eq!(code(&output), 2);
        assert!(stderr(&output).contains(help), "{}", stderr(&output));
    }
}

#[test]
fn a_port_in_use_says_by_whom() {
    let taken = UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let output = bootwire(&["serve", "/", "--listen", &address]);
    assert_eq!(code(&output), 1);
    let text = complaint(&output);
    assert!(
        text.starts_with(&format!("cannot listen on {address}: the port is in use")),
        "{text}"
    );
    // By this very process, which it may see.
    let own = format!("({address}, process {})", std::process::id());
    assert!(text.contains(&own), "{text}");
    assert!(text.contains("--listen 127.0.0.1:"), "{text}");
}

#[test]
fn a_local_file_that_cannot_be_used_is_exit_code_7() {
    let dir = tempfile::tempdir().unwrap();
    let there = dir.path().join("there");
    std::fs::write(&there, "old").unwrap();
    let there = there.to_str().unwrap();

    let output = bootwire(&["get", "127.0.0.1:there", "-o", there]);
    assert_eq!(code(&output), 7);
    assert!(complaint(&output).contains("--force"));

    let output = bootwire(&["get", "127.0.0.1:dir/"]);
    assert_eq!(code(&output), 7);
    assert!(complaint(&output).contains("-o FILE"));

    let output = bootwire(&["put", "/no/such/file", "127.0.0.1:x"]);
    assert_eq!(code(&output), 7);
    assert!(complaint(&output).contains("/no/such/file"));

    let output = bootwire(&["put", "/", "127.0.0.1:x"]);
    assert_eq!(code(&output), 7);
    assert!(complaint(&output).contains("is a directory"));

    assert_eq!(std::fs::read(there).unwrap(), b"old");
}

#[test]
fn a_host_that_does_not_exist_is_exit_code_1() {
    let dir = tempfile::tempdir().unwrap();
    let output = command(&["get", "tftp://nosuchhost.invalid/x"])
        .current_dir(dir.path())
        .output()
        .unwrap();
    assert_eq!(code(&output), 1);
    assert!(complaint(&output).contains("cannot find the host nosuchhost.invalid"));
    assert_empty(dir.path());
}

/// A server that answers one request with one packet, and says nothing to others.
fn answering(packet: &'static [u8]) -> (String, std::thread::JoinHandle<()>) {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let url = format!("tftp://{}/file", socket.local_addr().unwrap());
    let thread = std::thread::spawn(move || {
        socket
            .set_read_timeout(Some(Duration::from_secs(10)))
            .unwrap();
        let (_, client) = socket.recv_from(&mut [0; 600]).unwrap();
        socket.send_to(packet, client).unwrap();
        // Keeps the port open while the client may still talk to it.
        let _ = socket.recv_from(&mut [0; 600]);
    });
    (url, thread)
}

#[track_caller]
fn assert_empty(dir: &Path) {
    assert_eq!(std::fs::read_dir(dir).unwrap().count(), 0);
}

#[test]
fn what_the_server_says_decides_the_exit_code() {
    for (packet, expected, text) in [
        (&b"\0\x05\0\x01gone\0"[..], 3, "error 1: gone"),
        (b"\0\x05\0\x02no\0", 4, "error 2: no"),
        (b"\0\x05\0\0busy\0", 6, "error 0: busy"),
    ] {
        let dir = tempfile::tempdir().unwrap();
        let (url, server) = answering(packet);
        let output = command(&["get", &url])
            .current_dir(dir.path())
            .output()
            .unwrap();
        assert_eq!(code(&output), expected);
        assert_eq!(
            complaint(&output),
            format!("{url}: the server answered {text}")
        );
        assert_empty(dir.path());
        drop(server);
    }
}

#[test]
fn no_answer_is_exit_code_5() {
    let dir = tempfile::tempdir().unwrap();
    let silent = UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = silent.local_addr().unwrap();
    let url = format!("tftp://{address}/file");
    let output = command(&["get", &url, "--retries", "0", "--no-options"])
        .current_dir(dir.path())
        .output()
        .unwrap();
    assert_eq!(code(&output), 5);
    let told = stderr(&output);
    let mut lines = told.lines();
    let first = lines.next().unwrap_or_default();
    let expected = format!("bootwire: {url} ({address}): no answer within ");
    assert!(first.starts_with(&expected), "{told}");
    // What to look at.
    for part in ["ss -ulpn", "--allow", "firewalls"] {
        let line = lines.next().unwrap_or_default();
        assert!(line.starts_with("  ") && line.contains(part), "{told}");
    }
    assert_empty(dir.path());
}

#[test]
fn a_server_that_is_not_there_is_told_at_once() {
    for host in ["127.0.0.1", "[::1]"] {
        for words in [&["get"][..], &["put", "Cargo.toml"]] {
            let dir = tempfile::tempdir().unwrap();
            std::fs::write(dir.path().join("Cargo.toml"), "x").unwrap();
            let closed = UdpSocket::bind(format!("{host}:0")).unwrap();
            let address = closed.local_addr().unwrap();
            drop(closed);
            let url = format!("tftp://{address}/file");
            let began = std::time::Instant::now();
            // It would take minutes to give up.
            let output = command(words)
                .args([&url, "--retries", "9", "--timeout", "30"])
                .current_dir(dir.path())
                .output()
                .unwrap();
            assert!(began.elapsed() < Duration::from_secs(60));
            assert_eq!(code(&output), 5);
            let expected = format!("bootwire: {url} ({address}): nothing listens on that port\n");
            let told = stderr(&output);
            assert!(
                told.starts_with(&expected) && told.contains("ss -ulpn"),
                "{told}"
            );
        }
    }
}

#[test]
fn a_silent_server_is_waited_for_aloud() {
    let silent = UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = silent.local_addr().unwrap();
    let url = format!("tftp://{address}/file");
    for (flags, expected) in [(&[][..], true), (&["--quiet"], false)] {
        let output = command(&["get", &url, "-o", "-", "--retries", "1", "--no-options"])
            .args(["--timeout", "3"])
            .args(flags)
            .output()
            .unwrap();
        assert_eq!(code(&output), 5);
        let line = format!("no answer from {address} yet, asking again\n");
        assert_eq!(stderr(&output).starts_with(&line), expected, "{output:?}");
    }
}

#[test]
fn a_target_without_a_path_is_a_wrong_command_line() {
    for words in [
        &["get", "tftp://127.0.0.1"][..],
        &["get", "tftp://127.0.0.1/"],
        &["get", "127.0.0.1:"],
        &["put", "-", "127.0.0.1:"],
    ] {
        let output = bootwire(words);
        assert_eq!(code(&output), 2, "{words:?}: {}", stderr(&output));
    }
}

#[test]
fn a_file_arrives_under_its_name_or_on_standard_output() {
    let dir = tempfile::tempdir().unwrap();
    let (url, server) = answering(b"\0\x03\0\x01hello");
    let output = command(&["get", &url])
        .current_dir(dir.path())
        .output()
        .unwrap();
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    assert_eq!(std::fs::read(dir.path().join("file")).unwrap(), b"hello");
    assert_eq!(stderr(&output), "", "no chatter where nobody looks");
    server.join().unwrap();

    let (url, server) = answering(b"\0\x03\0\x01hello");
    let output = bootwire(&["get", &url, "-o", "-", "-v"]);
    assert_eq!(stdout(&output), "hello");
    for part in [
        "asking 127.0.0.1",
        "granted no options",
        "received file: 5 bytes in",
    ] {
        assert!(stderr(&output).contains(part), "{}", stderr(&output));
    }
    server.join().unwrap();
}

#[test]
fn an_interrupted_download_leaves_nothing_and_exits_with_130() {
    let dir = tempfile::tempdir().unwrap();
    let server = UdpSocket::bind("127.0.0.1:0").unwrap();
    server
        .set_read_timeout(Some(Duration::from_secs(10)))
        .unwrap();
    let url = format!("tftp://{}/file", server.local_addr().unwrap());
    let mut child = command(&["get", &url])
        .current_dir(dir.path())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut buffer = [0; 600];
    let (_, client) = server.recv_from(&mut buffer).unwrap();
    server
        .send_to(&[&b"\0\x03\0\x01"[..], &[7; 512]].concat(), client)
        .unwrap();
    let (len, _) = server.recv_from(&mut buffer).unwrap();
    assert_eq!(&buffer[..len], b"\0\x04\0\x01");
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);

    // The shell's own `kill`: the program of that name is not everywhere.
    let killed = Command::new("sh")
        .args(["-c", &format!("kill -INT {}", child.id())])
        .status()
        .unwrap();
    assert!(killed.success());
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert_empty(dir.path());
    loop {
        let (len, _) = server.recv_from(&mut buffer).unwrap();
        // ACKs that the client's timer repeated may come first.
        if buffer[..len].starts_with(b"\0\x05\0\0") {
            break;
        }
        assert!(buffer[..len].starts_with(b"\0\x04"));
    }
}

#[test]
fn completions_know_the_subcommands_and_flags() {
    for shell in ["bash", "zsh", "fish"] {
        let output = bootwire(&["completions", shell]);
        assert_eq!(code(&output), 0);
        let script = stdout(&output);
        for part in ["serve", "get", "single-port", "windowsize"] {
            assert!(script.contains(part), "{shell}: {part}");
        }
    }
}

#[test]
fn man_pages_go_to_standard_output_or_a_directory() {
    let output = bootwire(&["man"]);
    assert_eq!(code(&output), 0);
    assert_eq!(
        stdout(&output).matches("\n.TH ").count(),
        30,
        "{}",
        stdout(&output)
    );

    let dir = tempfile::tempdir().unwrap();
    let output = bootwire(&["man", dir.path().to_str().unwrap()]);
    assert_eq!(code(&output), 0);
    let page = std::fs::read_to_string(dir.path().join("bootwire-serve.1")).unwrap();
    for part in [r"\-\-single\-port", r"\-\-versioned", "EXTRA"] {
        assert!(page.contains(part), "{part}");
    }

    let output = bootwire(&["man", "/no/such/dir"]);
    assert_eq!(code(&output), 7);
    assert!(complaint(&output).contains("/no/such/dir/bootwire.1"));
}

#[test]
fn explain_says_what_a_client_gets_and_exits_with_it() {
    let dir = tempfile::tempdir().unwrap();
    let config = dir.path().join("bootwire.toml");
    let text = "[[route]]\npath = '/motd/{name}'\ntext = 'hello {name}'\n\
                [[route]]\npath = '/no'\nrefuse = 'denied'\n\
                [[route]]\npath = '/later'\nrefuse = 'busy'\n";
    std::fs::write(&config, text).unwrap();
    let explain = |arguments: &[&str]| {
        let config = config.to_str().unwrap();
        let before = ["explain", "--config", config];
        let output = command(&[&before[..], arguments].concat())
            .env_remove("BOOTWIRE_LISTEN")
            .output();
        output.unwrap()
    };
    let output = explain(&["GET /motd/you", "--from", "10.0.0.7"]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let told = stdout(&output);
    for part in [
        "YES (",
        "bootwire.toml:1)",
        "name=you",
        "9 bytes",
        "| hello you",
    ] {
        assert!(told.contains(part), "{part}: {told}");
    }
    let output = explain(&["/motd/you", "--from", "10.0.0.7", "--json"]);
    let json: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(json["outcome"]["content"]["text"], "hello you");
    for (request, from, exit, said) in [
        ("/else", "10.0.0.7", 3, "ERROR 1: File not found"),
        ("/no", "10.0.0.7", 4, "ERROR 2: Access denied"),
        ("PUT /motd/x", "10.0.0.7", 4, "ERROR 2: Uploads"),
        ("/later", "10.0.0.7", 6, "ERROR 0: Server busy"),
        ("/motd/x", "203.0.113.7", 4, "gets no answer"),
        ("../x", "10.0.0.7", 1, "climbs out"),
    ] {
        let output = explain(&[request, "--from", from]);
        assert_eq!(code(&output), exit, "{request}");
        assert!(complaint(&output).contains(said), "{request}");
    }
    std::fs::write(&config, "rout = 1").unwrap();
    let output = explain(&["/x", "--from", "10.0.0.7"]);
    assert_eq!(code(&output), 1);
    assert!(complaint(&output).contains("bootwire.toml:1: "));
}
