//! `bootwire demo`: every machine boots or fails as it is meant to, and nothing is left.

use std::net::UdpSocket;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};
use std::{fs, thread};

use tempfile::TempDir;

use crate::harness::{Output, Ports, bootwire, expect_listing, run_to_end};

/// How long the machines may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(180);

/// A running demo. Killed when dropped.
struct Demo {
    child: Child,
    lines: Output,
    notes: Output,
    /// Where its temporary directory is made.
    place: TempDir,
    port: Ports,
}

impl Demo {
    fn start(flags: &[&str]) -> Self {
        let place = TempDir::new().expect("a directory");
        let port = Ports::one();
        let listen = format!("127.0.0.1:{}", port.first());
        let mut child = Command::new(bootwire())
            .args(["demo", "--small", "--no-open", "--listen", &listen])
            .args(flags)
            .env("TMPDIR", place.path())
            // What is set for another server is not meant for the demo's.
            .env("BOOTWIRE_LISTEN", "nonsense")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the demo");
        let (lines, notes) = (Output::default(), Output::default());
        lines.follow(child.stdout.take().expect("piped"));
        notes.follow(child.stderr.take().expect("piped"));
        Self {
            child,
            lines,
            notes,
            place,
            port,
        }
    }

    fn printed(&self) -> String {
        format!("{:#?} {:#?}", self.notes.lines(), self.lines.lines())
    }

    /// Waits for a line about this machine that has these words.
    fn expect(&self, machine: &str, words: &str) {
        let found = self.lines.wait(PATIENCE, |lines| {
            let is_it = |line: &&String| line.starts_with(machine) && line.contains(words);
            lines.iter().find(is_it).cloned()
        });
        assert!(found.is_some(), "{machine}: {words}: {}", self.printed());
    }

    fn expect_note(&self, words: &str) {
        let found = self.notes.wait(PATIENCE, |lines| {
            lines.iter().find(|line| line.contains(words)).cloned()
        });
        assert!(found.is_some(), "{words}: {}", self.printed());
    }

    fn signal(&self, name: &str) {
        let kill = format!("kill -{name} {}", self.child.id());
        let status = Command::new("sh").args(["-c", &kill]).status();
        assert!(status.expect("a shell").success(), "{kill}");
    }

