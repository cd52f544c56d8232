//! Stopping: what runs finishes, what comes anew is not taken.

use std::process::Command;
use std::time::{Duration, Instant};

use crate::harness::{Server, Wire, noise, rrq};

#[test]
fn sigterm_lets_a_transfer_finish() {
    for signal in ["TERM", "INT"] {
        let content = noise(30_000, 27);
        let mut server = Server::of("file", &content);
        let mut client = Wire::new(server.address());
        client.read("file", &[("blksize", "1024")]);
        client.expect_oack();
        client.ack(0);
        let mut received = client.expect_data(1);
        server.signal(signal);

        // Not at once: the signal has to arrive. From then on no request is answered.
        let deadline = Instant::now() + Duration::from_secs(5);
        loop {
            let newcomer = Wire::new(server.address());
            newcomer.to_listener(&rrq("missing", "octet", &[]));
            if newcomer.receive_from(Duration::from_millis(300)).is_none() {
                break;
            }
            assert!(Instant::now() < deadline, "new requests are still answered");
        }

        client.ack(1);
        for block in 2..=30 {
            let payload = client.await_data(block);
            client.ack(block);
            received.extend(payload);
        }
        assert!(received == content, "{signal}");
        let status = server.wait(Duration::from_secs(10));
        assert_eq!(
            status.code(),
            Some(0),
            "{signal}: {:#?}",
            server.output().lines()
        );
        let record = server
            .records(1)
            .into_iter()
            .find(|record| record.path() == "/file");
        assert_eq!(record.expect("a record").outcome(), "complete", "{signal}");
    }
}

#[test]
fn sigterm_lets_an_upload_finish() {
    let content = noise(20_000, 27);
    let mut server = Server::builder().flags(["--create"]).start();
    let mut client = Wire::new(server.address());
    client.write("file", &[]);
    client.expect_ack(0);
    client.data(1, &content[..512]);
    client.expect_ack(1);
    server.signal("TERM");
    std::thread::sleep(Duration::from_millis(300));
    for (at, payload) in content.chunks(512).enumerate().skip(1) {
        let block = u16::try_from(at + 1).expect("few blocks");
        client.data(block, payload);
        client.expect_ack(block);
    }
    assert_eq!(server.wait(Duration::from_secs(15)).code(), Some(0));
    assert!(std::fs::read(server.path("file")).expect("stored") == content);
}

/// A client that never finishes does not keep the server for ever.
#[test]
fn draining_is_bounded() {
    let mut server = Server::builder()
        .file("file", &noise(30_000, 27))
        .flags(["--drain", "1"])
        .start();
    let mut client = Wire::new(server.address());
    client.read("file", &[]);
    client.expect_data(1);
    client.ack(1);
    let told = Instant::now();
    server.signal("TERM");
    assert_eq!(server.wait(Duration::from_secs(8)).code(), Some(0));
    assert!(
        told.elapsed() >= Duration::from_millis(900),
        "{:?}",
        told.elapsed()
    );
    assert_eq!(
        server.records(1).len(),
        1,
        "what was cut off has its record too"
    );
}

/// A second signal means now.
#[test]
fn a_second_signal_stops_at_once() {
    let mut server = Server::of("file", &noise(30_000, 27));
    let mut client = Wire::new(server.address());
    client.read("file", &[]);
    client.expect_data(1);
    client.ack(1);
    server.signal("TERM");
    std::thread::sleep(Duration::from_millis(300));
    server.signal("TERM");
    server.wait(Duration::from_secs(3));
}

/// An idle server stops at once.
#[test]
fn an_idle_server_stops_at_once() {
    let mut server = Server::of("file", b"x");
    let told = Instant::now();
    server.signal("TERM");
    assert_eq!(server.wait(Duration::from_secs(5)).code(), Some(0));
    assert!(
        told.elapsed() < Duration::from_secs(2),
        "{:?}",
        told.elapsed()
    );
}

/// A file that is replaced or cut while it is read: the old content whole, or an ERROR; never a
/// mixture, and never the end of the server.
#[test]
fn files_that_change_while_they_are_read() {
    let content = noise(400_000, 27);
    let server = Server::builder()
        .file("replaced", &content)
        .file("cut", &content)
        .start();
    let mut replaced = Wire::new(server.address());
    replaced.read("replaced", &[]);
    let mut received = replaced.expect_data(1);
    std::fs::write(server.path("new"), noise(400_000, 28)).expect("a file");
    std::fs::rename(server.path("new"), server.path("replaced")).expect("renamed");
    replaced.ack(1);
    received.extend(replaced.read_rest(512, 2));
    assert!(received == content);

    let mut cut = Wire::new(server.address());
    cut.read("cut", &[]);
    cut.expect_data(1);
    std::fs::File::options()
        .write(true)
        .open(server.path("cut"))
        .expect("opened")
        .set_len(100)
        .expect("cut");
    cut.ack(1);
    let mut block = 2;
    loop {
        match cut.receive() {
            crate::harness::Packet::Data {
                block: number,
                payload,
            } => {
                // What was read before it was cut may still come.
                let start = (usize::from(number) - 1) * 512;
                assert_eq!(
                    payload,
                    content[start..start + payload.len()],
                    "block {number}"
                );
                assert_eq!(
                    payload.len(),
                    512,
                    "a short block would say that this is the whole file"
                );
                if number == block {
                    cut.ack(block);
                    block += 1;
                }
            }
            crate::harness::Packet::Error { code, text } => {
                assert_eq!(code, 0, "{text}");
                break;
            }
            other => panic!("{other:?}"),
        }
    }
    let mut after = Wire::new(server.address());
    assert!(
        after.fetch("replaced") == noise(400_000, 28),
        "the new file is served now"
    );
}

/// The example tree of the README is served as it is.
#[test]
fn the_example_tree() {
    let tree = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/tftproot");
    let builder = Server::builder();
    let status = Command::new("cp")
        .arg("-rT")
        .arg(&tree)
        .arg(builder.root())
        .status()
        .expect("cp");
    assert!(status.success());
    let server = builder.start();
    for name in [
        "hello.txt",
        "pxelinux.cfg/default",
        "grub/grub.cfg",
        "firmware/read me first.txt",
    ] {
        let content = std::fs::read(tree.join(name)).expect(name);
        assert!(Wire::new(server.address()).fetch(name) == content, "{name}");
    }
}
