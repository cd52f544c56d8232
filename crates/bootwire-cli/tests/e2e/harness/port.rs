//! Ports that no other test uses, and commands that end.

use std::fs::{self, File};
use std::io::Read;
use std::net::UdpSocket;
use std::process::{Command, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// Ports below the range from which the kernel picks on its own.
const RANGE: std::ops::Range<u16> = 10_240..32_000;

/// A run of UDP ports that belongs to one test while this lives.
///
/// Asking the kernel for a free port would not do: listeners share their port (SO_REUSEPORT), so
/// two servers of two tests could end up on the same one and answer each other's clients.
pub(crate) struct Ports {
    first: u16,
    locks: Vec<File>,
}

impl Ports {
    /// One port.
    pub(crate) fn one() -> Self {
        Self::run(1)
    }

    /// `count` ports in a row.
    pub(crate) fn run(count: u16) -> Self {
        let slots = (RANGE.end - RANGE.start) / count;
        let start = u16::try_from(std::process::id() % u32::from(slots)).expect("less than slots");
        (0..slots)
            .map(|step| RANGE.start + (start + step) % slots * count)
            .find_map(|first| Self::take(first, count))
            .expect("a free run of ports")
    }

    fn take(first: u16, count: u16) -> Option<Self> {
        let dir = std::env::temp_dir().join("bootwire-e2e-ports");
        fs::create_dir_all(&dir).expect("a directory for port locks");
        let mut locks = Vec::new();
        for port in first..first + count {
            let lock = File::create(dir.join(port.to_string())).ok()?;
            lock.try_lock().ok()?;
            UdpSocket::bind(("0.0.0.0", port)).ok()?;
            UdpSocket::bind(("::", port)).ok()?;
            locks.push(lock);
        }
        Some(Self { first, locks })
    }

    /// The first port.
    pub(crate) fn first(&self) -> u16 {
        self.first
    }

    /// The last port.
    pub(crate) fn last(&self) -> u16 {
        self.first + u16::try_from(self.locks.len()).expect("few ports") - 1
    }
}

/// Runs `command` to its end and fails the test if that takes longer than `limit`.
pub(crate) fn run_to_end(command: &mut Command, limit: Duration) -> Output {
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| {
            panic!("{command:?} cannot be started ({error}): ./test installs what is missing")
        });
    let stdout = collect(child.stdout.take().expect("piped"));
    let stderr = collect(child.stderr.take().expect("piped"));
    let started = Instant::now();
    let status = loop {
        if let Some(status) = child.try_wait().expect("a child of ours") {
            break status;
        }
        if started.elapsed() > limit {
            let _ = child.kill();
            let _ = child.wait();
            let told = String::from_utf8_lossy(&stderr.join().expect("reader")).into_owned();
            panic!("{command:?} did not end within {limit:?}; it said: {told}");
        }
        thread::sleep(Duration::from_millis(5));
    };
    Output {
        status,
        stdout: stdout.join().expect("reader"),
        stderr: stderr.join().expect("reader"),
    }
}

fn collect(mut stream: impl Read + Send + 'static) -> thread::JoinHandle<Vec<u8>> {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        let _ = stream.read_to_end(&mut bytes);
        bytes
    })
}
