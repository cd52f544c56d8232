//! The self-test: what one request brings down on the address it claims to come from.
//!
//! Each case is a request from a socket on an address of its own that never answers; what arrives
//! there is counted. A request without options may bring three blocks of 512 bytes, one with options
//! three times its own length, and nothing that is no request may bring anything.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

use crate::harness::{Builder, Isolation, Server, Wire, noise, rrq, send_as, wrq};

/// Longer than a transfer lives whose client never answers.
const WATCH: Duration = Duration::from_secs(9);
/// A full block in its DATA packet.
const BLOCK: usize = 516;

/// What a request may bring.
#[derive(Clone, Copy, Debug)]
enum Bound {
    /// Three packets of 516 bytes.
    Blocks,
    /// Three times its own length.
    Factor,
    /// One ERROR.
    Error,
    Nothing,
}

struct Case {
    what: &'static str,
    request: Vec<u8>,
    bound: Bound,
}

fn case(what: &'static str, request: impl Into<Vec<u8>>, bound: Bound) -> Case {
    Case {
        what,
        request: request.into(),
        bound,
    }
}

/// Every option there is, with values that ask for as much as they can.
const ALL_OPTIONS: [(&str, &str); 8] = [
    ("blksize", "65464"),
    ("windowsize", "65535"),
    ("tsize", "0"),
    ("timeout", "1"),
    ("utimeout", "10000"),
    ("blksize2", "65464"),
    ("rollover", "1"),
    ("msftwindow", "31416"),
];

fn cases() -> Vec<Case> {
    let mut cases = vec![
        case("plain", rrq("big", "octet", &[]), Bound::Blocks),
        case("shortest", rrq("b", "octet", &[]), Bound::Blocks),
        case("netascii", rrq("big", "netascii", &[]), Bound::Blocks),
        case("empty file", rrq("empty", "octet", &[]), Bound::Blocks),
        case("upload", wrq("new", "octet", &[]), Bound::Blocks),
        case(
            "unknown option",
            rrq("big", "octet", &[("x", "y")]),
            Bound::Blocks,
        ),
        case(
            "options worth nothing",
            rrq("big", "octet", &[("blksize", "1"), ("windowsize", "0")]),
            Bound::Blocks,
        ),
        case("missing", rrq("missing", "octet", &[]), Bound::Error),
        case("a directory", rrq("dir", "octet", &[]), Bound::Error),
        case(
            "outside",
            rrq("../../etc/passwd", "octet", &[]),
            Bound::Error,
        ),
        case("mail", rrq("big", "mail", &[]), Bound::Error),
        case("no name", rrq("", "octet", &[]), Bound::Error),
        case("opcode alone", [0, 1], Bound::Error),
        case("write opcode alone", [0, 2], Bound::Error),
        case("no NUL", *b"\0\x01big", Bound::Error),
        case("no mode", *b"\0\x01big\0", Bound::Error),
        case(
            "500 bytes",
            rrq("x".repeat(500), "octet", &[]),
            Bound::Error,
        ),
        case(
            "501 bytes",
            rrq("x".repeat(501), "octet", &[]),
            Bound::Error,
        ),
        case(
            "a full datagram",
            rrq("x".repeat(65_000), "octet", &[]),
            Bound::Error,
        ),
        case("nothing", [], Bound::Nothing),
        case("one byte", [0], Bound::Nothing),
        case("DATA", *b"\0\x03\0\x01data", Bound::Nothing),
        case("ACK", [0, 4, 0, 1], Bound::Nothing),
        case("ERROR", *b"\0\x05\0\x01text\0", Bound::Nothing),
        case("OACK", *b"\0\x06tsize\x001\0", Bound::Nothing),
        case("opcode 7", [0, 7, 0, 0], Bound::Nothing),
        case("opcode 256", *b"\x01\0big\0octet\0", Bound::Nothing),
        case("all ones", [255; 64], Bound::Nothing),
        case(
            "all options",
            rrq("b", "octet", &ALL_OPTIONS),
            Bound::Factor,
        ),
        case(
            "all options, upload",
            wrq("other", "octet", &ALL_OPTIONS),
            Bound::Factor,
        ),
        case(
            "the same option over and over",
            rrq("big", "octet", &[("blksize", "1468"); 40]),
            Bound::Factor,
        ),
        case(
            "missing, with options",
            rrq("missing", "octet", &[("tsize", "0"), ("blksize", "1468")]),
            Bound::Factor,
        ),
        case(
            "tsize without a value",
            rrq("b", "octet", &[("tsize", "")]),
            Bound::Blocks,
        ),
    ];
    for option in ALL_OPTIONS {
        let request = rrq("b", "octet", &[option]);
        cases.push(case(option.0, request, Bound::Factor));
    }
    cases
}

/// Bytes that arrived at a victim, packet by packet.
fn received(victim: &UdpSocket) -> Vec<Vec<u8>> {
    let mut packets = Vec::new();
    let mut buffer = vec![0; 65_536];
    while let Ok(len) = victim.recv(&mut buffer) {
        packets.push(buffer[..len].to_vec());
    }
    packets
}

