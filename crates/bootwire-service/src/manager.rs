//! What a service manager is told: that the server is ready, what it is doing, that it lives.
//!
//! systemd's protocol (`sd_notify(3)`): lines in datagrams to the socket that `NOTIFY_SOCKET` names.
//! Others understand it too: OpenRC's s6, Podman, Kubernetes' wrappers. Without that variable nothing
//! is sent.

mod status;

use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use std::{env, io};

use bootwire::ServerView;
use rustix::time::{ClockId, clock_gettime};
use tokio::task::JoinHandle;

use crate::notes::Notes;
use status::Rates;

/// How long the manager may take to make room for a line.
const PATIENCE: Duration = Duration::from_millis(250);
/// How often the status line is renewed.
const STATUS_EVERY: Duration = Duration::from_secs(5);
/// What ends after the transfers have: exporters, the log. The manager waits that much longer.
const AFTERWARDS: Duration = Duration::from_secs(15);

/// The way to the service manager.
#[derive(Clone, Debug, Default)]
pub(crate) struct Manager(Option<Arc<Socket>>);

#[derive(Debug)]
struct Socket {
    socket: UnixDatagram,
    /// How often it wants to hear that the server lives.
    watchdog: Option<Duration>,
    draining: AtomicBool,
    /// The configuration on the disk has mistakes, and an older one is served.
    outdated: AtomicBool,
}

/// What tells the manager in the background. Ends when dropped.
#[derive(Debug, Default)]
pub(crate) struct Telling(Vec<JoinHandle<()>>);

impl Manager {
    /// The manager that this process has, if it has one. To be called before the sandbox closes: the
    /// socket is connected to here.
    pub(crate) fn from_environment(notes: &Notes) -> Self {
        let Some(place) = env::var_os("NOTIFY_SOCKET").filter(|place| !place.is_empty()) else {
            return Self::default();
        };
        let shown = place.display();
        let socket = match connect(&place) {
            Ok(socket) => socket,
            Err(error) => {
                notes.note(&format!(
                    "warning: cannot tell the service manager anything at NOTIFY_SOCKET={shown}: {error}"
                ));
                return Self::default();
            }
        };
        let variable = |name| env::var(name).ok();
        let watchdog = watchdog(
            variable("WATCHDOG_USEC").as_deref(),
            variable("WATCHDOG_PID").as_deref(),
            std::process::id(),
        );
        Self(Some(Arc::new(Socket {
            socket,
            watchdog,
            draining: AtomicBool::new(false),
            outdated: AtomicBool::new(false),
        })))
    }

    /// The server listens and answers. From now on its status is told, and that its workers turn.
    pub(crate) fn ready(&self, view: &ServerView) -> Telling {
        let Some(manager) = &self.0 else {
            return Telling::default();
        };
        let mut rates = Rates::default();
        let status = rates.line(&view.stats(), false);
        manager.tell(&format!("READY=1\nSTATUS={status}"));
        let mut tasks = vec![tokio::spawn(tell_status(
            Arc::clone(manager),
            view.clone(),
            rates,
        ))];
        if let Some(period) = manager.watchdog {
            let watched = watch(Arc::clone(manager), view.clone(), period);
            tasks.push(tokio::spawn(watched));
        }
        Telling(tasks)
    }

    /// The configuration is about to be read again.
    pub(crate) fn reloading(&self) {
        if let Some(manager) = &self.0 {
            let now = clock_gettime(ClockId::Monotonic);
            let micros = now.tv_sec * 1_000_000 + now.tv_nsec / 1_000;
            manager.tell(&format!(
                "RELOADING=1\nMONOTONIC_USEC={micros}\nSTATUS=Reads its configuration again"
            ));
        }
    }

    /// It was read: the server goes on with it, or with the one before.
    pub(crate) fn reloaded(&self, view: &ServerView, taken: bool) {
        if let Some(manager) = &self.0 {
            manager.outdated.store(!taken, Ordering::Relaxed);
            let status = Rates::default().line(&view.stats(), !taken);
            manager.tell(&format!("READY=1\nSTATUS={status}"));
        }
    }

