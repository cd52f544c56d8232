//! Lost packets on real sockets: the binary, a relay that loses packets, and clients on the other
//! side of it.

use std::time::{Duration, Instant};

use super::relay::{Relay, Trouble};
use crate::harness::{Extras, Packet, Server, Tool, Wire, noise};

const BLKSIZE: usize = 1468;

/// A client that only ever answers, as GRUB does, and what it saw.
struct Silent {
    content: Vec<u8>,
    time: Duration,
    longest_wait: Duration,
}

/// Fetches a file. With `takes`, only so many blocks of each burst reach the client.
fn fetch(client: &mut Wire, name: &str, mut window: u16, takes: Option<u32>) -> Silent {
    let started = Instant::now();
    client.read(
        name,
        &[
            ("blksize", &BLKSIZE.to_string()),
            ("windowsize", &window.to_string()),
        ],
    );
    let mut content = Vec::new();
    let (mut accepted, mut acked) = (0_u64, 0_u64);
    let (mut burst, mut burst_at) = (0, started);
    let (mut came_at, mut longest_wait) = (started, Duration::ZERO);
    loop {
        let packet = client.receive();
        let now = Instant::now();
        match packet {
            Packet::Oack(options) => {
                let granted = options.iter().find(|(name, _)| name == "windowsize");
                window = granted.map_or(1, |(_, blocks)| blocks.parse().expect("a number"));
                client.ack(0);
            }
            Packet::Data { block, payload } => {
                if now - burst_at >= Duration::from_millis(1) {
                    (burst, burst_at) = (0, now);
                }
                burst += 1;
                if takes.is_some_and(|most| burst > most) {
                    continue;
                }
                let next = u64::from(block) == (accepted + 1) & 0xffff;
                let mut last = false;
                if next {
                    last = payload.len() < BLKSIZE;
                    accepted += 1;
                    content.extend_from_slice(&payload);
                    longest_wait = longest_wait.max(now - came_at);
                    came_at = now;
                }
                if !next || last || accepted - acked >= u64::from(window) {
                    acked = accepted;
                    client.ack((accepted & 0xffff) as u16);
                }
                if last {
                    return Silent {
                        content,
                        time: started.elapsed(),
                        longest_wait,
                    };
                }
            }
            other => panic!("DATA was due: {other:?}"),
        }
    }
}

/// One transfer through a relay: its time and how many packets the relay lost.
fn through_relay(server: &Server, content: &[u8], window: u16, trouble: Trouble) -> (Silent, u64) {
    let relay = Relay::new(server.address(), trouble);
    let mut client = Wire::new(relay.address());
    let silent = fetch(&mut client, "file", window, None);
    assert!(silent.content == content, "the bytes differ");
    (silent, relay.lost())
}

/// What comes through a lossy link is exact, for a client that only answers and for our own. What it
/// costs is measured in virtual time, by the simulation's tests.
fn cell(round_trip: Duration, lost: u64, window: u16) {
    let blocks = if window == 1 { 240 } else { 2000 };
    let content = noise(BLKSIZE * (blocks - 1) + 7, 5);
    let server = Server::builder()
        .file("file", &content)
        .flags(["--windowsize-first", "64"])
        .start();
    let trouble = Trouble {
        delay: round_trip / 2,
        lost,
        ..Trouble::default()
    };
    let (_, lost) = through_relay(&server, &content, window, trouble);
    assert!(lost > 0);

    let relay = Relay::new(server.address(), trouble);
    let local = server.outside().join("fetched");
    let extras = Extras {
        blksize: Some(BLKSIZE as u16),
        windowsize: Some(window),
        ..Extras::default()
    };
    Tool::Bootwire.get(relay.address(), "file", &local, extras);
    assert!(std::fs::read(&local).expect("fetched") == content);
    assert!(relay.lost() > 0);
}

#[test]
fn two_milliseconds_five_percent() {
    for window in [1, 16, 64] {
        cell(Duration::from_millis(2), 50, window);
    }
}

/// Everything at once: whatever comes through is exact, and in bounded time.
#[test]
fn loss_doubling_and_reordering_together() {
    let content = noise(BLKSIZE * 240 + 7, 6);
    let server = Server::of("file", &content);
    let trouble = Trouble {
        delay: Duration::from_millis(1),
        lost: 20,
        doubled: 50,
        late: 100,
        seed: 3,
    };
    for window in [1, 4, 16, 64] {
        let (silent, lost) = through_relay(&server, &content, window, trouble);
        assert!(
            silent.time < Duration::from_secs(60),
            "window {window}: {:?}, {lost} lost",
            silent.time
        );
    }
}

/// U-Boot's virtio-net takes about 34 blocks of a burst of 64.
#[test]
fn a_client_that_drops_the_tail_of_large_bursts() {
    let content = noise(BLKSIZE * 2000 + 7, 7);
    let server = Server::builder()
        .file("file", &content)
        .flags(["--windowsize-first", "64"])
        .start();
    let mut client = Wire::new(server.address());
    let silent = fetch(&mut client, "file", 64, Some(34));
    assert!(silent.content == content, "the bytes differ");
    assert!(
        silent.longest_wait < Duration::from_secs(20),
        "{:?}",
        silent.longest_wait
    );
    assert!(silent.time < Duration::from_secs(60), "{:?}", silent.time);
}

/// `cargo nextest run -p bootwire-cli --run-ignored only --no-capture sixteen_mebibytes` prints the
/// figures of `docs/explanation/loss.md`.
#[test]
#[ignore = "prints figures; takes a quiet machine"]
#[expect(clippy::print_stdout, reason = "the figures are what it is for")]
fn sixteen_mebibytes_with_one_percent_lost() {
    let content = noise(16 << 20, 8);
    let server = Server::of("file", &content);
    for window in [1, 16, 64] {
        for lost in [0, 10] {
            let trouble = Trouble {
                lost,
                ..Trouble::default()
            };
            let (silent, lost) = through_relay(&server, &content, window, trouble);
            println!(
                "window {window}, {lost} lost: {:?}, longest wait {:?}",
                silent.time, silent.longest_wait
            );
        }
    }
}
