//! Which transfers belong to one boot, and when it is over.
//!
//! [`Tracker`] does no I/O and has no clock: time comes with the records, and by [`Tracker::tick`].
//! Everything in it is bounded by [`Limits`].

mod add;
mod anew;
mod judge;
mod known;
mod open;
mod table;
mod tell;
#[cfg(test)]
mod tests;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bootwire::TransferRecord;

use crate::scripts::Script;
use crate::{Arch, Boot, Change, times};
use open::Open;
use table::{Machine, Table};

/// How much a [`Tracker`] keeps, and how long it waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// After so much silence a boot is over.
    pub silence: Duration,
    /// After so much silence a boot that has all it needs is over.
    pub settle: Duration,
    /// So long a boot that is over goes on if something comes that belongs to it.
    pub linger: Duration,
    /// Machines at a time; the one that is silent longest makes room.
    pub machines: usize,
    /// Steps of a boot; what is in the middle makes room.
    pub steps: usize,
    /// Memory for boots, in bytes, as far as that can be told.
    pub memory: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            silence: Duration::from_secs(120),
            settle: Duration::from_secs(10),
            linger: Duration::from_secs(3600),
            machines: 50_000,
            steps: 64,
            memory: 128 << 20,
        }
    }
}

/// Puts transfers together to boots.
///
/// Give it each record, in the order in which they come, and the time, once a second or so. What it
/// answers tells what became of boots.
///
/// ```
/// use std::time::Duration;
///
/// use bootwire::{Op, Outcome, TransferRecord};
/// use bootwire_boots::{Change, Limits, Tracker, VerdictKind};
///
/// let mut tracker = Tracker::new(Limits::default());
/// let mut record = TransferRecord::new(Op::Read, ([192, 0, 2, 7], 2070).into(), "/pxelinux.0");
/// record.outcome = Outcome::NotFound;
/// tracker.record(&record);
/// let changes = tracker.tick(record.started + Duration::from_secs(300));
/// let Some(Change::Ended(boot)) = changes.last() else { panic!("{changes:?}") };
/// let verdict = boot.verdict.as_ref().expect("it is over");
/// assert_eq!(verdict.kind, VerdictKind::LoaderMissing);
/// ```
#[derive(Debug)]
pub struct Tracker {
    limits: Limits,
    table: Table,
    known: known::Known,
}

/// What a configuration or a program turned out to be.
#[derive(Clone, Debug)]
pub(crate) enum Piece {
    /// A configuration that is understood.
    Script(Arc<Script>),
    /// A program: for which processor, if it is for EFI.
    Program(Option<Arch>),
}

