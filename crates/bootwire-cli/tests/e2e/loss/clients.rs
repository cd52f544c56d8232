//! Real clients on a network that loses, delays, doubles and reorders.

use std::fs;
use std::time::Duration;

use tempfile::TempDir;

use super::relay::{Relay, Trouble};
use crate::harness::{Extras, Server, Tool, noise};

/// A bad network: one packet of fifty lost, as many doubled, more of them late, each way.
const BAD: Trouble = Trouble {
    delay: Duration::from_millis(1),
    lost: 20,
    doubled: 20,
    late: 30,
    seed: 7,
};

/// Every client, each with a relay of its own, does `work` with it.
fn through_relays(server: &Server, work: impl Fn(Tool, std::net::SocketAddr) + Sync) {
    std::thread::scope(|scope| {
        for (number, tool) in Tool::ALL.into_iter().enumerate() {
            let work = &work;
            scope.spawn(move || {
                let seed = BAD.seed + number as u64;
                let relay = Relay::new(server.address(), Trouble { seed, ..BAD });
                work(tool, relay.address());
                assert!(
                    relay.lost() > 0,
                    "{tool:?} lost nothing: nothing was tested"
                );
            });
        }
    });
}

#[test]
fn everyone_reads_through_a_bad_network() {
    let content = noise(300_000, 61);
    let server = Server::of("kernel", &content);
    let here = TempDir::new().expect("a directory");
    through_relays(&server, |tool, relay| {
        let local = here.path().join(format!("{tool:?}"));
        tool.get(relay, "kernel", &local, Extras::blksize(1024));
        assert!(fs::read(&local).expect("a file") == content, "{tool:?}");
    });
}

#[test]
fn windows_arrive_through_a_bad_network() {
    let content = noise(2_000_000, 62);
    let server = Server::of("initrd", &content);
    let here = TempDir::new().expect("a directory");
    for (tool, windowsize) in [(Tool::Atftp, 16), (Tool::Bootwire, 64)] {
        let relay = Relay::new(server.address(), BAD);
        let extras = Extras {
            windowsize: Some(windowsize),
            ..Extras::blksize(1400)
        };
        let local = here.path().join(format!("{tool:?}"));
        tool.get(relay.address(), "initrd", &local, extras);
        assert!(fs::read(&local).expect("a file") == content, "{tool:?}");
        assert!(relay.lost() > 0);
    }
}

#[test]
fn everyone_writes_through_a_bad_network() {
    let content = noise(60_000, 63);
    let server = Server::builder().flags(["--create"]).start();
    let here = TempDir::new().expect("a directory");
    let local = here.path().join("backup");
    fs::write(&local, &content).expect("a file");
    through_relays(&server, |tool, relay| {
        let remote = format!("{tool:?}");
        tool.put(relay, &local, &remote, Extras::default());
        assert!(
            fs::read(server.path(&remote)).expect("stored") == content,
            "{tool:?}"
        );
    });
}
