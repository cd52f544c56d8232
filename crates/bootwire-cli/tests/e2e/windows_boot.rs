//! `msftwindow`: the Windows boot manager tells with every ACK how large the next window shall be.

use std::time::Duration;

use crate::harness::{Packet, Server, Wire, noise};

const ASKED: [(&str, &str); 4] = [
    ("tsize", "0"),
    ("blksize", "1456"),
    ("windowsize", "4"),
    ("msftwindow", "31416"),
];

/// The numbers of the blocks that come next.
fn burst(client: &mut Wire) -> Vec<u16> {
    client
        .drain(Duration::from_millis(120), Duration::from_secs(2))
        .into_iter()
        .map(|packet| match packet {
            Packet::Data { block, .. } => block,
            other => panic!("DATA was due: {other:?}"),
        })
        .collect()
}

/// The new blocks of a window; what the server's timer may have sent again is left out.
fn window(client: &mut Wire) -> Vec<u16> {
    let mut blocks = burst(client);
    blocks.sort_unstable();
    blocks.dedup();
    blocks
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
    assert_eq!(window(&mut client), [1, 2]);
    client.ack_with_window(2, 5);
    assert_eq!(window(&mut client), [3, 4, 5, 6, 7]);
    client.ack_with_window(7, 1);
    assert_eq!(window(&mut client), [8]);
    client.ack_with_window(8, 40);
    assert_eq!(window(&mut client), (9..=48).collect::<Vec<_>>());
    client.ack_with_window(48, 64);
    assert_eq!(window(&mut client), (49..=61).collect::<Vec<_>>());
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
    assert_eq!(window(&mut client), (1..=16).collect::<Vec<_>>());
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
    assert_eq!(window(&mut client), [1, 2]);
    client.ack_with_window(2, 200);
    assert_eq!(window(&mut client), [3, 4]);
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
