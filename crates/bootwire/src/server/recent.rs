//! Peers seen lately.
//!
//! A peer that comes again, from the same port, must not get the same transfer port again: late
//! packets of its last transfer would be taken for this one. And a late packet of a transfer that
//! has ended must not be answered with an ERROR: a client that uses one port for all its requests
//! would take it for the answer to its next one. So a little is remembered of who was here, in a
//! fixed amount of memory that strangers cannot grow.

use std::hash::BuildHasher;
use std::net::SocketAddr;
use std::time::Duration;

use bootwire_proto::Instant;
use foldhash::quality::SeedableRandomState;

/// Peers whose turn is remembered, at most. Of those that share a set the one that was here longest
/// ago is forgotten: it may get the transfer port of its last transfer again.
const TURNS: usize = 32_768;
/// Peers of one set.
const WAYS: usize = 8;
/// Turns count up to this and begin again: a multiple of any number of ports a peer may be given,
/// so that no two turns in a row come to the same port.
const CYCLE: u16 = 27_720;
/// Words of each filter: 100 000 peers set a quarter of its bits.
const WORDS: usize = 16_384;
/// Bits set for each peer, all in one word: one look into memory instead of one for each.
const PROBES: u32 = 3;
/// A filter is filled for this long and asked for as long again.
const GENERATION: Duration = Duration::from_secs(30);

/// The turns of one peer.
#[derive(Clone, Copy, Debug, Default)]
struct Turn {
    tag: u32,
    turn: u16,
}

/// The memory of one worker.
#[derive(Debug)]
pub(super) struct RecentPeers {
    /// In sets of [`WAYS`], in each the latest peer first.
    turns: Box<[Turn]>,
    /// Bloom filters of this generation and the last. They never forget a peer within a
    /// generation; for a few in a hundred others they may say "known" too, which means silence where an
    /// ERROR would have been due.
    filters: [Box<[u64]>; 2],
    since: Instant,
    /// Seeded: strangers choose the addresses and ports that are hashed.
    hasher: SeedableRandomState,
}

impl RecentPeers {
    pub(super) fn new(now: Instant) -> Self {
        Self::hashing(now, SeedableRandomState::random())
    }

    /// A memory whose collisions are the caller's choice.
    pub(super) fn hashing(now: Instant, hasher: SeedableRandomState) -> Self {
        let filter = || vec![0; WORDS].into();
        Self {
            turns: vec![Turn::default(); TURNS].into(),
            filters: [filter(), filter()],
            since: now,
            hasher,
        }
    }

    /// Counts a request of `peer`: each gets the next number, so that numbers of one peer's
    /// successive requests differ in any small modulus.
    pub(super) fn next_turn(&mut self, now: Instant, peer: SocketAddr) -> u16 {
        let hash = self.hasher.hash_one(peer);
        self.age(now);
        let (word, bits) = mark(hash);
        self.filters[0][word] |= bits;
        let tag = (hash >> 32) as u32;
        let first = hash as usize % (TURNS / WAYS) * WAYS;
        let set = &mut self.turns[first..first + WAYS];
        let known = set.iter().position(|one| one.tag == tag);
        // Strangers all start with the same: the fewer ports are busy, the more packets each
        // system call moves.
        let last = known.map_or(0, |at| set[at].turn);
        set[..=known.unwrap_or(WAYS - 1)].rotate_right(1);
        let turn = (last + 1) % CYCLE;
        set[0] = Turn { tag, turn };
        turn
    }

    /// Whether `peer` asked for something lately: surely so within half a minute.
    pub(super) fn knows(&mut self, now: Instant, peer: SocketAddr) -> bool {
        self.age(now);
        let (word, bits) = mark(self.hasher.hash_one(peer));
        self.filters
            .iter()
            .any(|filter| filter[word] & bits == bits)
    }

    fn age(&mut self, now: Instant) {
        let age = now.since(self.since);
        if age < GENERATION {
            return;
        }
        self.since = now;
        self.filters.swap(0, 1);
        self.filters[0].fill(0);
        if age >= 2 * GENERATION {
            self.filters[1].fill(0);
        }
    }
}

/// The mark in a filter of a peer with this hash: a word, and bits in it. Other bits of the hash
/// choose its turn's slot.
fn mark(hash: u64) -> (usize, u64) {
    let bits = (0..PROBES).fold(0, |bits, probe| {
        bits | 1 << ((hash >> (40 + 6 * probe)) % 64)
    });
    ((hash >> 14) as usize % WORDS, bits)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peer(number: u32) -> SocketAddr {
        let [a, b, c, d] = number.to_be_bytes();
        SocketAddr::from(([10, a, b, c], 1024 + u16::from(d)))
    }

    #[test]
    fn a_peer_that_comes_again_gets_another_turn_each_time() {
        let mut recent = RecentPeers::new(Instant::ZERO);
        let turns = (0..4).map(|_| recent.next_turn(Instant::ZERO, peer(1)) % 4);
        let mut turns: Vec<u16> = turns.collect();
        turns.sort_unstable();
        assert_eq!(turns, [0, 1, 2, 3]);
    }

    /// Loaders that ask for everything from one port, thousands of them at a time.
    #[test]
    fn a_crowd_of_peers_gets_other_turns_too() {
        let mut recent = RecentPeers::hashing(Instant::ZERO, SeedableRandomState::fixed());
        for round in 1..=10 {
            let same = (0..10_000)
                .filter(|&number| recent.next_turn(Instant::ZERO, peer(number)) != round)
                .count();
            assert!(same <= 200, "{same} of 10000 were forgotten in between");
        }
    }

    #[test]
    fn turns_differ_where_they_begin_again() {
        let mut recent = RecentPeers::new(Instant::ZERO);
        let turns: Vec<u16> = (0..u32::from(CYCLE) + 10)
            .map(|_| recent.next_turn(Instant::ZERO, peer(1)))
            .collect();
        for ports in 2..=12 {
            assert!(
                turns
                    .windows(2)
                    .all(|pair| pair[0] % ports != pair[1] % ports)
            );
        }
    }

    #[test]
    fn who_was_here_is_known_for_half_a_minute_and_not_for_ever() {
        let mut recent = RecentPeers::new(Instant::ZERO);
        let start = Instant::ZERO + Duration::from_secs(25);
        assert!(!recent.knows(start, peer(1)));
        recent.next_turn(start, peer(1));
        for seconds in [0, 10, 29] {
            assert!(recent.knows(start + Duration::from_secs(seconds), peer(1)));
        }
        assert!(!recent.knows(start + Duration::from_secs(70), peer(1)));
    }

    #[test]
    fn nobody_is_forgotten_in_a_storm() {
        let mut recent = RecentPeers::new(Instant::ZERO);
        for number in 0..100_000 {
            recent.next_turn(Instant::ZERO, peer(number));
        }
        let now = Instant::ZERO + Duration::from_secs(20);
        assert!((0..100_000).all(|number| recent.knows(now, peer(number))));
        let taken_for_known = (100_000..200_000)
            .filter(|&number| recent.knows(now, peer(number)))
            .count();
        assert!(taken_for_known < 5000, "{taken_for_known} of 100000");
    }
}
