//! Other systems that are told what happens: files, journald, web servers. Within the whole sandbox.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::net::UnixDatagram;
use std::process::Command;
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::harness::{
    Builder, Record, Server, Wire, bootwire, give_to_nobody, is_root, run_to_end,
};

/// For what takes a moment on a machine at rest.
const LONG: Duration = Duration::from_secs(60);

/// A web server that takes all that is posted to it.
struct Sink {
    address: SocketAddr,
    posted: Receiver<Posted>,
}

struct Posted {
    path: String,
    head: String,
    body: Vec<u8>,
}

impl Sink {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        let (sender, posted) = channel();
        thread::spawn(move || {
            for stream in listener.incoming() {
                let (stream, sender) = (stream.expect("a client"), sender.clone());
                thread::spawn(move || {
                    let mut stream = BufReader::new(stream);
                    while let Some(posted) = take(&mut stream) {
                        let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";
                        // Who asked may be gone, and the test over.
                        let _ = stream.get_mut().write_all(answer);
                        let _ = sender.send(posted);
                    }
                });
            }
        });
        Self { address, posted }
    }

    fn next(&self) -> Posted {
        self.posted.recv_timeout(LONG).expect("something is posted")
    }
}

fn take(stream: &mut BufReader<TcpStream>) -> Option<Posted> {
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if stream.read_line(&mut head).ok()? == 0 {
            return None;
        }
    }
    let path = head.split(' ').nth(1)?.to_owned();
    let head = head.to_ascii_lowercase();
    let len = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length: "));
    let mut body = vec![0; len.map_or(0, |len| len.parse().expect("a number"))];
    stream.read_exact(&mut body).ok()?;
    Some(Posted { path, head, body })
}

/// A server within a sandbox that is complete or no server.
fn confined(config: &str) -> Builder {
    Server::builder()
        .config(&format!(
            "{config}\n[[route]]\npath = \"/good\"\ntext = \"good\"\n"
        ))
        .flags(["--sandbox", "require"])
}

fn missing(server: &Server, path: &str) {
    let mut client = Wire::new(server.address());
    client.read(path, &[]);
    client.expect_error_code(1);
}

#[test]
fn a_webhook_is_told_of_transfers() {
    let sink = Sink::start();
    let config = format!(
        "[[webhook]]\nurl = \"http://{}/hook?key=k3y\"\nevents = \"transfer\"\nbearer_file = \"token\"\n\
         headers = {{ x-site = \"north\" }}",
        sink.address
    );
    let server = confined(&config).beside("token", "hunter2\n").start();
    assert_eq!(Wire::new(server.address()).fetch("good"), b"good");
    let posted = sink.next();
    assert_eq!(posted.path, "/hook?key=k3y");
    assert!(
        posted.head.contains("authorization: bearer hunter2\r\n"),
        "{}",
        posted.head
    );
    assert!(posted.head.contains("x-site: north\r\n"), "{}", posted.head);
    let body: Value = serde_json::from_slice(&posted.body).expect("JSON");
    let event = &body["events"][0];
    assert_eq!(event["event"], "transfer");
    assert_eq!(event["record"]["path"], "/good");
    assert_eq!(event["record"]["outcome"], "complete");
    let id = body["id"].as_str().expect("a key");
    assert!(
        posted.head.contains(&format!("idempotency-key: {id}\r\n")),
        "{}",
        posted.head
    );

    // What is left goes out at the end.
    missing(&server, "bad");
    server.finish();
    let body: Value = serde_json::from_slice(&sink.next().body).expect("JSON");
    assert_eq!(body["events"][0]["record"]["outcome"], "not_found");
}

