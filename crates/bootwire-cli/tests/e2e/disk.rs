//! Uploads that end badly: no space left, no client left, no server left.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use tempfile::TempDir;

use crate::harness::{Extras, Isolation, Packet, Server, Tool, Wire, noise};

/// A server whose root is a file system of 256 KiB of its own.
fn small_disk(flags: &[&str]) -> Server {
    let builder = Server::builder().flags(flags);
    let mount = format!("mount -t tmpfs -o size=256k bootwire {:?}", builder.root());
    let prefix = Isolation::mounts(&mount);
    builder.wrapped(prefix).start()
}

/// The root as the server sees it.
fn inside(server: &Server) -> PathBuf {
    PathBuf::from(format!(
        "/proc/{}/root{}",
        server.pid(),
        server.path("").display()
    ))
}

fn listing(server: &Server) -> Vec<String> {
    let entries = fs::read_dir(inside(server)).expect("the mounted root");
    entries
        .map(|entry| {
            entry
                .expect("an entry")
                .file_name()
                .to_string_lossy()
                .into_owned()
        })
        .collect()
}

/// Sends until the server says no, which it must with ERROR 3.
fn sends_until_refused(server: &Server, name: &str, options: &[(&str, &str)]) {
    let mut client = Wire::new(server.address());
    client.write(name, options);
    match client.receive() {
        Packet::Oack(_) | Packet::Ack(0) => {}
        Packet::Error { code: 3, .. } => return,
        other => panic!("{other:?}"),
    }
    for block in 1..=1_000 {
        client.data(block, &[b'x'; 512]);
        match client.receive() {
            Packet::Ack(number) => assert_eq!(number, block),
            Packet::Error { code, text } => {
                assert_eq!(code, 3, "{text}");
                return;
            }
            other => panic!("{other:?}"),
        }
    }
    panic!("500 KiB were acknowledged onto a disk of 256 KiB");
}

#[test]
fn a_full_disk_is_error_3_and_leaves_nothing() {
    for rule in ["--create", "--replace", "--versioned"] {
        let server = small_disk(&[rule]);
        sends_until_refused(&server, "without-size", &[]);
        assert_eq!(listing(&server), [""; 0], "{rule}");
        sends_until_refused(&server, "with-size", &[("tsize", "500000")]);
        assert_eq!(listing(&server), [""; 0], "{rule}");
        // A client that is not honest about the size.
        sends_until_refused(&server, "wrong-size", &[("tsize", "10")]);
        assert_eq!(listing(&server), [""; 0], "{rule}");
        for record in server.finish() {
            assert_eq!(
                (record.outcome(), record.error_code()),
                ("disk_full", Some(3)),
                "{record:?}"
            );
        }
    }
}

#[test]
fn real_clients_learn_that_the_disk_is_full() {
    let server = small_disk(&["--create"]);
    let here = TempDir::new().expect("a place for files");
    let local = here.path().join("large");
    fs::write(&local, noise(2_000_000, 21)).expect("a file");
    for tool in Tool::ALL {
        let output = tool.try_put(server.address(), &local, "large", Extras::default());
        assert!(tool.reports(&output, 3, ""), "{tool:?}: {output:?}");
        assert_eq!(listing(&server), [""; 0], "{tool:?}");
    }
}

/// What fits still fits after that.
#[test]
fn a_small_file_fits_after_a_large_one_did_not() {
    let server = small_disk(&["--create"]);
    sends_until_refused(&server, "large", &[]);
    let mut client = Wire::new(server.address());
    client.write("small", &[]);
    client.expect_ack(0);
    client.send_all(&noise(10_000, 21), 512);
    assert_eq!(
        fs::read(inside(&server).join("small")).expect("stored"),
        noise(10_000, 21)
    );
}

/// The size cap of the operator is the same to a client.
#[test]
fn the_operators_size_cap() {
    let server = Server::builder()
        .flags(["--create", "--upload-max", "5000"])
        .start();
    let mut client = Wire::new(server.address());
    client.write("told", &[("tsize", "5001")]);
    client.expect_error_code(3);
    sends_until_refused(&server, "untold", &[]);
    assert_eq!(server.listing(), [""; 0]);
    let mut client = Wire::new(server.address());
    client.write("fits", &[("tsize", "5000")]);
    client.expect_oack();
    client.send_all(&noise(5_000, 21), 512);
    assert_eq!(server.listing(), ["fits"]);
}

/// Starts an upload over `old` and stops half-way.
fn half_an_upload(server: &Server, name: &str) -> Wire {
    let mut client = Wire::new(server.address());
    client.write(name, &[]);
    client.expect_ack(0);
    for block in 1..=40 {
        client.data(block, &[b'x'; 512]);
        client.expect_ack(block);
    }
    client
}

#[test]
fn an_aborted_upload_leaves_nothing_and_the_old_file_as_it_was() {
    let server = Server::builder()
        .file("old", b"as it was")
        .flags(["--replace"])
        .start();
    for name in ["new", "old"] {
        let client = half_an_upload(&server, name);
        assert_eq!(
            server.listing(),
            ["old"],
            "nothing shows before the upload is whole"
        );
        client.error(0, "changed my mind");
    }
    let records = server.records(2);
    assert!(
        records
            .iter()
            .all(|record| record.outcome() == "client_abort"),
        "{records:?}"
    );
    assert_eq!(server.listing(), ["old"]);
    assert_eq!(fs::read(server.path("old")).expect("there"), b"as it was");
}

#[test]
fn a_killed_server_leaves_nothing_visible() {
    let mut server = Server::builder()
        .file("old", b"as it was")
        .flags(["--replace"])
        .start();
    let _new = half_an_upload(&server, "new");
    let _old = half_an_upload(&server, "old");
    server.signal("KILL");
    assert!(!server.wait(Duration::from_secs(5)).success());
    assert_eq!(server.listing(), ["old"]);
    assert_eq!(fs::read(server.path("old")).expect("there"), b"as it was");
}

/// Two clients write one name at the same time: one of them wins, whole.
#[test]
fn two_uploads_of_one_name() {
    let server = Server::builder().flags(["--replace"]).start();
    let contents = [noise(30_000, 22), noise(30_000, 23)];
    std::thread::scope(|scope| {
        for content in &contents {
            let mut client = Wire::new(server.address());
            scope.spawn(move || {
                client.write("name", &[]);
                match client.receive() {
                    Packet::Ack(0) => client.send_all(content, 512),
                    // Turned away while the other one writes.
                    Packet::Error {
                        code: 0 | 2 | 6, ..
                    } => {}
                    other => panic!("{other:?}"),
                }
            });
        }
    });
    let stored = fs::read(server.path("name")).expect("stored");
    assert!(contents.contains(&stored), "a mixture of both");
    assert_eq!(server.listing(), ["name"]);
}
