//! Uploads that end badly: no space left, no client left, no server left.

use std::fs;
use std::io::Write;
use std::path::PathBuf;
use std::time::Duration;

use tempfile::TempDir;

use crate::harness::{Extras, Isolation, Packet, Server, Tool, Wire, expect_listing, noise};

/// A server whose root is a small file system of its own: 256 KiB above the 64 MiB which uploads
/// leave free.
fn small_disk(flags: &[&str]) -> Server {
    let builder = Server::builder()
        .flags(flags)
        .flags(["--keep-free", "64MiB"]);
    let mount = format!(
        "mount -t tmpfs -o size=65792k bootwire {:?}",
        builder.root()
    );
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

/// Takes what is left of the disk. The kernel counts in a hurry: some hundred KB may still go
/// through after it said no.
fn fill(server: &Server) {
    let mut file = fs::File::create(inside(server).join("filler")).expect("a file");
    let block = [0; 65_536];
    while file.write_all(&block).is_ok() {}
}

/// Starts an upload, lets the disk fill up, and sends until the server says no, which it must
/// with ERROR 3.
fn sends_until_refused(server: &Server, name: &str, options: &[(&str, &str)]) {
    let mut client = Wire::new(server.address());
    client.write(name, options);
    match client.receive() {
        Packet::Oack(_) | Packet::Ack(0) => {}
        other => panic!("{name}: {other:?}"),
    }
    for block in 1..=10 {
        client.data(block, &[b'x'; 512]);
        client.expect_ack(block);
    }
    fill(server);
    for block in 11..=4_000 {
        client.data(block, &[b'x'; 512]);
        loop {
            match client.receive() {
                Packet::Ack(number) if number == block => break,
                // Filling the disk took a while.
                Packet::Ack(number) if number == block - 1 => {}
                Packet::Error { code, text } => {
                    assert_eq!(code, 3, "{text}");
                    return;
                }
                other => panic!("{other:?}"),
            }
        }
    }
    panic!("2 MB were acknowledged onto a full disk");
}

#[test]
fn a_full_disk_is_error_3_and_leaves_nothing() {
    for rule in ["--create", "--replace", "--versioned"] {
        let server = small_disk(&[rule]);
        for (name, options) in [
            ("without-size", [].as_slice()),
            ("with-size", &[("tsize", "200000")]),
            ("with-a-wrong-size", &[("tsize", "10")]),
        ] {
            sends_until_refused(&server, name, options);
            expect_listing(&inside(&server), &["filler"]);
            fs::remove_file(inside(&server).join("filler")).expect("removed");
        }
        for record in server.finish() {
            assert_eq!(
                (record.outcome(), record.error_code()),
                ("disk_full", Some(3)),
                "{record:?}"
            );
        }
    }
}

/// A client that tells the size is refused before it sends a block, and so is one that comes when
/// there is no space at all.
#[test]
fn a_file_that_will_not_fit_is_refused_at_once() {
    let server = small_disk(&["--create"]);
    let mut client = Wire::new(server.address());
    client.write("large", &[("tsize", "2000000")]);
    client.expect_error_code(3);
    fill(&server);
    client.write("small", &[]);
    client.expect_error_code(3);
    expect_listing(&inside(&server), &["filler"]);
}

#[test]
fn real_clients_learn_that_the_disk_is_full() {
    let server = small_disk(&["--create"]);
    let here = TempDir::new().expect("a place for files");
    let local = here.path().join("large");
    fs::write(&local, noise(100_000, 21)).expect("a file");
    fill(&server);
    for tool in Tool::ALL {
        let output = tool.try_put(server.address(), &local, "large", Extras::default());
        assert!(
            tool.reports(&output, 3, "Disk full"),
            "{tool:?}: {output:?}"
        );
    }
    expect_listing(&inside(&server), &["filler"]);

    // Once there is space again, the same file is taken.
    fs::remove_file(inside(&server).join("filler")).expect("removed");
    Tool::Curl.put(server.address(), &local, "large", Extras::default());
    assert!(fs::read(inside(&server).join("large")).expect("stored") == noise(100_000, 21));
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

    let mut client = Wire::new(server.address());
    client.write("untold", &[]);
    client.expect_ack(0);
    for block in 1..=9 {
        client.data(block, &[b'x'; 512]);
        client.expect_ack(block);
    }
    client.data(10, &[b'x'; 512]);
    client.expect_error_code(3);
    server.expect_listing(&[]);

    let mut client = Wire::new(server.address());
    client.write("fits", &[("tsize", "5000")]);
    client.expect_oack();
    client.send_all(&noise(5_000, 21), 512);
    server.expect_listing(&["fits"]);
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

/// Names that do not begin with a dot.
fn visible(server: &Server) -> Vec<String> {
    let mut names = server.listing();
    names.retain(|name| !name.starts_with('.'));
    names
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
            visible(&server),
            ["old"],
            "nothing shows before the upload is whole"
        );
        assert_eq!(Wire::new(server.address()).fetch("old"), b"as it was");
        client.error(0, "changed my mind");
        server.expect_listing(&["old"]);
    }
    assert_eq!(fs::read(server.path("old")).expect("there"), b"as it was");
    let mut ends: Vec<_> = server
        .finish()
        .iter()
        .map(|record| format!("{} {}", record.text("op"), record.outcome()))
        .collect();
    ends.sort();
    assert_eq!(
        ends,
        [
            "read complete",
            "read complete",
            "write client_abort",
            "write client_abort"
        ]
    );
}

