//! Answers leave from the address that was asked.

use std::fs;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::time::Duration;

use tempfile::TempDir;

use crate::harness::{Extras, Isolation, Packet, Server, Tool, Wire, noise, rrq};

const SECOND: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);

/// Asks at `asked`; every packet must come from there, and the ACKs must be taken there.
fn answers_from(server: &Server, asked: IpAddr, content: &[u8]) {
    let mut client = Wire::new(SocketAddr::new(asked, server.port()));
    client.read("file", &[("blksize", "1024")]);
    client.expect_oack();
    assert_eq!(client.tid().ip(), asked);
    client.ack(0);
    assert!(client.read_rest(1024, 1) == content, "{asked}");

    // An ERROR comes from there too.
    client.read("missing", &[]);
    client.expect_error_code(1);
    assert_eq!(client.tid().ip(), asked);
}

#[test]
fn a_second_local_address() {
    let content = noise(10_000, 24);
    for host in ["0.0.0.0", "[::]"] {
        for flags in [[].as_slice(), &["--single-port"]] {
            let server = Server::builder()
                .host(host)
                .file("file", &content)
                .flags(flags)
                .start();
            for asked in [SECOND, Ipv4Addr::new(127, 1, 2, 3), Ipv4Addr::LOCALHOST] {
                answers_from(&server, asked.into(), &content);
            }
            for record in server.finish() {
                let local: SocketAddr = record.text("local").parse().expect("an address");
                assert!(
                    local.ip().to_canonical().is_loopback(),
                    "{host} {flags:?}: {record:?}"
                );
            }
        }
    }
}

/// IPv6 has no second loopback address, so the test brings one.
#[test]
fn a_second_ipv6_address() {
    let setup =
        "ip -6 addr add fd00:e2e::1/128 dev lo nodad; ip -6 addr add fd00:e2e::2/128 dev lo nodad";
    if !Isolation::enter("addresses::a_second_ipv6_address", setup) {
        return;
    }
    let content = noise(10_000, 24);
    for flags in [[].as_slice(), &["--single-port"]] {
        let server = Server::builder()
            .host("[::]")
            .file("file", &content)
            .flags(flags)
            .start();
        for asked in ["fd00:e2e::1", "fd00:e2e::2", "::1"] {
            answers_from(
                &server,
                asked.parse::<Ipv6Addr>().expect("an address").into(),
                &content,
            );
        }
    }
}

/// Those that drop answers from elsewhere, and those that do not.
#[test]
fn real_clients_at_a_second_address() {
    let content = noise(30_000, 24);
    let server = Server::builder()
        .host("[::]")
        .file("file", &content)
        .flags(["--create"])
        .start();
    let here = TempDir::new().expect("a place for files");
    for tool in Tool::ALL {
        let address = SocketAddr::from((SECOND, server.port()));
        let local = here.path().join(format!("{tool:?}"));
        tool.get(address, "file", &local, Extras::default());
        assert!(fs::read(&local).expect("fetched") == content, "{tool:?}");
        tool.put(address, &local, &format!("{tool:?}"), Extras::default());
        assert!(
            fs::read(server.path(&format!("{tool:?}"))).expect("stored") == content,
            "{tool:?}"
        );
    }
}

/// IPv4 and IPv6 at one listener, and several listeners at one server.
#[test]
fn several_listeners() {
    let content = noise(10_000, 24);
    let second = crate::harness::Ports::one();
    let server = Server::builder()
        .host("127.0.0.1")
        .file("file", &content)
        .flags(["--listen".to_owned(), format!("[::1]:{}", second.first())])
        .start();
    answers_from(&server, Ipv4Addr::LOCALHOST.into(), &content);
    let mut client = Wire::new(SocketAddr::from((Ipv6Addr::LOCALHOST, second.first())));
    assert!(client.fetch("file") == content);
}

/// A request to a broadcast address gets no answer (RFC 1123 §4.2.3.5), and does not disturb.
#[test]
fn a_broadcast_request_gets_silence() {
    let content = noise(1_000, 24);
    for flags in [[].as_slice(), &["--single-port"]] {
        let server = Server::builder()
            .host("0.0.0.0")
            .file("file", &content)
            .flags(flags)
            .start();
        let client = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("a client port");
        client.set_broadcast(true).expect("may send broadcasts");
        client
            .set_read_timeout(Some(Duration::from_millis(700)))
            .expect("a timeout");
        for name in ["file", "missing"] {
            let request = rrq(name, "octet", &[("blksize", "1024")]);
            client
                .send_to(&request, ("127.255.255.255", server.port()))
                .expect("sent");
        }
        let mut buffer = [0; 2_000];
        assert!(
            client.recv_from(&mut buffer).is_err(),
            "{:?}",
            String::from_utf8_lossy(&buffer)
        );
        assert!(Wire::new(server.address()).fetch("file") == content);
    }
}

/// Clients outside the allowed networks get nothing at all.
#[test]
fn strangers_to_the_allowlist_get_silence() {
    let server = Server::builder()
        .file("file", b"x")
        .flags(["--allow", "127.0.0.2/32"])
        .start();
    let stranger = Wire::new(server.address());
    stranger.to_listener(&rrq("file", "octet", &[]));
    stranger.to_listener(b"\0\x01");
    stranger.expect_silence(Duration::from_millis(700));

    let friend = UdpSocket::bind((SECOND, 0)).expect("a client port");
    friend
        .set_read_timeout(Some(Duration::from_secs(20)))
        .expect("a timeout");
    friend
        .send_to(&rrq("file", "octet", &[]), server.address())
        .expect("sent");
    let mut buffer = [0; 600];
    let (len, _) = friend.recv_from(&mut buffer).expect("an answer");
    assert_eq!(&buffer[..len], [0, 3, 0, 1, b'x']);
}

/// Without a word in the configuration only private networks are served; the world is not.
#[test]
fn the_world_is_not_served_by_default() {
    let setup = "ip addr add 198.51.100.7/32 dev lo";
    if !Isolation::enter("addresses::the_world_is_not_served_by_default", setup) {
        return;
    }
    let asks = |server: &Server, patience: Duration| {
        let world = UdpSocket::bind(("198.51.100.7", 0)).expect("a client port");
        world.set_read_timeout(Some(patience)).expect("a timeout");
        world
            .send_to(&rrq("file", "octet", &[]), ("127.0.0.1", server.port()))
            .expect("sent");
        let mut buffer = [0; 600];
        world.recv_from(&mut buffer).is_ok()
    };
    let server = Server::builder().host("0.0.0.0").file("file", b"x").start();
    assert!(!asks(&server, Duration::from_millis(700)));
    let mut neighbour = Wire::new(server.address());
    neighbour.read("file", &[]);
    assert!(matches!(neighbour.receive(), Packet::Data { block: 1, .. }));
    let open = Server::builder()
        .host("0.0.0.0")
        .file("file", b"x")
        .flags(["--allow", "any"])
        .start();
    assert!(asks(&open, Duration::from_secs(20)));
}
