//! Packets that do not arrive, and clients that pause.

mod clients;
mod cost;
mod relay;

use std::time::{Duration, Instant};

use crate::harness::{Packet, Server, Wire, noise};

/// GRUB never asks again: a lost block costs what the server's own timer says. The first one costs a
/// second, as it may have been a pause; then the timer follows the measured round trip.
#[test]
fn a_lost_block_costs_a_round_trip_once_the_network_has_proven_lossy() {
    let content = noise(100_000, 17);
    let server = Server::of("linux", &content);
    let mut client = Wire::new(server.address());
    client.read("linux", &[("blksize", "1024"), ("tsize", "0")]);
    client.expect_oack();
    client.ack(0);
    let (mut received, mut waits) = (Vec::new(), Vec::new());
    for block in 1..=98 {
        received.extend(client.await_data(block));
        if block % 10 == 0 {
            // The block is lost on its way; the next copy is the server's own doing.
            let lost = Instant::now();
            client.expect_data(block);
            waits.push(lost.elapsed());
        }
        client.ack(block);
    }
    assert!(received == content);
    // Polite the first time, then quick; a busy machine may make a wait longer, not most of them.
    assert!(waits[0] >= Duration::from_secs(1), "{waits:?}");
    waits.sort_unstable();
    assert!(
        waits[waits.len() / 2] < Duration::from_millis(900),
        "{waits:?}"
    );
    let record = server.finish_with_one();
    assert_eq!(record.outcome(), "complete");
    assert!(
        record.number("timeouts") >= 9 && record.number("blocks_resent") >= 9,
        "{record:?}"
    );
}

/// GRUB stops to acknowledge while 50 packets wait unread, and then repeats ACKs of old blocks:
/// the server waits, backs off, and goes on where it was.
#[test]
fn grub_stalls_for_three_seconds() {
    let content = noise(60_000, 17);
    let server = Server::of("initrd", &content);
    let mut client = Wire::new(server.address());
    client.read("initrd", &[("blksize", "1024"), ("tsize", "0")]);
    client.expect_oack();
    client.ack(0);
    let mut received = Vec::new();
    for block in 1..=20 {
        received.extend(client.await_data(block));
        client.ack(block);
    }
    let stalled = client.drain(Duration::from_secs(3), Duration::from_secs(3));
    assert!(
        stalled
            .iter()
            .all(|packet| matches!(packet, Packet::Data { block: 21, .. })),
        "{stalled:?}"
    );
    assert!(
        (2..=15).contains(&stalled.len()),
        "{} copies in three seconds",
        stalled.len()
    );
    for old in [12, 15, 18, 19] {
        client.ack(old);
    }
    client.ack(20);
    received.extend(client.await_data(21));
    client.ack(21);
    for block in 22..=59 {
        received.extend(client.await_data(block));
        client.ack(block);
    }
    assert!(received == content);
    assert_eq!(server.finish_with_one().outcome(), "complete");
}

/// Some clients never send the last ACK. Every byte arrived, so it is no failure.
#[test]
fn a_lost_last_ack_is_complete_all_the_same() {
    let content = noise(5_000, 17);
    let server = Server::of("file", &content);
    let mut client = Wire::new(server.address());
    client.read("file", &[]);
    for block in 1..=9 {
        client.await_data(block);
        client.ack(block);
    }
    let last = client.await_data(10);
    assert_eq!(last, content[9 * 512..]);
    let record = server
        .records_within(1, Duration::from_secs(30))
        .swap_remove(0);
    assert_eq!(record.outcome(), "complete", "{record:?}");
    assert_eq!(
        record.field("last_ack_missing").as_bool(),
        Some(true),
        "{record:?}"
    );
    let copies = client.drain(Duration::from_millis(500), Duration::from_secs(2));
    assert!(
        copies.len() <= 20,
        "{} copies of the last block",
        copies.len()
    );
}

