//! Which machine a DHCP server gave an address to.

mod dnsmasq;
mod duid;
mod isc;
mod isc_host;
mod kea;

use std::collections::HashMap;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use bootwire::MacAddr;

use super::{Evidence, Identity, Key};
use crate::reload::{self, Load, Problem, Reloading, Stamp, made_from_files};

/// The largest lease file read, in bytes.
const FILE_MAX: u64 = 64 << 20;
/// Leases kept of one server, at most. Those that come first in the file stay.
const LEASES_MAX: usize = 1 << 20;

/// Whose lease file it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum LeaseFormat {
    /// dnsmasq's `dnsmasq.leases`.
    Dnsmasq,
    /// ISC dhcpd's `dhcpd.leases`, IPv4, or a `dhcpd.conf` whose `host` declarations have a
    /// `fixed-address`.
    Isc,
    /// Kea's memfile, `kea-leases4.csv` or `kea-leases6.csv`, and the `.1`, `.2` and `.completed`
    /// that its cleaning leaves beside it.
    Kea,
}

impl LeaseFormat {
    const fn name(self) -> &'static str {
        match self {
            Self::Dnsmasq => "dnsmasq",
            Self::Isc => "dhcpd",
            Self::Kea => "Kea",
        }
    }
}

/// What a lease says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Lease {
    pub(super) mac: Option<MacAddr>,
    pub(super) hostname: Option<String>,
    /// Seconds since 1970; `None` for ever.
    pub(super) expires: Option<u64>,
}

impl Lease {
    fn is_valid(&self, now: u64) -> bool {
        self.expires.is_none_or(|expires| expires > now)
    }
}

/// Seconds since 1970.
fn now() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    now.unwrap_or_default().as_secs()
}

/// What a file was made of.
#[derive(Clone, Copy, Default)]
pub(super) struct Lines {
    /// Of its format.
    pub(super) known: usize,
    /// Others, but for empty ones and comments.
    pub(super) senseless: usize,
}

impl Lines {
    pub(super) fn note(&mut self, line: &str, is_known: bool) {
        let line = line.trim();
        if is_known {
            self.known += 1;
        } else if !line.is_empty() && !line.starts_with('#') {
            self.senseless += 1;
        }
    }
}

/// Leases read so far: a later line about an address replaces an earlier one.
#[derive(Default)]
pub(super) struct Table(HashMap<IpAddr, Lease>);

impl Table {
    pub(super) fn set(&mut self, ip: IpAddr, lease: Lease) {
        if self.0.len() < LEASES_MAX || self.0.contains_key(&ip) {
            self.0.insert(ip, lease);
        }
    }

    pub(super) fn remove(&mut self, ip: IpAddr) {
        self.0.remove(&ip);
    }
}

/// The lease file of a DHCP server on this host, read again when it changes.
///
/// Lines that make no sense are skipped: servers append while we read. A file without any that does is
/// a [problem](Leases::problems), and what was known before stays.
pub struct Leases {
    reloading: Reloading<Loader>,
}

struct Loader {
    path: PathBuf,
    format: LeaseFormat,
}

/// One reading of the file.
pub(super) struct Reading {
    /// The versions of the files that were read, and of those that were not there.
    stamps: Vec<Option<Stamp>>,
    table: Table,
    problems: Vec<Problem>,
}

impl Reading {
    /// The hardware address of a lease that is valid.
    pub(super) fn mac_of(&self, ip: IpAddr) -> Option<MacAddr> {
        let lease = self.table.0.get(&ip)?;
        lease.mac.filter(|_| lease.is_valid(now()))
    }
}

impl Leases {
    /// The leases dnsmasq keeps at `path`, usually `/var/lib/misc/dnsmasq.leases`. Blocks while the
    /// file is read; it need not be there yet.
    pub fn dnsmasq(path: impl Into<PathBuf>) -> Self {
        Self::new(path, LeaseFormat::Dnsmasq)
    }

    /// The leases ISC dhcpd keeps at `path`, usually `/var/lib/dhcp/dhcpd.leases`.
    pub fn isc(path: impl Into<PathBuf>) -> Self {
        Self::new(path, LeaseFormat::Isc)
    }

    /// The leases Kea keeps at `path`, usually `/var/lib/kea/kea-leases4.csv`.
    pub fn kea(path: impl Into<PathBuf>) -> Self {
        Self::new(path, LeaseFormat::Kea)
    }

    /// The leases at `path`, in this format.
    pub fn new(path: impl Into<PathBuf>, format: LeaseFormat) -> Self {
        let loader = Loader {
            path: path.into(),
            format,
        };
        let first = loader.read();
        Self {
            reloading: Reloading::new(loader, first),
        }
    }

    /// Number of leases known, expired ones too.
    #[must_use]
    pub fn len(&self) -> usize {
        self.reloading.get().table.0.len()
    }

