//! A record and a boot to tell others of.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bootwire::client::Client;
use bootwire::{CacheUse, Limit, Mode, Op, Outcome, Router, Server, TransferRecord};
use bootwire_boots::Boot;
use serde_json::json;

/// A record with everything set: only the engine makes records, so a real one is dressed up.
pub(crate) async fn record() -> TransferRecord {
    let (sender, receiver) = std::sync::mpsc::channel();
    let server = Server::bind("127.0.0.1:0")
        .serve(Router::new().read("/{*path}", async || "text"))
        .observe(move |record| {
            let _ = sender.send(record.clone());
        })
        .start()
        .unwrap();
    let mut content = Vec::new();
    Client::new(server.local_addrs()[0])
        .get("file", &mut content)
        .await
        .unwrap();
    assert_eq!(content, b"text");
    server.drain(Duration::from_secs(5)).await;

    let mut record = receiver.recv().unwrap();
    record.id = 7;
    record.started = SystemTime::UNIX_EPOCH + Duration::from_micros(1_800_000_000_123_456);
    record.op = Op::Read;
    record.peer = "10.0.0.7:49152".parse().unwrap();
    record.local = "10.0.0.1:30001".parse().unwrap();
    record.path = "/boot/vmlinuz".to_owned();
    record.filename = b"boot/vmlinuz".to_vec();
    record.mode = Some(Mode::Octet);
    record.options = vec![("blksize".to_owned(), "1468".to_owned())];
    record.granted = record.options.clone();
    record.machine = Some("web1".to_owned());
    record.traceparent = None;
    record.route = None;
    record.labels = Vec::new();
    record.answer = Some("dir".into());
    record.cache = Some(CacheUse::Hit);
    record.version = Some("\"v1\"".to_owned());
    record.outcome = Outcome::Complete;
    record.error = None;
    record.detail = None;
    record.blksize = 1468;
    record.windowsize = 4;
    record.timeout = None;
    record.size = Some(10_000_000);
    record.bytes = 10_000_000;
    record.blocks = 6813;
    record.blocks_resent = 0;
    record.gaps = 0;
    record.timeouts = 0;
    record.duplicate_acks = 0;
    record.round_trip = Some(Duration::from_micros(250));
    record.round_trip_min = Some(Duration::from_micros(180));
    record.last_ack_missing = false;
    record.handler_time = Duration::from_micros(40);
    record.first_data = Some(Duration::from_micros(600));
    record.waits.client = Duration::from_micros(470_000);
    record.waits.network = Duration::ZERO;
    record.waits.content = Duration::from_micros(40);
    record.waits.server = Duration::from_micros(29_960);
    record.limited_by = Some(Limit::Client);
    record.duration = Duration::from_millis(500);
    record
}

/// The boot of a machine at 10.0.0.7, which began a second before the record; a bad one if it is over.
pub(crate) fn boot(over: bool) -> Arc<Boot> {
    let verdict = json!({
        "kind": "kernel_missing",
        "level": "bad",
        "words": "vmlinuz is not there",
        "advice": "Put it there.",
        "path": "/boot/vmlinuz",
    });
    let boot = json!({
        "id": "b1",
        "machine": "web1",
        "keys": {"name": "web1"},
        "peer": "10.0.0.7",
        "loader": "grub",
        "arch": null,
        "started": "2027-01-15T07:59:59.123456Z",
        "last": "2027-01-15T08:00:00.623456Z",
        "over": over,
        "transfers": 2,
        "bytes": 12,
        "steps": [],
        "more": 0,
        "expected": [],
        "verdict": if over { verdict } else { serde_json::Value::Null },
        "traceparent": null,
    });
    Arc::new(serde_json::from_value(boot).unwrap())
}
