//! Datagrams go out and come in as they are, many at a time, whatever the kernel has.

use crate::common::{assert_all_sent, bind, bind_with, kernels, pattern, payloads, receive, to};
use bootwire_io::{Full, Kernel, MAX_DATAGRAM, ReceiveBatch, SendBatch, SendReport, SocketOptions};

#[test]
fn a_round_of_packets_arrives_in_order() {
    for kernel in kernels() {
        for address in ["127.0.0.1:0", "[::1]:0"] {
            let (server, client) = (bind(address), bind(address));
            let mut batch = SendBatch::new(kernel);
            let mut report = SendReport::new();
            let mut round = batch.round();
            for number in 0..200_u32 {
                round
                    .packet(to(&client), number, &number.to_be_bytes())
                    .unwrap();
            }
            assert_eq!(round.len(), 200);
            round.send(&server, &mut report);
            assert!(round.is_empty());
            assert_all_sent(&report);
            assert_eq!(report.datagrams, 200);
            if kernel.batch_send {
                assert_eq!(report.calls, 1);
            }

            let mut next = 0_u32;
            receive(kernel, &client, 200, |datagram| {
                assert_eq!(datagram.payload, next.to_be_bytes());
                assert_eq!(datagram.peer, server.local_addr());
                assert!(!datagram.truncated);
                next += 1;
            });
        }
    }
}

#[test]
fn a_full_round_takes_no_more_until_it_is_sent() {
    for kernel in kernels() {
        let (server, client) = (bind("127.0.0.1:0"), bind("127.0.0.1:0"));
        let mut batch = SendBatch::new(kernel);
        let mut report = SendReport::new();
        let mut round = batch.round();
        let fitted = (0..10_000)
            .take_while(|tag| round.packet(to(&client), *tag, b"x").is_ok())
            .count();
        assert_eq!(fitted, 256);
        assert_eq!(round.packet(to(&client), 0, b"y"), Err(Full));
        assert_eq!(round.len(), fitted);
        round.send(&server, &mut report);
        assert_all_sent(&report);
        round.packet(to(&client), 0, b"y").unwrap();
        round.send(&server, &mut report);
        let mut received = payloads(kernel, &client, fitted + 1);
        assert_eq!(received.pop().unwrap(), b"y");
        assert!(received.iter().all(|payload| payload == b"x"));
    }
}

#[test]
fn a_round_that_was_not_sent_is_forgotten() {
    let kernel = Kernel::probe();
    let (server, client) = (bind("127.0.0.1:0"), bind("127.0.0.1:0"));
    let mut batch = SendBatch::new(kernel);
    batch.round().packet(to(&client), 0, b"forgotten").unwrap();
    let mut round = batch.round();
    assert!(round.is_empty());
    round.packet(to(&client), 0, b"sent").unwrap();
    round.send(&server, &mut SendReport::new());
    assert_eq!(payloads(kernel, &client, 1), [b"sent"]);
}

#[test]
fn the_largest_and_the_smallest_datagram_go_through() {
    for kernel in kernels() {
        let (server, client) = (bind("127.0.0.1:0"), bind("127.0.0.1:0"));
        let largest = pattern(MAX_DATAGRAM);
        let mut batch = SendBatch::new(kernel);
        let mut report = SendReport::new();
        let mut round = batch.round();
        round.packet(to(&client), 0, &largest).unwrap();
        round.packet(to(&client), 1, b"").unwrap();
        round.send(&server, &mut report);
        assert_all_sent(&report);
        assert_eq!(payloads(kernel, &client, 2), [largest, Vec::new()]);
    }
}

