//! Which address a datagram was sent to, and which one the answer comes from.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use crate::common::{
    assert_all_sent, bind, bind_with, bytes, headers, kernels, payloads, receive, run, to,
};
use bootwire_io::{
    Destination, Kernel, ReceiveBatch, SendBatch, SendReport, Socket, SocketOptions,
};

fn send(kernel: Kernel, socket: &Socket, to: Destination, bytes: &[u8]) {
    let mut batch = SendBatch::new(kernel);
    let mut report = SendReport::new();
    let mut round = batch.round();
    round.packet(to, 0, bytes).unwrap();
    round.send(socket, &mut report);
    assert_all_sent(&report);
}

/// The peers of the next `count` datagrams.
fn peers(kernel: Kernel, socket: &Socket, count: usize) -> Vec<SocketAddr> {
    let mut peers = Vec::new();
    receive(kernel, socket, count, |datagram| peers.push(datagram.peer));
    peers
}

fn wildcard(addr: &str) -> Socket {
    bind_with(
        addr,
        &SocketOptions {
            packet_info: true,
            v6_only: Some(false),
            ..SocketOptions::default()
        },
    )
}

#[test]
fn the_answer_comes_from_the_address_that_was_asked() {
    let kernel = Kernel::probe();
    assert!(kernel.packet_info);
    // An IPv4 listener, and a dual-stack one asked by IPv4 and IPv6.
    let cases = [
        ("0.0.0.0:0", "127.0.0.2"),
        ("[::]:0", "127.0.0.2"),
        ("[::]:0", "::1"),
    ];
    for (listen, asked) in cases {
        let listener = wildcard(listen);
        let asked: IpAddr = asked.parse().unwrap();
        let client = bind(if asked.is_ipv4() {
            "127.0.0.1:0"
        } else {
            "[::1]:0"
        });
        let target = SocketAddr::new(asked, listener.local_addr().port());
        send(kernel, &client, target.into(), b"rrq");

        let mut answer_to = None;
        receive(kernel, &listener, 1, |datagram| {
            assert_eq!(datagram.peer, client.local_addr());
            assert_eq!(datagram.local, Some(asked));
            assert_ne!(datagram.interface, 0);
            assert!(datagram.unicast);
            answer_to = Some(Destination {
                peer: datagram.peer,
                from: Some((asked, 0)),
            });
        });

        // One packet, and a run in one GSO message: both carry the source address.
        let mut batch = SendBatch::new(kernel);
        let mut report = SendReport::new();
        let mut round = batch.round();
        let answer_to = answer_to.unwrap();
        round.packet(answer_to, 0, b"oack").unwrap();
        round
            .blocks(answer_to, 1, run(true, 8, headers(3), bytes(&[7; 20])))
            .unwrap();
        round.send(&listener, &mut report);
        assert_all_sent(&report);
        assert_eq!(peers(kernel, &client, 4), [target; 4]);
    }
}

#[test]
fn a_dual_stack_socket_knows_ipv4_peers_by_their_ipv4_address() {
    for kernel in kernels() {
        let listener = wildcard("[::]:0");
        let client = bind("127.0.0.1:0");
        let target = SocketAddr::new(Ipv4Addr::LOCALHOST.into(), listener.local_addr().port());
        send(kernel, &client, target.into(), b"rrq");
        assert_eq!(peers(kernel, &listener, 1), [client.local_addr()]);
        send(kernel, &listener, to(&client), b"data");
        assert_eq!(peers(kernel, &client, 1), [target]);
    }
}

#[test]
fn a_mapped_address_reaches_an_ipv4_socket() {
    for kernel in kernels() {
        let (server, client) = (bind("127.0.0.1:0"), bind("127.0.0.1:0"));
        let mapped = Ipv4Addr::LOCALHOST.to_ipv6_mapped();
        let peer = SocketAddr::new(mapped.into(), client.local_addr().port());
        send(kernel, &server, peer.into(), b"data");
        assert_eq!(payloads(kernel, &client, 1), [b"data"]);
    }
}

#[test]
fn a_broadcast_is_told_from_a_request_to_this_host() {
    let kernel = Kernel::probe();
    for listen in ["0.0.0.0:0", "[::]:0"] {
        let listener = wildcard(listen);
        let client = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        client.set_broadcast(true).unwrap();
        client
            .send_to(b"rrq", ("127.255.255.255", listener.local_addr().port()))
            .unwrap();
        receive(kernel, &listener, 1, |datagram| {
            assert!(!datagram.unicast);
            assert_eq!(datagram.local, Some(Ipv4Addr::LOCALHOST.into()));
        });
    }
}

#[test]
fn without_packet_information_nothing_is_claimed() {
    for kernel in kernels() {
        let (listener, client) = (bind("0.0.0.0:0"), bind("127.0.0.1:0"));
        let target = SocketAddr::new(Ipv4Addr::LOCALHOST.into(), listener.local_addr().port());
        send(kernel, &client, target.into(), b"rrq");
        let mut batch = ReceiveBatch::new(kernel, 1, 16);
        assert_eq!(batch.receive(&listener).unwrap(), 1);
        let datagram = batch.get(0);
        assert_eq!((datagram.local, datagram.interface), (None, 0));
        assert_eq!((datagram.unicast, datagram.drops), (true, None));
    }
}
