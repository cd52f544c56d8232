//! Packets from where they should not come, and to where they should not go.

use std::net::SocketAddr;
use std::time::Duration;

use crate::harness::{Packet, Server, Wire, noise, rrq};

/// A client that talks to another client's transfer.
fn stranger_to(tid: SocketAddr) -> Wire {
    Wire::new(tid)
}

/// Rule 12: the stranger gets ERROR 5, the transfer goes on.
#[test]
fn a_foreign_port_gets_error_5_and_harms_nobody() {
    let content = noise(20_000, 19);
    let server = Server::of("file", &content);
    let mut client = Wire::new(server.address());
    client.read("file", &[]);
    let mut received = client.expect_data(1);

    let ack = [0, 4, 0, 1].as_slice();
    let data = [0, 3, 0, 1, 0x58].as_slice();
    for packet in [ack, data] {
        let mut stranger = stranger_to(client.tid());
        stranger.to_listener(packet);
        stranger.expect_error_code(5);
    }
    // An ERROR is not answered, a stranger's no more than any other.
    let stranger = stranger_to(client.tid());
    stranger.to_listener(&[0, 5, 0, 0, b'x', 0]);
    stranger.expect_silence(Duration::from_millis(300));

    client.ack(1);
    let mut block = 2;
    loop {
        let payload = client.await_data(block);
        client.ack(block);
        received.extend_from_slice(&payload);
        if payload.len() < 512 {
            break;
        }
        block += 1;
    }
    assert!(received == content);
    assert_eq!(server.finish_with_one().outcome(), "complete");
}

/// The same while a file is written.
#[test]
fn a_foreign_port_cannot_write_into_an_upload() {
    let server = Server::builder().flags(["--create"]).start();
    let mut client = Wire::new(server.address());
    client.write("file", &[]);
    client.expect_ack(0);
    let mut stranger = stranger_to(client.tid());
    stranger.to_listener(&[&[0, 3, 0, 1], [b'X'; 512].as_slice()].concat());
    stranger.expect_error_code(5);
    client.send_all(b"what the client wrote", 512);
    assert_eq!(
        std::fs::read(server.path("file")).expect("stored"),
        b"what the client wrote"
    );
}

/// Some clients ACK the ERROR they get: it must not become a conversation, nor spoil the port.
#[test]
fn an_ack_after_an_error_is_ignored() {
    for flags in [[].as_slice(), &["--single-port"]] {
        let server = Server::builder()
            .file("file", &noise(3_000, 19))
            .flags(flags)
            .start();
        let mut client = Wire::new(server.address());
        for _ in 0..3 {
            client.read("missing", &[]);
            client.expect_error_code(1);
            client.ack(0);
            client.ack(1);
            let answers = client.drain(Duration::from_millis(300), Duration::from_secs(1));
            // On a transfer port the ACK is one of an unknown transfer: ERROR 5 is right there.
            assert!(
                answers
                    .iter()
                    .all(|packet| matches!(packet, Packet::Error { code: 5, .. })),
                "{answers:?}"
            );
        }
        assert!(client.fetch("file") == noise(3_000, 19), "{flags:?}");
    }
}

/// On the listening port only requests are answered: two servers could talk to each other for ever
/// otherwise.
#[test]
fn the_listening_port_answers_requests_only() {
    let server = Server::of("file", &noise(3_000, 19));
    // Also when there are transfers, which have ports of their own.
    let mut other = Wire::new(server.address());
    other.read("file", &[]);
    other.expect_data(1);
    let client = Wire::new(server.address());
    for packet in [
        [0, 3, 0, 1, 0x58].as_slice(),
        &[0, 3, 0, 0],
        &[0, 4, 0, 0],
        &[0, 4, 0, 1],
        &[0, 4, 0, 1, 9],
        &[0, 5, 0, 1, b'x', 0],
        &[0, 6, b't', 0, b'1', 0],
        &[0, 6],
    ] {
        client.to_listener(packet);
    }
    client.expect_silence(Duration::from_millis(700));
}

/// A request that arrives at a transfer's port starts nothing there.
#[test]
fn a_request_to_a_transfer_port() {
    let content = noise(20_000, 19);
    let server = Server::of("file", &content);
    let mut client = Wire::new(server.address());
    client.read("file", &[]);
    client.expect_data(1);
    let stranger = Wire::new(client.tid());
    stranger.to_listener(&rrq("file", "octet", &[]));
    if let Some((packet, _)) = stranger.receive_from(Duration::from_millis(500)) {
        assert!(
            matches!(packet, Packet::Error { code: 4 | 5, .. }),
            "{packet:?}"
        );
    }
    client.ack(1);
    client.await_data(2);
    client.error(0, "seen enough");
    let records = server.finish();
    assert_eq!(records.len(), 1, "{records:?}");
}

/// A packet of the wrong kind within a transfer does not serve as an ACK.
#[test]
fn data_sent_to_a_read_is_no_progress() {
    let server = Server::of("file", &noise(3_000, 19));
    let mut client = Wire::new(server.address());
    client.read("file", &[]);
    client.expect_data(1);
    client.data(1, b"what?");
    match client.receive() {
        Packet::Data { block: 1, .. } | Packet::Error { code: 4, .. } => {}
        other => panic!("neither block 1 again nor ERROR 4: {other:?}"),
    }
}

/// Junk of 0 to 5 bytes at a running transfer.
#[test]
fn short_packets_within_a_transfer() {
    let content = noise(3_000, 19);
    let server = Server::of("file", &content);
    let mut client = Wire::new(server.address());
    client.read("file", &[]);
    let mut received = client.expect_data(1);
    for junk in [
        [].as_slice(),
        &[0],
        &[0, 4],
        &[0, 4, 0],
        &[0, 9, 0, 1],
        &[255; 5],
        &[4, 0, 0, 1],
    ] {
        client.to_transfer(junk);
    }
    client.ack(1);
    for block in 2..=6 {
        received.extend(client.await_data(block));
        client.ack(block);
    }
    assert!(received == content);
}
