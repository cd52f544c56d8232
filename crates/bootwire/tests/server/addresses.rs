//! Where answers come from.

use bootwire::Router;

use super::*;

fn hello() -> Router {
    Router::new().read("/hello", || async { "hello" })
}

/// Asks `name` of `address` and returns where the answer came from.
fn asked(local: &str, address: SocketAddr) -> SocketAddr {
    let raw = Raw::new(local);
    raw.send(address, &rrq("hello", ""));
    let (data, from) = raw.receive();
    assert_eq!(data, b"\0\x03\0\x01hello");
    raw.send(from, &[0, 4, 0, 1]);
    from
}

// spec: rfc1123-source-address, rfc1350-own-tid
#[tokio::test(flavor = "multi_thread")]
async fn from_the_address_that_was_asked_and_a_port_of_its_own() {
    let running = Running::with(hello(), Server::bind("[::]:0"));
    let port = running.address.port();
    for (local, ip) in [
        ("127.0.0.1:0", "127.0.0.2"),
        ("127.0.0.1:0", "127.0.0.1"),
        ("[::1]:0", "::1"),
    ] {
        let from = asked(local, SocketAddr::new(ip.parse().unwrap(), port));
        assert_eq!(from.ip().to_string(), ip);
        assert_ne!(from.port(), port);
    }
    let records = running.stop().await;
    let mut locals: Vec<_> = records
        .iter()
        .map(|record| record.local.ip().to_string())
        .collect();
    locals.sort_unstable();
    assert_eq!(locals, ["127.0.0.1", "127.0.0.2", "::1"]);
}

// spec: rfc1123-source-address
#[tokio::test(flavor = "multi_thread")]
async fn from_the_address_and_the_port_that_were_asked_with_a_single_port() {
    let running = Running::with(hello(), Server::bind("[::]:0").single_port(true));
    let port = running.address.port();
    for (local, ip) in [
        ("127.0.0.1:0", "127.0.0.2"),
        ("127.0.0.1:0", "127.0.0.1"),
        ("[::1]:0", "::1"),
    ] {
        let address = SocketAddr::new(ip.parse().unwrap(), port);
        assert_eq!(asked(local, address), address);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn from_a_range_of_ports() {
    // Somewhere in the range something else may listen: the server takes another port of it.
    let range = 42_000..=42_015;
    let running = Running::with(
        hello(),
        Server::bind("127.0.0.1:0").ports(range.clone()).workers(2),
    );
    for _ in 0..20 {
        let from = asked("127.0.0.1:0", running.address);
        assert!(range.contains(&from.port()), "{from}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_peer_that_comes_again_gets_another_port() {
    let running = Running::start(hello());
    let raw = Raw::new("127.0.0.1:0");
    let mut last = None;
    for _ in 0..8 {
        raw.send(running.address, &rrq("hello", ""));
        let (_, from) = raw.receive();
        raw.send(from, &[0, 4, 0, 1]);
        assert_ne!(last, Some(from));
        last = Some(from);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn on_several_addresses_at_once() {
    let running = Running::with(hello(), Server::bind("127.0.0.1:0").and_bind("[::1]:0"));
    let addresses = running.handle.as_ref().unwrap().local_addrs().to_vec();
    assert_eq!(asked("127.0.0.1:0", addresses[0]).ip(), addresses[0].ip());
    assert_eq!(asked("[::1]:0", addresses[1]).ip(), addresses[1].ip());
}

#[tokio::test(flavor = "multi_thread")]
async fn on_a_socket_that_was_passed_in() {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = socket.local_addr().unwrap();
    let running = Running::with(hello(), Server::from_socket(socket));
    assert_eq!(running.address, address);
    assert_eq!(running.handle.as_ref().unwrap().workers(), 1);
    assert_eq!(asked("127.0.0.1:0", address).ip(), address.ip());
}

// spec: rfc1123-access
#[tokio::test(flavor = "multi_thread")]
async fn to_nobody_outside_the_allowed_networks() {
    let server = Server::bind("127.0.0.1:0").allow(["127.0.0.2/32".parse().unwrap()]);
    let running = Running::with(hello(), server);
    let outsider = Raw::new("127.0.0.1:0");
    outsider.send(running.address, &rrq("hello", ""));
    assert!(outsider.hears_nothing());
    asked("127.0.0.2:0", running.address);
    assert_eq!(running.handle.as_ref().unwrap().stats().not_allowed, 1);
}
