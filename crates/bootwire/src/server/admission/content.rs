//! Content that is held for clients who have proven nothing.
//!
//! Text made for one machine, or the beginning of a stream, stays in memory until its client has
//! all of it. Whoever forges requests must not decide how much that is: all unproven transfers
//! together may hold so many bytes, those of strangers and those of known addresses each.

use std::sync::atomic::{AtomicU64, Ordering};

use super::unproven::Source;

/// What is held, shared by the workers.
#[derive(Debug)]
pub(super) struct Contents {
    most: u64,
    strangers: AtomicU64,
    /// Of addresses that proved themselves lately, and of those without budgets.
    known: AtomicU64,
}

impl Contents {
    /// Up to `most` bytes each of strangers and of the others; 0 is no limit.
    pub(super) const fn new(most: u64) -> Self {
        Self {
            most,
            strangers: AtomicU64::new(0),
            known: AtomicU64::new(0),
        }
    }

    /// Counts `bytes` more. What is larger than all that may be held is let in if nothing else
    /// is there. `false` if there is no room.
    pub(super) fn add(&self, source: Source, bytes: u64) -> bool {
        let held = self.of(source);
        let before = held.fetch_add(bytes, Ordering::Relaxed);
        let fits = self.most == 0 || before == 0 || before.saturating_add(bytes) <= self.most;
        if !fits {
            held.fetch_sub(bytes, Ordering::Relaxed);
        }
        fits
    }

    /// Gives back what was counted.
    pub(super) fn sub(&self, source: Source, bytes: u64) {
        self.of(source).fetch_sub(bytes, Ordering::Relaxed);
    }

    /// All that is held.
    #[cfg(any(test, feature = "simulation"))]
    pub(super) fn all(&self) -> u64 {
        self.strangers.load(Ordering::Relaxed) + self.known.load(Ordering::Relaxed)
    }

    const fn of(&self, source: Source) -> &AtomicU64 {
        match source {
            Source::Stranger => &self.strangers,
            Source::Known | Source::Unlimited => &self.known,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strangers_and_known_addresses_have_room_of_their_own() {
        let contents = Contents::new(100);
        assert!(contents.add(Source::Stranger, 60));
        assert!(!contents.add(Source::Stranger, 60));
        assert!(contents.add(Source::Stranger, 40));
        assert!(contents.add(Source::Known, 100));
        assert!(!contents.add(Source::Unlimited, 1));
        contents.sub(Source::Stranger, 100);
        assert!(contents.add(Source::Stranger, 100));
        contents.sub(Source::Stranger, 100);
        contents.sub(Source::Known, 100);
        assert_eq!(contents.all(), 0);
    }

    #[test]
    fn what_is_larger_than_all_that_may_be_held_is_served_alone() {
        let contents = Contents::new(100);
        assert!(contents.add(Source::Stranger, 500));
        assert!(!contents.add(Source::Stranger, 1));
        contents.sub(Source::Stranger, 500);
        assert!(contents.add(Source::Stranger, 1));
        assert!(!contents.add(Source::Stranger, 500));
    }

    #[test]
    fn zero_is_no_limit() {
        let contents = Contents::new(0);
        assert!(contents.add(Source::Stranger, 500) && contents.add(Source::Stranger, 500));
    }
}
