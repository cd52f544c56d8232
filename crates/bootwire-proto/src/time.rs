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
        self.plus(Micros::of(delay))
    }

    /// The same as [`Instant::since`], without a [`Duration`].
    pub(crate) const fn passed(self, earlier: Self) -> Micros {
        Micros(self.0.get().saturating_sub(earlier.0.get()))
    }

    /// The same as [`Instant::after`], without a [`Duration`].
    pub(crate) const fn plus(self, delay: Micros) -> Self {
        Self(self.0.saturating_add(delay.0))
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

/// A length of time in whole microseconds. The state machines reckon in it: a [`Duration`] is seconds
/// and nanoseconds, and to make and divide a dozen of them costs as much as all the rest of a packet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Micros(u64);

impl Micros {
    pub(crate) const fn new(micros: u64) -> Self {
        Self(micros)
    }

    pub(crate) const fn millis(millis: u64) -> Self {
        Self(millis.saturating_mul(1000))
    }

    /// Rounded down, and no longer than it can be.
    pub(crate) fn of(duration: Duration) -> Self {
        let whole = duration.as_secs().saturating_mul(1_000_000);
        Self(whole.saturating_add(duration.subsec_micros().into()))
    }

    pub(crate) const fn duration(self) -> Duration {
        Duration::from_micros(self.0)
    }

    pub(crate) const fn get(self) -> u64 {
        self.0
    }

    /// Up to 71 minutes, in half the room.
    pub(crate) fn short(self) -> u32 {
        u32::try_from(self.0).unwrap_or(u32::MAX)
    }

    pub(crate) const fn saturating_add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }

    pub(crate) const fn saturating_sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }

    pub(crate) const fn saturating_mul(self, times: u32) -> Self {
        Self(self.0.saturating_mul(times as u64))
    }
}

impl From<u32> for Micros {
    fn from(micros: u32) -> Self {
        Self(micros.into())
    }
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