/// The last ACK that does arrive, late, ends the resends.
#[test]
fn a_late_last_ack_ends_it() {
    let server = Server::of("file", &noise(700, 17));
    let mut client = Wire::new(server.address());
    client.read("file", &[]);
    client.expect_data(1);
    client.ack(1);
    client.expect_data(2);
    client.expect_data(2);
    client.ack(2);
    let late = client.drain(Duration::from_secs(1), Duration::from_secs(2));
    assert!(late.len() <= 1, "{late:?}");
    let record = server.finish_with_one();
    assert_eq!(
        record.field("last_ack_missing").as_bool(),
        Some(false),
        "{record:?}"
    );
}

/// A client that vanishes in the middle is given up and recorded as a timeout.
#[test]
fn a_client_that_vanishes() {
    let server = Server::builder()
        .file("file", &noise(100_000, 17))
        .flags(["--give-up", "8"])
        .start();
    let mut client = Wire::new(server.address());
    client.read("file", &[]);
    client.expect_data(1);
    let vanished = Instant::now();
    client.ack(1);
    client.expect_data(2);
    let record = server
        .records_within(1, Duration::from_secs(20))
        .swap_remove(0);
    assert!(
        vanished.elapsed() > Duration::from_millis(7_500),
        "patience, even when it is short"
    );
    assert_eq!((record.outcome(), record.number("bytes")), ("timeout", 512));
    assert!(record.number("timeouts") >= 3, "{record:?}");
    // A second, doubled each time.
    let copies = client
        .drain(Duration::from_millis(100), Duration::from_secs(1))
        .len();
    assert!((3..=15).contains(&copies), "{copies} copies of block 2");
    client.expect_silence(Duration::from_secs(2));
}

/// An uploader that vanishes is given up too, and leaves nothing behind.
#[test]
fn an_uploader_that_vanishes() {
    let server = Server::builder()
        .flags(["--create", "--give-up", "2"])
        .start();
    let mut client = Wire::new(server.address());
    client.write("file", &[]);
    client.expect_ack(0);
    client.data(1, &[b'x'; 512]);
    client.expect_ack(1);
    let record = server
        .records_within(1, Duration::from_secs(30))
        .swap_remove(0);
    assert_eq!((record.outcome(), record.text("op")), ("timeout", "write"));
    server.expect_listing(&[]);
}

/// EDK2 with a window of 4: a gap is ACKed at once, and the server goes back to it at once.
#[test]
fn a_gap_in_a_window_is_filled_at_once() {
    let content = noise(1468 * 40 + 1, 17);
    let server = Server::of("file", &content);
    let mut client = Wire::new(server.address());
    client.read("file", &[("blksize", "1468"), ("windowsize", "4")]);
    client.expect_oack();
    client.ack(0);
    for block in 1..=4 {
        client.expect_data(block);
    }
    client.ack(4);
    client.expect_data(5);
    // Block 6 is lost; 7 shows it.
    client.expect_data(6);
    client.expect_data(7);
    client.ack(5);
    client.await_data(6);
    for block in 7..=9 {
        client.await_data(block);
    }
    client.ack(9);
    client.await_data(10);
    client.error(0, "seen enough");
}

/// An uploader that pauses for 4 s between two blocks, as a switch that compresses its
/// configuration does.
#[test]
fn a_slow_uploader() {
    let content = noise(1_200, 17);
    let server = Server::builder().flags(["--create"]).start();
    let mut client = Wire::new(server.address());
    client.write("config", &[]);
    client.expect_ack(0);
    client.data(1, &content[..512]);
    client.expect_ack(1);
    let pause = client.drain(Duration::from_secs(4), Duration::from_secs(4));
    assert!(
        pause.iter().all(|packet| *packet == Packet::Ack(1)),
        "{pause:?}"
    );
    assert!(pause.len() <= 15, "{} ACKs while waiting", pause.len());
    client.data(2, &content[512..1024]);
    client.expect_ack(2);
    client.data(3, &content[1024..]);
    client.expect_ack(3);
    assert!(std::fs::read(server.path("config")).expect("stored") == content);
    assert_eq!(server.finish_with_one().outcome(), "complete");
}