    /// The server ends: `running` transfers may take `limit` for it.
    pub(crate) fn stopping(&self, running: u64, limit: Duration) {
        if let Some(manager) = &self.0 {
            manager.draining.store(true, Ordering::Relaxed);
            let time = limit.saturating_add(AFTERWARDS).as_micros();
            let status = status::draining(running, limit);
            manager.tell(&format!(
                "STOPPING=1\nEXTEND_TIMEOUT_USEC={time}\nSTATUS={status}"
            ));
        }
    }
}

impl Socket {
    /// Lost lines are no reason to stop serving: a manager that is gone has other troubles.
    fn tell(&self, lines: &str) {
        let _ = self.socket.send(lines.as_bytes());
    }
}

impl Drop for Telling {
    fn drop(&mut self) {
        self.0.iter().for_each(JoinHandle::abort);
    }
}

/// Tells the status as long as the server runs.
async fn tell_status(manager: Arc<Socket>, view: ServerView, mut rates: Rates) {
    let mut last = String::new();
    loop {
        tokio::time::sleep(STATUS_EVERY).await;
        if manager.draining.load(Ordering::Relaxed) {
            return;
        }
        let outdated = manager.outdated.load(Ordering::Relaxed);
        let line = rates.line(&view.stats(), outdated);
        if line != last {
            manager.tell(&format!("STATUS={line}"));
            last = line;
        }
    }
}

/// Tells that the server lives each time that all workers have come round, and never otherwise. It runs
/// on tokio like everything that waits: if that hangs, nothing is told either.
async fn watch(manager: Arc<Socket>, view: ServerView, period: Duration) {
    // One may come late.
    let pause = period / 3;
    loop {
        // In a drain workers end one by one. How long it takes has a limit of its own.
        if view.turns().await || manager.draining.load(Ordering::Relaxed) {
            manager.tell("WATCHDOG=1");
        }
        tokio::time::sleep(pause).await;
    }
}

fn connect(place: &std::ffi::OsStr) -> io::Result<UnixDatagram> {
    let address = match place.as_encoded_bytes() {
        [b'@', name @ ..] => SocketAddr::from_abstract_name(name)?,
        [b'/', ..] => SocketAddr::from_pathname(place)?,
        _ => {
            let why = "it is neither a path nor an abstract name";
            return Err(io::Error::new(io::ErrorKind::InvalidInput, why));
        }
    };
    let socket = UnixDatagram::unbound()?;
    socket.connect_addr(&address)?;
    socket.set_write_timeout(Some(PATIENCE))?;
    Ok(socket)
}

/// The period in which the manager wants to hear of process `own`.
fn watchdog(period: Option<&str>, pid: Option<&str>, own: u32) -> Option<Duration> {
    let for_us = pid.is_none_or(|pid| pid.parse() == Ok(own));
    let micros = period?.parse().ok().filter(|&micros: &u64| micros > 0)?;
    for_us.then(|| Duration::from_micros(micros))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_watchdog_is_for_the_process_it_names() {
        let second = Some(Duration::from_secs(1));
        assert_eq!(watchdog(Some("1000000"), None, 7), second);
        assert_eq!(watchdog(Some("1000000"), Some("7"), 7), second);
        assert_eq!(watchdog(Some("1000000"), Some("8"), 7), None);
        assert_eq!(watchdog(Some("0"), None, 7), None);
        assert_eq!(watchdog(Some("soon"), None, 7), None);
        assert_eq!(watchdog(None, None, 7), None);
    }

    #[test]
    fn places_are_paths_and_abstract_names() {
        let here = tempfile::TempDir::new().unwrap();
        let path = here.path().join("notify");
        let manager = UnixDatagram::bind(&path).unwrap();
        let socket = connect(path.as_os_str()).unwrap();
        socket.send(b"READY=1").unwrap();
        let mut heard = [0; 16];
        assert_eq!(manager.recv(&mut heard).unwrap(), 7);
        assert!(connect("vsock:2:1".as_ref()).is_err());
        assert!(connect(here.path().join("nobody").as_os_str()).is_err());

        let name = format!("bootwire-test-{}", std::process::id());
        let address = SocketAddr::from_abstract_name(&name).unwrap();
        let manager = UnixDatagram::bind_addr(&address).unwrap();
        connect(format!("@{name}").as_ref())
            .unwrap()
            .send(b"READY=1")
            .unwrap();
        assert_eq!(manager.recv(&mut heard).unwrap(), 7);
    }
}
