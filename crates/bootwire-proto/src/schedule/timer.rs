//! The retransmission timer: measured round trips, back-off, jitter.

use core::time::Duration;

use super::Schedule;

/// Longest round trip taken for real, in microseconds: keeps the arithmetic far from overflow.
const LONGEST_SAMPLE: u32 = 60_000_000;

/// The estimator of RFC 6298 with its back-off, in whole microseconds.
///
/// It differs from TCP's in one point: the back-off survives progress that measured nothing (the
/// ACK of a block that was sent twice), but only up to the first timeout. Without that, a round
/// trip that grew beyond the timeout would never be measured again; without the limit, a peer that
/// comes back from a long pause would pay for the next lost packet with seconds.
#[derive(Clone, Debug)]
pub(crate) struct Timer {
    floor: u32,
    first: u32,
    ceiling: u32,
    /// Smoothed round trip; 0 before the first sample.
    srtt: u32,
    rttvar: u32,
    /// State of the jitter generator, never 0.
    noise: u16,
    backoff: u8,
}

impl Timer {
    /// A timer that has measured nothing. `seed` gives each transfer its own jitter.
    pub(crate) fn new(schedule: &Schedule, timeout: Option<Duration>, seed: u32) -> Self {
        let mut timer = Self {
            floor: whole(schedule.floor).max(1),
            first: whole(schedule.first).max(1),
            ceiling: whole(schedule.ceiling).max(1),
            srtt: 0,
            rttvar: 0,
            noise: fold(seed).max(1),
            backoff: 0,
        };
        timer.limit(timeout);
        timer.shuffle();
        timer
    }

    /// A negotiated timeout lowers the ceiling; a longer one raises nothing.
    pub(crate) fn limit(&mut self, timeout: Option<Duration>) {
        // spec: rfc2349-timeout-ceiling
        if let Some(timeout) = timeout {
            self.ceiling = self.ceiling.min(whole(timeout)).max(1);
        }
    }

    /// A round trip of a packet that was sent once; ends the back-off.
    pub(crate) fn sample(&mut self, round_trip: Duration) {
        // spec: rfc1123-adaptive-timeout
        let sample = whole(round_trip).clamp(1, LONGEST_SAMPLE);
        if self.srtt == 0 {
            self.srtt = sample;
            self.rttvar = sample / 2;
        } else {
            let deviation = self.srtt.abs_diff(sample);
            self.rttvar = blend(self.rttvar, deviation, 4);
            self.srtt = blend(self.srtt, sample, 8).max(1);
        }
        self.backoff = 0;
        self.shuffle();
    }

    /// Progress that measured nothing: the back-off stays, up to the first timeout.
    pub(crate) fn relax(&mut self) {
        while self.backoff > 0 && self.doubled(self.base()) > self.first {
            self.backoff = self.backoff.saturating_sub(1);
        }
        self.shuffle();
    }

    /// Progress that needs no caution: the back-off ends.
    pub(crate) fn reset(&mut self) {
        self.backoff = 0;
    }

    /// The timer ran out: the next interval is twice as long.
    pub(crate) fn expired(&mut self) {
        // spec: rfc6298-backoff
        self.backoff = self.backoff.saturating_add(1);
        self.shuffle();
    }

    /// Time from a send to its resend.
    pub(crate) fn interval(&self) -> Duration {
        self.after(self.base())
    }

    /// The same where an early resend would be a nuisance: no shorter than the first timeout.
    pub(crate) fn calm_interval(&self) -> Duration {
        self.after(self.base().max(self.first))
    }

    /// The same for a receiver, whose peer should resend before it asks: twice as long.
    pub(crate) fn patient_interval(&self) -> Duration {
        self.after(self.base().saturating_mul(2))
    }

    /// A quarter of the timeout without back-off: the spacing of answers to duplicates.
    pub(crate) fn spacing(&self) -> Duration {
        duration(self.base() / 4)
    }

    /// Three quarters of a round trip: what arrives sooner after a send cannot be its answer.
    pub(crate) fn too_soon(&self) -> Duration {
        let round_trip = if self.srtt == 0 {
            self.first
        } else {
            self.srtt
        };
        Duration::from_micros(u64::from(round_trip) * 3 / 4)
    }

    /// The smoothed round trip, once measured.
    pub(crate) fn round_trip(&self) -> Option<Duration> {
        (self.srtt != 0).then(|| duration(self.srtt))
    }

    /// The timeout without back-off and jitter. The variance counts for at least half the floor,
    /// or steady round trips would leave no margin at all.
    fn base(&self) -> u32 {
        let timeout = if self.srtt == 0 {
            self.first
        } else {
            let margin = self.rttvar.saturating_mul(4).max(self.floor / 2);
            self.srtt.saturating_add(margin).max(self.floor)
        };
        timeout.min(self.ceiling)
    }

    fn doubled(&self, base: u32) -> u32 {
        let factor = 1_u32
            .checked_shl(u32::from(self.backoff))
            .unwrap_or(u32::MAX);
        base.saturating_mul(factor).min(self.ceiling)
    }

