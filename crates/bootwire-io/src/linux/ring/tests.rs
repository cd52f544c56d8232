//! Rings over real sockets. Where io_uring is switched off there is nothing to test.

use std::{net::UdpSocket, thread};

use super::*;
use crate::SocketOptions;

fn ring(slot_len: usize) -> Option<Public> {
    match Public::new(slot_len) {
        Ok(ring) => Some(ring),
        Err(error) => {
            eprintln!("no io_uring here: {error}");
            None
        }
    }
}

fn socket() -> Arc<Socket> {
    Arc::new(Socket::bind(([127, 0, 0, 1], 0).into(), &SocketOptions::default()).unwrap())
}

fn far_end() -> UdpSocket {
    let socket = UdpSocket::bind(("127.0.0.1", 0)).unwrap();
    socket
        .set_read_timeout(Some(Duration::from_secs(5)))
        .unwrap();
    socket
}

/// Waits until as many datagrams have come, and tells of each its token and text.
fn take(ring: &mut Public, wanted: usize) -> Vec<(usize, String)> {
    let mut taken = Vec::new();
    for _ in 0..1000 {
        ring.wait(Some(Duration::from_millis(20))).unwrap();
        for index in 0..ring.len() {
            if let Some(arrival) = ring.get(index) {
                let text = String::from_utf8_lossy(arrival.datagram.payload);
                taken.push((arrival.token, text.into_owned()));
            }
        }
        if taken.len() >= wanted {
            break;
        }
    }
    taken.sort();
    taken
}

#[test]
fn many_sockets_send_and_receive_under_their_tokens() {
    let Some(mut ring) = ring(64) else { return };
    let server = far_end();
    let to = server.local_addr().unwrap();
    let sockets: Vec<_> = (0..100).map(|_| socket()).collect();
    for (token, socket) in sockets.iter().enumerate() {
        ring.add(Arc::clone(socket), token).unwrap();
        ring.send(token, to, format!("from {token}").as_bytes())
            .unwrap();
    }
    ring.wait(Some(Duration::ZERO)).unwrap();
    let mut bytes = [0; 64];
    for _ in &sockets {
        let (len, peer) = server.recv_from(&mut bytes).unwrap();
        let text = String::from_utf8_lossy(&bytes[..len]).replace("from", "to");
        server.send_to(text.as_bytes(), peer).unwrap();
    }
    let taken = take(&mut ring, 100);
    let mut expected: Vec<_> = (0..100)
        .map(|token| (token, format!("to {token}")))
        .collect();
    expected.sort();
    assert_eq!(taken, expected);
    for token in 0..sockets.len() {
        ring.retire(token);
    }
}

#[test]
fn a_look_sends_what_is_queued_and_finds_what_has_come() {
    let Some(mut ring) = ring(64) else { return };
    let server = far_end();
    let socket = socket();
    ring.add(Arc::clone(&socket), 0).unwrap();
    for round in 0..100_u32 {
        ring.send(0, server.local_addr().unwrap(), &round.to_be_bytes())
            .unwrap();
        ring.wait(Some(Duration::ZERO)).unwrap();
        let mut bytes = [0; 9];
        let (len, peer) = server.recv_from(&mut bytes).unwrap();
        assert_eq!(bytes[..len], round.to_be_bytes());
        server.send_to(&bytes[..len], peer).unwrap();
        while ring.is_empty() {
            ring.wait(Some(Duration::ZERO)).unwrap();
        }
        let arrival = ring.get(0).unwrap();
        assert_eq!(arrival.datagram.payload, round.to_be_bytes());
    }
    ring.retire(0);
}

#[test]
fn senders_are_told_and_what_is_too_long_is_marked() {
    let Some(mut ring) = ring(8) else { return };
    let server = far_end();
    let socket = socket();
    ring.add(Arc::clone(&socket), 3).unwrap();
    for payload in [&b"12345678"[..], b"123456789", b""] {
        server.send_to(payload, socket.local_addr()).unwrap();
        while ring.is_empty() {
            ring.wait(None).unwrap();
        }
        let arrival = ring.get(0).unwrap();
        let expected = payload.get(..8).unwrap_or(payload);
        assert_eq!(arrival.datagram.payload, expected);
        assert_eq!(arrival.datagram.truncated, payload.len() > 8);
        assert_eq!(arrival.datagram.peer, server.local_addr().unwrap());
        ring.wait(Some(Duration::ZERO)).unwrap();
    }
    ring.retire(3);
}

#[test]
fn more_datagrams_than_buffers_arrive_all_the_same() {
    // The largest slots, and so the fewest buffers.
    let Some(mut ring) = ring(65_535) else { return };
    let server = far_end();
    let socket = socket();
    ring.add(Arc::clone(&socket), 0).unwrap();
    ring.wait(Some(Duration::ZERO)).unwrap();
    for number in 100..300 {
        server
            .send_to(number.to_string().as_bytes(), socket.local_addr())
            .unwrap();
    }
    let taken = take(&mut ring, 200);
    let expected: Vec<_> = (100..300).map(|number| (0, number.to_string())).collect();
    assert_eq!(taken, expected);
    ring.retire(0);
}

