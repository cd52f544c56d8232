//! What earlier transfers with a client have shown: whether its network loses packets, whether it
//! copes with duplicates, how large a window it takes.
//!
//! Only clients that have proven their address make an entry, so forged requests push nobody out.
//! Fixed memory, shared by the workers: a client's next request may reach another one.

use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bootwire_proto::{Evidence, Instant};
use foldhash::quality::SeedableRandomState;

/// Clients remembered, at most; of those that share a set the one heard longest ago goes.
const ENTRIES: usize = 1 << 16;
/// Entries of one set.
const WAYS: usize = 4;
/// How long a client is remembered: longer than an installation takes.
pub(super) const MEMORY: Duration = Duration::from_secs(3600);

/// What is known of one client.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Experience {
    pub(super) evidence: Evidence,
    /// A window it has acknowledged whole; 1 if none. Kept as a power of two.
    pub(super) window: u16,
}

/// The memory.
#[derive(Debug)]
pub(super) struct Experiences {
    /// In each entry the upper half of an address's hash, the minute it was heard, counted from 1,
    /// and what is known. Two workers that write one entry at a time lose one of two news, no more.
    entries: Box<[AtomicU64]>,
    /// Seeded: clients choose the addresses that are hashed.
    hasher: SeedableRandomState,
}

impl Experiences {
    pub(super) fn new(hasher: SeedableRandomState) -> Self {
        Self {
            entries: (0..ENTRIES).map(|_| AtomicU64::new(0)).collect(),
            hasher,
        }
    }

    /// What is known of the client at `address`.
    // spec: evidence-remembered
    pub(super) fn of(&self, now: Instant, address: IpAddr) -> Experience {
        let hash = self.hash(address);
        let known = self
            .find(hash)
            .map_or(0, |entry| entry.load(Ordering::Relaxed));
        let oldest = minute(now).saturating_sub(MEMORY.as_secs() / 60);
        if known != 0 && age(known) > oldest {
            unpack(known)
        } else {
            Experience::default()
        }
    }

    /// Adds what a transfer has shown; `evidence` replaces what was known, but that a client counts
    /// duplicates, which stays.
    pub(super) fn learn(
        &self,
        now: Instant,
        address: IpAddr,
        evidence: Option<Evidence>,
        window: u16,
    ) {
        if evidence.is_none() && window <= 1 {
            return;
        }
        let known = self.of(now, address);
        let evidence = match (known.evidence, evidence) {
            (Evidence::CountsDuplicates, _) => Evidence::CountsDuplicates,
            (known, news) => news.unwrap_or(known),
        };
        let window = known.window.max(window);
        let hash = self.hash(address);
        let set = self.set(hash);
        let oldest = || {
            set.iter()
                .min_by_key(|entry| age(entry.load(Ordering::Relaxed)))
        };
        if let Some(entry) = self.find(hash).or_else(oldest) {
            let news = hash & TAG | minute(now) << 16 | pack(Experience { evidence, window });
            entry.store(news, Ordering::Relaxed);
        }
    }

    fn hash(&self, address: IpAddr) -> u64 {
        use std::hash::BuildHasher;
        self.hasher.hash_one(address.to_canonical())
    }

    fn find(&self, hash: u64) -> Option<&AtomicU64> {
        let mut set = self.set(hash).iter();
        set.find(|entry| {
            let entry = entry.load(Ordering::Relaxed);
            entry != 0 && entry & TAG == hash & TAG
        })
    }

    fn set(&self, hash: u64) -> &[AtomicU64] {
        let first = hash as usize % (ENTRIES / WAYS) * WAYS;
        &self.entries[first..first + WAYS]
    }
}

const TAG: u64 = 0xffff_ffff << 32;

/// The minute `now` is in, from 1 on: 0 is an empty entry.
fn minute(now: Instant) -> u64 {
    (now.since(Instant::ZERO).as_secs() / 60 + 1).min(0xffff)
}

fn age(entry: u64) -> u64 {
    entry >> 16 & 0xffff
}

fn pack(known: Experience) -> u64 {
    let evidence = match known.evidence {
        Evidence::None => 0,
        Evidence::Loss => 1,
        Evidence::CountsDuplicates => 2,
    };
    let window = known.window.max(1).ilog2();
    u64::from(window) << 2 | evidence
}

fn unpack(entry: u64) -> Experience {
    let evidence = match entry & 3 {
        1 => Evidence::Loss,
        2 => Evidence::CountsDuplicates,
        _ => Evidence::None,
    };
    let window = 1 << (entry >> 2 & 0xf);
    Experience { evidence, window }
}

#[cfg(test)]
mod tests {
    use foldhash::SharedSeed;

    use super::*;

    fn memory() -> Experiences {
        Experiences::new(SeedableRandomState::with_seed(
            1,
            SharedSeed::global_fixed(),
        ))
    }

    fn client(number: u32) -> IpAddr {
        IpAddr::from(number.to_be_bytes())
    }

    fn at(minutes: u64) -> Instant {
        Instant::ZERO + Duration::from_secs(60 * minutes)
    }

    // spec: evidence-remembered
    #[test]
    fn what_was_shown_is_known_for_an_hour() {
        let memory = memory();
        assert_eq!(memory.of(at(0), client(1)), Experience::default());
        memory.learn(at(0), client(1), Some(Evidence::Loss), 64);
        let shown = Experience {
            evidence: Evidence::Loss,
            window: 64,
        };
        assert_eq!(memory.of(at(59), client(1)), shown);
        assert_eq!(memory.of(at(61), client(1)), Experience::default());
        assert_eq!(memory.of(at(0), client(2)), Experience::default());
        let mapped = "::ffff:0.0.0.1".parse().unwrap();
        assert_eq!(memory.of(at(1), mapped), shown, "the same machine");
    }

    #[test]
    fn the_contrary_is_believed_at_once_but_for_clients_that_count_duplicates() {
        let memory = memory();
        let evidence = |shown| {
            memory.learn(at(1), client(1), Some(shown), 1);
            memory.of(at(1), client(1)).evidence
        };
        assert_eq!(evidence(Evidence::Loss), Evidence::Loss);
        assert_eq!(evidence(Evidence::None), Evidence::None);
        assert_eq!(evidence(Evidence::Loss), Evidence::Loss);
        assert_eq!(
            evidence(Evidence::CountsDuplicates),
            Evidence::CountsDuplicates
        );
        assert_eq!(evidence(Evidence::Loss), Evidence::CountsDuplicates);
    }

    #[test]
    fn windows_only_grow_and_nothing_shown_is_nothing_learnt() {
        let memory = memory();
        memory.learn(at(0), client(1), None, 32);
        memory.learn(at(0), client(1), None, 4);
        memory.learn(at(70), client(1), None, 1);
        assert_eq!(memory.of(at(1), client(1)).window, 32);
        assert_eq!(memory.of(at(70), client(1)), Experience::default());
    }

    #[test]
    fn many_clients_push_out_only_those_heard_longest_ago() {
        let memory = memory();
        for number in 0..200_000_u32 {
            memory.learn(at(u64::from(number / 4000)), client(number), None, 16);
        }
        let known = |number| memory.of(at(50), client(number)).window == 16;
        assert!((190_000..200_000).filter(|&number| known(number)).count() > 9_900);
    }
}
