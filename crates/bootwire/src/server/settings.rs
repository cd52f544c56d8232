//! What a server is told before it starts.

use std::fmt;
use std::net::{SocketAddr, UdpSocket};
use std::ops::RangeInclusive;
use std::time::Duration;

use bootwire_proto::{Limits, Schedule};
use ipnet::IpNet;

use super::admission::Budgets;
use super::observe::{Observer, StatsObserver};
use crate::router::App;

/// Everything a server is told before it starts.
pub(super) struct Settings {
    pub(super) listen: Vec<SocketAddr>,
    pub(super) sockets: Vec<UdpSocket>,
    pub(super) workers: Option<usize>,
    pub(super) single_port: bool,
    pub(super) ports: Option<RangeInclusive<u16>>,
    pub(super) limits: Limits,
    pub(super) schedule: Schedule,
    pub(super) windowsize_first: u16,
    pub(super) allow: Option<Vec<IpNet>>,
    pub(super) transfers_max: usize,
    pub(super) transfers_per_peer_max: usize,
    pub(super) budgets: Budgets,
    pub(super) deadline: Duration,
    pub(super) fragment: bool,
    pub(super) traceparent: bool,
    pub(super) portable: bool,
    /// `None`: the workers decide by themselves.
    pub(super) spin: Option<Duration>,
    pub(super) app: Option<App>,
    pub(super) observers: Vec<Observer>,
    pub(super) stats_observers: Vec<(Duration, StatsObserver)>,
}

/// Without what is no setting: the application and the observers.
impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings")
            .field("listen", &self.listen)
            .field("sockets", &self.sockets)
            .field("workers", &self.workers)
            .field("single_port", &self.single_port)
            .field("ports", &self.ports)
            .field("limits", &self.limits)
            .field("schedule", &self.schedule)
            .field("windowsize_first", &self.windowsize_first)
            .field("allow", &self.allow)
            .field("transfers_max", &self.transfers_max)
            .field("transfers_per_peer_max", &self.transfers_per_peer_max)
            .field("budgets", &self.budgets)
            .field("deadline", &self.deadline)
            .field("fragment", &self.fragment)
            .field("traceparent", &self.traceparent)
            .field("portable", &self.portable)
            .field("spin", &self.spin)
            .finish_non_exhaustive()
    }
}