fn check(mode: &str, case: &Case, packets: &[Vec<u8>]) {
    let Case {
        what,
        request,
        bound,
    } = case;
    let lens: Vec<_> = packets.iter().map(Vec::len).collect();
    let sum: usize = lens.iter().sum();
    let shown = format!("{mode}: {what}: {} bytes in, {lens:?} out", request.len());
    assert!(packets.len() <= 3, "{shown}");
    assert!(lens.iter().all(|&len| len <= BLOCK), "{shown}");
    let kinds: Vec<u8> = packets.iter().map(|packet| packet[1]).collect();
    for packet in packets.iter().filter(|packet| packet[1] == 5) {
        assert!(packet.len() <= 4 + 60 + 1, "a short text: {shown}");
        assert_eq!(packets.len(), 1, "an ERROR is sent once: {shown}");
    }
    match bound {
        Bound::Blocks => {
            assert!(sum <= 3 * BLOCK && !packets.is_empty(), "{shown}");
        }
        Bound::Factor => {
            assert!(sum <= 3 * request.len(), "{shown}");
            assert!(matches!(kinds[..], [5] | [6, ..]), "{shown}");
        }
        Bound::Error => assert_eq!(kinds, [5], "{shown}"),
        Bound::Nothing => assert!(packets.is_empty(), "{shown}"),
    }
}

#[test]
fn no_request_brings_more_than_its_bound() {
    let modes: [(&str, &[&str]); 4] = [
        ("as it is", &[]),
        ("one port", &["--single-port"]),
        ("uploads", &["--create"]),
        ("budgets for all", &["--unlimited", "none", "--create"]),
    ];
    let files = |builder: Builder| {
        let content = noise(3_000_000, 31);
        builder
            .file("big", &content)
            .file("b", &content)
            .file("empty", b"")
            .file("dir/file", b"x")
    };
    let servers = modes.map(|(mode, flags)| (mode, files(Server::builder()).flags(flags).start()));
    let mut victims = Vec::new();
    for (nth, (mode, server)) in (1..).zip(&servers) {
        for (last, case) in (1..).zip(cases()) {
            let address = Ipv4Addr::new(127, 31, nth, last);
            let victim = UdpSocket::bind((address, 0)).expect("an address of its own");
            victim.set_nonblocking(true).expect("nonblocking");
            victim
                .send_to(&case.request, server.address())
                .expect("sent");
            victims.push((mode, case, victim));
        }
    }
    std::thread::sleep(WATCH);
    for (mode, case, victim) in &victims {
        let mut packets = received(victim);
        // Where uploads are refused, or a second one of a name is, there is an ERROR instead.
        if case.request.starts_with(&[0, 2]) && packets.iter().any(|packet| packet[1] == 5) {
            assert_eq!(packets.len(), 1, "{mode}: {}", case.what);
            packets.clear();
            continue;
        }
        check(mode, case, &packets);
    }
}

/// Requests over and over from one address that never answers: its budget ends it.
#[test]
fn a_victim_is_hit_no_harder_by_more_requests() {
    let server = Server::builder()
        .file("file", &noise(100_000, 31))
        .flags(["--unlimited", "none"])
        .start();
    let victim: IpAddr = Ipv4Addr::new(127, 31, 9, 9).into();
    let sockets: Vec<_> = (0..50)
        .map(|_| {
            let socket = UdpSocket::bind((victim, 0)).expect("a port");
            socket.set_nonblocking(true).expect("nonblocking");
            socket
        })
        .collect();
    let start = Instant::now();
    let mut bytes_in = 0;
    while start.elapsed() < Duration::from_secs(2) {
        for socket in &sockets {
            for name in ["file", "./file"] {
                bytes_in += socket
                    .send_to(&rrq(name, "octet", &[]), server.address())
                    .expect("sent");
            }
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    std::thread::sleep(WATCH);
    let packets: Vec<_> = sockets.iter().flat_map(received).collect();
    let bytes_out: usize = packets.iter().map(Vec::len).sum();
    // Eight transfers, each sent three times, and the last of each port repeated four times.
    assert!(
        !packets.is_empty() && packets.len() <= 8 * (3 + 4),
        "{} packets",
        packets.len()
    );
    assert!(bytes_out < bytes_in, "{bytes_out} for {bytes_in}");
}

/// The source of a request may be one of the server's own ports: it does not talk to itself.
#[test]
fn no_conversation_with_oneself() {
    // Forging a port in use takes a raw socket, and so root, if only of a name space.
    if !Isolation::enter("amplification::no_conversation_with_oneself", "") {
        return;
    }
    for flags in [[].as_slice(), &["--single-port"]] {
        let server = Server::builder()
            .file("file", &noise(10_000, 31))
            .flags(flags)
            .start();
        let mut client = Wire::new(server.address());
        client.read("file", &[]);
        client.expect_data(1);
        let own: [SocketAddr; 2] = [server.address(), client.tid()];
        for source in own {
            send_as(source, server.address(), &rrq("file", "octet", &[]));
        }
        client.ack(1);
        client.read_rest(512, 2);
        let told = server.notes().wait(Duration::from_secs(30), |lines| {
            lines
                .iter()
                .find(|line| line.contains("own_address"))
                .cloned()
        });
        let told = told.expect("a line about it");
        assert!(told.starts_with("dropped 2 requests: 2 "), "{told}");
        assert_eq!(server.finish().len(), 1, "{flags:?}");
    }
}
