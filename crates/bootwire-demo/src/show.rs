//! What the demo shows: how to go on, and how each boot ended.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use bootwire_bench::boots::{Ending, Event, Got, Machine};
use bootwire_boots::Boot as Followed;

use crate::fleet::Member;
use crate::ports::Ports;
use crate::site::Site;
use crate::{shown, size};

/// What happens in a demo.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum News<'a> {
    /// A line about the demo: what runs, how to go on, how it ended.
    Note(&'a str),
    /// A line of the server's log: a transfer.
    Log(&'a str),
    /// How a boot ended, or what the server says of one that did not go well. Its line is these three
    /// texts; they have nothing that steers a terminal.
    Boot {
        /// Who it is.
        machine: String,
        /// The words that tell how it went.
        words: String,
        /// How it went.
        mood: Mood,
        /// More about it.
        more: String,
    },
}

/// How a boot went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Mood {
    /// Well.
    Booted,
    /// It failed, as it was meant to.
    Failed,
    /// That is a verdict of the server.
    Verdict,
}

/// Says what runs, and what to try.
pub(crate) fn introduce(
    program: &str,
    site: &Site,
    ports: &Ports,
    members: &[Member],
) -> [String; 15] {
    let path = site.path().display();
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
    [
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
    ]
}

/// Boots as they go on.
pub(crate) struct Boots {
    widths: (usize, usize),
    /// Names by addresses: what a machine asks for need not tell who it is.
    names: BTreeMap<IpAddr, String>,
    running: Mutex<BTreeMap<String, Boot>>,
    counts: Mutex<(u64, u64)>,
}

/// A boot that is under way.
struct Boot {
    began: Instant,
    requests: u64,
    bytes: u64,
    starts: u32,
}

impl Boots {
    pub(crate) fn new(members: &[Member]) -> Self {
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
            counts: Mutex::default(),
        }
    }

    /// Takes what a machine tells. Something to tell when its boot has ended.
    pub(crate) fn on(&self, machine: &Machine, event: Event<'_>) -> Option<News<'static>> {
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
                let boot = running.remove(&machine.name)?;
                drop(running);
                let mut ended = lock(&self.counts);
                match ending {
                    Ending::Booted => ended.0 += 1,
                    _ => ended.1 += 1,
                }
                drop(ended);
                return Some(self.ended(machine, &boot, ending));
            }
            _ => {}
        }
        None
    }

    fn ended(&self, machine: &Machine, boot: &Boot, ending: &Ending) -> News<'static> {
        let (name, kind) = (&machine.name, machine.kind.to_string());
        let (names, kinds) = self.widths;
        let (words, mood, more) = match ending {
            Ending::Booted => {
                let time = size::span(boot.began.elapsed());
                let requests = size::count(boot.requests, "request", "requests");
                let again = if boot.starts > 1 {
                    ", started over"
                } else {
                    ""
                };
                let bytes = size::bytes(boot.bytes);
                let more = format!(" in {time}: {bytes}, {requests}{again}");
                ("booted".to_owned(), Mood::Booted, more)
            }
            ending => {
                let words = shown::escaped(ending.to_string().as_bytes());
                (words, Mood::Failed, String::new())
            }
        };
        News::Boot {
            machine: format!("{name:names$}  {kind:kinds$}  "),
            words,
            mood,
            more,
        }
    }

    /// What the server says of a boot that did not go well.
    pub(crate) fn verdict(&self, boot: &Followed) -> Option<News<'static>> {
        let verdict = boot.verdict.as_ref()?;
        let (names, kinds) = self.widths;
        let name = self.names.get(&boot.peer).unwrap_or(&boot.machine);
        let name = shown::escaped(name.as_bytes());
        let says = "  the server says";
        Some(News::Boot {
            machine: format!("{name:names$}  {says:kinds$}  "),
            words: verdict.words.clone(),
            mood: Mood::Verdict,
            more: String::new(),
        })
    }

    /// The last line.
    pub(crate) fn summary(&self) -> String {
        let (booted, failed) = *lock(&self.counts);
        let boots = size::count(booted + failed, "boot", "boots");
        format!("{boots}: {booted} went well, {failed} failed as they were meant to")
    }
}

/// Sums are right at every step, so a panic elsewhere cannot have spoilt them.
fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
