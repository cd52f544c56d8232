//! Percentiles of times, in bounded memory.

use std::time::Duration;

/// Buckets in each power of two, as a power of two: a value is told within 1/64.
const PRECISION: u32 = 6;

/// Times above 2^36 us (19 hours) are counted as that.
const LONGEST: u64 = (1 << 37) - 1;

/// Buckets up to [`LONGEST`].
const BUCKETS: usize = 32 << PRECISION;

/// Counts of times in buckets that grow with the time: exact below 64 us, then 64 buckets for each
/// power of two.
#[derive(Clone, Debug)]
pub(super) struct Histogram {
    buckets: Box<[u64]>,
    count: u64,
    longest: u64,
}

/// What a report says about times.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Percentiles {
    pub(super) p50: Duration,
    pub(super) p90: Duration,
    pub(super) p99: Duration,
    pub(super) max: Duration,
}

impl Histogram {
    pub(super) fn new() -> Self {
        Self {
            buckets: vec![0; BUCKETS].into(),
            count: 0,
            longest: 0,
        }
    }

    pub(super) fn add(&mut self, time: Duration) {
        let micros = u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        if let Some(bucket) = self.buckets.get_mut(index(micros)) {
            *bucket += 1;
        }
        self.count += 1;
        self.longest = self.longest.max(micros);
    }

    pub(super) fn merge(&mut self, other: &Self) {
        for (mine, theirs) in self.buckets.iter_mut().zip(&other.buckets) {
            *mine += theirs;
        }
        self.count += other.count;
        self.longest = self.longest.max(other.longest);
    }

    /// `None` if there are no times.
    pub(super) fn percentiles(&self) -> Option<Percentiles> {
        (self.count > 0).then(|| Percentiles {
            p50: self.quantile(0.50),
            p90: self.quantile(0.90),
            p99: self.quantile(0.99),
            max: Duration::from_micros(self.longest),
        })
    }

    /// The time that `share` of all times do not exceed, rounded up to the end of its bucket.
    fn quantile(&self, share: f64) -> Duration {
        let rank = ((self.count as f64 * share).ceil() as u64).max(1);
        let mut below = 0;
        let reached = self.buckets.iter().position(|&count| {
            below += count;
            below >= rank
        });
        let micros = reached.map_or(self.longest, upper).min(self.longest);
        Duration::from_micros(micros)
    }
}

/// The bucket of a time.
fn index(micros: u64) -> usize {
    let micros = micros.min(LONGEST);
    let shift = micros
        .checked_ilog2()
        .and_then(|log| log.checked_sub(PRECISION));
    let index = match shift {
        None => micros,
        // The leading bits, of which the first is always set.
        Some(shift) => (u64::from(shift) << PRECISION) + (micros >> shift),
    };
    usize::try_from(index).unwrap_or(BUCKETS - 1)
}

/// The longest time of a bucket.
fn upper(index: usize) -> u64 {
    let index = index as u64;
    let Some(shift) = (index >> PRECISION).checked_sub(1) else {
        return index;
    };
    let leading = (index & ((1 << PRECISION) - 1)) + (1 << PRECISION);
    ((leading + 1) << shift) - 1
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(times: impl IntoIterator<Item = u64>) -> Histogram {
        let mut histogram = Histogram::new();
        for time in times {
            histogram.add(Duration::from_micros(time));
        }
        histogram
    }

    #[test]
    fn every_time_falls_into_a_bucket_that_ends_at_most_a_64th_later() {
        let mut last = 0;
        for micros in (0..10_000).chain((14..=36).flat_map(|log| [(1 << log) - 1, 1 << log])) {
            let bucket = index(micros);
            assert!(bucket >= last, "{micros}: in order");
            last = bucket;
            assert!(upper(bucket) >= micros, "{micros}");
            assert!(upper(bucket) - micros <= micros / 64, "{micros}");
        }
        assert_eq!(index(LONGEST), BUCKETS - 1);
        assert_eq!(index(u64::MAX), BUCKETS - 1);
        assert_eq!(upper(BUCKETS - 1), LONGEST);
    }

    #[test]
    fn percentiles_are_ranks() {
        let percentiles = of(1..=60).percentiles().unwrap();
        let micros = Duration::from_micros;
        assert_eq!(
            percentiles,
            Percentiles {
                p50: micros(30),
                p90: micros(54),
                p99: micros(60),
                max: micros(60),
            }
        );
        assert_eq!(Histogram::new().percentiles(), None);
    }

    #[test]
    fn one_time_is_all_percentiles_exactly() {
        let percentiles = of([1_234_567]).percentiles().unwrap();
        assert_eq!(percentiles.p50, Duration::from_micros(1_234_567));
        assert_eq!(percentiles.max, Duration::from_micros(1_234_567));
    }

    #[test]
    fn merging_is_adding_all() {
        let mut left = of(0..500);
        left.merge(&of(500..1000));
        assert_eq!(left.percentiles(), of(0..1000).percentiles());
        assert_eq!(left.count, 1000);
    }
}