impl Tracker {
    /// A tracker that knows of nothing yet.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        Self::numbered(limits, 0)
    }

    /// The same, with identifiers of boots that no other tracker gives, as long as each has another
    /// `seed`: where several servers share a database.
    #[must_use]
    pub fn numbered(limits: Limits, seed: u64) -> Self {
        Self {
            table: Table::new(limits, seed),
            known: known::Known::default(),
            limits,
        }
    }

    /// Takes a transfer that has ended. Boots that this ends are in the answer; all other changes
    /// come with the next [`Tracker::tick`].
    pub fn record(&mut self, record: &TransferRecord) -> Vec<Change> {
        self.record_of(record, None)
    }

    /// The same, with the beginning of what was sent, or all of it. Configurations are read, so that it is
    /// known what comes next, and headers of programs; anything else is ignored.
    pub fn record_of(&mut self, record: &TransferRecord, content: Option<&[u8]>) -> Vec<Change> {
        let mut changes = Vec::new();
        let piece = content.and_then(|content| self.known.read(&record.path, content));
        let (id, named) = self.table.machine_of(record, &mut changes);
        let limits = self.limits;
        self.table.change(id, |machine, next| {
            let transfer = Transfer {
                record,
                piece,
                named,
            };
            take(machine, transfer, next, &limits, &mut changes);
        });
        self.table.make_room(&mut changes);
        changes
    }

    /// A transfer of `peer` is running: what it belongs to is not over, however long it takes. Saying
    /// so is not needed, and spares verdicts that a later record would change.
    pub fn running(&mut self, peer: SocketAddr, path: &str, started: SystemTime, now: SystemTime) {
        let silence = self.limits.silence;
        let Some(id) = self.table.at(peer.ip()) else {
            return;
        };
        self.table.change(id, |machine, _| {
            let current = machine.current.as_ref();
            let is_older = current.is_none_or(|open| started < open.boot.started);
            let open = match is_older {
                true => machine.previous.as_mut(),
                false => machine.current.as_mut(),
            };
            if let Some(open) = open {
                open.running = Some(open::cut(path));
                if !open.boot.over {
                    open.due = open.due.max(times::after(now, silence));
                } else if open.held {
                    open.due = open.due.max(times::after(now, Duration::from_secs(15)));
                }
            }
        });
    }

    /// Time has passed: it is `now`. Tells what is new since the last time.
    pub fn tick(&mut self, now: SystemTime) -> Vec<Change> {
        let mut changes = Vec::new();
        for id in self.table.due(now) {
            let limits = self.limits;
            self.table
                .change(id, |machine, _| machine.due(now, &limits, &mut changes));
        }
        self.table.news(&mut changes);
        changes
    }

    /// Nothing more will come, as the server stops: every boot is over. Those that lack something were
    /// interrupted.
    pub fn finish(&mut self) -> Vec<Change> {
        let mut changes = Vec::new();
        self.table.news(&mut changes);
        self.table.clear(&mut changes);
        changes
    }

    /// Boots that are not over, those that began last first.
    #[must_use]
    pub fn open(&self) -> Vec<Arc<Boot>> {
        self.table.open()
    }

    /// Whether no boot is on.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.table.is_idle()
    }

    /// Machines that are known at the moment.
    #[must_use]
    pub fn machines(&self) -> usize {
        self.table.len()
    }

    /// Addresses that asked, acknowledged nothing, and made room for others of their kind.
    #[must_use]
    pub const fn strangers_gone(&self) -> u64 {
        self.table.strangers_gone()
    }

    /// Memory that boots take, in bytes, as far as that can be told.
    #[must_use]
    pub const fn memory(&self) -> usize {
        self.table.weight()
    }
}

/// A transfer that has ended.
struct Transfer<'r> {
    record: &'r TransferRecord,
    /// What was sent, if it is understood.
    piece: Option<Piece>,
    /// Whether it says which machine it is of.
    named: bool,
}

/// Finds the boot of a machine that a transfer belongs to, and adds it there.
fn take(
    machine: &mut Machine,
    transfer: Transfer<'_>,
    next: &mut dyn FnMut(SystemTime) -> String,
    limits: &Limits,
    changes: &mut Vec<Change>,
) {
    let Transfer {
        record,
        piece,
        named,
    } = transfer;
    // It began before the boot that is on: its end comes late.
    if let (Some(current), Some(previous)) = (&machine.current, &mut machine.previous)
        && record.started < current.boot.started
    {
        previous.add(record, piece, &machine.keys, &mut machine.arch, limits);
        previous.named |= named;
        if !previous.held {
            previous.end(machine.arch, changes);
        }
        return;
    }
    if let Some(current) = &mut machine.current
        && let Some(restart) = current.begins_anew(record, limits)
    {
        let mut old = machine.current.take();
        if let Some(open) = &mut old {
            open.restart = (!open.boot.over).then_some(restart);
            let is_held = !open.boot.over;
            open.boot.over = true;
            open.displaced = true;
            open.held = is_held;
            open.due = match is_held {
                true => times::after(record.started, limits.settle),
                false => times::after(record.started, limits.linger),
            };
        }
        if let Some(mut older) = std::mem::replace(&mut machine.previous, old) {
            older.end_if_held(machine.arch, changes);
        }
    }
    let keys = machine.keys.clone();
    let current = machine
        .current
        .get_or_insert_with(|| Open::new(next(record.started), record, &keys));
    current.add(record, piece, &keys, &mut machine.arch, limits);
    current.named |= named;
}
