//! Looking for packets before going to sleep.
//!
//! A sleeping thread takes from a few to some tens of microseconds to wake up, and a wake-up costs
//! the processor about as much. A few clients in lockstep answer within that time if they are near.

use std::time::Duration;

use bootwire_proto::Instant;

/// How long a worker looks at most, if it decides by itself: about what a wake-up costs.
const LIMIT: Duration = Duration::from_micros(50);
/// Most transfers for whose packets it looks, if it decides by itself. With more the time is better
/// spent asleep, until several packets have come.
const FEW: u64 = 4;
/// A look in vain takes away what so many have earned that found something: with fewer that do, the
/// core is better left to others.
const IN_VAIN: u32 = 3;
/// Doublings of the number of sleeps after looks that were in vain.
const DOUBLINGS_MAX: u32 = 10;

/// Whether a worker looks for packets, or sleeps until one comes.
#[derive(Debug)]
pub(super) struct Spin {
    limit: Duration,
    /// Looks only if that has paid off lately, and for the packets of [`FEW`] transfers.
    learns: bool,
    /// Since when it looks.
    since: Option<Instant>,
    /// What looks in vain have cost, less what the others have earned.
    debt: u32,
    /// Sleeps before it looks again.
    sleeps: u32,
}

impl Default for Spin {
    /// Decides by itself.
    fn default() -> Self {
        Self {
            learns: true,
            ..Self::fixed(LIMIT)
        }
    }
}

impl Spin {
    /// Always looks for as long as `limit`; zero: never.
    pub(super) const fn fixed(limit: Duration) -> Self {
        Self {
            limit,
            learns: false,
            since: None,
            debt: 0,
            sleeps: 0,
        }
    }

    /// There is nothing to do: whether to look, or else to sleep. `active` transfers run.
    pub(super) fn looks(&mut self, now: Instant, active: u64) -> bool {
        if self.limit.is_zero() || (self.learns && !(1..=FEW).contains(&active)) {
            self.since = None;
            return false;
        }
        match self.since {
            Some(since) if now.since(since) < self.limit => true,
            Some(_) if self.learns => {
                self.debt = (self.debt + IN_VAIN).min(DOUBLINGS_MAX * IN_VAIN);
                self.sleeps = 1 << (self.debt / IN_VAIN);
                self.since = None;
                false
            }
            // It has looked for long enough, and sleeps until something comes.
            Some(_) => false,
            None if self.sleeps > 0 => {
                self.sleeps -= 1;
                false
            }
            None => {
                self.since = Some(now);
                true
            }
        }
    }

    /// Something has come.
    pub(super) fn found(&mut self) {
        if self.since.take().is_some() {
            self.debt = self.debt.saturating_sub(1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(micros: u64) -> Instant {
        Instant::from_micros(micros)
    }

    #[test]
    fn a_fixed_limit_holds_from_the_last_packet_on() {
        let mut spin = Spin::fixed(Duration::from_micros(100));
        assert!(spin.looks(at(0), 7));
        assert!(spin.looks(at(99), 7));
        assert!(!spin.looks(at(100), 7));
        assert!(!spin.looks(at(5000), 7), "a timer that fired is no packet");
        spin.found();
        assert!(spin.looks(at(6000), 7));
        assert!(!Spin::fixed(Duration::ZERO).looks(at(0), 1));
    }

    #[test]
    fn by_itself_it_looks_for_the_packets_of_few_transfers() {
        let mut spin = Spin::default();
        assert!(!spin.looks(at(0), 0), "nobody will send anything soon");
        assert!(!spin.looks(at(0), FEW + 1));
        for packet in 0..1000 {
            assert!(spin.looks(at(packet * 40), 1));
            assert!(spin.looks(at(packet * 40 + 20), 1));
            spin.found();
        }
    }

    /// Microseconds it looks for 10,000 packets, each so long after it began to wait.
    fn looked(spacing: impl Fn(u64) -> u64) -> u64 {
        let mut spin = Spin::default();
        let mut looked = 0;
        for packet in 0..10_000 {
            let began = packet * 1000;
            let mut now = began;
            while now < began + spacing(packet) && spin.looks(at(now), FEW) {
                now += 5;
                looked += 5;
            }
            spin.found();
        }
        looked
    }

    #[test]
    fn a_core_is_not_burnt_for_packets_of_which_only_half_come_soon() {
        let half = looked(|packet| if packet % 2 == 0 { 20 } else { 80 });
        assert!(half < 10_000 * 2, "{half} us");
        let most = looked(|packet| if packet % 100 == 0 { 80 } else { 20 });
        assert!(most > 10_000 * 15, "{most} us");
    }

    #[test]
    fn looks_in_vain_become_rare() {
        let mut spin = Spin::default();
        let mut looked = 0;
        for packet in 0..100_000_u64 {
            // The client takes a millisecond.
            let mut now = packet * 1000;
            while spin.looks(at(now), 1) {
                now += 10;
                looked += 10;
            }
            spin.found();
        }
        assert!(looked < 100_000_000 / 10_000, "{looked} us of 100 s");
    }
}