#[test]
fn a_webhook_is_told_of_boots_and_their_verdicts() {
    let sink = Sink::start();
    let config = format!(
        "[boots]\nsilence = \"5s\"\n\
         [[webhook]]\nurl = \"http://{}/\"\nevents = [\"boot\", \"verdict\"]",
        sink.address
    );
    let server = confined(&config).start();
    missing(&server, "grubx64.efi");
    let mut told = Vec::new();
    while told.len() < 2 {
        let body: Value = serde_json::from_slice(&sink.next().body).expect("JSON");
        told.extend(body["events"].as_array().expect("events").clone());
    }
    let kinds: Vec<_> = told.iter().map(|event| &event["event"]).collect();
    assert_eq!(kinds, ["boot", "verdict"]);
    let verdict = &told[1]["boot"]["verdict"];
    assert_eq!(verdict["kind"], "loader_missing", "{told:#?}");
    assert_eq!(told[0]["boot"]["id"], told[1]["boot"]["id"]);
    server.finish();
}

#[test]
fn a_collector_gets_metrics_and_spans() {
    let sink = Sink::start();
    let config = format!(
        "[otlp]\nurl = \"http://{}/otlp\"\nevery = \"1s\"",
        sink.address
    );
    let server = confined(&config).start();
    assert_eq!(Wire::new(server.address()).fetch("good"), b"good");
    let (mut metrics, mut spans) = (false, false);
    let begun = Instant::now();
    while !(metrics && spans) {
        assert!(begun.elapsed() < LONG, "metrics {metrics}, spans {spans}");
        let posted = sink.next();
        let has = |text: &str| {
            posted
                .body
                .windows(text.len())
                .any(|part| part == text.as_bytes())
        };
        match posted.path.as_str() {
            "/otlp/v1/metrics" => metrics |= has("bootwire_route_transfers"),
            "/otlp/v1/traces" => spans |= has("bootwire.outcome") && has("/good"),
            other => panic!("{other}"),
        }
    }
    server.finish();
}

/// The threads of a process, with the name and the niceness of each.
fn threads(pid: u32) -> Vec<(String, i32)> {
    let tasks = fs::read_dir(format!("/proc/{pid}/task")).expect("threads");
    let stat = |task: std::io::Result<fs::DirEntry>| {
        let stat = fs::read_to_string(task.ok()?.path().join("stat")).ok()?;
        let (name, rest) = stat.split_once('(')?.1.rsplit_once(") ")?;
        // The 19th field of all: proc_pid_stat(5).
        let nice = rest.split(' ').nth(16)?.parse().expect("a number");
        Some((name.to_owned(), nice))
    };
    tasks.filter_map(stat).collect()
}

#[test]
fn who_only_watches_lets_those_who_serve_go_first() {
    let sink = Sink::start();
    let config = format!(
        "boots = {{ database = \"boots.db\" }}\n[otlp]\nurl = \"http://{0}/otlp\"\nevery = \"1s\"\n\
         [[webhook]]\nurl = \"http://{0}/\"",
        sink.address
    );
    let server = confined(&config).start();
    assert_eq!(Wire::new(server.address()).fetch("good"), b"good");
    sink.next();
    let threads = threads(server.pid());
    let watching = |name: &str| {
        let behind = [
            "bootwire-observ",
            "bootwire-behind",
            "bootwire-boots",
            "sqlx-sqlite-wor",
        ];
        behind.iter().any(|prefix| name.starts_with(prefix))
    };
    for kind in [
        "bootwire-observ",
        "bootwire-behind",
        "bootwire-boots",
        "sqlx-sqlite",
    ] {
        assert!(
            threads.iter().any(|(name, _)| name.starts_with(kind)),
            "{kind}: {threads:?}"
        );
    }
    for (name, nice) in &threads {
        assert_eq!(
            *nice,
            if watching(name) { 10 } else { 0 },
            "{name}: {threads:?}"
        );
    }
    server.finish();
}

/// Records in the files that a log became, and all lines are whole.
fn records(paths: &[&std::path::Path]) -> Vec<Record> {
    let text: String = paths
        .iter()
        .map(|path| fs::read_to_string(path).expect("a log"))
        .collect();
    let lines = text.lines();
    lines
        .map(|line| Record::parse(line).expect("a record"))
        .collect()
}

