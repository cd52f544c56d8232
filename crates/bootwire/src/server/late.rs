//! Clients whose transfer ended before their first answer.
//!
//! A late packet of a transfer that has ended gets silence, as its client may have moved on. But a
//! client that answers for the first time only after its transfer was given up waits for what will
//! never come: it is told, whenever it comes. So such clients are remembered, a bounded number.

use std::collections::{HashMap, VecDeque};
use std::net::SocketAddr;
use std::time::Duration;

use bootwire_proto::Instant;
use foldhash::quality::RandomState;

/// Clients remembered; the one that expired first is forgotten first.
const CLIENTS: usize = 4096;
/// How long: longer than anyone is remembered who had a transfer, so that the answer does not
/// change in between.
const MEMORY: Duration = Duration::from_secs(300);

/// The memory of one worker.
#[derive(Debug, Default)]
pub(super) struct LateClients {
    clients: HashMap<SocketAddr, Instant, RandomState>,
    /// In the order in which they expired; some have come again since.
    order: VecDeque<(Instant, SocketAddr)>,
}

impl LateClients {
    /// The transfer of `peer` ended without any answer.
    pub(super) fn add(&mut self, now: Instant, peer: SocketAddr) {
        self.clients.insert(peer, now);
        self.order.push_back((now, peer));
        if self.order.len() > CLIENTS
            && let Some((since, oldest)) = self.order.pop_front()
            && self.clients.get(&oldest) == Some(&since)
        {
            self.clients.remove(&oldest);
        }
    }

    /// Whether `peer` answers too late.
    pub(super) fn knows(&self, now: Instant, peer: SocketAddr) -> bool {
        let since = self.clients.get(&peer);
        since.is_some_and(|&since| now.since(since) < MEMORY)
    }

    /// `peer` asks for something again.
    pub(super) fn remove(&mut self, peer: SocketAddr) {
        if !self.clients.is_empty() {
            self.clients.remove(&peer);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peer(number: u16) -> SocketAddr {
        SocketAddr::from(([10, 0, 0, 1], number))
    }

    #[test]
    fn who_expired_is_known_until_it_asks_again_or_for_five_minutes() {
        let mut expired = LateClients::default();
        let at = |seconds| Instant::ZERO + Duration::from_secs(seconds);
        expired.add(at(0), peer(1));
        expired.add(at(0), peer(2));
        expired.remove(peer(2));
        assert!(expired.knows(at(299), peer(1)));
        assert!(!expired.knows(at(300), peer(1)));
        assert!(!expired.knows(at(1), peer(2)));
    }

    #[test]
    fn forgers_do_not_make_it_grow() {
        let mut expired = LateClients::default();
        for number in 0..u16::MAX {
            expired.add(Instant::ZERO, peer(number));
        }
        assert!(expired.clients.len() <= CLIENTS && expired.order.len() <= CLIENTS);
        assert!(expired.knows(Instant::ZERO, peer(u16::MAX - 1)));
    }
}
