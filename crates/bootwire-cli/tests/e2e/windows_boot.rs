//! `msftwindow`: the Windows boot manager tells with every ACK how large the next window shall be.

use std::collections::BTreeSet;
use std::ops::RangeInclusive;
use std::time::Duration;

use crate::harness::{Packet, Server, Wire, noise};

const ASKED: [(&str, &str); 4] = [
    ("tsize", "0"),
    ("blksize", "1456"),
    ("windowsize", "4"),
    ("msftwindow", "31416"),
];

/// These blocks come next, in whatever time that takes, and no others for a while. What the server's
/// timer may have sent again is left out.
#[track_caller]
fn expect_window(client: &mut Wire, expected: RangeInclusive<u16>) {
    let number = |packet| match packet {
        Packet::Data { block, .. } => block,
        other => panic!("DATA was due: {other:?}"),
    };
    let mut seen = BTreeSet::new();
    while !expected.clone().all(|block| seen.contains(&block)) {
        seen.insert(number(client.receive()));
    }
    let more = client.drain(Duration::from_millis(120), Duration::from_secs(2));
    seen.extend(more.into_iter().map(number));
    assert!(seen.into_iter().eq(expected), "more than was asked for");
}

#[test]
fn each_ack_sets_the_next_window() {
    let content = noise(1456 * 60 + 7, 16);
    let server = Server::builder()
        .file("Boot/boot.wim", &content)
        .flags(["--windowsize-first", "64"])
        .start();
    let mut client = Wire::new(server.address());
    client.read("\\Boot\\boot.wim", &ASKED);
    let oack = client.expect_oack();
    assert_eq!(
        oack.last(),
        Some(&("msftwindow".to_owned(), "27182".to_owned()))
    );

    client.ack_with_window(0, 2);
    expect_window(&mut client, 1..=2);
    client.ack_with_window(2, 5);
    expect_window(&mut client, 3..=7);
    client.ack_with_window(7, 1);
    expect_window(&mut client, 8..=8);
    client.ack_with_window(8, 40);
    expect_window(&mut client, 9..=48);
    client.ack_with_window(48, 64);
    expect_window(&mut client, 49..=61);
    client.ack_with_window(61, 1);
    assert_eq!(server.finish_with_one().outcome(), "complete");
}

/// A window of 255 stays within the server's cap.
#[test]
fn the_cap_holds() {
    let server = Server::builder()
        .file("boot.wim", &noise(400_000, 16))
        .flags(["--windowsize-max", "16"])
        .start();
    let mut client = Wire::new(server.address());
    client.read("boot.wim", &ASKED);
    client.expect_oack();
    client.ack_with_window(0, 255);
    expect_window(&mut client, 1..=16);
}

/// ACKs of five bytes do no harm where msftwindow was not agreed.
#[test]
fn a_fifth_byte_alone_is_ignored() {
    let content = noise(10_000, 16);
    let server = Server::of("file", &content);
    let mut client = Wire::new(server.address());
    client.read("file", &[("blksize", "1456"), ("windowsize", "2")]);
    client.expect_oack();
    client.ack_with_window(0, 200);
    expect_window(&mut client, 1..=2);
    client.ack_with_window(2, 200);
    expect_window(&mut client, 3..=4);
    client.error(0, "seen enough");
}

/// The extension asked for with another number, or for netascii, is not granted.
#[test]
fn only_31416_is_granted() {
    let server = Server::of("file", &noise(10_000, 16));
    let mut client = Wire::new(server.address());
    client.read("file", &[("blksize", "1456"), ("msftwindow", "1")]);
    assert_eq!(
        client.expect_oack(),
        [("blksize".to_owned(), "1456".to_owned())]
    );
}
