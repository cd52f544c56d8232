//! `bootwire bench` against `bootwire serve`: what it counts, what it notices, how it exits.

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::UdpSocket;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use serde_json::Value;
use tempfile::TempDir;

/// A server of a directory with some files. Killed when dropped.
struct Server {
    child: Child,
    dir: TempDir,
    port: u16,
}

/// Bytes that differ from block to block.
fn content(len: usize) -> Vec<u8> {
    (0..len).map(|at| (at * 7 + at / 509 * 31) as u8).collect()
}

impl Server {
    /// Serves `small` (1000 bytes), `even` (1024 bytes) and `large` (300,000 bytes).
    fn start(flags: &[&str]) -> Self {
        let dir = TempDir::new().unwrap();
        for (name, len) in [("small", 1000), ("even", 1024), ("large", 300_000)] {
            fs::write(dir.path().join(name), content(len)).unwrap();
        }
        // Started as root it becomes nobody, who must be able to write here.
        let _ = std::os::unix::fs::chown(dir.path(), Some(65_534), None);
        let mut child = Command::new(env!("CARGO_BIN_EXE_bootwire"))
            .arg("serve")
            .arg(dir.path())
            .args(["--listen", "127.0.0.1:0"])
            .args(flags)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let port = lines
            .find_map(|line| {
                let line = line.unwrap();
                let port = line.strip_prefix("listening on 127.0.0.1:")?;
                Some(port.parse().unwrap())
            })
            .unwrap();
        // The rest of its log is read, or it would be a closed pipe.
        std::thread::spawn(move || lines.for_each(drop));
        Self { child, dir, port }
    }