    /// Whether no lease is known.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The address of a lease that is valid for the machine with this hardware address, else of that
    /// with this name.
    pub(super) fn address_of(
        &self,
        mac: Option<MacAddr>,
        hostname: Option<&str>,
    ) -> Option<IpAddr> {
        let reading = self.reloading.get();
        let now = now();
        let find = |is_meant: &dyn Fn(&Lease) -> bool| {
            let mut leases = reading.table.0.iter();
            let found = leases.find(|(_, lease)| lease.is_valid(now) && is_meant(lease));
            found.map(|(ip, _)| *ip)
        };
        let by_mac = mac.and_then(|mac| find(&|lease| lease.mac == Some(mac)));
        by_mac.or_else(|| {
            let hostname = hostname?;
            find(&|lease| lease.hostname.as_deref() == Some(hostname))
        })
    }

    pub(super) fn at_hand(&self) -> Option<Arc<Reading>> {
        self.reloading.at_hand()
    }

    pub(super) async fn fresh(&self) -> Arc<Reading> {
        self.reloading.fresh().await
    }

    /// Adds what the lease of `ip` says; whether there is one.
    #[expect(clippy::unused_self, reason = "reads as a question to the leases")]
    pub(super) fn tell(&self, ip: IpAddr, who: &mut Identity, reading: &Reading) -> bool {
        let now = now();
        let lease = reading.table.0.get(&ip);
        let Some(lease) = lease.filter(|lease| lease.is_valid(now)) else {
            return false;
        };
        if let Some(mac) = lease.mac {
            who.note(Key::Mac(mac), Evidence::Lease);
        }
        if let Some(hostname) = &lease.hostname {
            who.note(Key::Hostname(hostname.clone()), Evidence::Lease);
        }
        true
    }
}

made_from_files!(Leases);

impl std::fmt::Debug for Leases {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Leases")
            .field("leases", &self.len())
            .finish_non_exhaustive()
    }
}

impl Loader {
    /// The files to read, oldest first.
    fn files(&self) -> Vec<PathBuf> {
        let beside = |suffix: &str| {
            let mut path = self.path.clone().into_os_string();
            path.push(suffix);
            PathBuf::from(path)
        };
        match self.format {
            LeaseFormat::Dnsmasq | LeaseFormat::Isc => vec![self.path.clone()],
            // Cleaning moves the file to .1 and merges .2 and .1 into .completed, then .2.
            LeaseFormat::Kea if beside(".completed").exists() => {
                vec![beside(".completed"), self.path.clone()]
            }
            LeaseFormat::Kea => vec![beside(".2"), beside(".1"), self.path.clone()],
        }
    }

    fn read(&self) -> Reading {
        let (mut stamps, mut table, mut problems) = (Vec::new(), Table::default(), Vec::new());
        for file in self.files() {
            match reload::read(&file, FILE_MAX) {
                Ok((stamp, content)) => {
                    stamps.push(Some(stamp));
                    let text = String::from_utf8_lossy(&content);
                    let lines = match self.format {
                        LeaseFormat::Dnsmasq => dnsmasq::read(&text, &mut table),
                        LeaseFormat::Isc => {
                            let mut lines = isc::read(&text, &mut table);
                            lines.known += isc_host::read(&text, &mut table);
                            lines
                        }
                        LeaseFormat::Kea => kea::read(&text, &mut table),
                    };
                    if lines.known == 0 && lines.senseless > 0 && !is_begun(&text) {
                        let what = format!(
                            "nothing in it is a lease of {}; what was known before stays",
                            self.format.name()
                        );
                        problems.push(Problem::new(file.display(), what));
                    }
                }
                Err(error) => {
                    stamps.push(stamp_of(&file));
                    if file == self.path {
                        problems.push(Problem::new(file.display(), error));
                    }
                }
            }
        }
        Reading {
            stamps,
            table,
            problems,
        }
    }
}

/// Whether it may be the beginning of a first line that is being written.
fn is_begun(text: &str) -> bool {
    text.len() < 256 && !text.contains(|letter: char| letter.is_control() || letter == '\u{fffd}')
}

fn stamp_of(path: &Path) -> Option<Stamp> {
    Stamp::at(path).ok().flatten()
}

impl Load for Loader {
    type Value = Reading;

    fn again(&self, old: &Reading) -> Option<Reading> {
        let stamps: Vec<_> = self.files().iter().map(|file| stamp_of(file)).collect();
        if stamps == old.stamps {
            return None;
        }
        let mut new = self.read();
        if !new.problems.is_empty() {
            // What was known yesterday is better than nothing.
            new.table = Table(old.table.0.clone());
        }
        Some(new)
    }

    fn problems(reading: &Reading) -> &[Problem] {
        &reading.problems
    }
}
