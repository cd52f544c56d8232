//! How many requests a source may send: a token bucket for each, in fixed memory.
//!
//! The buckets are cells of an array that the seeded hash of an address picks. Addresses may share
//! a cell, then they share its tokens; nothing is ever evicted, and strangers cannot make it grow.
//! A million requests a second from forged addresses all over put 16 into each cell, of a thousand
//! that it takes.

use std::sync::atomic::{AtomicU64, Ordering};

use bootwire_proto::Instant;

/// Microseconds in a second, the time in which an empty bucket fills.
const SECOND: u64 = 1_000_000;

/// The buckets of all sources of one kind, shared by the workers.
#[derive(Debug)]
pub(super) struct Rates {
    /// For each bucket the time, in microseconds, at which it will be full again.
    full_at: Box<[AtomicU64]>,
}

impl Rates {
    /// `cells` is a power of two.
    pub(super) fn new(cells: usize) -> Self {
        Self {
            full_at: (0..cells).map(|_| AtomicU64::new(0)).collect(),
        }
    }

    /// Takes a token of the source with this hash, if it has one: `per_second` are added to its
    /// bucket each second, which holds as many. 0 is no limit.
    pub(super) fn take(&self, now: Instant, hash: u64, per_second: u32) -> bool {
        if per_second == 0 {
            return true;
        }
        let now = now.as_micros();
        let token = (SECOND / u64::from(per_second)).max(1);
        let cell = &self.full_at[hash as usize % self.full_at.len()];
        let next = |full_at: u64| {
            let full_at = full_at.max(now).saturating_add(token);
            (full_at - now <= SECOND).then_some(full_at)
        };
        cell.fetch_update(Ordering::Relaxed, Ordering::Relaxed, next)
            .is_ok()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn taken(rates: &Rates, now: Instant, hash: u64, per_second: u32) -> usize {
        (0..10_000)
            .take_while(|_| rates.take(now, hash, per_second))
            .count()
    }

    #[test]
    fn a_burst_of_one_second_and_then_the_rate() {
        let rates = Rates::new(16);
        let start = Instant::ZERO + Duration::from_secs(5);
        assert_eq!(taken(&rates, start, 3, 100), 100);
        let later = start + Duration::from_millis(250);
        assert_eq!(taken(&rates, later, 3, 100), 25);
        assert_eq!(taken(&rates, later, 4, 100), 100, "another source");
        let much_later = start + Duration::from_secs(3600);
        assert_eq!(
            taken(&rates, much_later, 3, 100),
            100,
            "no more is saved up"
        );
    }

    #[test]
    fn a_known_source_goes_on_where_the_stranger_stopped() {
        let rates = Rates::new(16);
        assert_eq!(taken(&rates, Instant::ZERO, 3, 10), 10);
        assert_eq!(
            taken(&rates, Instant::ZERO, 3, 100),
            0,
            "a second's worth is used"
        );
        let later = Instant::ZERO + Duration::from_millis(500);
        assert_eq!(taken(&rates, later, 3, 100), 50);
    }

    #[test]
    fn zero_is_no_limit() {
        let rates = Rates::new(16);
        assert_eq!(taken(&rates, Instant::ZERO, 3, 0), 10_000);
    }
}
