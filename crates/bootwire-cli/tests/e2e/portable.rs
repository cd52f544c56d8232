//! The portable path, for other systems and doubtful kernels: slower, and otherwise the same.

use std::fs;

use tempfile::TempDir;

use crate::harness::{Extras, Server, Tool, Wire, noise, text};

#[test]
fn real_clients_both_ways() {
    let content = noise(200_000, 33);
    for flags in [[].as_slice(), &["--single-port"]] {
        let server = Server::builder()
            .file("file", &content)
            .flags(["--portable-io", "--create"])
            .flags(flags)
            .start();
        let here = TempDir::new().expect("a place for files");
        for tool in Tool::ALL {
            let local = here.path().join(format!("{tool:?}"));
            tool.get(server.address(), "file", &local, Extras::default());
            assert!(
                fs::read(&local).expect("fetched") == content,
                "{tool:?} {flags:?}"
            );
            let name = format!("{tool:?}");
            tool.put(server.address(), &local, &name, Extras::default());
            let stored = fs::read(server.path(&name)).expect("stored");
            assert!(stored == content, "{tool:?} {flags:?}");
        }
        for record in server.finish() {
            assert_eq!(record.outcome(), "complete", "{flags:?}: {record:?}");
        }
    }
}

#[test]
fn windows_and_netascii() {
    let content = noise(500_000, 33);
    let server = Server::builder()
        .file("file", &content)
        .file("text", &text(50_000))
        .flags(["--portable-io"])
        .start();
    let mut client = Wire::new(server.address());
    client.read("file", &[("blksize", "1428"), ("windowsize", "64")]);
    client.expect_oack();
    client.ack(0);
    assert!(client.read_windows(1428, 64, 1) == content);

    let here = TempDir::new().expect("a place for files");
    let local = here.path().join("text");
    Tool::Atftp.get(server.address(), "text", &local, Extras::netascii());
    assert!(fs::read(&local).expect("fetched") == text(50_000));
}
