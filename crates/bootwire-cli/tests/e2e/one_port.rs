//! Which ports the server's packets come from: its own choice, a range, or the listening one.

use std::collections::BTreeSet;
use std::fs;

use tempfile::TempDir;

use crate::harness::{Extras, Ports, Server, Tool, Wire, noise};

/// RFC 1350 §4: the server takes a port of its own for a transfer.
#[test]
fn a_transfer_has_a_port_of_its_own() {
    let server = Server::of("file", &noise(3_000, 25));
    for _ in 0..10 {
        let mut client = Wire::new(server.address());
        assert!(client.fetch("file") == noise(3_000, 25));
        assert_ne!(client.tid().port(), server.port());
    }
}

/// A peer that comes again from the same port gets another one of the server's, so that late
/// packets of its last transfer cannot be taken for this one's.
#[test]
fn the_next_transfer_of_a_peer_has_another_port() {
    let server = Server::of("file", &noise(3_000, 25));
    let mut client = Wire::new(server.address());
    let mut last = None;
    for _ in 0..10 {
        assert!(client.fetch("file") == noise(3_000, 25));
        let tid = Some(client.tid().port());
        assert_ne!(tid, last);
        last = tid;
    }
}

#[test]
fn single_port_moves_everything_through_one_port() {
    let content = noise(200_000, 25);
    let server = Server::builder()
        .file("file", &content)
        .flags(["--single-port", "--create"])
        .start();
    let here = TempDir::new().expect("a place for files");
    for tool in Tool::ALL {
        let local = here.path().join(format!("{tool:?}"));
        tool.get(server.address(), "file", &local, Extras::default());
        assert!(fs::read(&local).expect("fetched") == content, "{tool:?}");
        tool.put(
            server.address(),
            &local,
            &format!("{tool:?}"),
            Extras::default(),
        );
        assert!(
            fs::read(server.path(&format!("{tool:?}"))).expect("stored") == content,
            "{tool:?}"
        );
    }
    let mut client = Wire::new(server.address());
    client.read("file", &[("blksize", "1428"), ("windowsize", "16")]);
    client.expect_oack();
    client.ack(0);
    assert!(client.read_windows(1428, 16, 1) == content);
    assert_eq!(client.tid().port(), server.port());
    for record in server.finish() {
        assert!(
            record
                .text("local")
                .ends_with(&format!(":{}", client.tid().port())),
            "{record:?}"
        );
    }
}

/// Many clients at once through one port are kept apart.
#[test]
fn single_port_keeps_clients_apart() {
    let files: Vec<_> = (0..20_u64).map(|nth| noise(40_000, 100 + nth)).collect();
    let server = files
        .iter()
        .enumerate()
        .fold(Server::builder(), |server, (nth, content)| {
            server.file(&nth.to_string(), content)
        })
        .flags(["--single-port"])
        .start();
    std::thread::scope(|scope| {
        for (nth, content) in files.iter().enumerate() {
            let mut client = Wire::new(server.address());
            scope.spawn(move || assert!(client.fetch(&nth.to_string()) == *content, "{nth}"));
        }
    });
    assert_eq!(server.finish().len(), 20);
}

/// A firewall lets through the range that was agreed with its owner, and nothing else.
#[test]
fn ports_stay_within_the_range() {
    let content = noise(5_000, 25);
    let range = Ports::run(16);
    let flag = format!("{}-{}", range.first(), range.last());
    let server = Server::builder()
        .host("[::]")
        .file("file", &content)
        .flags(["--ports", &flag])
        .start();
    let mut seen = BTreeSet::new();
    for _ in 0..60 {
        let mut client = Wire::new(server.address());
        assert!(client.fetch("file") == content);
        seen.insert(client.tid().port());
    }
    assert!(
        seen.iter()
            .all(|port| (range.first()..=range.last()).contains(port)),
        "{seen:?}"
    );

    let here = TempDir::new().expect("a place for files");
    for tool in Tool::ALL {
        let local = here.path().join(format!("{tool:?}"));
        tool.get(server.address(), "file", &local, Extras::default());
        assert!(fs::read(&local).expect("fetched") == content, "{tool:?}");
    }
    for record in server.finish() {
        let local: std::net::SocketAddr = record.text("local").parse().expect("an address");
        assert!(
            (range.first()..=range.last()).contains(&local.port()),
            "{record:?}"
        );
    }
}
