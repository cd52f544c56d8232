//! What cannot be sent is told, and costs nobody else a datagram.

use std::{fs::File, io::Write as _};

use crate::common::{
    assert_all_sent, bind, bind_with, bytes, headers, kernels, pattern, payloads, run, to,
};
use bootwire_io::{
    FailureKind, Kernel, Mapping, Payload, ReceiveBatch, SendBatch, SendReport, SocketOptions,
};

fn file_of(bytes: &[u8]) -> File {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(bytes).unwrap();
    file
}

#[test]
fn a_mapped_file_is_sent_as_it_is() {
    let kernel = Kernel::probe();
    if !kernel.mapping {
        return;
    }
    let data = pattern(1428 * 10 + 99);
    let mapping = Mapping::new(&file_of(&data), data.len() as u64).unwrap();
    mapping.populate(0..mapping.len()).unwrap();
    for gso in [true, false] {
        let (server, client) = (bind("127.0.0.1:0"), bind("127.0.0.1:0"));
        let mut batch = SendBatch::new(kernel);
        let mut report = SendReport::new();
        let mut round = batch.round();
        // Two ranges that meet in the middle of a block.
        let pieces =
            [mapping.range(0..5000), mapping.range(5000..mapping.len())].map(Payload::Mapped);
        round
            .blocks(
                to(&client),
                0,
                run(gso, 1428, headers(11), pieces.into_iter()),
            )
            .unwrap();
        round.send(&server, &mut report);
        assert_all_sent(&report);
        let received = payloads(kernel, &client, 11);
        let content: Vec<u8> = received
            .iter()
            .flat_map(|datagram| &datagram[4..])
            .copied()
            .collect();
        assert_eq!(content, data);
    }
}

#[test]
fn a_file_that_became_shorter_is_a_fault_of_its_own_transfer() {
    for kernel in kernels().into_iter().filter(|kernel| kernel.mapping) {
        let data = pattern(100_000);
        let file = file_of(&data);
        let mapping = Mapping::new(&file, data.len() as u64).unwrap();
        file.set_len(0).unwrap();
        let (server, client) = (bind("127.0.0.1:0"), bind("127.0.0.1:0"));
        let mut batch = SendBatch::new(kernel);
        let mut report = SendReport::new();
        let mut round = batch.round();
        round.packet(to(&client), 1, b"before").unwrap();
        let pieces = [Payload::Mapped(mapping.range(50_000..55_120))].into_iter();
        round
            .blocks(to(&client), 2, run(true, 512, headers(10), pieces))
            .unwrap();
        round
            .blocks(to(&client), 3, run(true, 512, headers(1), bytes(b"after")))
            .unwrap();
        round.send(&server, &mut report);
        let [failure] = &report.failures[..] else {
            panic!("{report:?}")
        };
        assert_eq!((failure.tag, failure.block), (2, 0));
        assert!(matches!(failure.kind, FailureKind::Fault), "{failure:?}");
        assert_eq!(
            payloads(kernel, &client, 2),
            [b"before".to_vec(), b"\0\x03\0\x01after".to_vec()]
        );
    }
}

#[test]
fn plain_calls_do_not_touch_a_mapped_file() {
    let mapping = Mapping::new(&file_of(b"content"), 7).unwrap();
    let (server, client) = (bind("127.0.0.1:0"), bind("127.0.0.1:0"));
    let mut batch = SendBatch::new(Kernel::portable());
    let mut report = SendReport::new();
    let mut round = batch.round();
    let pieces = [Payload::Mapped(mapping.range(0..7))].into_iter();
    round
        .blocks(to(&client), 4, run(false, 512, headers(1), pieces))
        .unwrap();
    round.send(&server, &mut report);
    assert!(
        matches!(report.failures[0].kind, FailureKind::Fault),
        "{report:?}"
    );
}

