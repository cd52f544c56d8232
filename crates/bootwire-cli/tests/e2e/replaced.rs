//! The served directory is replaced as a whole while the server runs, in its default sandbox.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use crate::harness::{Builder, Packet, Server, Wire};

const PATIENCE: Duration = Duration::from_secs(30);

/// The content of `name`, or `None` if it is not found.
fn fetch(server: &Server, name: &str) -> Option<Vec<u8>> {
    let mut client = Wire::new(server.address());
    client.read(name, &[]);
    match client.receive() {
        Packet::Data { block: 1, payload } => {
            client.ack(1);
            Some(payload)
        }
        Packet::Error { code: 1, .. } => None,
        other => panic!("{other:?}"),
    }
}

/// Asks until the answer is `content`.
fn expect_soon(server: &Server, name: &str, content: Option<&[u8]>) {
    let deadline = Instant::now() + PATIENCE;
    while fetch(server, name).as_deref() != content {
        assert!(Instant::now() < deadline, "still the old {name}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn expect_line(server: &Server, text: &str) {
    let told = |lines: &[String]| lines.iter().any(|line| line.contains(text)).then_some(());
    let told = server.notes().wait(PATIENCE, told);
    assert!(told.is_some(), "{text:?} in {:#?}", server.notes().lines());
}

fn fill(directory: &Path, content: &str) {
    fs::create_dir(directory).expect("a directory");
    fs::write(directory.join("file"), content).expect("a file");
}

/// Served by flags, and by a configuration.
fn both() -> [Server; 2] {
    let flags = Server::builder().file("file", b"old").start();
    let config = |builder: Builder| builder.config("[[route]]\ndir = \"root\"\n").start();
    [flags, config(Server::builder().file("file", b"old"))]
}

#[test]
fn a_directory_replaced_by_another_is_served() {
    for server in both() {
        let root = server.outside().join("root");
        expect_soon(&server, "file", Some(b"old"));
        let (new, old) = (server.outside().join("new"), server.outside().join("old"));
        fill(&new, "new");
        fs::rename(&root, &old).expect("moved");
        fs::rename(&new, &root).expect("moved");
        expect_soon(&server, "file", Some(b"new"));
        expect_line(&server, "was replaced: the new one is used");
    }
}

#[test]
fn a_directory_removed_and_made_anew_is_served() {
    for server in both() {
        let root = server.outside().join("root");
        fs::remove_dir_all(&root).expect("removed");
        expect_soon(&server, "file", None);
        // It is looked at when something is asked for, twice a second at most.
        let deadline = Instant::now() + PATIENCE;
        let told = |lines: &[String]| {
            lines
                .iter()
                .any(|line| line.contains("is gone"))
                .then_some(())
        };
        while server
            .notes()
            .wait(Duration::from_millis(100), told)
            .is_none()
        {
            assert!(Instant::now() < deadline, "{:#?}", server.notes().lines());
            assert_eq!(fetch(&server, "file"), None);
        }
        fs::create_dir(&root).expect("made");
        fs::write(root.join("file"), "new").expect("a file");
        expect_soon(&server, "file", Some(b"new"));
    }
}
