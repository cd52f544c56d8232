//! Settings that cannot work say so; observers hear what they asked for.

use std::sync::atomic::{AtomicUsize, Ordering};

use bootwire::{Router, ServerError};

use super::*;

fn hello() -> Router {
    Router::new().read("/hello", || async { "hello" })
}

fn refused(server: Server) -> String {
    server
        .serve(hello())
        .start()
        .err()
        .expect("these settings cannot work")
        .to_string()
}

#[tokio::test]
async fn contradictions_and_impossible_values_are_explained() {
    for (server, text) in [
        (Server::bind("nowhere"), "is not a listen address"),
        (
            Server::bind("127.0.0.1:0").workers(0),
            "at least one worker",
        ),
        (Server::bind("127.0.0.1:0").blksize_max(7), "8 to 65464"),
        (
            Server::bind("127.0.0.1:0").spin(Duration::from_secs(1)),
            "at most 10 ms",
        ),
        (
            Server::bind("127.0.0.1:0").windowsize_max(0),
            "1 to 32767 blocks",
        ),
        (
            Server::bind("127.0.0.1:0")
                .single_port(true)
                .ports(30_000..=30_001),
            "contradicts",
        ),
        (Server::bind("192.0.2.1:0"), "cannot listen on 192.0.2.1:0"),
    ] {
        let error = refused(server);
        assert!(error.contains(text), "{error}");
    }
    assert!(matches!(
        Server::bind("127.0.0.1:0").start(),
        Err(ServerError::Incomplete(_))
    ));
}

#[tokio::test]
async fn a_port_in_use_is_not_shared_in_silence() {
    let first = Server::bind("127.0.0.1:0")
        .workers(2)
        .serve(hello())
        .start()
        .unwrap();
    let address = first.local_addrs()[0];
    let error = Server::bind(address.to_string())
        .workers(2)
        .serve(hello())
        .start()
        .err()
        .unwrap();
    let ServerError::Bind { source, .. } = &error else {
        panic!("{error}")
    };
    assert_eq!(source.kind(), std::io::ErrorKind::AddrInUse);
}

#[test]
fn outside_of_tokio_it_says_where_it_belongs() {
    assert!(refused(Server::bind("127.0.0.1:0")).contains("tokio"));
}

/// Sockets first, without a runtime; then, rights given up, the threads.
#[test]
fn requests_wait_in_an_open_server_until_it_is_started() {
    let server = Server::bind("127.0.0.1:0").serve(hello());
    let open = server.open().unwrap();
    let address = open.local_addrs()[0];
    let client = UdpSocket::bind("127.0.0.1:0").unwrap();
    client.send_to(b"\0\x01hello\0octet\0", address).unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let _inside = runtime.enter();
    let handle = open.start().unwrap();
    assert_eq!(handle.local_addrs(), [address]);
    client
        .set_read_timeout(Some(Duration::from_secs(5)))
        .unwrap();
    let mut answer = [0; 64];
    let (length, _) = client.recv_from(&mut answer).unwrap();
    assert_eq!(answer[..length], *b"\0\x03\0\x01hello");
}

#[test]
fn an_open_server_starts_within_tokio_only() {
    let open = Server::bind("127.0.0.1:0").serve(hello()).open().unwrap();
    assert!(open.start().err().unwrap().to_string().contains("tokio"));
}

#[tokio::test(flavor = "multi_thread")]
async fn statistics_come_again_and_again_and_a_panicking_observer_silences_nobody() {
    let ticks = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&ticks);
    let server = Server::bind("127.0.0.1:0")
        .observe(|_| panic!("observer panics on purpose"))
        .stats_every(Duration::from_millis(10), move |stats| {
            if stats.reads == 1 {
                counted.fetch_add(1, Ordering::SeqCst);
            }
        });
    let running = Running::with(hello(), server);
    running.get("/hello").await.unwrap();
    until(|| ticks.load(Ordering::SeqCst) >= 3).await;
    assert_eq!(
        running.stop().await.len(),
        1,
        "the other observer still hears"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_spinning_worker_serves_and_goes_to_sleep() {
    let server = Server::bind("127.0.0.1:0").spin(Duration::from_millis(1));
    let running = Running::with(hello(), server);
    for _ in 0..10 {
        assert_eq!(running.get("/hello").await.unwrap(), b"hello");
    }
    assert_eq!(running.stop().await.len(), 10);
}