    /// Up to a tenth of jitter keeps transfers that began together apart: added to the interval,
    /// or taken off where it would exceed the ceiling.
    fn after(&self, base: u32) -> Duration {
        let interval = self.doubled(base);
        let jitter = u64::from(interval / 10).saturating_mul(u64::from(self.noise & 0xff)) / 256;
        let interval = u64::from(interval);
        let jittered = interval.saturating_add(jitter);
        let chosen = if jittered > u64::from(self.ceiling) {
            interval.saturating_sub(jitter)
        } else {
            jittered
        };
        Duration::from_micros(chosen)
    }

    /// Next state of a xorshift generator.
    fn shuffle(&mut self) {
        let mut noise = self.noise;
        noise ^= noise << 7;
        noise ^= noise >> 9;
        noise ^= noise << 8;
        self.noise = noise.max(1);
    }
}

/// Sixteen bits that depend on all of `seed`.
fn fold(seed: u32) -> u16 {
    let [a, b, c, d] = seed.to_be_bytes();
    u16::from_be_bytes([a ^ c ^ 0x9e, b ^ d ^ 0x37])
}

/// `old` moved towards `new` by one part in `parts`, rounded to the nearest microsecond.
fn blend(old: u32, new: u32, parts: u32) -> u32 {
    let (old, new, parts) = (u64::from(old), u64::from(new), u64::from(parts));
    let sum = old
        .saturating_mul(parts.saturating_sub(1))
        .saturating_add(new)
        .saturating_add(parts / 2);
    sum.checked_div(parts)
        .and_then(|mean| u32::try_from(mean).ok())
        .unwrap_or(u32::MAX)
}

/// `duration` in whole microseconds, saturating at 71 minutes.
pub(crate) fn whole(duration: Duration) -> u32 {
    u32::try_from(duration.as_micros()).unwrap_or(u32::MAX)
}

/// The inverse of [`whole`].
pub(crate) fn duration(micros: u32) -> Duration {
    Duration::from_micros(u64::from(micros))
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: fn(u64) -> Duration = Duration::from_millis;

    fn within_a_tenth(actual: Duration, nominal: Duration) -> bool {
        (nominal..=nominal + nominal / 10).contains(&actual)
    }

    // spec: rfc6298-backoff
    #[test]
    fn intervals_double_up_to_the_ceiling() {
        let mut timer = Timer::new(&Schedule::default(), None, 1);
        for nominal in [1000, 2000, 4000] {
            assert!(
                within_a_tenth(timer.interval(), MS(nominal)),
                "{nominal}: {:?}",
                timer.interval()
            );
            timer.expired();
        }
        for _ in 0..300 {
            assert!(timer.interval() <= MS(5000) && timer.interval() >= MS(4500));
            timer.expired();
        }
    }

    // spec: rfc1123-adaptive-timeout
    #[test]
    fn steady_round_trips_bring_the_timeout_close_to_them() {
        let mut timer = Timer::new(&Schedule::default(), None, 7);
        for _ in 0..50 {
            timer.sample(MS(100));
        }
        assert_eq!(timer.round_trip(), Some(MS(100)));
        assert!(
            timer.interval() >= MS(105) && timer.interval() <= MS(117),
            "{:?}",
            timer.interval()
        );
        let mut near = Timer::new(&Schedule::default(), None, 7);
        near.sample(Duration::from_micros(80));
        assert!(within_a_tenth(near.interval(), MS(10)), "the floor");
    }

    // spec: rfc2349-timeout-ceiling
    #[test]
    fn a_negotiated_timeout_only_lowers_the_ceiling() {
        let second = Timer::new(&Schedule::default(), Some(MS(500)), 3);
        assert!(second.interval() <= MS(500) && second.interval() >= MS(450));
        let mut long = Timer::new(&Schedule::default(), Some(MS(255_000)), 3);
        (0..20).for_each(|_| long.expired());
        assert!(long.interval() <= MS(5000));
    }

    #[test]
    fn the_back_off_outlives_unmeasured_progress_up_to_the_first_timeout() {
        let mut timer = Timer::new(&Schedule::default(), None, 5);
        timer.sample(MS(2));
        timer.expired();
        timer.expired();
        timer.relax();
        assert!(
            within_a_tenth(timer.interval(), MS(40)),
            "{:?}",
            timer.interval()
        );
        (0..20).for_each(|_| timer.expired());
        timer.relax();
        assert!(timer.interval() <= MS(1100));
        timer.sample(MS(2));
        assert!(within_a_tenth(timer.interval(), MS(10)));
    }

    #[test]
    fn extreme_schedules_do_not_overflow() {
        let endless = Schedule {
            floor: Duration::MAX,
            first: Duration::MAX,
            ceiling: Duration::MAX,
            unproven_resends: u8::MAX,
            give_up: Duration::MAX,
            linger: Duration::MAX,
        };
        let zero = Schedule {
            floor: Duration::ZERO,
            first: Duration::ZERO,
            ceiling: Duration::ZERO,
            unproven_resends: 0,
            give_up: Duration::ZERO,
            linger: Duration::ZERO,
        };
        for schedule in [endless, zero] {
            let mut timer = Timer::new(&schedule, Some(Duration::ZERO), 0);
            for _ in 0..300 {
                timer.sample(Duration::MAX);
                timer.expired();
                timer.relax();
                assert!(
                    timer.interval() > Duration::ZERO
                        || timer.interval() == timer.patient_interval()
                );
            }
        }
    }
}