    fn wait(&mut self) -> ExitStatus {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.child.try_wait().expect("a child of ours") {
                return status;
            }
            assert!(Instant::now() < deadline, "no end: {}", self.printed());
            thread::sleep(Duration::from_millis(10));
        }
    }

    /// Nobody has its port any more.
    fn expect_no_server(&self) {
        let address = ("127.0.0.1", self.port.first());
        let deadline = Instant::now() + PATIENCE;
        while UdpSocket::bind(address).is_err() {
            assert!(Instant::now() < deadline, "a server is left");
            thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn every_machine_boots_or_fails_as_it_is_meant_to() {
    let mut demo = Demo::start(&["--speed", "100"]);
    demo.expect_note("Ctrl-C ends the demo");
    for machine in [
        "web-01",
        "web-02",
        "db-01",
        "build-01",
        "camera-01",
        "gateway-01",
        "desk-01",
        "crate-7f",
    ] {
        demo.expect(machine, "booted in ");
    }
    for (machine, words) in [
        (
            "web-03",
            "no kernel /images/13.0/vmlinuz: File not found (code 1)",
        ),
        ("db-02", "lost its power"),
        ("build-02", "without end"),
        (
            "arm-01",
            "is a program for x86-64, and this machine is arm64",
        ),
        ("web-05", "started over"),
        ("web-04", "hangs"),
        ("gateway-02", "over and over"),
        ("desk-02", "PXE-E99"),
        ("build-03", "could not kernel /mirror/12.7/vmlinuz"),
    ] {
        demo.expect(machine, words);
    }
    demo.signal("INT");
    assert_eq!(demo.wait().code(), Some(0), "{}", demo.printed());
    demo.expect_note("failed as they were meant to");
    expect_listing(demo.place.path(), &[]);
    demo.expect_no_server();
}

/// What the server says of each machine, once it has seen that their boots are over.
#[test]
fn the_server_says_why_each_machine_did_not_boot() {
    let place = TempDir::new().expect("a directory");
    let kept = place.path().join("site");
    let mut demo = Demo::start(&["--log", "--keep", kept.to_str().expect("text")]);
    let expected = [
        ("127.0.1.10", "complete"),
        ("127.0.1.20", "complete"),
        ("127.0.1.40", "complete"),
        ("127.0.1.50", "complete"),
        ("127.0.1.60", "complete"),
        ("127.0.1.70", "complete"),
        ("127.0.1.12", "kernel_missing"),
        ("127.0.1.14", "stopped_config"),
        ("127.0.1.15", "rebooted"),
        ("127.0.1.13", "wrong_loader"),
        ("127.0.1.41", "loop"),
        ("127.0.1.42", "origin_failed"),
        ("127.0.1.61", "template_failed"),
        ("127.0.1.43", "denied"),
    ];
    let deadline = Instant::now() + PATIENCE;
    loop {
        let boots = boots_of(&kept);
        let is_said = |(peer, verdict): &&(&str, &str)| {
            let machine = format!("\"peer\":\"{peer}\"");
            let verdict = format!("\"kind\":\"{verdict}\"");
            let mut boots = boots.lines();
            boots.any(|boot| boot.contains(&machine) && boot.contains(&verdict))
        };
        let Some(open) = expected.iter().find(|one| !is_said(one)) else {
            break;
        };
        assert!(
            Instant::now() < deadline,
            "{open:?}: {boots} {}",
            demo.printed()
        );
        thread::sleep(Duration::from_millis(500));
    }
    demo.expect("web-03", "the server says");
    demo.signal("TERM");
    assert_eq!(demo.wait().code(), Some(0), "{}", demo.printed());
}

fn boots_of(site: &Path) -> String {
    let mut command = Command::new(bootwire());
    let config = site.join("bootwire.toml");
    command.args(["boots", "--json", "--limit", "1000", "--config"]);
    let output = run_to_end(command.arg(config), PATIENCE);
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn it_ends_by_itself_and_keeps_what_it_shall() {
    let place = TempDir::new().expect("a directory");
    let kept = place.path().join("site");
    let kept_name = kept.to_str().expect("text");
    let mut demo = Demo::start(&["--for", "1s", "--keep", kept_name]);
    assert_eq!(demo.wait().code(), Some(0), "{}", demo.printed());
    demo.expect_note("the site is in ");
    expect_listing(demo.place.path(), &[]);
    // What is kept can be served and explained.
    assert!(explained(&kept, "/boot.ipxe").contains("boot.ipxe.j2"));

    // A second demo does not write over it.
    let mut demo = Demo::start(&["--keep", kept_name]);
    assert_eq!(demo.wait().code(), Some(1), "{}", demo.printed());
    demo.expect_note("is not empty: name a new directory");
}

fn explained(site: &Path, path: &str) -> String {
    let mut command = Command::new(bootwire());
    command
        .arg("explain")
        .arg("--config")
        .arg(site.join("bootwire.toml"))
        .args([&format!("GET {path}"), "--from", "127.0.1.40"]);
    let output = run_to_end(&mut command, PATIENCE);
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{said} {output:?}");
    said
}

#[test]
fn a_port_that_is_taken_is_told_and_nothing_is_left() {
    let place = TempDir::new().expect("a directory");
    let taken = UdpSocket::bind("127.0.0.1:0").expect("a port");
    let listen = taken.local_addr().expect("bound").to_string();
    let mut command = Command::new(bootwire());
    command
        .args(["demo", "--small", "--no-open", "--listen", &listen])
        .env("TMPDIR", place.path());
    let output = run_to_end(&mut command, PATIENCE);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("the port is in use"), "{said}");
    assert_eq!(fs::read_dir(place.path()).expect("it").count(), 0);
}

#[test]
fn a_demo_that_is_killed_leaves_no_server() {
    let mut demo = Demo::start(&[]);
    demo.expect_note("Ctrl-C ends the demo");
    demo.child.kill().expect("a child of ours");
    demo.wait();
    demo.expect_no_server();
}
