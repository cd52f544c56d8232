//! What is seen of a server at work.

use bootwire_admin::api::{EventsQuery, RecordsQuery, TransfersQuery};
use bootwire_admin::client::Event;

use super::{block_on, client, console, over_tcp, raw, request, until};
use crate::harness::{Server, Wire, noise};

fn start() -> Server {
    Server::builder()
        .file("image", &noise(100_000, 1))
        .admin_socket()
        .start()
}

/// A client in the middle of `image`.
fn midway(server: &Server) -> Wire {
    let mut client = Wire::new(server.address());
    client.read("image", &[("blksize", "1024"), ("tsize", "0")]);
    client.expect_oack();
    client.ack(0);
    client.expect_data(1);
    client.ack(1);
    client.expect_data(2);
    client
}

#[test]
fn a_transfer_is_seen_while_it_runs_and_as_a_record_after() {
    let server = start();
    let mut wire = midway(&server);
    let api = client(&server);
    let page = block_on(until(
        || async { api.transfers(&TransfersQuery::default()).await.unwrap() },
        |page| page.transfers.first().is_some_and(|one| one.bytes == 1024),
    ));
    assert_eq!((page.total, page.truncated), (1, false));
    let transfer = &page.transfers[0];
    assert_eq!(
        (transfer.path.as_str(), transfer.op.as_str()),
        ("/image", "read")
    );
    assert_eq!((transfer.size, transfer.blksize), (Some(100_000), 1024));
    assert!(transfer.peer.starts_with("127.0.0.1:"), "{}", transfer.peer);
    let status = block_on(api.status()).unwrap();
    assert_eq!((status.counts["active"], status.counts["reads"]), (1, 1));
    assert!(status.ready && status.workers > 0);
    assert_eq!(status.listen, [server.address().to_string()]);

    wire.ack(2);
    wire.read_rest(1024, 3);
    let records = block_on(until(
        || async { api.records(&RecordsQuery::default()).await.unwrap().records },
        |records| !records.is_empty(),
    ));
    assert_eq!((records[0].id, records[0].bytes), (transfer.id, 100_000));
    assert_eq!(records[0].outcome, "complete");
    assert_eq!(records[0].more["search"], false);
}

#[test]
fn events_come_as_it_happens() {
    let server = start();
    let api = client(&server);
    block_on(async {
        let mut events = api.events(&EventsQuery::default()).await.unwrap();
        let Some(Event::Hello(hello)) = events.next().await.unwrap() else {
            panic!("no hello");
        };
        let mut wire = midway(&server);
        let (mut began, mut stats) = (false, false);
        while !(began && stats) {
            match events.next().await.unwrap().expect("more") {
                Event::Transfers(event) => {
                    began |= event.began.iter().any(|one| one.path == "/image");
                }
                Event::Stats(event) => stats |= event.counts["reads"] == 1,
                _ => {}
            }
        }
        wire.ack(2);
        wire.read_rest(1024, 3);
        let (mut record, mut ended) = (None, false);
        while record.is_none() || !ended {
            match events.next().await.unwrap().expect("more") {
                Event::Record(one, _) => record = Some(one),
                Event::Transfers(event) => ended |= !event.ended.is_empty(),
                _ => {}
            }
        }
        assert_eq!(record.unwrap().path, "/image");
        let id = events.last_id().expect("records have one").to_owned();
        assert!(id.starts_with(&hello.instance));

        // Whoever comes again hears what he missed, and nothing else.
        drop(events);
        Wire::new(server.address()).fetch("image");
        let query = EventsQuery {
            topics: Some("records".to_owned()),
            last_event_id: Some(id),
            ..EventsQuery::default()
        };
        let mut again = api.events(&query).await.unwrap();
        loop {
            match again.next().await.unwrap().expect("more") {
                Event::Record(one, _) => {
                    assert_eq!(one.id, 2);
                    break;
                }
                Event::Hello(_) => {}
                other => panic!("{other:?}"),
            }
        }
        // Of another run nothing is known.
        let query = EventsQuery {
            last_event_id: Some("beef-17".to_owned()),
            topics: Some("records".to_owned()),
            ..EventsQuery::default()
        };
        let mut restarted = api.events(&query).await.unwrap();
        restarted.next().await.unwrap();
        let Some(Event::Lag(lag)) = restarted.next().await.unwrap() else {
            panic!("no lag");
        };
        assert_eq!(lag.missed, None);
    });
}

#[test]
fn followers_hear_what_they_asked_for() {
    let server = start();
    let api = client(&server);
    block_on(async {
        let query = EventsQuery {
            topics: Some("records".to_owned()),
            failed: Some(true),
            path: Some("/m*".to_owned()),
            ..EventsQuery::default()
        };
        let mut events = api.events(&query).await.unwrap();
        events.next().await.unwrap();
        for name in ["image", "other", "missing"] {
            let mut wire = Wire::new(server.address());
            wire.read(name, &[]);
            wire.receive();
        }
        let Some(Event::Record(record, _)) = events.next().await.unwrap() else {
            panic!("no record");
        };
        assert_eq!(
            (record.path.as_str(), record.outcome.as_str()),
            ("/missing", "not_found")
        );
        let wrong = EventsQuery {
            topics: Some("weather".to_owned()),
            ..EventsQuery::default()
        };
        let told = api.events(&wrong).await.unwrap_err().to_string();
        assert!(told.contains("records, transfers, boots, stats"), "{told}");
    });
}

/// The console is part of the binary, and a browser is told to load nothing from elsewhere.
#[test]
fn the_console_is_served_on_loopback() {
    let server = Server::builder().admin("127.0.0.1:0").start();
    let address = console(&server);
    let host = format!("Host: {address}");
    let page = raw(over_tcp(address), &request("GET /", &[&host], ""));
    assert!(page.starts_with("HTTP/1.1 200 OK"), "{page}");
    let lower = page.to_lowercase();
    for header in [
        "content-security-policy: default-src 'none'",
        "x-content-type-options: nosniff",
        "etag: \"",
        "content-type: text/html",
    ] {
        assert!(lower.contains(header), "no {header} in {page}");
    }
    let metrics = raw(over_tcp(address), &request("GET /metrics", &[&host], ""));
    assert!(metrics.contains("# TYPE"), "{metrics}");
    let described = raw(
        over_tcp(address),
        &request("GET /openapi.json", &[&host], ""),
    );
    assert!(described.contains("\"openapi\":\"3.1.0\""), "{described}");
}
