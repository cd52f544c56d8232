//! Bounds on transfers: over all workers, and for each peer address.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use hashbrown::HashMap;

/// The places of transfers.
#[derive(Debug)]
pub(super) struct Places {
    running: Arc<AtomicUsize>,
    running_max: usize,
    per_peer: HashMap<IpAddr, u32, foldhash::quality::RandomState>,
    per_peer_max: usize,
}

/// No place for another transfer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::server) struct OverLimit;

impl Places {
    pub(super) fn new(running: Arc<AtomicUsize>, running_max: usize, per_peer_max: usize) -> Self {
        Self {
            running,
            running_max,
            per_peer: HashMap::default(),
            per_peer_max,
        }
    }

    /// Takes a place for a transfer of `peer`, to be given back by [`Places::leave`].
    pub(super) fn enter(&mut self, peer: IpAddr) -> Result<(), OverLimit> {
        let own = self.per_peer.entry(peer).or_insert(0);
        if *own as usize >= self.per_peer_max {
            return Err(OverLimit);
        }
        if self.running.fetch_add(1, Ordering::Relaxed) >= self.running_max {
            self.running.fetch_sub(1, Ordering::Relaxed);
            if *own == 0 {
                self.per_peer.remove(&peer);
            }
            return Err(OverLimit);
        }
        *own += 1;
        Ok(())
    }

    pub(super) fn leave(&mut self, peer: IpAddr) {
        self.running.fetch_sub(1, Ordering::Relaxed);
        if let Some(own) = self.per_peer.get_mut(&peer) {
            *own -= 1;
            if *own == 0 {
                self.per_peer.remove(&peer);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_bounded_over_all_and_for_each_peer_and_are_given_back() {
        let running = Arc::new(AtomicUsize::new(0));
        let mut places = Places::new(Arc::clone(&running), 3, 2);
        let [a, b] = ["10.0.0.1", "10.0.0.2"].map(|text| text.parse().unwrap());
        assert_eq!(places.enter(a), Ok(()));
        assert_eq!(places.enter(a), Ok(()));
        assert_eq!(places.enter(a), Err(OverLimit));
        assert_eq!(places.enter(b), Ok(()));
        assert_eq!(places.enter(b), Err(OverLimit));
        places.leave(a);
        assert_eq!(places.enter(b), Ok(()));
        for peer in [a, b, b] {
            places.leave(peer);
        }
        assert_eq!(running.load(Ordering::Relaxed), 0);
        assert!(
            places.per_peer.is_empty(),
            "no address is remembered for nothing"
        );
    }
}
