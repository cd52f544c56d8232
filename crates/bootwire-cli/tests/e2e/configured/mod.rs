//! Servers that do what a configuration file says: routes, origins, templates, hooks, uploads, and
//! what becomes of their clients when something behind them breaks.

mod boots_disk;
mod cache_disk;
mod confined;
mod hooks;
mod inventories;
mod migrated;
mod origins;
mod out_of_reach;
mod quickstart;
mod reload;
mod renamed;
mod routes;
mod sandboxed;
mod storm;
mod strangers;
mod templates;
mod uploads;
pub(crate) mod web;

use std::process::Command;
use std::time::{Duration, Instant};

use crate::harness::{Builder, Packet, Record, Server, Wire, bootwire, run_to_end};

/// Longest a client may wait for the ERROR that ends its hopes: the limits the tests set are about
/// two seconds, the rest is a busy machine. Without them it would wait for the server's 10 s.
const IN_TIME: Duration = Duration::from_secs(9);

/// What a client got instead of a file, and the record of it.
struct Failure {
    code: u16,
    text: String,
    record: Record,
}

impl Failure {
    /// The reason, as the log has it.
    fn detail(&self) -> &str {
        self.record.field("detail").as_str().unwrap_or_default()
    }

    /// The client is told to try again, and the log says all of `words`.
    #[track_caller]
    fn expect_try_again(&self, words: &[&str]) {
        assert_eq!(self.code, 0, "{} ({})", self.text, self.detail());
        self.expect_log(words);
    }

    /// The log says all of `words`.
    #[track_caller]
    fn expect_log(&self, words: &[&str]) {
        for word in words {
            assert!(
                self.detail().contains(word),
                "no {word:?} in {:?}",
                self.detail()
            );
        }
    }
}

/// Asks for a file that cannot be had, while another client asks for `good`, which can and is the
/// text `good`: the one gets its ERROR in time, the other does not notice.
fn fails(server: &Server, path: &str) -> Failure {
    let begun = Instant::now();
    let mut client = Wire::new(server.address());
    client.read(path, &[]);
    let beside = Instant::now();
    for _ in 0..3 {
        assert_eq!(Wire::new(server.address()).fetch("good"), b"good");
    }
    assert!(
        beside.elapsed() < IN_TIME,
        "others are delayed: {:?}",
        beside.elapsed()
    );
    // Some fail in the middle: what comes before is acknowledged.
    let (code, text) = loop {
        match client.receive() {
            Packet::Data { block, .. } => client.ack(block),
            Packet::Error { code, text } => break (code, text),
            other => panic!("{path}: {other:?}"),
        }
    };
    assert!(begun.elapsed() < IN_TIME, "{path}: {:?}", begun.elapsed());
    assert!(text.len() <= 60 && !text.contains('/'), "{path}: {text:?}");
    let peer = client.local().to_string();
    let record = server
        .log()
        .wait(IN_TIME, |lines| {
            let mut records = lines.iter().filter_map(|line| Record::parse(line));
            records.find(|record| record.text("peer") == peer)
        })
        .unwrap_or_else(|| panic!("no record of {path}"));
    Failure { code, text, record }
}

/// What a server says that does not start.
fn refused(builder: &Builder) -> String {
    let mut serve = Command::new(bootwire());
    serve
        .args(["serve", "--listen", "127.0.0.1:0", "--config"])
        .arg(builder.place().join("bootwire.toml"));
    let output = run_to_end(&mut serve, Duration::from_secs(60));
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{told}");
    told
}

/// Waits for a line about something other than a transfer that has all of `words`.
#[track_caller]
fn expect_note(server: &Server, words: &[&str]) {
    let found = server.notes().wait(Duration::from_secs(30), |lines| {
        let mut lines = lines.iter();
        let found = lines.find(|line| words.iter().all(|word| line.contains(word)));
        found.map(|_| ())
    });
    assert!(
        found.is_some(),
        "no line with {words:?} in {:#?}",
        server.notes().lines()
    );
}

/// The ERROR that a request gets.
fn error(server: &Server, path: &str) -> (u16, String) {
    let mut client = Wire::new(server.address());
    client.read(path, &[]);
    client.expect_error()
}

/// A file, in the largest blocks and windows that are granted.
fn fetch(server: &Server, path: &str) -> Vec<u8> {
    let mut client = Wire::new(server.address());
    client.read(path, &[("blksize", "8192"), ("windowsize", "16")]);
    let granted = client.expect_oack();
    let value = |name: &str| {
        let found = granted.iter().find(|(option, _)| option == name);
        found.map(|(_, value)| value.parse::<u16>().expect("a number"))
    };
    let blksize = value("blksize").unwrap_or(512);
    client.ack(0);
    client.read_windows(blksize.into(), value("windowsize").unwrap_or(1).into(), 1)
}