#[test]
fn what_is_too_big_for_the_path_is_told() {
    for kernel in kernels() {
        let options = SocketOptions {
            dont_fragment: true,
            ..SocketOptions::default()
        };
        let (server, client) = (bind_with("127.0.0.1:0", &options), bind("127.0.0.1:0"));
        let data = pattern(70_000);
        let mut batch = SendBatch::new(kernel);
        let mut report = SendReport::new();
        let mut round = batch.round();
        round
            .blocks(to(&client), 1, run(false, 66_000, headers(1), bytes(&data)))
            .unwrap();
        round.packet(to(&client), 2, b"small").unwrap();
        round.send(&server, &mut report);
        let [failure] = &report.failures[..] else {
            panic!("{report:?}")
        };
        assert_eq!((failure.tag, failure.block), (1, 0));
        assert!(matches!(failure.kind, FailureKind::TooBig), "{failure:?}");
        assert_eq!(payloads(kernel, &client, 1), [b"small"]);
    }
}

#[test]
fn an_impossible_address_is_the_peers_failure() {
    for kernel in kernels() {
        let (server, client) = (bind("127.0.0.1:0"), bind("127.0.0.1:0"));
        let mut batch = SendBatch::new(kernel);
        let mut report = SendReport::new();
        let mut round = batch.round();
        // No IPv6 from an IPv4 socket, and no broadcast without asking for the right to.
        for (tag, peer) in ["[2001:db8::1]:69", "255.255.255.255:69"]
            .into_iter()
            .enumerate()
        {
            let peer = peer.parse::<std::net::SocketAddr>().unwrap();
            round
                .packet(peer.into(), u32::try_from(tag).unwrap(), b"x")
                .unwrap();
        }
        round.packet(to(&client), 9, b"small").unwrap();
        round.send(&server, &mut report);
        let tags: Vec<_> = report.failures.iter().map(|failure| failure.tag).collect();
        assert_eq!(tags, [0, 1]);
        assert!(
            report
                .failures
                .iter()
                .all(|failure| matches!(failure.kind, FailureKind::Peer(_)))
        );
        assert_eq!(payloads(kernel, &client, 1), [b"small"]);
    }
}

#[test]
fn a_closed_port_at_the_other_end_stops_nothing() {
    for kernel in kernels() {
        let (server, client) = (bind("127.0.0.1:0"), bind("127.0.0.1:0"));
        let gone = bind("127.0.0.1:0").local_addr();
        let mut batch = SendBatch::new(kernel);
        let mut report = SendReport::new();
        for _ in 0..3 {
            let mut round = batch.round();
            round.packet(gone.into(), 0, b"anyone?").unwrap();
            round.packet(to(&client), 1, b"data").unwrap();
            round.send(&server, &mut report);
            assert_all_sent(&report);
        }
        assert_eq!(payloads(kernel, &client, 3), [b"data"; 3]);
        assert_eq!(
            ReceiveBatch::new(kernel, 4, 64).receive(&server).unwrap(),
            0
        );
    }
}

/// A connected socket is told of a closed port by the next call: once for receiving, and once for
/// sending.
#[test]
fn errors_left_on_the_socket_are_passed_over() {
    for kernel in kernels() {
        let gone = bind("127.0.0.1:0").local_addr();
        let plain = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        plain.connect(gone).unwrap();
        plain.send(b"anyone?").unwrap();
        let socket = bootwire_io::Socket::from_std(plain, &SocketOptions::default()).unwrap();
        assert_eq!(
            ReceiveBatch::new(kernel, 4, 64).receive(&socket).unwrap(),
            0
        );

        let mut batch = SendBatch::new(kernel);
        let mut report = SendReport::new();
        for _ in 0..3 {
            let mut round = batch.round();
            round.packet(gone.into(), 0, b"anyone?").unwrap();
            round.send(&socket, &mut report);
            assert_all_sent(&report);
        }
        assert!(
            report.calls == 2,
            "the refusal of the last one was met: {report:?}"
        );
    }
}
