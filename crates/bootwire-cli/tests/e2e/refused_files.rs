//! What is in the directory and yet no file: refused at once, without waiting on it.

use std::fs;
use std::os::unix::net::UnixListener;
use std::process::Command;

use crate::harness::{Builder, Packet, Server, Wire, is_root};

/// A root with a FIFO, a socket, a directory and, where the tests may make them, devices.
fn odd_files() -> (Builder, Vec<&'static str>) {
    let builder = Server::builder()
        .file("directory/file", b"x")
        .file("file", b"still served");
    let root = builder.root();
    let run = |program: &str, words: &[&str]| {
        let status = Command::new(program)
            .current_dir(&root)
            .args(words)
            .status()
            .expect(program);
        assert!(status.success(), "{program} {words:?}");
    };
    run("mkfifo", &["fifo"]);
    run("ln", &["-s", "fifo", "link-to-fifo"]);
    let _socket = UnixListener::bind(root.join("socket")).expect("a socket");
    let mut names = vec![
        "fifo",
        "link-to-fifo",
        "socket",
        "directory",
        "directory/",
        "/",
    ];
    if is_root() {
        run("mknod", &["zero", "c", "1", "5"]);
        run("mknod", &["tty", "c", "5", "0"]);
        run("mknod", &["block", "b", "7", "0"]);
        names.extend(["zero", "tty", "block"]);
    }
    (builder, names)
}

#[test]
fn no_read_hangs_on_an_odd_file() {
    let (builder, names) = odd_files();
    let server = builder.start();
    for name in &names {
        for options in [[].as_slice(), &[("tsize", "0"), ("blksize", "1024")]] {
            let mut client = Wire::new(server.address());
            client.read(name, options);
            let (code, text) = client.expect_error();
            // One that hung would get ERROR 0 from the server, or none.
            assert!(matches!(code, 1 | 2), "{name}: ERROR {code} {text}");
        }
    }
    assert_eq!(Wire::new(server.address()).fetch("file"), b"still served");
    for record in &server.finish()[..names.len() * 2] {
        assert!(
            matches!(record.outcome(), "denied" | "not_found"),
            "{record:?}"
        );
    }
}

/// Uploads do not go into them either, and leave them as they are.
#[test]
fn no_upload_goes_into_an_odd_file() {
    let (builder, names) = odd_files();
    let server = builder.flags(["--replace"]).start();
    for name in &names {
        let kind = |path| fs::symlink_metadata(path).expect("there").file_type();
        let before = kind(server.path(name.trim_matches('/')));
        let mut client = Wire::new(server.address());
        client.write(name, &[]);
        match client.receive() {
            Packet::Error { code: 2 | 6, .. } => {}
            other => panic!("{name}: {other:?}"),
        }
        assert_eq!(kind(server.path(name.trim_matches('/'))), before, "{name}");
    }
}

/// Many clients at a FIFO hold up nobody.
#[test]
fn a_crowd_at_a_fifo_stops_nobody() {
    let (builder, _) = odd_files();
    let server = builder.start();
    let crowd: Vec<_> = (0..100)
        .map(|_| {
            let mut client = Wire::new(server.address());
            client.read("fifo", &[]);
            client
        })
        .collect();
    assert_eq!(Wire::new(server.address()).fetch("file"), b"still served");
    for mut client in crowd {
        client.expect_error();
    }
}