#[test]
fn a_retired_socket_sends_what_was_queued_and_its_token_begins_anew() {
    let Some(mut ring) = ring(64) else { return };
    let server = far_end();
    let to = server.local_addr().unwrap();
    let (first, second) = (socket(), socket());
    let (first_at, second_at) = (first.local_addr(), second.local_addr());
    ring.add(first, 0).unwrap();
    ring.wait(Some(Duration::ZERO)).unwrap();
    // One of these waits in a buffer, one in the socket, when it is retired.
    server.send_to(b"early", first_at).unwrap();
    while ring.is_empty() {
        ring.wait(None).unwrap();
    }
    server.send_to(b"late", first_at).unwrap();
    ring.send(0, to, b"farewell").unwrap();
    ring.retire(0);
    ring.add(second, 0).unwrap();
    assert!(ring.get(0).is_none(), "it was for the one before");
    ring.send(0, to, b"hello").unwrap();
    server.send_to(b"answer", second_at).unwrap();
    assert_eq!(take(&mut ring, 1), [(0, "answer".to_owned())]);
    let mut bytes = [0; 64];
    for (expected, from) in [(&b"farewell"[..], first_at), (b"hello", second_at)] {
        let (len, peer) = server.recv_from(&mut bytes).unwrap();
        assert_eq!((&bytes[..len], peer), (expected, from));
    }
    // Its port is free again: the kernel has let go of it.
    let again = (0..200).find_map(|_| {
        ring.wait(Some(Duration::from_millis(5))).unwrap();
        UdpSocket::bind(first_at).ok()
    });
    assert!(again.is_some());
    ring.retire(0);
}

#[test]
fn a_connected_socket_hears_its_peer_alone() {
    let Some(mut ring) = ring(64) else { return };
    let (server, stranger) = (far_end(), far_end());
    let to = server.local_addr().unwrap();
    let socket = socket();
    ring.add(Arc::clone(&socket), 0).unwrap();
    ring.connect(0, to).unwrap();
    ring.send(0, to, b"hello").unwrap();
    stranger.send_to(b"psst", socket.local_addr()).unwrap();
    server.send_to(b"answer", socket.local_addr()).unwrap();
    assert_eq!(take(&mut ring, 1), [(0, "answer".to_owned())]);
    let (_, peer) = server.recv_from(&mut [0; 64]).unwrap();
    assert_eq!(peer, socket.local_addr());
    // Nobody is there any more. What ICMP says about it ends nothing.
    drop(server);
    for _ in 0..3 {
        ring.send(0, to, b"hello?").unwrap();
        ring.wait(Some(Duration::from_millis(10))).unwrap();
        assert!(ring.failure().is_none());
    }
    let server = UdpSocket::bind(to).unwrap();
    server.send_to(b"back", socket.local_addr()).unwrap();
    assert_eq!(take(&mut ring, 1), [(0, "back".to_owned())]);
    ring.retire(0);
}

#[test]
fn other_threads_end_a_wait() {
    let Some(mut ring) = ring(64) else { return };
    for _ in 0..3 {
        let waker = ring.waker();
        let caller = thread::spawn(move || waker.wake());
        ring.wait(None).unwrap();
        caller.join().unwrap();
    }
}

#[test]
fn what_cannot_be_is_refused() {
    let Some(mut ring) = ring(64) else { return };
    let (one, other) = (socket(), socket());
    let to = other.local_addr();
    ring.add(Arc::clone(&one), 1).unwrap();
    let kind = |result: io::Result<()>| result.unwrap_err().kind();
    assert_eq!(
        kind(ring.add(Arc::clone(&other), 1)),
        io::ErrorKind::InvalidInput
    );
    assert_eq!(
        kind(ring.add(Arc::clone(&other), TOKENS)),
        io::ErrorKind::InvalidInput
    );
    assert_eq!(kind(ring.send(0, to, b"")), io::ErrorKind::InvalidInput);
    assert_eq!(kind(ring.connect(7, to)), io::ErrorKind::InvalidInput);
    let long = [0; Public::PACKET_MAX + 1];
    assert_eq!(kind(ring.send(1, to, &long)), io::ErrorKind::InvalidInput);
    ring.send(1, to, &long[1..]).unwrap();
    ring.retire(1);
}

/// A descriptor that is closed is somebody else's before long: requests must not reach them.
#[test]
fn a_socket_stays_open_for_the_ring_whoever_drops_it() {
    let Some(mut ring) = ring(64) else { return };
    let server = far_end();
    let to = server.local_addr().unwrap();
    let gone = socket();
    let ours = gone.local_addr();
    ring.add(gone, 0).unwrap();
    let others: Vec<_> = (0..8).map(|_| socket()).collect();
    ring.send(0, to, b"hello").unwrap();
    ring.wait(Some(Duration::ZERO)).unwrap();
    let (_, peer) = server.recv_from(&mut [0; 8]).unwrap();
    assert_eq!(peer, ours, "sent from its own socket");
    server.send_to(b"answer", peer).unwrap();
    assert_eq!(take(&mut ring, 1), [(0, "answer".to_owned())]);
    drop(others);
    ring.retire(0);
    ring.retire(0);
    ring.retire(7);
}
