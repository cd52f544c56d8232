//! More blocks than numbers: files above 32 MiB in blocks of 512, and loss exactly at the wrap.

use std::fs;

use tempfile::TempDir;

use crate::harness::{Extras, Packet, Server, Tool, Wire, noise};

/// 65536 blocks of 512 bytes and then some, not a whole number of blocks.
const LARGE: usize = 65_536 * 512 + 300_007;

fn fetches_large(tool: Tool, extras: Extras) {
    let content = noise(LARGE, 3);
    let server = Server::of("large.bin", &content);
    let here = TempDir::new().expect("a place for files");
    let local = here.path().join("large.bin");
    tool.get(server.address(), "large.bin", &local, extras);
    assert!(fs::read(&local).expect("fetched") == content, "{tool:?}");
    let record = server.finish_with_one();
    assert_eq!(record.number("bytes"), LARGE as u64);
    assert_eq!(record.number("blksize"), 512);
}

fn sends_large(tool: Tool, extras: Extras) {
    let content = noise(LARGE, 4);
    let server = Server::builder().flags(["--create"]).start();
    let here = TempDir::new().expect("a place for files");
    let local = here.path().join("large.bin");
    fs::write(&local, &content).expect("a file");
    tool.put(server.address(), &local, "large.bin", extras);
    assert!(
        fs::read(server.path("large.bin")).expect("stored") == content,
        "{tool:?}"
    );
    assert_eq!(server.finish_with_one().number("blksize"), 512);
}

#[test]
fn large_atftp_reads() {
    fetches_large(Tool::Atftp, Extras::default());
}

#[test]
fn large_atftp_writes() {
    sends_large(Tool::Atftp, Extras::default());
}

#[test]
fn large_bootwire_reads() {
    fetches_large(Tool::Bootwire, Extras::blksize(512));
}

#[test]
fn large_bootwire_writes() {
    sends_large(Tool::Bootwire, Extras::blksize(512));
}

#[test]
fn large_busybox_reads() {
    fetches_large(Tool::Busybox, Extras::default());
}

#[test]
fn large_busybox_writes() {
    sends_large(Tool::Busybox, Extras::default());
}

#[test]
fn large_curl_reads() {
    fetches_large(Tool::Curl, Extras::default());
}

#[test]
fn large_curl_writes() {
    sends_large(Tool::Curl, Extras::default());
}

#[test]
fn large_tftp_hpa_reads() {
    fetches_large(Tool::TftpHpa, Extras::default());
}

#[test]
fn large_tftp_hpa_writes() {
    sends_large(Tool::TftpHpa, Extras::default());
}

#[test]
fn large_tftpy_reads() {
    fetches_large(Tool::Tftpy, Extras::default());
}

#[test]
fn large_tftpy_writes() {
    sends_large(Tool::Tftpy, Extras::default());
}

/// Blocks of 8 bytes make the wrap cheap: 65600 of them.
const WRAPPING: usize = 65_600 * 8 + 3;

/// Reads with the first copy of each position in `lost` dropped, as a lossy network would, and an
/// ACK of the last block in order where the gap shows.
fn reads_across_the_wrap(windowsize: u64, lost: &[u64]) {
    let content = noise(WRAPPING, 5);
    let server = Server::of("wrapping.bin", &content);
    let mut client = Wire::new(server.address());
    let window = windowsize.to_string();
    client.read("wrapping.bin", &[("blksize", "8"), ("windowsize", &window)]);
    client.expect_oack();
    client.ack(0);

    let mut lost = lost.to_vec();
    let mut received = Vec::new();
    let mut next: u64 = 1;
    let mut in_window = 0;
    loop {
        let Packet::Data { block, payload } = client.receive() else {
            panic!("DATA was due")
        };
        let number = u16::try_from(next & 0xffff).expect("masked");
        if block != number {
            client.ack(number.wrapping_sub(1));
            in_window = 0;
            continue;
        }
        if let Some(at) = lost.iter().position(|&position| position == next) {
            lost.swap_remove(at);
            continue;
        }
        received.extend_from_slice(&payload);
        in_window += 1;
        let last = payload.len() < 8;
        if last || in_window == windowsize {
            client.ack(number);
            in_window = 0;
        }
        if last {
            break;
        }
        next += 1;
    }
    assert!(lost.is_empty());
    assert!(
        received == content,
        "the file is not the same after the wrap"
    );
    let record = server.finish_with_one();
    assert_eq!(record.outcome(), "complete");
    assert!(record.number("blocks_resent") > 0, "{record:?}");
}

#[test]
fn loss_at_the_wrap_in_lockstep() {
    reads_across_the_wrap(1, &[65_534, 65_535, 65_536, 65_537]);
}

#[test]
fn loss_at_the_wrap_with_windows_of_16() {
    reads_across_the_wrap(16, &[65_535, 65_536, 65_537, 65_552]);
}

/// A lost ACK of 65535 or 0: the server sends again, the client has seen it all.
#[test]
fn lost_acks_at_the_wrap() {
    let content = noise(WRAPPING, 6);
    let server = Server::of("wrapping.bin", &content);
    let mut client = Wire::new(server.address());
    client.read("wrapping.bin", &[("blksize", "8")]);
    client.expect_oack();
    client.ack(0);
    let mut received = Vec::new();
    for position in 1..=WRAPPING as u64 / 8 + 1 {
        let number = u16::try_from(position & 0xffff).expect("masked");
        received.extend(client.await_data(number));
        if matches!(position, 65_535..=65_537) {
            client.expect_data(number);
        }
        client.ack(number);
    }
    assert!(received == content);
    assert_eq!(server.finish_with_one().outcome(), "complete");
}

/// The same on the way up: blocks sent twice and ACKs lost around the wrap.
#[test]
fn an_upload_across_the_wrap() {
    let content = noise(WRAPPING, 7);
    let server = Server::builder().flags(["--create"]).start();
    let mut client = Wire::new(server.address());
    client.write("wrapping.bin", &[("blksize", "8")]);
    client.expect_oack();
    for (at, payload) in content.chunks(8).enumerate() {
        let number = u16::try_from((at + 1) & 0xffff).expect("masked");
        client.data(number, payload);
        client.expect_ack(number);
        if matches!(at + 1, 65_535..=65_537) {
            client.data(number, payload);
            client.expect_ack(number);
        }
    }
    assert!(fs::read(server.path("wrapping.bin")).expect("stored") == content);
    assert_eq!(server.finish_with_one().number("bytes"), WRAPPING as u64);
}
