//! Doubled packets must not multiply (RFC 1123 §4.2.3.1, the Sorcerer's Apprentice).

use std::time::Duration;

use crate::harness::{Packet, Server, Wire, noise};

/// Every ACK sent three times, in lockstep: each block still leaves once.
#[test]
fn tripled_acks_in_lockstep() {
    let content = noise(512 * 400 + 100, 18);
    let server = Server::of("file", &content);
    let mut client = Wire::new(server.address());
    client.read("file", &[]);
    let mut received = Vec::new();
    let mut seen = 0_usize;
    for block in 1..=401 {
        loop {
            let Packet::Data {
                block: number,
                payload,
            } = client.receive()
            else {
                panic!("DATA was due")
            };
            seen += 1;
            if number == block {
                received.extend(payload);
                break;
            }
        }
        for _ in 0..3 {
            client.ack(block);
        }
    }
    seen += client
        .drain(Duration::from_millis(300), Duration::from_secs(2))
        .len();
    assert!(received == content);
    // A busy machine may let the server's timer run out now and then.
    assert!(seen <= 401 + 20, "{seen} DATA for 401 blocks");
    let record = server.finish_with_one();
    assert_eq!(record.outcome(), "complete");
    assert!(record.number("duplicate_acks") > 0, "{record:?}");
}

/// A buggy client floods ACKs of the block before: not one block leaves because of them.
#[test]
fn a_flood_of_one_old_ack() {
    let server = Server::of("file", &noise(100_000, 18));
    let mut client = Wire::new(server.address());
    client.read("file", &[]);
    client.expect_data(1);
    client.ack(1);
    client.expect_data(2);
    for _ in 0..2_000 {
        client.ack(1);
    }
    let copies = client
        .drain(Duration::from_millis(100), Duration::from_secs(1))
        .len();
    assert!(
        copies <= 10,
        "{copies} copies of block 2: the timer sends a few, the flood none"
    );
}

/// ACKs of blocks never sent are no progress: nothing is skipped.
#[test]
fn acks_from_the_future() {
    let content = noise(20_000, 18);
    let server = Server::of("file", &content);
    let mut client = Wire::new(server.address());
    client.read("file", &[]);
    let mut received = client.expect_data(1);
    for future in [2, 3, 1_000, 65_535] {
        client.ack(future);
    }
    client.ack(1);
    received.extend(client.await_data(2));
    client.ack(2);
    let mut block = 3;
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
}

/// EDK2 ACKs every block out of order at once. One doubled block and one lost one were enough for
/// another server to send 869,776 DATA for 847 blocks.
#[test]
fn a_windowed_client_that_acks_every_block_out_of_order() {
    let content = noise(1468 * 800 + 5, 18);
    let server = Server::of("file", &content);
    let mut client = Wire::new(server.address());
    client.read("file", &[("blksize", "1468"), ("windowsize", "4")]);
    client.expect_oack();
    client.ack(0);
    let mut received = Vec::new();
    let mut next = 1;
    let mut in_window = 0;
    let mut seen = 0;
    let mut to_lose = vec![9, 121, 122, 500];
    while next <= 801 {
        let Packet::Data { block, payload } = client.receive() else {
            panic!("DATA was due")
        };
        seen += 1;
        assert!(
            seen < 4_000,
            "{seen} DATA for {next} blocks: the apprentice is at work"
        );
        if block != next {
            client.ack(next - 1);
            in_window = 0;
            continue;
        }
        if to_lose.first() == Some(&block) {
            to_lose.remove(0);
            continue;
        }
        received.extend(payload);
        in_window += 1;
        if in_window == 4 || next == 801 {
            client.ack(next);
            in_window = 0;
        }
        if next == 5 {
            // As if block 3 had come twice: an ACK of what is known already.
            client.ack(4);
        }
        next += 1;
    }
    seen += client
        .drain(Duration::from_millis(300), Duration::from_secs(2))
        .len();
    assert!(received == content);
    assert!(
        seen <= 801 + 100,
        "{seen} DATA for 801 blocks with four losses"
    );
    assert_eq!(server.finish_with_one().outcome(), "complete");
}

/// Every ACK of every window sent twice.
#[test]
fn doubled_acks_with_windows() {
    let content = noise(1024 * 500 + 5, 18);
    let server = Server::of("file", &content);
    let mut client = Wire::new(server.address());
    client.read("file", &[("blksize", "1024"), ("windowsize", "8")]);
    client.expect_oack();
    client.ack(0);
    client.ack(0);
    let mut received = Vec::new();
    let mut next = 1;
    let mut seen = 0;
    while next <= 501 {
        let Packet::Data { block, payload } = client.receive() else {
            panic!("DATA was due")
        };
        seen += 1;
        if block != next {
            continue;
        }
        received.extend(payload);
        if next % 8 == 0 || next == 501 {
            client.ack(next);
            client.ack(next);
        }
        next += 1;
    }
    seen += client
        .drain(Duration::from_millis(300), Duration::from_secs(2))
        .len();
    assert!(received == content);
    assert!(seen <= 501 * 2, "{seen} DATA for 501 blocks");
}
