//! Forged write requests: they open no file, and take nobody's turn.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::harness::{Flood, Packet, Server, Wire, noise, rrq, wrq};

/// Descriptors of the server: as many as the flood has requests in a third of a second.
const DESCRIPTORS: u64 = 300;
/// Forged requests a second.
const RATE: u64 = 1_000;

/// Sends `packet` until what `expected` takes has come, as machines do: both may be lost, or late.
fn exchange<T>(client: &mut Wire, packet: &[u8], expected: impl Fn(Packet) -> Option<T>) -> T {
    for _ in 0..60 {
        client.to_transfer(packet);
        while let Some(answer) = client.receive_within(Duration::from_secs(1)) {
            if let Packet::Error { code, text } = answer {
                panic!("{code} {text}");
            }
            if let Some(found) = expected(answer) {
                return found;
            }
        }
    }
    panic!("no answer for a minute");
}

fn read(server: &Server, content: &[u8]) {
    let mut client = Wire::new(server.address());
    let first = client.insist(&rrq("file", "octet", &[("blksize", "8192")]));
    assert!(matches!(first, Packet::Oack(_)), "{first:?}");
    for (next, expected) in (1_u16..).zip(content.chunks(8192)) {
        let [high, low] = (next - 1).to_be_bytes();
        let payload = exchange(&mut client, &[0, 4, high, low], |packet| match packet {
            Packet::Data { block, payload } if block == next => Some(payload),
            _ => None,
        });
        assert!(payload == expected, "block {next}");
    }
    client.ack(content.len().div_ceil(8192) as u16);
}

fn write(server: &Server, name: &str, content: &[u8]) {
    let mut client = Wire::new(server.address());
    let first = client.insist(&wrq(name, "octet", &[("blksize", "8192")]));
    assert!(matches!(first, Packet::Oack(_)), "{first:?}");
    for (number, payload) in (1_u16..).zip(content.chunks(8192)) {
        let data = [&[0, 3], number.to_be_bytes().as_slice(), payload].concat();
        exchange(&mut client, &data, |packet| {
            (packet == Packet::Ack(number)).then_some(())
        });
    }
    let stored = fs::read(server.path(name)).expect("stored");
    assert!(stored == content, "{name}");
}

/// Files that the server has open, directories and sockets included.
fn open_files(server: &Server) -> u64 {
    let files = fs::read_dir(format!("/proc/{}/fd", server.pid())).expect("alive");
    files.count() as u64
}

#[test]
fn forged_writes_open_no_files_and_proven_clients_go_on() {
    let content = noise(100_000, 71);
    let limited = format!("ulimit -n {DESCRIPTORS}; exec \"$0\" \"$@\" >/dev/null");
    let server = Server::builder()
        .file("file", &content)
        .flags(["--create", "--unlimited", "none"])
        .plain_log()
        .wrapped(["sh", "-c", &limited])
        .start();
    // From here on this client's address is proven.
    read(&server, &content);
    write(&server, "upload", &content);
    let before = open_files(&server);
    let target = server.address();
    let sent = Arc::new(AtomicU64::new(0));
    let count = Arc::clone(&sent);
    let flood = Flood::new(
        RATE,
        move |_| target,
        move |number| {
            count.store(number, Ordering::Relaxed);
            let size = (number % 1_000_000).to_string();
            wrq(format!("forged-{number}"), "octet", &[("tsize", &size)])
        },
    );
    flood.during(|| {
        let mut round = 0;
        while round < 5 || sent.load(Ordering::Relaxed) < 10 * DESCRIPTORS {
            read(&server, &content);
            write(&server, &format!("upload-{round}"), &content);
            let open = open_files(&server);
            assert!(open < before + 32, "{before} files were open, now {open}");
            let names = server.listing();
            let ours = |name: &String| name == "file" || name.starts_with("upload");
            assert!(names.iter().all(ours), "{names:?}");
            round += 1;
        }
    });
}