#[test]
fn a_datagram_longer_than_the_slot_is_marked() {
    for kernel in kernels() {
        let (server, client) = (bind("127.0.0.1:0"), bind("127.0.0.1:0"));
        let mut sender = SendBatch::new(kernel);
        let mut round = sender.round();
        for len in [9, 8, 100, 0] {
            round.packet(to(&client), 0, &pattern(len)).unwrap();
        }
        round.send(&server, &mut SendReport::new());
        let mut batch = ReceiveBatch::new(kernel, 16, 8);
        assert_eq!(batch.capacity(), 16);
        assert_eq!(batch.receive(&client).unwrap(), 4);
        let seen: Vec<_> = (0..batch.len())
            .map(|index| (batch.get(index).payload.len(), batch.get(index).truncated))
            .collect();
        assert_eq!(seen, [(8, true), (8, false), (8, true), (0, false)]);
        assert_eq!(batch.get(2).payload, pattern(8));
        // An empty batch keeps nothing of the last one.
        assert_eq!(batch.receive(&client).unwrap(), 0);
        assert!(batch.is_empty());
    }
}

#[test]
fn a_batch_takes_no_more_than_it_has_slots() {
    for kernel in kernels() {
        let (server, client) = (bind("127.0.0.1:0"), bind("127.0.0.1:0"));
        let mut sender = SendBatch::new(kernel);
        let mut round = sender.round();
        for number in 0..5_u8 {
            round.packet(to(&client), 0, &[number]).unwrap();
        }
        round.send(&server, &mut SendReport::new());
        let mut batch = ReceiveBatch::new(kernel, 3, 16);
        assert_eq!(batch.receive(&client).unwrap(), 3);
        assert_eq!(batch.receive(&client).unwrap(), 2);
        assert_eq!(batch.get(0).payload, [3]);
        assert_eq!(batch.get(1).payload, [4]);
    }
}

#[test]
fn the_receive_buffer_is_as_large_as_the_kernel_says() {
    let small = bind_with(
        "127.0.0.1:0",
        &SocketOptions {
            receive_buffer: 8192,
            ..SocketOptions::default()
        },
    );
    let large = bind_with(
        "127.0.0.1:0",
        &SocketOptions {
            receive_buffer: 150_000,
            ..SocketOptions::default()
        },
    );
    assert!(small.receive_buffer() >= 8192);
    assert!(large.receive_buffer() >= 150_000);
    assert!(small.receive_buffer() < large.receive_buffer());
}

#[test]
#[cfg(target_os = "linux")]
fn dropped_datagrams_are_counted() {
    let kernel = Kernel::probe();
    let options = SocketOptions {
        receive_buffer: 4096,
        count_drops: true,
        ..SocketOptions::default()
    };
    let (server, client) = (bind("127.0.0.1:0"), bind_with("127.0.0.1:0", &options));
    let mut sender = SendBatch::new(kernel);
    let mut batch = ReceiveBatch::new(kernel, 256, 16);
    let mut report = SendReport::new();
    let mut flood = |count: u32| {
        let mut round = sender.round();
        for _ in 0..count {
            round.packet(to(&client), 0, &[0; 16]).unwrap();
        }
        round.send(&server, &mut report);
    };
    flood(100);
    let kept = batch.receive(&client).unwrap();
    assert!(kept < 100);
    flood(1);
    assert_eq!(batch.receive(&client).unwrap(), 1);
    assert_eq!(batch.get(0).drops, Some(100 - u32::try_from(kept).unwrap()));
}

#[test]
fn a_socket_from_elsewhere_never_blocks() {
    let socket = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = socket.local_addr().unwrap();
    let socket = bootwire_io::Socket::from_std(socket, &SocketOptions::default()).unwrap();
    assert_eq!(socket.local_addr(), address);
    for kernel in kernels() {
        assert_eq!(
            ReceiveBatch::new(kernel, 4, 16).receive(&socket).unwrap(),
            0
        );
    }
}

#[test]
fn listeners_share_a_port_if_all_want_to() {
    let options = SocketOptions {
        reuse_port: true,
        ..SocketOptions::default()
    };
    let first = bind_with("127.0.0.1:0", &options);
    let second = bind_with(&first.local_addr().to_string(), &options);
    assert_eq!(first.local_addr(), second.local_addr());
    let third = bootwire_io::Socket::bind(first.local_addr(), &SocketOptions::default());
    assert_eq!(third.unwrap_err().kind(), std::io::ErrorKind::AddrInUse);
}