/// The part that has come has a name of its own, which nobody can ask for.
#[test]
fn an_unfinished_upload_is_not_served() {
    let server = Server::builder().flags(["--create"]).start();
    let _client = half_an_upload(&server, "new");
    for name in server.listing() {
        let mut curious = Wire::new(server.address());
        curious.read(&name, &[]);
        let (code, text) = curious.expect_error();
        assert!(matches!(code, 1 | 2), "{name}: {code} {text}");
        curious.write(&name, &[]);
        let (code, text) = curious.expect_error();
        assert!(matches!(code, 1 | 2), "{name}: {code} {text}");
    }
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
    assert!(!server.wait(Duration::from_secs(30)).success());
    assert_eq!(visible(&server), ["old"]);
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

/// A file system smaller than what usually stays free takes uploads all the same.
#[test]
fn a_tiny_disk_takes_what_fits() {
    let builder = Server::builder().flags(["--create"]);
    let mount = format!("mount -t tmpfs -o size=500k bootwire {:?}", builder.root());
    let server = builder.wrapped(Isolation::mounts(&mount)).start();
    let mut client = Wire::new(server.address());
    client.write("fits", &[]);
    client.expect_ack(0);
    client.send_all(&noise(100_000, 22), 512);
    client.write("does-not", &[("tsize", "400000")]);
    client.expect_error_code(3);
    expect_listing(&inside(&server), &["fits"]);
}

/// What is to stay free stays free, however many write at once, and so do inodes.
#[test]
fn parallel_uploads_leave_free_what_is_to_stay_free() {
    let builder = Server::builder().flags(["--create", "--keep-free", "8MiB"]);
    let mount = format!(
        "mount -t tmpfs -o size=16m,nr_inodes=40 bootwire {:?}",
        builder.root()
    );
    let server = builder.wrapped(Isolation::mounts(&mount)).start();
    let mut clients: Vec<Wire> = (0..60).map(|_| Wire::new(server.address())).collect();
    let mut going = Vec::new();
    for (number, mut client) in clients.drain(..).enumerate() {
        client.write(&format!("f{number}"), &[("blksize", "32768")]);
        match client.receive() {
            Packet::Oack(_) => going.push(client),
            Packet::Error { code: 3, .. } => {}
            other => panic!("{other:?}"),
        }
    }
    let mut refused = 0;
    for block in 1..=40 {
        going.retain_mut(|client| {
            client.data(block, &[b'x'; 32_768]);
            loop {
                match client.receive() {
                    Packet::Ack(number) if number == block => return true,
                    // What was on its way while the others had their turn.
                    Packet::Ack(_) | Packet::Oack(_) => {}
                    Packet::Error { code: 3, .. } => {
                        refused += 1;
                        return false;
                    }
                    other => panic!("{other:?}"),
                }
            }
        });
        let free = rustix::fs::statvfs(inside(&server)).expect("a file system");
        assert!(
            free.f_bavail * free.f_frsize >= 8 << 20,
            "{}",
            free.f_bavail
        );
        assert!(free.f_favail >= 20, "{}", free.f_favail);
    }
    assert!(refused > 0);
}
