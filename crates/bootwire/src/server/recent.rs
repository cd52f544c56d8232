//! Peers seen lately.
//!
//! A peer that comes again, from the same port, must not get the same transfer port again: late
//! packets of its last transfer would be taken for this one. And an ACK that comes after its
//! transfer has ended is nothing to complain about. Both need a little memory of who was here; it
//! has a fixed size, and forgetting costs nothing but the nicety.

use std::hash::BuildHasher;
use std::net::SocketAddr;
use std::time::Duration;

use bootwire_proto::Instant;

/// Peers remembered, at most.
const SLOTS: usize = 4096;
/// How long a peer counts as recent.
const MEMORY: Duration = Duration::from_secs(60);

#[derive(Clone, Copy, Debug, Default)]
struct Slot {
    tag: u32,
    turn: u16,
    seen: Option<Instant>,
}

/// The memory of one worker.
#[derive(Debug)]
pub(super) struct Recent {
    slots: Box<[Slot]>,
    hasher: foldhash::quality::RandomState,
}

impl Recent {
    pub(super) fn new() -> Self {
        Self {
            slots: vec![Slot::default(); SLOTS].into(),
            hasher: foldhash::quality::RandomState::default(),
        }
    }

    /// Counts a request of `peer`: each gets the next number, so that numbers of one peer's
    /// successive requests differ in any small modulus.
    pub(super) fn next_turn(&mut self, now: Instant, peer: SocketAddr) -> u16 {
        let (tag, index) = self.place(peer);
        let slot = &mut self.slots[index];
        if slot.tag != tag {
            // Strangers start anywhere, so that transfers spread over the ports.
            *slot = Slot {
                tag,
                turn: tag as u16,
                seen: None,
            };
        }
        slot.turn = slot.turn.wrapping_add(1);
        slot.seen = Some(now);
        slot.turn
    }

    /// Whether `peer` asked for something lately.
    pub(super) fn knows(&self, now: Instant, peer: SocketAddr) -> bool {
        let (tag, index) = self.place(peer);
        let slot = &self.slots[index];
        slot.tag == tag && slot.seen.is_some_and(|seen| now.since(seen) < MEMORY)
    }

    fn place(&self, peer: SocketAddr) -> (u32, usize) {
        let hash = self.hasher.hash_one(peer);
        ((hash >> 32) as u32, hash as usize % SLOTS)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_peer_that_comes_again_gets_another_turn_each_time() {
        let mut recent = Recent::new();
        let peer = "10.0.0.7:49153".parse().unwrap();
        let now = Instant::ZERO;
        assert!(!recent.knows(now, peer));
        let turns: Vec<u16> = (0..4).map(|_| recent.next_turn(now, peer) % 4).collect();
        let mut sorted = turns;
        sorted.sort_unstable();
        assert_eq!(sorted, [0, 1, 2, 3]);
        assert!(recent.knows(now, peer));
        assert!(!recent.knows(now + Duration::from_secs(61), peer));
    }
}