    fn url(&self, name: &str) -> String {
        format!("tftp://127.0.0.1:{}/{name}", self.port)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn bench(urls: &[String], flags: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_bootwire"))
        .arg("bench")
        .args(urls)
        .args(flags)
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

fn json(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| {
        panic!(
            "{error}: {}{}",
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        )
    })
}

/// The report of a run in which nothing failed.
#[track_caller]
fn clean(urls: &[String], flags: &[&str]) -> Value {
    let output = bench(urls, &[flags, &["--json"]].concat());
    let report = json(&output);
    assert_eq!(output.status.code(), Some(0), "{report:#}");
    assert_eq!(report["failed"], 0, "{report:#}");
    assert!(output.stderr.is_empty(), "{output:?}");
    report
}

fn number(report: &Value, key: &str) -> u64 {
    report[key]
        .as_u64()
        .unwrap_or_else(|| panic!("{key} in {report:#}"))
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[test]
fn reads_are_counted_exactly_and_compared() {
    let server = Server::start(&[]);
    for (flags, blocks, granted) in [
        (&["--no-options"][..], 2, (512, 1)),
        (&["--blksize", "512"], 2, (512, 1)),
        (&["--blksize", "100", "--windowsize", "4"], 11, (100, 4)),
        (&["--threads", "3", "--keep-ports"], 1, (1468, 1)),
        (
            &["--blksize", "99", "--windowsize", "5", "--gro"],
            11,
            (99, 5),
        ),
    ] {
        let flags = [flags, &["--clients", "7", "--transfers", "40"]].concat();
        let report = clean(&[server.url("small")], &flags);
        assert_eq!(report["completed"], 40, "{report:#}");
        assert_eq!(report["bytes"], 40_000);
        assert_eq!(report["blocks"], 40 * blocks);
        assert_eq!(report["verified"], true);
        assert_eq!(report["unfinished"], 0);
        assert_eq!(report["granted"]["blksize"], granted.0);
        assert_eq!(report["granted"]["windowsize"], granted.1);
    }
}

#[test]
fn a_file_of_whole_blocks_ends_with_an_empty_one() {
    let server = Server::start(&[]);
    let path = server.path("even");
    let flags = ["--blksize", "512", "--transfers", "5", "--expect"];
    let flags = [&flags[..], &[text(&path)]].concat();
    let report = clean(&[server.url("even")], &flags);
    assert_eq!(report["completed"], 5);
    assert_eq!(report["bytes"], 5 * 1024);
    assert_eq!(report["blocks"], 15);
}

#[test]
fn a_report_has_all_its_keys() {
    let server = Server::start(&[]);
    let report = clean(&[server.url("large")], &["--transfers", "3"]);
    for key in [
        "operation",
        "clients",
        "asked",
        "granted",
        "verified",
        "seed",
        "seconds",
        "completed",
        "failed",
        "failures",
        "missing",
        "vanished",
        "unfinished",
        "bytes",
        "blocks",
        "goodput_mib_per_s",
        "blocks_per_s",
        "transfers_per_s",
        "first_byte_us",
        "total_us",
        "sequences",
        "sent_again",
        "received_again",
        "timeouts",
        "strangers",
        "generator",
    ] {
        assert!(report.get(key).is_some(), "{key} in {report:#}");
    }
    let (first, total) = (&report["first_byte_us"], &report["total_us"]);
    for times in [first, total] {
        let times = ["p50", "p90", "p99", "max"].map(|key| times[key].as_u64().unwrap());
        assert!(times.is_sorted() && times[0] > 0, "{report:#}");
    }
    assert!(first["max"].as_u64() < total["max"].as_u64(), "{report:#}");
    assert!(report["goodput_mib_per_s"].as_f64().unwrap() > 0.0);
    if cfg!(target_os = "linux") {
        assert_eq!(report["generator"]["busy"].as_array().unwrap().len(), 1);
    }
}

#[test]
fn plain_calls_move_the_same_bytes() {
    let server = Server::start(&[]);
    for more in [&[][..], &["--portable-io"]] {
        let flags = [&["--clients", "8", "--rounds", "2"], more].concat();
        let report = clean(&[server.url("large")], &flags);
        assert_eq!(report["completed"], 16, "{more:?}: {report:#}");
        let io = report["generator"]["io"].as_str().unwrap();
        assert_eq!(io == "poll", !more.is_empty(), "{io}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn clients_with_addresses_of_their_own_share_sockets() {
    let server = Server::start(&[]);
    for (name, more) in [
        ("small", &["--threads", "2"][..]),
        ("large", &["--windowsize", "4", "--ramp", "0.2"]),
        ("large", &["--keep-ports", "--think", "3"]),
    ] {
        // More transfers of each client than there are ports.
        let flags = ["--source", "127.1.0.0/16", "-c", "70", "--rounds", "10"];
        let report = clean(&[server.url(name)], &[&flags[..], more].concat());
        assert_eq!(report["generator"]["io"], "shared sockets", "{more:?}");
        assert_eq!(report["completed"], 700, "{more:?}: {report:#}");
        let size = fs::metadata(server.path(name)).unwrap().len();
        assert_eq!(report["bytes"], 700 * size);
        assert_eq!(report["verified"], true);
        assert_eq!(report["strangers"], 0);
    }
    // An address that is not there is said at once, not found out by silence.
    let flags = ["--source", "192.0.2.0/24", "-c", "70", "--no-verify"];
    let output = bench(&[server.url("small")], &flags);
    assert_eq!(output.status.code(), Some(1));
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(
        complaint.contains("cannot open the sockets of 70 clients"),
        "{complaint}"
    );
}

#[test]
fn the_report_for_people_names_what_matters() {
    let server = Server::start(&[]);
    let output = bench(&[server.url("small")], &["--transfers", "3"]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let report = String::from_utf8(output.stdout).unwrap();
    for part in [
        "completed    3 transfers in ",
        "goodput ",
        "blocks       3 (",
        "first byte   p50 ",
        "total        p50 ",
        "sent again   0 requests, 0 ACKs; 0 timeouts",
        "content      every byte compared",
    ] {
        assert!(report.contains(part), "{part}: {report}");
    }
    assert!(output.stderr.is_empty(), "no progress without a terminal");
}

#[test]
fn uploads_arrive_as_the_pattern() {
    let server = Server::start(&["--create", "--create-dirs"]);
    let names = [server.url("up/{client}-{transfer}")];
    let flags = ["--write", "--size", "100000", "--clients", "4", "--rounds"];
    for (round, flags) in [
        [&flags[..], &["2"]].concat(),
        [&flags[..], &["3", "--windowsize", "16", "--loss", "2"]].concat(),
    ]
    .iter()
    .enumerate()
    {
        let report = clean(&names, flags);
        let transfers = 4 * (round as u64 + 2);
        assert_eq!(report["operation"], "write");
        assert_eq!(number(&report, "completed"), transfers, "{report:#}");
        assert_eq!(number(&report, "bytes"), transfers * 100_000);
        let mut stored = 0;
        for entry in fs::read_dir(server.path("up")).unwrap() {
            let bytes = fs::read(entry.unwrap().path()).unwrap();
            assert_eq!(bytes.len(), 100_000);
            assert!(bytes.iter().zip((0..251).cycle()).all(|(a, b)| *a == b));
            stored += 1;
        }
        assert_eq!(stored, transfers);
        fs::remove_dir_all(server.path("up")).unwrap();
    }
}

#[test]
fn an_empty_upload_is_an_upload() {
    let server = Server::start(&["--create"]);
    let flags = ["--write", "--size", "0", "--transfers", "1"];
    let report = clean(&[server.url("nothing")], &flags);
    assert_eq!(report["completed"], 1);
    assert_eq!(fs::read(server.path("nothing")).unwrap(), b"");
}

#[test]
fn a_mix_follows_its_weights() {
    let server = Server::start(&[]);
    let urls = [server.url("small=9"), server.url("large=1")];
    let report = clean(&urls, &["--clients", "5", "--transfers", "200"]);
    assert_eq!(report["completed"], 200);
    let large = (number(&report, "bytes") - 200_000) / 299_000;
    assert_eq!(200_000 + large * 299_000, number(&report, "bytes"));
    assert!((5..=40).contains(&large), "{large} of 200");
}

#[test]
fn a_sequence_is_fetched_in_order_by_each_client() {
    let server = Server::start(&[]);
    let urls = ["small", "even", "no-such-file", "large"].map(|name| server.url(name));
    let flags = ["--sequence", "--rounds", "3", "--clients", "4", "--ramp"];
    let flags = [&flags[..], &["0.2", "--think", "5", "--missing-ok"]].concat();
    let report = clean(&urls, &flags);
    assert_eq!(report["completed"], 4 * 3 * 3);
    assert_eq!(report["missing"], 4 * 3);
    assert_eq!(report["bytes"], 4 * 3 * (1000 + 1024 + 300_000));
    assert_eq!(report["sequences"]["completed"], 12);
    assert_eq!(report["sequences"]["failed"], 0);
    let fastest = report["sequences"]["total_us"]["p50"].as_u64().unwrap();
    assert!(fastest >= 3 * 5000, "three pauses: {fastest} us");
}

#[test]
fn a_sequence_that_fails_starts_over() {
    let server = Server::start(&[]);
    let urls = [server.url("no-such-file"), server.url("small")];
    let flags = ["--sequence", "--rounds", "2", "--no-verify", "--json"];
    let output = bench(&urls, &flags);
    assert_eq!(output.status.code(), Some(1));
    let report = json(&output);
    assert_eq!(report["failures"]["not_found"]["count"], 2, "{report:#}");
    assert_eq!(report["completed"], 0);
    assert_eq!(report["sequences"]["failed"], 2);
}

#[test]
fn a_bad_network_is_survived_and_counted() {
    let server = Server::start(&[]);
    let faults = ["--loss", "3", "--duplicate", "3", "--delay", "5"];
    for window in ["1", "8"] {
        let flags = [
            "--windowsize",
            window,
            "--clients",
            "8",
            "--transfers",
            "16",
        ];
        let report = clean(&[server.url("large")], &[&flags[..], &faults].concat());
        assert_eq!(report["completed"], 16);
        assert_eq!(report["bytes"], 16 * 300_000);
        let again = number(&report["received_again"], "data");
        assert!(again > 10, "{report:#}");
        assert!(number(&report["sent_again"], "acks") > 0, "{report:#}");
    }
}

#[test]
fn other_content_than_expected_is_a_failure() {
    let server = Server::start(&[]);
    let path = server.path("expected");
    let right = content(1000);
    let flipped: Vec<_> = (0..)
        .zip(&right)
        .map(|(at, byte)| byte ^ u8::from(at == 700))
        .collect();
    for (expected, example) in [
        (flipped, "small: other bytes in 512..1000"),
        (right[..999].to_vec(), "small: more than 999 bytes"),
        (
            [&right[..], b"x"].concat(),
            "small: 1000 bytes instead of 1001",
        ),
    ] {
        fs::write(&path, expected).unwrap();
        let flags = ["--blksize", "512", "--transfers", "2", "--json", "--expect"];
        let flags = [&flags[..], &[text(&path)]].concat();
        let output = bench(&[server.url("small")], &flags);
        assert_eq!(output.status.code(), Some(1));
        let report = json(&output);
        assert_eq!(report["completed"], 0);
        assert_eq!(
            report["failures"]["wrong_content"]["count"], 2,
            "{report:#}"
        );
        assert_eq!(report["failures"]["wrong_content"]["example"], example);
        let complaint = String::from_utf8(output.stderr).unwrap();
        assert_eq!(complaint, "bootwire: 2 of 2 transfers failed\n");
    }
}

#[test]
fn clients_that_vanish_are_no_failures() {
    let server = Server::start(&[]);
    let flags = ["--vanish", "50", "--clients", "4", "--transfers", "60"];
    let report = clean(&[server.url("large")], &flags);
    let vanished = number(&report, "vanished");
    assert_eq!(vanished + number(&report, "completed"), 60, "{report:#}");
    assert!((10..=50).contains(&vanished), "{vanished}");
    assert!(number(&report, "bytes") > number(&report, "completed") * 300_000);
}

#[test]
fn a_server_that_does_not_answer_is_given_up() {
    let silent = UdpSocket::bind("127.0.0.1:0").unwrap();
    let url = format!("tftp://{}/x", silent.local_addr().unwrap());
    let flags = [
        "--no-verify",
        "--give-up",
        "0.2",
        "-n",
        "3",
        "-c",
        "3",
        "--json",
    ];
    let output = bench(&[url], &flags);
    assert_eq!(output.status.code(), Some(1));
    let report = json(&output);
    assert_eq!(report["failures"]["no_answer"]["count"], 3, "{report:#}");
    assert_eq!(report["first_byte_us"], Value::Null);
}

#[test]
fn time_is_up_at_once() {
    let server = Server::start(&[]);
    let flags = ["--clients", "3", "--blksize", "8", "--duration", "0.3"];
    let report = clean(&[server.url("large")], &flags);
    let ended = report["seconds"].as_f64().unwrap();
    assert!((0.2..5.0).contains(&ended), "{report:#}");
    assert_eq!(report["unfinished"], 3, "{report:#}");
}

#[test]
fn an_interrupt_ends_the_run_with_a_report() {
    let server = UdpSocket::bind("127.0.0.1:0").unwrap();
    server
        .set_read_timeout(Some(std::time::Duration::from_secs(10)))
        .unwrap();
    let url = format!("tftp://{}/x", server.local_addr().unwrap());
    let child = Command::new(env!("CARGO_BIN_EXE_bootwire"))
        .args(["bench", &url, "--no-verify", "--duration", "600", "--json"])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut buffer = [0; 600];
    let (_, client) = server.recv_from(&mut buffer).unwrap();
    server.send_to(b"\0\x03\0\x01hi", client).unwrap();
    let (len, _) = server.recv_from(&mut buffer).unwrap();
    assert_eq!(&buffer[..len], b"\0\x04\0\x01");

    // The shell's own `kill`: the program of that name is not everywhere.
    let killed = Command::new("sh")
        .args(["-c", &format!("kill -INT {}", child.id())])
        .status()
        .unwrap();
    assert!(killed.success());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let report = json(&output);
    assert_eq!(report["completed"], 1);
    assert_eq!(report["unfinished"], 1, "the next one had no answer");
    assert_eq!(
        report["granted"],
        serde_json::json!({ "blksize": 512, "windowsize": 1 })
    );
}

#[test]
fn what_cannot_be_measured_is_explained() {
    let server = Server::start(&[]);
    for (urls, flags, code, part) in [
        (&["no-such-file"][..], &[][..], 1, "cannot fetch a copy of"),
        (
            &["small", "even"],
            &["--expect", "/dev/null"],
            1,
            "one for each",
        ),
        (
            &["small"],
            &["--expect", "/no/such"],
            7,
            "cannot read /no/such",
        ),
        (&["small;mode=netascii"], &[], 1, "only octet mode"),
        (&[""], &[], 1, "the file name is missing"),
        (&["small"], &["--size", "1K"], 2, "--write"),
    ] {
        let urls: Vec<_> = urls.iter().map(|name| server.url(name)).collect();
        let output = bench(&urls, flags);
        assert_eq!(output.status.code(), Some(code), "{urls:?}");
        let complaint = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(complaint.contains(part), "{complaint}");
        assert!(output.stdout.is_empty());
    }
}

#[cfg(target_os = "linux")]
#[test]
fn more_clients_than_open_files_are_provided_for_or_explained() {
    let server = Server::start(&[]);
    let limited = |limit: &str, clients: &str| {
        let script = format!("ulimit {limit}; exec \"$@\"");
        Command::new("sh")
            .args(["-c", &script, "sh", env!("CARGO_BIN_EXE_bootwire"), "bench"])
            .args([&server.url("small"), "--clients", clients, "--rounds", "1"])
            .output()
            .unwrap()
    };
    let raised = limited("-Sn 100", "150");
    assert_eq!(raised.status.code(), Some(0), "{raised:?}");

    // Root may raise any limit.
    let hard = limited("-n 100", "150");
    let complaint = String::from_utf8_lossy(&hard.stderr).into_owned();
    let explained = hard.status.code() == Some(1) && complaint.contains("150 clients need");
    assert!(explained || hard.status.code() == Some(0), "{hard:?}");
}
