//! Looking at a running server from elsewhere.

use std::sync::Arc;
use std::time::Duration;

use bootwire::{LivePhase, Router, Server};
use tokio::sync::Notify;

use super::{Raw, Running};

#[tokio::test(flavor = "multi_thread")]
async fn a_view_shows_what_all_workers_do_and_outlives_the_server() {
    let go = Arc::new(Notify::new());
    let waits = Arc::clone(&go);
    let app = Router::new().read("/slow/{name}", move || {
        let waits = Arc::clone(&waits);
        async move {
            waits.notified().await;
            "done"
        }
    });
    let server = Running::with(app, Server::bind("127.0.0.1:0").workers(3));
    let view = server.handle.as_ref().unwrap().view();
    let before = view.load();
    assert_eq!((view.workers(), before.len()), (3, 3));
    let clients: Vec<Raw> = (0..30)
        .map(|number| {
            let client = Raw::new("127.0.0.1:0");
            let request = format!("\0\u{1}slow/{number}\0octet\0");
            client.send(server.address, request.as_bytes());
            client
        })
        .collect();
    let seen = loop {
        // More than one may look.
        let (seen, few) = tokio::join!(view.transfers(1000), view.transfers(7));
        if seen.len() == clients.len() {
            assert_eq!(few.len(), 7);
            break seen;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    };
    for (at, transfer) in seen.iter().enumerate() {
        assert_eq!(transfer.id, at as u64 + 1, "the oldest first");
        assert_eq!(transfer.phase, LivePhase::Handler);
        assert_eq!(transfer.route.as_deref(), Some("/slow/{name}"));
    }
    assert_eq!(view.stats().active, 30);
    let after = view.load();
    for (before, after) in before.iter().zip(&after) {
        assert!(after.busy >= before.busy && after.busy <= after.elapsed);
        assert!((0.0..=1.0).contains(&after.since(before)));
    }
    go.notify_waiters();
    server.stop().await;
    assert_eq!(view.transfers(1000).await, []);
    assert_eq!(view.stats().active, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_with_nothing_to_do_is_not_busy() {
    let server = Running::start(Router::new());
    let view = server.handle.as_ref().unwrap().view();
    let before = view.load();
    tokio::time::sleep(Duration::from_millis(500)).await;
    for (before, after) in before.iter().zip(view.load()) {
        let share = after.since(before);
        assert!(share < 0.5, "{share}");
    }
}

/// What a watchdog is tied to: a worker that hangs shows, and so does one that has ended.
#[tokio::test(flavor = "multi_thread")]
async fn workers_come_round_unless_one_hangs() {
    let (held, hold) = std::sync::mpsc::channel::<()>();
    let hold = std::sync::Mutex::new(hold);
    let hang = move |_: &bootwire::Request| {
        // Until the test lets go.
        let _ = hold.lock().unwrap().recv();
        true
    };
    let app = Router::new().when(hang, Router::new().read("/hang", async || "done"));
    let server = Running::with(app, Server::bind("127.0.0.1:0").workers(2));
    let view = server.handle.as_ref().unwrap().view();
    assert!(view.turns().await);

    let client = Raw::new("127.0.0.1:0");
    client.send(server.address, &super::rrq("hang", ""));
    // It takes a moment until the request is there.
    let within = Duration::from_millis(200);
    while tokio::time::timeout(within, view.turns()).await.is_ok() {}
    drop(held);
    assert!(view.turns().await, "it goes on where it was");
    let (block, from) = client.receive();
    assert_eq!(block, b"\0\x03\0\x01done");
    client.send(from, b"\0\x04\0\x01");

    server.stop().await;
    assert!(!view.turns().await, "nobody is left");
}
