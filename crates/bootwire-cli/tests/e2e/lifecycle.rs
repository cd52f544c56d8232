//! Stopping: what runs finishes, what comes anew is not taken.

use std::process::Command;
use std::time::{Duration, Instant};

use crate::harness::{Packet, Server, Wire, noise, rrq};

/// Waits until the server has heard that it is to end.
fn expect_draining(server: &Server) {
    let draining = |lines: &[String]| {
        let mut lines = lines.iter();
        lines.any(|line| line.starts_with("draining")).then_some(())
    };
    let heard = server.notes().wait(Duration::from_secs(30), draining);
    heard.expect("it drains");
}

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
        let deadline = Instant::now() + Duration::from_secs(30);
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
        let status = server.wait(Duration::from_secs(30));
        assert_eq!(
            status.code(),
            Some(0),
            "{signal}: {:#?}",
            server.notes().lines()
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
    expect_draining(&server);
    for (at, payload) in content.chunks(512).enumerate().skip(1) {
        let block = u16::try_from(at + 1).expect("few blocks");
        client.data(block, payload);
        client.expect_ack(block);
    }
    assert_eq!(server.wait(Duration::from_secs(30)).code(), Some(0));
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
    assert_eq!(server.wait(Duration::from_secs(20)).code(), Some(0));
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
    expect_draining(&server);
    server.signal("TERM");
    // The client would be waited for much longer.
    server.wait(Duration::from_secs(20));
}

/// An idle server stops at once.
#[test]
fn an_idle_server_stops_at_once() {
    let mut server = Server::of("file", b"x");
    server.signal("TERM");
    assert_eq!(server.wait(Duration::from_secs(20)).code(), Some(0));
}

/// A file that is replaced while it is read: the old one arrives whole, the next reader gets the
/// new one.
#[test]
fn a_file_that_is_replaced() {
    let content = noise(400_000, 27);
    let server = Server::of("file", &content);
    let mut client = Wire::new(server.address());
    client.read("file", &[]);
    let mut received = client.expect_data(1);
    std::fs::write(server.path("new"), noise(400_000, 28)).expect("a file");
    std::fs::rename(server.path("new"), server.path("file")).expect("renamed");
    client.ack(1);
    received.extend(client.read_rest(512, 2));
    assert!(received == content);
    assert!(Wire::new(server.address()).fetch("file") == noise(400_000, 28));
}

/// Reads on behind block 1 in lockstep: all the content, or `None` if an ERROR ended it.
fn reads_or_fails(client: &mut Wire, first: Vec<u8>) -> Option<Vec<u8>> {
    let mut received = first;
    let mut next = 2;
    client.ack(1);
    loop {
        match client.receive() {
            Packet::Data { block, payload } if block == next => {
                client.ack(next);
                next += 1;
                received.extend_from_slice(&payload);
                if payload.len() < 512 {
                    return Some(received);
                }
            }
            Packet::Data { .. } => {}
            Packet::Error { code, text } => {
                assert_eq!(code, 0, "{text}");
                return None;
            }
            other => panic!("{other:?}"),
        }
    }
}

/// A file that is cut while it is read, near its beginning or within its last page: a client is
/// never left with content that nobody wrote and the word that all went well.
#[test]
fn a_file_that_is_cut() {
    for (len, left) in [(400_000, 100), (400_000, 399_500), (3_000, 600)] {
        let content = noise(len, 27);
        let server = Server::of("file", &content);
        let mut client = Wire::new(server.address());
        client.read("file", &[]);
        let file = std::fs::File::options()
            .write(true)
            .open(server.path("file"))
            .expect("opened");
        let first = client.expect_data(1);
        file.set_len(left).expect("cut");
        let expected = if let Some(received) = reads_or_fails(&mut client, first) {
            assert!(
                received == content,
                "{len} bytes cut to {left}: served as complete, and wrong"
            );
            "complete"
        } else {
            "changed"
        };
        assert_eq!(server.finish_with_one().outcome(), expected);
    }
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
