//! Records and statistics as data, for logs and exporters.

use std::sync::mpsc;
use std::time::{Duration, SystemTime};

use bootwire::client::Client;
use bootwire::{DropReason, DroppedFrom, Outcome, Router, Server, ServerStats};
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn a_record_is_one_object_with_units_in_its_names() {
    let (sender, records) = mpsc::channel();
    let server = Server::bind("127.0.0.1:0")
        .serve(Router::new().read("/{name}", async || "text"))
        .observe(move |record| {
            let _ = sender.send(record.clone());
        })
        .start()
        .unwrap();
    let client = Client::new(server.local_addrs()[0]);
    client.get("file\\x", &mut Vec::new()).await.unwrap_err();
    client.get("file", &mut Vec::new()).await.unwrap();
    let stats = server.stats();
    server.drain(Duration::from_secs(5)).await;

    let missing = records.recv().unwrap();
    let missing = serde_json::to_value(&missing).unwrap();
    assert_eq!(missing["outcome"], "not_found");
    assert_eq!(
        missing["filename"], "file\\\\x",
        "bytes as text that can be read back"
    );
    assert_eq!(
        missing["error"],
        json!({"code": 1, "text": "File not found"})
    );

    let mut record = records.recv().unwrap();
    record.started = SystemTime::UNIX_EPOCH + Duration::from_micros(1_800_000_000_123_456);
    record.duration = Duration::from_millis(500);
    let value = serde_json::to_value(&record).unwrap();
    for (member, expected) in [
        ("time", json!("2027-01-15T08:00:00.623456Z")),
        ("started", json!("2027-01-15T08:00:00.123456Z")),
        ("op", json!("read")),
        ("route", json!("/{name}")),
        ("outcome", json!(Outcome::Complete.as_str())),
        ("bytes", json!(4)),
        ("error", json!(null)),
        ("duration_us", json!(500_000)),
    ] {
        assert_eq!(value[member], expected, "{member}");
    }
    // A stream of them is one line each.
    assert!(!serde_json::to_string(&record).unwrap().contains('\n'));

    let stats = serde_json::to_value(&stats).unwrap();
    assert_eq!(
        (&stats["reads"], &stats["dropped_from"]),
        (&json!(2), &json!([]))
    );
}

#[test]
fn statistics_are_counts_by_name_and_who_was_dropped() {
    let network = "10.0.0.0/24".parse().unwrap();
    let mut stats = ServerStats::default();
    stats.writes = 7;
    stats.dropped_from = vec![DroppedFrom::new(network, DropReason::LowPort, 3)];
    let value = serde_json::to_value(&stats).unwrap();
    assert_eq!(
        (&value["writes"], &value["ended_complete"]),
        (&json!(7), &json!(0))
    );
    assert_eq!(
        value["dropped_from"],
        json!([{"network": "10.0.0.0/24", "reason": "low_port", "count": 3, "latest": null}])
    );
}
