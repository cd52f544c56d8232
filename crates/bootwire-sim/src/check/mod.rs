//! What must hold, looked at from outside: packets as they cross the wire, records, and what the
//! clients have in the end.

mod budget;
mod endings;
mod memory;
mod records;
mod resends;

use std::collections::HashMap;
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use bootwire::TransferRecord;
use bootwire::server::simulation::Occupancy;
use bootwire_proto::Instant;

use self::budget::Budget;
pub use self::endings::Finals;
use self::memory::Memory;
use self::records::Records;
use self::resends::Resends;

/// A promise that was not kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// When it showed.
    pub at: Instant,
    /// What was wrong.
    pub text: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.at.as_micros() / 1_000_000;
        let micros = self.at.as_micros() % 1_000_000;
        write!(f, "at {seconds}.{micros:06}: {}", self.text)
    }
}

/// What can be promised in one scenario.
#[derive(Clone, Debug, Default)]
pub struct Rules {
    /// Most transfers at a time.
    pub transfers_max: usize,
    /// Transfers are answered from the listening port; else nothing is.
    pub single_port: bool,
    /// Longest a transfer may last after its peer's last packet.
    pub silence_max: Duration,
    /// Clients that answer at once over a path that is no worse than lossy: a block lost on the way
    /// must be sent again within this time, the first time it happens.
    pub resend_within: HashMap<IpAddr, Duration>,
    /// Clients whose path doubles packets and loses none: few blocks may be sent twice.
    pub no_resends: HashMap<IpAddr, Resending>,
}

/// How many blocks may be sent twice where nothing is lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resending {
    /// None.
    Never,
    /// One in four in lockstep, as many as were sent once with windows.
    Rarely,
}

/// All checks of one run.
pub struct Checks {
    violations: Vec<Violation>,
    budget: Budget,
    memory: Memory,
    records: Records,
    resends: Resends,
}

/// Violations kept: the first ones tell the story.
const KEPT: usize = 20;

impl Checks {
    /// Checks for a run under `rules`.
    #[must_use]
    pub fn new(rules: &Rules) -> Self {
        Self {
            violations: Vec::new(),
            budget: Budget::new(rules.single_port),
            memory: Memory::new(rules.transfers_max),
            records: Records::new(rules.silence_max),
            resends: Resends::new(rules.resend_within.clone(), rules.no_resends.clone()),
        }
    }

    /// Notes what is wrong.
    pub fn violated(&mut self, at: Instant, text: impl Into<String>) {
        if self.violations.len() < KEPT {
            let text = text.into();
            self.violations.push(Violation { at, text });
        }
    }

    fn note(&mut self, at: Instant, result: Result<(), String>) {
        if let Err(text) = result {
            self.violated(at, text);
        }
    }

    /// The server is handed a datagram.
    pub fn server_gets(&mut self, now: Instant, socket: u16, from: SocketAddr, payload: &[u8]) {
        self.budget.gets(socket, from, payload);
        self.records.gets(now, socket, from, payload);
        self.resends.gets(socket, from, payload);
    }

    /// The server sends a datagram.
    pub fn server_sends(&mut self, now: Instant, socket: u16, to: SocketAddr, payload: &[u8]) {
        let result = self.budget.sends(socket, to, payload);
        self.note(now, result);
        let result = self.resends.sends(now, socket, to, payload);
        self.note(now, result);
    }

    /// A datagram between the server's `socket` and `peer` was lost.
    pub fn lost(&mut self, now: Instant, socket: u16, peer: SocketAddr) {
        self.resends.lost(now, socket, peer);
    }

    /// A handler was called.
    pub fn called(&mut self, now: Instant, id: u64) {
        let result = self.records.called(id);
        self.note(now, result);
    }

    /// A transfer ended.
    pub fn recorded(&mut self, now: Instant, record: &TransferRecord) {
        self.resends.over(record.peer);
        let result = self.records.ended(now, record);
        self.note(now, result);
    }

    /// What the server holds now.
    pub fn holds(&mut self, now: Instant, occupancy: &Occupancy) {
        let result = self.memory.holds(occupancy);
        self.note(now, result);
        let result = self.resends.look(now);
        self.note(now, result);
    }

    /// The run is over.
    pub fn finish(&mut self, now: Instant, finals: &Finals<'_>) {
        let result = self.records.finish(finals.accepted);
        self.note(now, result);
        let mut found = Vec::new();
        finals.check(&mut found);
        for text in found {
            self.violated(now, text);
        }
    }

    /// Most the server held at a time.
    #[must_use]
    pub const fn peak(&self) -> &Occupancy {
        self.memory.peak()
    }

    /// What was wrong.
    #[must_use]
    pub fn into_violations(self) -> Vec<Violation> {
        self.violations
    }
}
