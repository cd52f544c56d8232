//! Datagrams that are no requests, or no good ones.

use std::time::Duration;

use crate::harness::{Packet, Server, Wire, noise, rrq, wrq};

fn server() -> Server {
    Server::of("file", &noise(2_000, 20))
}

/// A request that cannot be read is an illegal operation.
#[test]
fn malformed_requests_get_error_4() {
    let server = server();
    let long = "x".repeat(501);
    let longest = "x".repeat(4_096);
    let requests: [Vec<u8>; 17] = [
        vec![0, 1],
        vec![0, 2],
        vec![0, 1, 0],
        vec![0, 2, 0],
        vec![0, 1, b'f'],
        vec![0, 1, 0, 0],
        b"\0\x01file".to_vec(),
        b"\0\x01file\0".to_vec(),
        b"\0\x01file\0octet".to_vec(),
        b"\0\x02file\0octet".to_vec(),
        rrq("", "octet", &[]),
        rrq("file", "", &[]),
        rrq("file", "mail", &[]),
        rrq("file", "binary", &[]),
        rrq("file", "octet ", &[]),
        rrq(&long, "octet", &[]),
        rrq(&longest, "octet", &[]),
    ];
    for request in requests {
        let mut client = Wire::new(server.address());
        client.to_listener(&request);
        match client.receive() {
            Packet::Error { code: 4, text } => assert!(text.len() <= 60, "{text}"),
            other => panic!("{:?}: {other:?}", String::from_utf8_lossy(&request)),
        }
        client.expect_silence(Duration::from_millis(1));
    }
    assert_eq!(
        Wire::new(server.address()).fetch("file"),
        noise(2_000, 20),
        "still at work"
    );
}

/// Everything else is no request, and gets nothing.
#[test]
fn anything_else_gets_silence() {
    let server = server();
    let client = Wire::new(server.address());
    let odd = [
        [].as_slice(),
        &[0],
        &[1],
        &[0, 0],
        &[0, 3],
        &[0, 4],
        &[0, 5],
        &[0, 6],
        &[0, 0, 0],
        &[0, 3, 0],
        &[0, 4, 0],
        &[0, 5, 0],
        &[0, 3, 0, 1],
        &[0, 4, 0, 1],
        &[0, 5, 0, 1],
        &[0, 7, 0, 1],
        &[0, 8, b'f', 0],
        &[0, 255, 0, 1],
        &[1, 0, b'f', 0],
        &[0, 9, 0, 1, 2],
        &[255; 5],
        b"GET / HTTP/1.0\r\n\r\n",
    ];
    for packet in odd {
        client.to_listener(packet);
    }
    client.expect_silence(Duration::from_millis(800));
    assert_eq!(
        Wire::new(server.address()).fetch("file"),
        noise(2_000, 20),
        "still at work"
    );
    assert_eq!(server.finish().len(), 1, "no transfer, no record");
}

/// 65507 bytes, the largest datagram there is.
#[test]
fn the_largest_datagrams() {
    let server = server();
    let client = Wire::new(server.address());
    for fill in [0, b'x', 255] {
        let mut packet = vec![fill; 65_507];
        for opcode in 0..8 {
            packet[..2].copy_from_slice(&[0, opcode]);
            client.to_listener(&packet);
        }
    }
    while let Some((packet, _)) = client.receive_from(Duration::from_millis(500)) {
        assert!(
            matches!(packet, Packet::Error { code: 4, .. }),
            "{packet:?}"
        );
    }
    assert_eq!(
        Wire::new(server.address()).fetch("file"),
        noise(2_000, 20),
        "still at work"
    );
}

/// Modes are matched in any case.
#[test]
fn modes_in_any_case() {
    let server = server();
    for mode in ["octet", "OCTET", "Octet"] {
        let mut client = Wire::new(server.address());
        client.to_listener(&rrq("file", mode, &[]));
        assert_eq!(client.read_rest(512, 1), noise(2_000, 20), "{mode}");
    }
    let mut client = Wire::new(server.address());
    client.to_listener(&rrq("file", "NetASCII", &[]));
    assert!(matches!(client.receive(), Packet::Data { block: 1, .. }));
}

/// A write request in mode mail (RFC 1123: must not be supported).
#[test]
fn mail_is_refused_for_writing_too() {
    let server = Server::builder().flags(["--create"]).start();
    let mut client = Wire::new(server.address());
    client.to_listener(&wrq("postmaster", "mail", &[]));
    client.expect_error_code(4);
    server.expect_listing(&[]);
}

/// A thousand packets of noise, some of them with an opcode in front.
#[test]
fn noise_is_survived() {
    let server = server();
    let client = Wire::new(server.address());
    for seed in 0..1_000_u16 {
        let mut packet = noise(usize::from(seed % 97), seed.into());
        if let (Some(opcode), true) = (packet.first_chunk_mut::<2>(), seed % 2 == 0) {
            *opcode = (seed / 2 % 7).to_be_bytes();
        }
        client.to_listener(&packet);
        if seed % 100 == 0 {
            while client.receive_from(Duration::from_millis(1)).is_some() {}
        }
    }
    assert_eq!(
        Wire::new(server.address()).fetch("file"),
        noise(2_000, 20),
        "still at work"
    );
}
