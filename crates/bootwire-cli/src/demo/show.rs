//! What the demo shows: how to go on, and how each boot ended.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use bootwire_bench::boots::{Ending, Event, Got, Machine};
use bootwire_boots::Boot as Followed;

use super::fleet::Member;
use super::ports::Ports;
use super::site::Site;
use crate::out::{self, Colour};
use crate::{shown, size};

/// How this program was called: what can be typed again.
fn program() -> String {
    let called = std::env::args_os().next();
    called.map_or_else(
        || "bootwire".to_owned(),
        |name| shown::escaped(name.as_encoded_bytes()),
    )
}

/// Says what runs, and what to try.
pub(super) fn introduce(site: &Site, ports: &Ports, members: &[Member]) {
    let (program, path) = (program(), site.path().display());
    let Ports {
        tftp,
        admin,
        metrics,
        ..
    } = ports;
    let machines = size::count(members.len() as u64, "machine", "machines");
    let mac = members.first().map(|member| member.machine.mac);
    let mac = mac.map_or_else(String::new, |mac| mac.dashed());
    let ending = if site.stays() {
        ""
    } else {
        " until the demo ends (--keep DIR keeps it)"
    };
    let lines = [
        format!(
            "Bootwire {}: {machines} boot from tftp://{tftp}/, some of them in vain.",
            env!("CARGO_PKG_VERSION")
        ),
        String::new(),
        format!("Watch them in a browser: http://{admin}/"),
        String::new(),
        "Or in another terminal:".to_owned(),
        format!("  {program} top --admin {admin}"),
        format!("  {program} tail --admin {admin}"),
        format!("  {program} boots --config {path}/bootwire.toml"),
        format!("  {program} boots 127.0.1.15 --config {path}/bootwire.toml"),
        format!(
            "  {program} explain --config {path}/bootwire.toml 'GET /boot.ipxe' --from 127.0.1.40"
        ),
        format!("  curl http://{metrics}/metrics"),
        format!("  curl tftp://{tftp}/grub/grub.cfg-01-{mac}"),
        String::new(),
        format!("The site is {path}{ending}. Ctrl-C ends the demo."),
        String::new(),
    ];
    lines.iter().for_each(|line| out::note(line));
}

/// Boots as they go on.
pub(super) struct Boots {
    widths: (usize, usize),
    /// Names by addresses: what a machine asks for need not tell who it is.
    names: BTreeMap<IpAddr, String>,
    running: Mutex<BTreeMap<String, Boot>>,
    ended: Mutex<(u64, u64)>,
}

/// A boot that is under way.
struct Boot {
    began: Instant,
    requests: u64,
    bytes: u64,
    starts: u32,
}

impl Boots {
    pub(super) fn new(members: &[Member]) -> Self {
        let name = |member: &Member| member.machine.name.len();
        let kind = |member: &Member| member.machine.kind.to_string().len();
        let named = members.iter().map(|member| &member.machine);
        let named = named.filter_map(|machine| Some((machine.address?, machine.name.clone())));
        Self {
            names: named.collect(),
            widths: (
                members.iter().map(name).max().unwrap_or(0),
                members.iter().map(kind).max().unwrap_or(0),
            ),
            running: Mutex::default(),
            ended: Mutex::default(),
        }
    }

    /// Takes what a machine tells. A line when its boot has ended.
    pub(super) fn on(&self, machine: &Machine, event: Event<'_>) {
        let mut running = lock(&self.running);
        match event {
            Event::Started => {
                let boot = running.entry(machine.name.clone()).or_insert(Boot {
                    began: Instant::now(),
                    requests: 0,
                    bytes: 0,
                    starts: 0,
                });
                boot.starts += 1;
            }
            Event::Fetched(fetched) => {
                if let Some(boot) = running.get_mut(&machine.name) {
                    boot.requests += 1;
                    boot.bytes += match fetched.got {
                        Got::Whole => fetched.bytes,
                        _ => 0,
                    };
                }
            }
            Event::Ended(ending) => {
                let Some(boot) = running.remove(&machine.name) else {
                    return;
                };
                drop(running);
                let mut ended = lock(&self.ended);
                match ending {
                    Ending::Booted => ended.0 += 1,
                    _ => ended.1 += 1,
                }
                drop(ended);
                out::result(&self.line(machine, &boot, ending));
            }
            _ => {}
        }
    }

    fn line(&self, machine: &Machine, boot: &Boot, ending: &Ending) -> String {
        let (name, kind) = (&machine.name, machine.kind.to_string());
        let (names, kinds) = self.widths;
        let what = match ending {
            Ending::Booted => {
                let time = size::span(boot.began.elapsed());
                let requests = size::count(boot.requests, "request", "requests");
                let again = if boot.starts > 1 {
                    ", started over"
                } else {
                    ""
                };
                let booted = out::coloured("booted", Colour::Green);
                let bytes = size::bytes(boot.bytes);
                format!("{booted} in {time}: {bytes}, {requests}{again}")
            }
            ending => out::coloured(&shown::escaped(ending.to_string().as_bytes()), Colour::Red),
        };
        format!("{name:names$}  {kind:kinds$}  {what}")
    }

    /// What the server says of a boot that did not go well.
    pub(super) fn verdict(&self, boot: &Followed) -> Option<String> {
        let verdict = boot.verdict.as_ref()?;
        let (names, kinds) = self.widths;
        let name = self.names.get(&boot.peer).unwrap_or(&boot.machine);
        let name = shown::escaped(name.as_bytes());
        let words = out::coloured(&verdict.words, Colour::Yellow);
        let says = "  the server says";
        Some(format!("{name:names$}  {says:kinds$}  {words}"))
    }

    /// The last line.
    pub(super) fn summary(&self) -> String {
        let (booted, failed) = *lock(&self.ended);
        let boots = size::count(booted + failed, "boot", "boots");
        format!("{boots}: {booted} went well, {failed} failed as they were meant to")
    }
}

/// Sums are right at every step, so a panic elsewhere cannot have spoilt them.
fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
