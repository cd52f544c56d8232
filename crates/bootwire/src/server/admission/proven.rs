//! Addresses that proved themselves lately.
//!
//! A forger who uses up the budget of a network must not lock out the machines in it that boot: who
//! answered from its address a while ago has a budget of its own. Only proof makes an entry, so
//! forged requests cannot push anyone out.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bootwire_proto::Instant;

/// Addresses remembered, at most; of those that share a set the one proven longest ago goes.
const ENTRIES: usize = 1 << 16;
/// Entries of one set.
const WAYS: usize = 4;
/// How long a proof is remembered: longer than a machine takes from its first request to its last.
pub(super) const MEMORY: Duration = Duration::from_secs(600);

/// The memory, shared by the workers.
#[derive(Debug)]
pub(super) struct Proven {
    /// In each entry the upper half of an address's hash, and the second of its last proof,
    /// counted from 1. Two workers that write one entry at a time lose one of two proofs, no more.
    entries: Box<[AtomicU64]>,
}

impl Proven {
    pub(super) fn new() -> Self {
        Self {
            entries: (0..ENTRIES).map(|_| AtomicU64::new(0)).collect(),
        }
    }

    /// The address with this hash has proven itself.
    pub(super) fn remember(&self, now: Instant, hash: u64) {
        let set = self.set(hash);
        let newest = tag(hash) | second(now);
        let same = set
            .iter()
            .find(|entry| entry.load(Ordering::Relaxed) & TAG == tag(hash));
        let oldest = || {
            set.iter()
                .min_by_key(|entry| entry.load(Ordering::Relaxed) & !TAG)
        };
        if let Some(entry) = same.or_else(oldest) {
            entry.store(newest, Ordering::Relaxed);
        }
    }

    /// Whether the address with this hash has proven itself within [`MEMORY`].
    pub(super) fn knows(&self, now: Instant, hash: u64) -> bool {
        let oldest = second(now).saturating_sub(MEMORY.as_secs());
        self.set(hash).iter().any(|entry| {
            let entry = entry.load(Ordering::Relaxed);
            entry & TAG == tag(hash) && entry & !TAG > oldest
        })
    }

    fn set(&self, hash: u64) -> &[AtomicU64] {
        let first = hash as usize % (ENTRIES / WAYS) * WAYS;
        &self.entries[first..first + WAYS]
    }
}

const TAG: u64 = 0xffff_ffff << 32;

const fn tag(hash: u64) -> u64 {
    hash & TAG
}

/// The second `now` is in, from 1 on: 0 is an empty entry.
fn second(now: Instant) -> u64 {
    let seconds = now.since(Instant::ZERO).as_secs() + 1;
    seconds.min(!TAG)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Instant {
        Instant::ZERO + Duration::from_secs(seconds)
    }

    /// A hash of set 0 with a tag of its own.
    fn address(number: u64) -> u64 {
        (number + 1) << 32
    }

    #[test]
    fn a_proof_is_remembered_for_ten_minutes() {
        let proven = Proven::new();
        assert!(!proven.knows(at(0), address(1)));
        proven.remember(at(0), address(1));
        assert!(proven.knows(at(0), address(1)));
        assert!(proven.knows(at(599), address(1)));
        assert!(!proven.knows(at(600), address(1)));
        assert!(!proven.knows(at(0), address(2)));
        proven.remember(at(700), address(1));
        assert!(proven.knows(at(1200), address(1)));
    }

    #[test]
    fn in_a_full_set_the_oldest_proof_is_forgotten() {
        let proven = Proven::new();
        for number in 0..5 {
            proven.remember(at(number), address(number));
        }
        let known = (0..5).map(|number| proven.knows(at(5), address(number)));
        assert_eq!(known.collect::<Vec<_>>(), [false, true, true, true, true]);
        for _ in 0..100 {
            proven.remember(at(6), address(4));
        }
        assert!(
            proven.knows(at(6), address(1)),
            "one address takes one entry"
        );
    }
}
