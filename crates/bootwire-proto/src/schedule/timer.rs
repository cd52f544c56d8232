//! The retransmission timer: measured round trips, back-off, jitter.

use core::time::Duration;

use super::Schedule;

/// The back-off of a quick opening.
const QUICK: i8 = -1;
/// Longest round trip taken for real, in microseconds: keeps the arithmetic far from overflow.
const LONGEST_SAMPLE: u32 = 60_000_000;

/// How often the floor may be halved: in lockstep, and with a window, where a needless resend
/// costs many blocks.
const HASTE: i8 = 5;
const HASTE_OF_WINDOWS: i8 = 2;
/// How often the floor may be doubled.
const CAUTION: i8 = 3;
/// How much a needless resend takes from the haste. A needed one adds 1, so at most a third of all
/// resends can be needless for long.
const RECOIL: i8 = 2;

/// The estimator of RFC 6298 with its back-off, in whole microseconds.
///
/// It differs from TCP's in two points.
///
/// The back-off survives progress that measured nothing (the ACK of a block that was sent twice),
/// but only up to the first timeout. Without that, a round trip that grew beyond the timeout would
/// never be measured again; without the limit, a peer that comes back from a long pause would pay
/// for the next lost packet with seconds.
///
/// The floor has to be earned. On a quick network the answers of a busy host are late now and then,
/// by far more than the round trips before tell: a low floor would resend without need, and a high
/// one makes each lost packet cost fifty round trips. So the floor is halved by each resend that was
/// needed and raised by each that was not, and without resends it returns slowly to what was set.
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
    /// Doublings of the interval; -1 for the quarter with which a quick opening begins.
    backoff: i8,
    /// How often the floor is halved; below 0, doubled.
    haste: i8,
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
            backoff: if schedule.quick_opening { QUICK } else { 0 },
            haste: 0,
        };
        timer.limit(timeout);
        timer.shuffle();
        timer
    }

    /// A negotiated timeout lowers the ceiling to eight fifths of it; a longer one raises nothing.
    ///
    /// It is not the ceiling itself, as the client's own timer runs for as long. Clients that start
    /// it anew with each packet they get, also with those they ignore, would never repeat an ACK
    /// that was lost.
    pub(crate) fn limit(&mut self, timeout: Option<Duration>) {
        // spec: rfc2349-timeout-ceiling
        if let Some(timeout) = timeout {
            let ceiling = (whole(timeout) / 5).saturating_mul(8);
            self.ceiling = self.ceiling.min(ceiling).max(1);
        }
    }

    /// A round trip of a packet that was sent once; ends the back-off.
    #[inline]
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
        // What was learnt from resends is forgotten after some 256 samples; chance counts them.
        if self.haste != 0 && self.noise & 0xff == 0 {
            self.haste = self.haste.saturating_sub(self.haste.signum());
        }
    }

    /// A resend was answered as one that was needed: the next one may come sooner.
    pub(crate) fn needed(&mut self, lockstep: bool) {
        // spec: earned-haste
        let most = if lockstep { HASTE } else { HASTE_OF_WINDOWS };
        self.haste = self.haste.saturating_add(1).min(most);
    }

    /// A resend turned out needless: the answer was only late.
    pub(crate) fn needless(&mut self) {
        // spec: earned-haste
        self.haste = self.haste.saturating_sub(RECOIL).max(-CAUTION);
    }

    /// The same, of a resend that was taken for a needed one before.
    pub(crate) fn needless_after_all(&mut self) {
        self.haste = self.haste.saturating_sub(1);
        self.needless();
    }

    /// Progress that measured nothing: the back-off stays, up to the first timeout.
    pub(crate) fn relax(&mut self) {
        while self.backoff > 0 && self.doubled(self.base()) > self.first {
            self.backoff = self.backoff.saturating_sub(1);
        }
        self.shuffle();
    }

    /// The peer answered an opening packet that was sent twice, so nothing was measured: what
    /// follows may be as quick as the opening was, once.
    pub(crate) fn reopen(&mut self) {
        if self.srtt == 0 {
            self.backoff = QUICK;
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
    #[inline]
    pub(crate) fn calm_interval(&self) -> Duration {
        self.after(self.base().max(self.first))
    }

    /// The same for a receiver, whose peer should resend before it asks: twice as long.
    pub(crate) fn patient_interval(&self) -> Duration {
        self.after(self.base().saturating_mul(2))
    }

    /// The timeout without back-off and jitter: what is still not answered then was lost.
    pub(crate) fn unhurried(&self) -> Duration {
        duration(self.base())
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

    /// An eighth of a round trip: the same where the round trip is that of a whole window, and a
    /// part of it may have been answered.
    pub(crate) fn far_too_soon(&self) -> Duration {
        duration(self.srtt / 8)
    }

    /// What few round trips exceed.
    pub(crate) fn long_round_trip(&self) -> Duration {
        duration(self.srtt.saturating_add(self.rttvar))
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
            let floor = self.floor_now();
            let margin = self.rttvar.saturating_mul(4).max(floor / 2);
            self.srtt.saturating_add(margin).max(floor)
        };
        timeout.min(self.ceiling)
    }

    /// The floor as it was earned.
    fn floor_now(&self) -> u32 {
        if self.haste == 0 {
            self.floor
        } else {
            self.moved_floor()
        }
    }

    #[cold]
    fn moved_floor(&self) -> u32 {
        let steps = u32::from(self.haste.unsigned_abs());
        if self.haste > 0 {
            self.floor.checked_shr(steps).unwrap_or(0).max(1)
        } else {
            doubled(self.floor, steps)
        }
    }

    fn doubled(&self, base: u32) -> u32 {
        if self.backoff == 0 {
            base.min(self.ceiling)
        } else {
            self.backed_off(base)
        }
    }

    #[cold]
    fn backed_off(&self, base: u32) -> u32 {
        match u32::try_from(self.backoff) {
            Ok(steps) => doubled(base, steps).min(self.ceiling),
            Err(_) => base / 4,
        }
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

/// `base` doubled `steps` times.
fn doubled(base: u32, steps: u32) -> u32 {
    let factor = 1_u32.checked_shl(steps).unwrap_or(u32::MAX);
    base.saturating_mul(factor)
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
    fn intervals_grow_up_to_the_ceiling() {
        let mut timer = Timer::new(&Schedule::default(), None, 1);
        for nominal in [250, 1000, 2000, 4000] {
            assert!(
                within_a_tenth(timer.interval(), MS(nominal)),
                "{nominal}: {:?}",
                timer.interval()
            );
            timer.expired();
        }
        for _ in 0..300 {
            assert!(timer.interval() <= MS(8000) && timer.interval() >= MS(7200));
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
        let mut second = Timer::new(&Schedule::default(), Some(MS(500)), 3);
        second.expired();
        assert!(second.interval() <= MS(800) && second.interval() >= MS(720));
        let mut long = Timer::new(&Schedule::default(), Some(MS(255_000)), 3);
        (0..20).for_each(|_| long.expired());
        assert!(long.interval() <= MS(8000));
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

    // spec: earned-haste
    #[test]
    fn the_floor_is_earned_and_forgotten() {
        let mut timer = Timer::new(&Schedule::default(), None, 5);
        timer.sample(Duration::from_micros(50));
        timer.needed(true);
        assert!(within_a_tenth(timer.interval(), MS(5)), "halved");
        (0..20).for_each(|_| timer.needed(true));
        let least = Duration::from_nanos(312_500);
        assert!(timer.interval() >= least && timer.interval() <= 2 * least);
        timer.needless();
        let raised = 4 * Duration::from_micros(312);
        assert!(within_a_tenth(timer.interval(), raised), "doubled twice");
        (0..3000).for_each(|_| timer.sample(Duration::from_micros(50)));
        assert!(within_a_tenth(timer.interval(), MS(10)), "forgotten");
        (0..20).for_each(|_| timer.needless());
        assert!(within_a_tenth(timer.interval(), MS(80)), "careful");
        (0..20).for_each(|_| timer.needed(false));
        let least = Duration::from_micros(2500);
        assert!(within_a_tenth(timer.interval(), least), "windows cost more");
    }

    #[test]
    fn extreme_schedules_do_not_overflow() {
        let endless = Schedule {
            floor: Duration::MAX,
            quick_opening: true,
            first: Duration::MAX,
            ceiling: Duration::MAX,
            unproven_resends: u8::MAX,
            give_up: Duration::MAX,
            linger: Duration::MAX,
        };
        let zero = Schedule {
            floor: Duration::ZERO,
            quick_opening: false,
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
