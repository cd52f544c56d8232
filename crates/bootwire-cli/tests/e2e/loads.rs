//! Many at once.

use std::fs;
use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::harness::{Extras, Server, Tool, Wire, noise};

/// 64 real clients of all kinds fetch and send at the same time.
#[test]
fn sixty_four_real_clients_at_once() {
    let content = noise(300_000, 26);
    let server = Server::builder()
        .file("file", &content)
        .flags(["--create"])
        .start();
    let here = TempDir::new().expect("a place for files");
    let source = here.path().join("source");
    fs::write(&source, &content).expect("a file");
    std::thread::scope(|scope| {
        for nth in 0..64 {
            let (server, here, source, content) = (&server, here.path(), &source, &content);
            scope.spawn(move || {
                // tftpy is too slow to start 64 times over.
                let tools = [
                    Tool::Atftp,
                    Tool::Bootwire,
                    Tool::Busybox,
                    Tool::Curl,
                    Tool::TftpHpa,
                ];
                let tool = tools[nth % tools.len()];
                if nth % 4 == 3 {
                    let name = format!("up-{nth}");
                    tool.put(server.address(), source, &name, Extras::default());
                    assert!(
                        fs::read(server.path(&name)).expect("stored") == *content,
                        "{tool:?}"
                    );
                } else {
                    let local = here.join(nth.to_string());
                    tool.get(server.address(), "file", &local, Extras::default());
                    assert!(fs::read(&local).expect("fetched") == *content, "{tool:?}");
                }
            });
        }
    });
    let records = server.finish();
    assert_eq!(records.len(), 64);
    assert!(
        records.iter().all(|record| record.outcome() == "complete"),
        "{records:#?}"
    );
}

/// 64 scripted clients with every kind of options.
#[test]
fn sixty_four_scripted_clients_at_once() {
    let content = noise(400_000, 26);
    let server = Server::of("file", &content);
    std::thread::scope(|scope| {
        for nth in 0..64_usize {
            let (server, content) = (&server, &content);
            scope.spawn(move || {
                let mut client = Wire::new(server.address());
                let blksize = [512, 1024, 1428, 1468][nth % 4];
                let windowsize = [1, 4, 16, 3][nth / 4 % 4];
                let asked = [blksize.to_string(), windowsize.to_string()];
                client.read("file", &[("blksize", &asked[0]), ("windowsize", &asked[1])]);
                client.expect_oack();
                client.ack(0);
                assert!(
                    client.read_windows(blksize, windowsize, 1) == *content,
                    "{blksize} {windowsize}"
                );
            });
        }
    });
    assert_eq!(server.finish().len(), 64);
}

/// A thousand half-open requests from one address hold up nobody else.
#[test]
fn half_open_requests_hold_up_nobody() {
    let content = noise(50_000, 26);
    let server = Server::of("file", &content);
    let silent: Vec<_> = (0..1_000)
        .map(|_| {
            let mut client = Wire::new(server.address());
            client.read("file", &[("blksize", "1024")]);
            client
        })
        .collect();
    let neighbour = Ipv4Addr::new(127, 0, 0, 9);
    let mut client = Wire::from(neighbour.into(), server.address());
    let asked = Instant::now();
    assert!(client.fetch("file") == content);
    assert!(
        asked.elapsed() < Duration::from_secs(30),
        "{:?}",
        asked.elapsed()
    );
    drop(silent);
}
