//! What a run came to.

use std::time::Duration;

use bootwire::server::ServerStats;
use bootwire::server::simulation::Occupancy;
use bootwire_proto::Instant;

use crate::check::Violation;

/// What a run came to.
#[derive(Clone, Debug)]
pub struct Report {
    /// What was wrong; empty if nothing.
    pub violations: Vec<Violation>,
    /// Stands for everything that happened.
    pub digest: u64,
    /// Virtual time it took.
    pub duration: Duration,
    /// What the server counted.
    pub stats: ServerStats,
    /// Most the server held at a time.
    pub peak: Occupancy,
    /// Each client: its name, whether it has what it came for, its requests, and when it had its
    /// last file.
    pub clients: Vec<Client>,
}

/// What a client came to.
#[derive(Clone, Debug)]
pub struct Client {
    /// What it is.
    pub name: &'static str,
    /// Whether it has what it came for.
    pub success: bool,
    /// Requests it made.
    pub attempts: u32,
    /// ERRORs with code 0 it was sent: busy, try again.
    pub busy: u32,
    /// When it had its last file.
    pub done: Option<Instant>,
}
