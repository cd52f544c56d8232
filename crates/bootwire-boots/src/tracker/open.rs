//! A boot that is on, or was a moment ago.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bootwire::TransferRecord;

use super::Limits;
use crate::boot::Keys;
use crate::scripts::Script;
use crate::times::after;
use crate::{Arch, Boot, Change, VerdictKind};

/// A boot with what is known of it and not told.
#[derive(Debug)]
pub(super) struct Open {
    pub(super) boot: Boot,
    /// Whether one of its transfers says which machine it is; else only its address does.
    pub(super) named: bool,
    /// What it asked for first, whatever it was.
    pub(super) first_path: String,
    /// How often its first loader arrived whole.
    pub(super) first_fetched: u32,
    /// Configurations that arrived, by their paths.
    pub(super) scripts: Vec<(String, Arc<Script>)>,
    /// Programs that arrived, with what their headers say.
    pub(super) programs: Vec<(String, Option<Arch>)>,
    /// Whether it asked first as UEFI firmware does.
    pub(super) is_uefi: bool,
    /// The path of a transfer that was seen to run.
    pub(super) running: Option<String>,
    /// How the next boot began, if that ended this one.
    pub(super) restart: Option<Restart>,
    /// Another boot has begun: it does not go on.
    pub(super) displaced: bool,
    /// It is over, and its end is not told yet: a transfer may still be running.
    pub(super) held: bool,
    /// The server stops while it is on.
    pub(super) interrupted: bool,
    /// When to look at it again.
    pub(super) due: SystemTime,
    /// Whether there is something to tell.
    pub(super) dirty: bool,
    /// Whether its beginning was told.
    pub(super) announced: bool,
    /// The kind of verdict that was told with its end.
    pub(super) said: Option<VerdictKind>,
}

/// The beginning of a boot that ended another.
#[derive(Clone, Debug)]
pub(super) struct Restart {
    /// How long after its last transfer.
    pub(super) gap: Duration,
    /// How long after the first file was asked for.
    pub(super) apart: Duration,
}

/// Names of iPXE.
pub(super) fn is_ipxe(path: &str) -> bool {
    let name = path
        .rsplit('/')
        .next()
        .unwrap_or_default()
        .to_ascii_lowercase();
    ["ipxe", "undionly", "snponly", "gpxe"]
        .iter()
        .any(|part| name.contains(part))
        && !name.ends_with(".ipxe")
}

impl Open {
    pub(super) fn new(id: String, record: &TransferRecord, keys: &Keys) -> Self {
        let option = |name: &str| {
            let mut options = record.options.iter();
            let found = options.find(|(one, _)| one.eq_ignore_ascii_case(name));
            found.map(|(_, value)| value.as_str())
        };
        let is_uefi = option("windowsize").is_some()
            && matches!(option("blksize"), Some("1468" | "1228" | "1448" | "1408"))
            && record.options.len() <= 3
            && option("timeout").is_none();
        Self {
            boot: Boot {
                id,
                machine: keys.best(),
                keys: keys.clone(),
                peer: record.peer.ip().to_canonical(),
                loader: None,
                arch: None,
                started: record.started,
                last: record.started,
                over: false,
                transfers: 0,
                bytes: 0,
                steps: Vec::new(),
                more: 0,
                expected: Vec::new(),
                verdict: None,
                traceparent: None,
            },
            named: false,
            first_path: cut(&record.path),
            first_fetched: 0,
            scripts: Vec::new(),
            programs: Vec::new(),
            is_uefi,
            running: None,
            restart: None,
            displaced: false,
            held: false,
            interrupted: false,
            due: record.started,
            dirty: true,
            announced: false,
            said: None,
        }
    }

    /// Whether something at this time can be part of it, as far as time tells.
    pub(super) fn is_near(&self, at: SystemTime, silence: Duration) -> bool {
        !self.displaced
            && at <= after(self.boot.last, silence)
            && after(at, silence) >= self.boot.started
    }

    /// It is over, and stays for a while.
    pub(super) fn linger(&mut self, limits: &Limits) {
        self.due = after(self.due.max(self.boot.last), limits.linger);
    }

    /// Takes the transfers of what turned out to be the same boot.
    pub(super) fn absorb(&mut self, other: Self, limits: &Limits, changes: &mut Vec<Change>) {
        let boot = &mut self.boot;
        if other.boot.started < boot.started {
            self.first_path = other.first_path;
            self.is_uefi |= other.is_uefi;
        }
        boot.started = boot.started.min(other.boot.started);
        boot.last = boot.last.max(other.boot.last);
        boot.transfers += other.boot.transfers;
        boot.bytes += other.boot.bytes;
        boot.more += other.boot.more;
        boot.steps.extend(other.boot.steps);
        boot.steps.sort_by_key(|step| step.started);
        boot.loader = boot.loader.take().or(other.boot.loader);
        self.named |= other.named;
        self.first_fetched = self.first_fetched.max(other.first_fetched);
        self.scripts.extend(other.scripts);
        self.programs.extend(other.programs);
        self.due = self.due.max(other.due);
        self.dirty = true;
        self.bound(limits);
        if other.announced {
            changes.push(Change::Joined {
                id: other.boot.id,
                into: Arc::new(self.boot.clone()),
            });
        }
    }

    /// Memory it takes, roughly.
    pub(super) fn weight(&self) -> usize {
        let steps = self.boot.steps.iter();
        let steps =
            steps.map(|step| 320 + step.path.len() + step.error.as_ref().map_or(0, String::len));
        let expected = self.boot.expected.iter().map(|one| 100 + one.path.len());
        800 + steps.sum::<usize>()
            + expected.sum::<usize>()
            + self.scripts.len() * 400
            + self.programs.len() * 100
    }
}

/// A name of a client's, no longer than is kept.
pub(super) fn cut(text: &str) -> String {
    const MAX: usize = 512;
    match text.len() > MAX {
        true => text.chars().take(MAX / 2).collect(),
        false => text.to_owned(),
    }
}