#[test]
fn a_log_is_rotated_and_no_line_is_lost() {
    let server = confined("log = { format = \"json\", file = \"log/transfers.json\" }")
        .plain_log()
        .start();
    let log = server.outside().join("log/transfers.json");
    let moved = server.outside().join("log/transfers.json.1");
    for _ in 0..10 {
        assert_eq!(Wire::new(server.address()).fetch("good"), b"good");
    }
    fs::rename(&log, &moved).expect("moved");
    for _ in 0..10 {
        assert_eq!(Wire::new(server.address()).fetch("good"), b"good");
    }
    server.signal("HUP");
    let begun = Instant::now();
    while !log.exists() {
        assert!(begun.elapsed() < LONG, "{:#?}", server.notes().lines());
        thread::sleep(Duration::from_millis(5));
    }
    for _ in 0..10 {
        assert_eq!(Wire::new(server.address()).fetch("good"), b"good");
    }
    let outside = server.outside().to_owned();
    assert!(
        server.log().lines().is_empty(),
        "nothing on standard output"
    );
    let keep = tempfile::TempDir::new().expect("a place");
    let (log, moved) = {
        let kept = (keep.path().join("log"), keep.path().join("log.1"));
        // The server's place goes with it.
        server.signal("TERM");
        let mut server = server;
        server.wait(LONG);
        fs::copy(outside.join("log/transfers.json"), &kept.0).expect("a log");
        fs::copy(outside.join("log/transfers.json.1"), &kept.1).expect("a log");
        kept
    };
    let all = records(&[&moved, &log]);
    // Workers end transfers beside each other.
    let mut ids: Vec<_> = all.iter().map(|record| record.number("id")).collect();
    ids.sort_unstable();
    assert_eq!(ids, (1..=30).collect::<Vec<_>>());
    assert!(records(&[&log]).len() >= 10);
}

#[test]
fn a_journal_gets_entries_with_priorities() {
    let place = tempfile::TempDir::new().expect("a place");
    let socket = place.path().join("socket");
    let journal = UnixDatagram::bind(&socket).expect("a socket");
    journal.set_read_timeout(Some(LONG)).expect("a limit");
    if is_root() {
        give_to_nobody(place.path());
    }
    let config = format!(
        "log = {{ format = \"journald\", file = \"{}\" }}",
        socket.display()
    );
    let server = confined(&config).plain_log().start();
    assert_eq!(Wire::new(server.address()).fetch("good"), b"good");
    missing(&server, "bad");
    for (priority, outcome) in [("6", "complete"), ("5", "not_found")] {
        let mut entry = vec![0; 1 << 16];
        let len = journal.recv(&mut entry).expect("an entry");
        let entry = String::from_utf8_lossy(&entry[..len]);
        assert!(
            entry.contains(&format!("\nPRIORITY={priority}\n")),
            "{entry}"
        );
        assert!(
            entry.contains(&format!("\nBOOTWIRE_OUTCOME={outcome}\n")),
            "{entry}"
        );
        assert!(entry.contains("\nBOOTWIRE_PEER=127.0.0.1\n"), "{entry}");
    }
    server.finish();
}

/// What nobody listens to, and what is full, costs a line in the notes and no transfer.
#[test]
fn a_server_whose_listeners_are_dead_serves_on() {
    let nobody = TcpListener::bind("127.0.0.1:0").expect("a port");
    let dead = nobody.local_addr().expect("an address");
    drop(nobody);
    let config = format!(
        "log = {{ format = \"journald\", file = \"/nowhere/socket\" }}\n\
         [[webhook]]\nurl = \"http://{dead}/\"\nevents = \"transfer\"\nretries = 0\n\
         [otlp]\nurl = \"http://{dead}/\"\nevery = \"1s\""
    );
    let server = confined(&config).plain_log().start();
    for _ in 0..20 {
        assert_eq!(Wire::new(server.address()).fetch("good"), b"good");
    }
    for words in [
        "warning: log: /nowhere/socket: ",
        "warning: webhook http://127.0.0.1:",
        "warning: otlp http://127.0.0.1:",
    ] {
        let told = server.notes().wait(LONG, |lines| {
            lines
                .iter()
                .any(|line| line.starts_with(words))
                .then_some(())
        });
        assert!(told.is_some(), "{words}: {:#?}", server.notes().lines());
    }
    server.finish();
}

