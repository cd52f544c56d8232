//! Virtual or real time, as an argument.

use core::num::NonZeroU64;
use core::time::Duration;

/// A point in time: microseconds since an origin the caller chooses.
///
/// The core never reads a clock. A server passes the monotonic clock here, a test any number it
/// likes. Arithmetic saturates, so no input can make it panic.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Instant(
    // One more than the microseconds, so that an `Option<Instant>` takes no more room: a transfer
    // has many of them.
    NonZeroU64,
);

impl Instant {
    /// The origin itself.
    pub const ZERO: Self = Self(NonZeroU64::MIN);

    /// The point `micros` microseconds after the origin.
    #[must_use]
    pub const fn from_micros(micros: u64) -> Self {
        Self(NonZeroU64::MIN.saturating_add(micros))
    }

    /// Microseconds since the origin.
    #[must_use]
    pub const fn as_micros(self) -> u64 {
        self.0.get().saturating_sub(1)
    }

    /// Time passed since `earlier`; zero if `earlier` is later.
    #[must_use]
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_micros(self.0.get().saturating_sub(earlier.0.get()))
    }

    /// The point `delay` after this one, or the last one there is.
    #[must_use]
    pub fn after(self, delay: Duration) -> Self {
        Self(self.0.saturating_add(micros(delay)))
    }
}

impl Default for Instant {
    fn default() -> Self {
        Self::ZERO
    }
}

impl core::ops::Add<Duration> for Instant {
    type Output = Self;

    fn add(self, later: Duration) -> Self {
        self.after(later)
    }
}

/// `duration` in whole microseconds, saturating.
pub(crate) fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arithmetic_saturates() {
        let late = Instant::from_micros(u64::MAX);
        assert_eq!(late + Duration::MAX, late);
        assert_eq!(Instant::ZERO + Duration::MAX, late);
        assert_eq!(Instant::ZERO.since(late), Duration::ZERO);
        assert_eq!(
            (Instant::from_micros(5) + Duration::from_millis(1))
                .since(Instant::from_micros(2))
                .as_micros(),
            1003
        );
    }

    #[test]
    fn an_instant_that_may_be_missing_takes_no_more_room() {
        assert_eq!(size_of::<Option<Instant>>(), size_of::<u64>());
        assert_eq!(Instant::default(), Instant::from_micros(0));
        assert_eq!(Instant::from_micros(7).as_micros(), 7);
    }
}
