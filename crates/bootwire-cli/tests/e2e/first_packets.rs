//! The first packets of a transfer: requests that come again, and peers that never answer.

use std::time::{Duration, Instant};

use crate::harness::{Packet, Server, Wire, noise, rrq};

/// Rule 9: PXELINUX asks again after 60 ms, busybox after 100 ms, UEFI when ARP ate the answer.
/// The repeat is answered at once, from the same port, and is no transfer of its own.
#[test]
fn a_repeated_request_joins_the_transfer() {
    let server = Server::of("pxelinux.0", &noise(42_000, 12));
    let mut client = Wire::new(server.address());
    let request = rrq(
        "pxelinux.0",
        "octet",
        &[("tsize", "0"), ("blksize", "1408")],
    );
    client.to_listener(&request);
    let oack = client.expect_oack();
    for _ in 0..3 {
        client.to_listener(&request);
        assert_eq!(
            client.expect_oack(),
            oack,
            "the same OACK, from the same port"
        );
    }
    client.ack(0);
    assert!(client.read_rest(1408, 1) == noise(42_000, 12));
    assert_eq!(server.finish_with_one().outcome(), "complete");
}

/// Five copies of one request back to back are one transfer.
#[test]
fn copies_of_a_request_are_one_transfer() {
    let server = Server::of("file", &noise(5_000, 12));
    let mut client = Wire::new(server.address());
    let request = rrq("file", "octet", &[]);
    for _ in 0..5 {
        client.to_listener(&request);
    }
    client.expect_data(1);
    let again = client.drain(Duration::from_millis(300), Duration::from_secs(2));
    assert!(
        again
            .iter()
            .all(|packet| matches!(packet, Packet::Data { block: 1, .. })),
        "{again:?}"
    );
    client.ack(1);
    let rest = client.read_rest(512, 2);
    assert!(rest == noise(5_000, 12)[512..]);
    assert_eq!(server.finish_with_one().outcome(), "complete");
}

/// A late copy of the request, when blocks already move, does not disturb them.
#[test]
fn a_late_copy_of_the_request_changes_nothing() {
    let content = noise(20_000, 12);
    let server = Server::of("file", &content);
    let mut client = Wire::new(server.address());
    let request = rrq("file", "octet", &[("blksize", "1024")]);
    client.to_listener(&request);
    client.expect_oack();
    client.ack(0);
    let mut received = client.expect_data(1);
    client.to_listener(&request);
    client.ack(1);
    received.extend(client.read_rest(1024, 2));
    assert!(received == content);
    assert_eq!(server.finish_with_one().outcome(), "complete");
}

/// A forged request makes the server send three blocks of 512 bytes at most, whoever is hit by
/// them: amplification ends there. It is recorded as a timeout.
#[test]
fn a_forged_request_is_answered_three_times_at_most() {
    let server = Server::of("file", &noise(1_000_000, 12));
    let mut victim = Wire::new(server.address());
    victim.read("file", &[]);
    let packets = victim.drain(Duration::from_secs(8), Duration::from_secs(8));
    assert!(
        (1..=3).contains(&packets.len()),
        "{} packets",
        packets.len()
    );
    for packet in &packets {
        assert!(
            matches!(packet, Packet::Data { block: 1, payload } if payload.len() == 512),
            "{packet:?}"
        );
    }
    let record = server
        .records_within(1, Duration::from_secs(30))
        .swap_remove(0);
    assert_eq!((record.outcome(), record.number("bytes")), ("timeout", 0));
}

/// With options only the OACK is sent, whatever window was asked for.
#[test]
fn nothing_but_the_oack_leaves_before_the_first_ack() {
    let server = Server::of("file", &noise(1_000_000, 12));
    let mut victim = Wire::new(server.address());
    victim.read("file", &[("blksize", "1468"), ("windowsize", "64")]);
    let packets = victim.drain(Duration::from_secs(8), Duration::from_secs(8));
    assert!(
        (1..=3).contains(&packets.len()),
        "{} packets",
        packets.len()
    );
    assert!(
        packets
            .iter()
            .all(|packet| matches!(packet, Packet::Oack(_))),
        "{packets:?}"
    );
    let record = server
        .records_within(1, Duration::from_secs(30))
        .swap_remove(0);
    assert_eq!(record.outcome(), "timeout");
}

/// The same when uploads are on: ACK 0 is sent three times at most.
#[test]
fn a_forged_write_request_leaves_nothing_behind() {
    let server = Server::builder().flags(["--create"]).start();
    let mut victim = Wire::new(server.address());
    victim.write("file", &[]);
    let packets = victim.drain(Duration::from_secs(8), Duration::from_secs(8));
    assert!(
        (1..=3).contains(&packets.len()),
        "{} packets",
        packets.len()
    );
    assert!(
        packets.iter().all(|packet| *packet == Packet::Ack(0)),
        "{packets:?}"
    );
    let record = server
        .records_within(1, Duration::from_secs(30))
        .swap_remove(0);
    assert_eq!((record.outcome(), record.text("op")), ("timeout", "write"));
    server.expect_listing(&[]);
}

/// A lost first packet costs about a second, not the client's patience.
#[test]
fn the_opening_is_sent_again() {
    let server = Server::of("file", &noise(5_000, 12));
    let mut client = Wire::new(server.address());
    client.read("file", &[("blksize", "1024")]);
    let asked = Instant::now();
    client.expect_oack();
    client.expect_oack();
    assert!(
        asked.elapsed() < Duration::from_secs(20),
        "after {:?}",
        asked.elapsed()
    );
    client.ack(0);
    assert!(client.read_rest(1024, 1) == noise(5_000, 12));
}