/// Under systemd, journald takes the priority of each line from its beginning.
#[test]
fn lines_for_journald_begin_with_their_priority() {
    let server = confined("")
        .plain_log()
        .wrapped([
            "sh",
            "-c",
            "exec 3>&1; JOURNAL_STREAM=$(stat -L -c %d:%i /proc/self/fd/3) exec \"$0\" \"$@\"",
        ])
        .start();
    missing(&server, "bad");
    let line = server.log().wait(LONG, |lines| lines.first().cloned());
    let line = line.expect("a line");
    assert!(line.starts_with("<5>127.0.0.1:"), "{line}");
    let note = server.notes().lines().remove(0);
    assert!(
        !note.starts_with('<'),
        "standard error is another stream: {note}"
    );
}

/// A pipe that nobody reads takes 64 KiB, and then nothing more.
#[test]
fn a_log_that_is_stuck_holds_up_nobody() {
    let mut server = confined("")
        .wrapped([
            "sh",
            "-c",
            "mkfifo \"$4.fifo\" && exec \"$0\" \"$@\" 1<>\"$4.fifo\"",
        ])
        .start();
    for _ in 0..400 {
        assert_eq!(Wire::new(server.address()).fetch("good"), b"good");
    }
    server.signal("TERM");
    let status = server.wait(LONG);
    assert_eq!(status.code(), Some(0), "{:#?}", server.notes().lines());
    let told = server.notes().wait(LONG, |lines| {
        lines
            .iter()
            .any(|line| line.contains("400 transfers (400 complete)"))
            .then_some(())
    });
    assert!(told.is_some(), "{:#?}", server.notes().lines());
}

/// What cannot be reached is told before a server starts.
#[test]
fn a_check_asks_whether_they_can_be_reached() {
    let sink = Sink::start();
    let nobody = TcpListener::bind("127.0.0.1:0").expect("a port");
    let dead = nobody.local_addr().expect("an address");
    drop(nobody);
    let here = sink.address;
    let place = tempfile::TempDir::new().expect("a place");
    let path = place.path().join("bootwire.toml");
    let config = format!(
        "log = {{ format = \"journald\", file = \"/nowhere/socket\" }}\n\
         [otlp]\nurl = \"http://{here}\"\n\
         [[webhook]]\nurl = \"http://{dead}/x?key=k3y\"\n\
         [[route]]\ntext = \"good\"\n"
    );
    fs::write(&path, config).expect("a configuration");
    if is_root() {
        give_to_nobody(place.path());
    }
    let check = |flags: &[&str]| {
        let mut command = Command::new(bootwire());
        command.args(["check", "--config"]).arg(&path).args(flags);
        let output = run_to_end(&mut command, LONG);
        String::from_utf8(output.stdout).expect("text")
    };
    let told = check(&[]);
    for line in [
        format!("ok      export: otlp http://{here}/\n"),
        format!("FAIL    export: webhook http://{dead}/x: "),
        "FAIL    log: no journald at /nowhere/socket: ".to_owned(),
    ] {
        assert!(told.contains(&line), "no {line:?} in {told}");
    }
    assert!(!told.contains("k3y"), "{told}");
    let paths = [sink.next().path, sink.next().path];
    assert_eq!(paths, ["/v1/traces", "/v1/metrics"]);
    let told = check(&["--offline"]);
    assert!(!told.contains("export"), "{told}");
}
