//! How busy a worker is.
//!
//! It reads no clock for it but once in a while: the loop knows when each turn began, and of a turn
//! that slept, what was no sleep is taken for as long as it was the last time somebody looked.

use std::time::Duration;

use bootwire_proto::Instant;

use super::counter::Counter;

/// So many sleeps go by before one is measured.
const UNMEASURED: u8 = 15;

/// What a worker shows of itself. It alone writes.
#[derive(Debug, Default)]
pub(crate) struct Pulse {
    /// Microseconds it had nothing to do.
    idle: Counter,
    /// One more than the microsecond at which it went to sleep; 0 while it is awake.
    asleep: Counter,
}

impl Pulse {
    /// How long it has been busy, `elapsed` after the clock's origin.
    pub(super) fn busy(&self, elapsed: Duration) -> Duration {
        let now = u64::try_from(elapsed.as_micros()).unwrap_or(u64::MAX);
        let sleeping = match self.asleep.get() {
            0 => 0,
            since => now.saturating_sub(since - 1),
        };
        let idle = self.idle.get().saturating_add(sleeping);
        Duration::from_micros(now.saturating_sub(idle))
    }
}

/// How a worker's turn ended.
#[derive(Clone, Copy, Debug, Default)]
enum Rest {
    /// There was something to do.
    #[default]
    None,
    /// It looked for packets, and there were none.
    Looked,
    /// It slept, nobody knows how long.
    Slept,
    /// It slept so many microseconds.
    Measured(u64),
}

/// Measures it.
#[derive(Debug, Default)]
pub(super) struct Meter {
    /// When the turn began.
    turn: Instant,
    rest: Rest,
    /// Microseconds of a turn that were no sleep, when it was measured last.
    work: u64,
    unmeasured: u8,
}

impl Meter {
    /// A turn begins.
    pub(super) fn turn(&mut self, now: Instant, pulse: &Pulse) {
        let gap = now.as_micros().saturating_sub(self.turn.as_micros());
        self.turn = now;
        let idle = match std::mem::take(&mut self.rest) {
            Rest::None => return,
            Rest::Looked => gap,
            Rest::Slept => gap.saturating_sub(self.work),
            Rest::Measured(slept) => {
                self.work = gap.saturating_sub(slept);
                slept
            }
        };
        pulse.idle.add(idle);
        pulse.asleep.set(0);
    }

    /// The worker may go to sleep now. Answers whether that is to be measured.
    pub(super) fn sleeps(&mut self, pulse: &Pulse) -> bool {
        pulse.asleep.set(self.turn.as_micros() + 1);
        self.rest = Rest::Slept;
        let measures = self.unmeasured == 0;
        self.unmeasured = self.unmeasured.checked_sub(1).unwrap_or(UNMEASURED);
        measures
    }

    /// So long it slept.
    pub(super) fn slept(&mut self, time: Duration) {
        self.rest = Rest::Measured(u64::try_from(time.as_micros()).unwrap_or(u64::MAX));
    }

    /// It did nothing in this turn but look for packets in vain.
    pub(super) fn looked(&mut self) {
        if matches!(self.rest, Rest::None) {
            self.rest = Rest::Looked;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(micros: u64) -> Instant {
        Instant::from_micros(micros)
    }

    fn busy(pulse: &Pulse, now: u64) -> u128 {
        pulse.busy(Duration::from_micros(now)).as_micros()
    }

    #[test]
    fn a_turn_without_rest_is_work_and_one_that_looks_in_vain_is_none() {
        let (pulse, mut meter) = (Pulse::default(), Meter::default());
        meter.turn(at(0), &pulse);
        meter.turn(at(100), &pulse);
        meter.looked();
        meter.turn(at(130), &pulse);
        meter.turn(at(150), &pulse);
        assert_eq!(busy(&pulse, 150), 120);
    }

    #[test]
    fn one_sleep_in_sixteen_is_measured_and_the_others_follow_from_it() {
        let (pulse, mut meter) = (Pulse::default(), Meter::default());
        meter.turn(at(0), &pulse);
        let mut measured = 0;
        for turn in 0..32 {
            if meter.sleeps(&pulse) {
                measured += 1;
                meter.slept(Duration::from_micros(90));
            }
            meter.turn(at((turn + 1) * 100), &pulse);
        }
        assert_eq!(measured, 2);
        assert_eq!(busy(&pulse, 3200), 320);
    }

    #[test]
    fn a_long_sleep_is_seen_while_it_lasts() {
        let (pulse, mut meter) = (Pulse::default(), Meter::default());
        meter.turn(at(0), &pulse);
        meter.turn(at(50), &pulse);
        meter.sleeps(&pulse);
        assert_eq!(busy(&pulse, 1_000_050), 50);
        meter.turn(at(2_000_050), &pulse);
        assert_eq!(busy(&pulse, 2_000_050), 50);
    }
}
