//! The retransmission timer: measured round trips, back-off, jitter, and the floor that evidence
//! lowers.

use core::time::Duration;

use super::{Evidence, Schedule};
use crate::time::Micros;

/// The back-off of a quick opening.
const QUICK: i8 = -1;
/// Stands for a smallest round trip that was not measured.
const UNMEASURED: u32 = u32::MAX;
/// Longest round trip taken for real: keeps the arithmetic far from overflow.
const LONGEST_SAMPLE: Micros = Micros::millis(60_000);

/// The floor that the first evidence of loss earns, in microseconds. On a quick network the answers
/// of a busy host are late now and then, by far more than the round trips before tell.
const QUICK_FLOOR: u32 = 10_000;
/// A window waits for a part of the first timeout before evidence: its client speaks when it sees a
/// gap, so silence means that the end of the window, or its ACK, was lost.
const WINDOW_SHARE: u32 = 5;

/// The haste of a timer without evidence, and of one that takes no evidence.
const POLITE: i8 = i8::MIN;
const FIXED: i8 = i8::MAX;
/// How often the floor may be halved: in lockstep, and with a window, where a needless resend
/// costs many blocks.
const HASTE: i8 = 5;
const HASTE_OF_WINDOWS: i8 = 2;
/// How often the floor may be doubled. It ends at the polite one anyway.
const CAUTION: i8 = 10;
/// How much a needless resend takes from the haste. A needed one adds 1, so at most a third of all
/// resends can be needless for long.
const RECOIL: i8 = 2;
/// Haste from which the next transfer with the same peer may begin with [`QUICK_FLOOR`].
const TRUSTED: i8 = -1;

/// The estimator of RFC 6298 with its back-off, in whole microseconds.
///
/// It differs from TCP's in two points.
///
/// The back-off survives progress that measured nothing (the ACK of a block that was sent twice),
/// but only up to the first timeout. Without that, a round trip that grew beyond the timeout would
/// never be measured again; without the limit, a peer that comes back from a long pause would pay
/// for the next lost packet with seconds.
///
/// The floor has to be earned. Firmware pauses for tens to hundreds of milliseconds whenever it
/// writes flash or draws a menu, and some takes every duplicate for the next block; so nothing is
/// sent again before a second has passed (a fifth of it for a window), or the timeout that was
/// granted. The first evidence that packets do get lost, and that the client copes, lowers the floor
/// to 10 ms. From then on each resend that was needed halves it and each that was not raises it
/// fourfold, and without resends it returns slowly to 10 ms.
#[derive(Clone, Debug)]
pub(crate) struct Timer {
    /// The floor without evidence.
    polite: u32,
    first: u32,
    ceiling: u32,
    /// Smoothed round trip; 0 before the first sample.
    srtt: u32,
    rttvar: u32,
    /// Smallest round trip; [`UNMEASURED`] before the first sample.
    least: u32,
    /// State of the jitter generator, never 0.
    noise: u16,
    /// Doublings of the interval; -1 for the quarter with which a quick opening begins.
    backoff: i8,
    /// How often [`QUICK_FLOOR`] is halved; below 0, doubled. Or [`POLITE`], or [`FIXED`].
    haste: i8,
}

impl Timer {
    /// A timer that has measured nothing. `seed` gives each transfer its own jitter.
    pub(crate) fn new(schedule: &Schedule, seed: u32) -> Self {
        // spec: resend-min
        let first = whole(schedule.first).max(1);
        let mut timer = Self {
            polite: schedule
                .resend_min
                .map_or(first, |least| whole(least).max(1)),
            first,
            ceiling: whole(schedule.ceiling).max(1),
            srtt: 0,
            rttvar: 0,
            least: UNMEASURED,
            noise: fold(seed).max(1),
            backoff: if schedule.quick_opening { QUICK } else { 0 },
            haste: if schedule.resend_min.is_some() {
                FIXED
            } else {
                POLITE
            },
        };
        timer.raise_ceiling(0);
        timer.shuffle();
        timer
    }

    /// What was agreed with the peer: until there is evidence, nothing is sent again before a granted
    /// timeout; without one, a window not before a fifth of the first.
    pub(crate) fn agree(&mut self, timeout: Option<Duration>, window: u16) {
        // spec: rfc2349-timeout-floor, polite-until-proven
        let granted = timeout.map(|timeout| whole(timeout).max(1));
        if self.haste != FIXED {
            let of_window = (self.first / WINDOW_SHARE).max(1);
            self.first = granted.unwrap_or(self.first);
            self.polite = match granted {
                None if window > 1 => of_window,
                None | Some(_) => self.first,
            };
        }
        self.raise_ceiling(granted.unwrap_or(0));
    }

    /// What transfers with this peer have shown before. To be told before the first send.
    pub(crate) fn recall(&mut self, evidence: Evidence, schedule: &Schedule) {
        match evidence {
            _ if self.haste == FIXED => {}
            Evidence::None => {}
            Evidence::Loss => {
                self.haste = 0;
                self.backoff = QUICK;
                self.first = self.first.min(whole(schedule.first).max(1));
            }
            Evidence::CountsDuplicates => self.haste = FIXED,
        }
    }

    /// What this transfer has shown, if anything: `Evidence::None` is proof of the contrary.
    pub(crate) const fn evidence(&self) -> Option<Evidence> {
        match self.haste {
            POLITE | FIXED => None,
            TRUSTED.. => Some(Evidence::Loss),
            _ => Some(Evidence::None),
        }
    }

    /// The ceiling leaves a client whose own timer is as long as the timeout it asked for, and starts
    /// anew with each packet, its turn. Jitter below it never undercuts the polite floor.
    fn raise_ceiling(&mut self, granted: u32) {
        // spec: no-stand-off
        let floor = self.polite.saturating_add(self.polite / 10);
        let gap = (granted / 5).saturating_mul(8);
        self.ceiling = self.ceiling.max(floor).max(gap);
    }

    /// A round trip of a packet that was sent once; ends the back-off.
    #[inline]
    pub(crate) fn sample(&mut self, round_trip: Micros) {
        // spec: rfc1123-adaptive-timeout
        let sample = round_trip.clamp(Micros::new(1), LONGEST_SAMPLE).short();
        self.least = self.least.min(sample);
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
        if self.haste > 0 && self.haste != FIXED && self.noise & 0xff == 0 {
            self.haste = self.haste.saturating_sub(1);
        }
    }

    /// The peer told of a gap, or asked again itself: packets do get lost.
    pub(crate) fn lossy(&mut self) {
        // spec: polite-until-proven
        if self.haste == POLITE {
            self.haste = 0;
        }
    }

    /// A resend was answered as one that was needed: the next one may come sooner.
    pub(crate) fn needed(&mut self, lockstep: bool) {
        // spec: earned-haste
        let most = if lockstep { HASTE } else { HASTE_OF_WINDOWS };
        match self.haste {
            FIXED => {}
            POLITE => self.haste = 0,
            _ => self.haste = self.haste.saturating_add(1).min(most),
        }
    }

    /// A resend turned out needless: the answer was only late.
    pub(crate) fn needless(&mut self) {
        // spec: earned-haste
        if self.haste != POLITE && self.haste != FIXED {
            self.haste = self.haste.saturating_sub(RECOIL).max(-CAUTION);
        }
    }

    /// Progress that measured nothing: the back-off stays, up to the first timeout.
    pub(crate) fn relax(&mut self) {
        while self.backoff > 0 && self.doubled(self.base()) > self.first {
            self.backoff = self.backoff.saturating_sub(1);
        }
        self.shuffle();
    }

    /// The peer answered an opening packet that was sent twice, so nothing was measured: with
    /// evidence of loss, what follows may be as quick as a quick opening, once.
    pub(crate) fn reopen(&mut self) {
        let quick = self.srtt == 0 && self.is_quick();
        self.backoff = if quick { QUICK } else { 0 };
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
    pub(crate) fn interval(&self) -> Micros {
        self.after(self.base())
    }

    /// The same where an early resend would be a nuisance: longer than the peer's first timeout, if
    /// that is ours, so that the peer comes first.
    #[inline]
    pub(crate) fn calm_interval(&self) -> Micros {
        let base = self.base().max(self.first);
        self.after(base.saturating_add(base / 4))
    }

    /// Time from an ACK to the same ACK again, whose peer should resend before it is asked: twice what
    /// the round trips have it. It asks for blocks and doubles none, so it needs no politeness.
    pub(crate) fn patient_interval(&self) -> Micros {
        let floor = match self.haste {
            FIXED => self.polite.max(QUICK_FLOOR),
            _ => QUICK_FLOOR,
        };
        self.after(self.reckoned(floor).saturating_mul(2))
    }

    /// The timeout as the round trips alone have it, without back-off and jitter: what is still not
    /// answered then was lost, or its peer pauses.
    pub(crate) fn unhurried(&self) -> Micros {
        Micros::from(self.reckoned(QUICK_FLOOR))
    }

    /// A quarter of the same: the spacing of answers to duplicates.
    pub(crate) fn spacing(&self) -> Micros {
        Micros::from(self.reckoned(QUICK_FLOOR) / 4)
    }

    /// Whether evidence has lowered the floor.
    pub(crate) const fn is_quick(&self) -> bool {
        self.haste != POLITE && self.haste != FIXED
    }

    /// Three quarters of a round trip: what arrives sooner after a send cannot be its answer.
    pub(crate) fn too_soon(&self) -> Micros {
        let round_trip = if self.srtt == 0 {
            self.first
        } else {
            self.srtt
        };
        Micros::new(u64::from(round_trip) * 3 / 4)
    }

    /// An eighth of a round trip: the same where the round trip is that of a whole window, and a
    /// part of it may have been answered.
    pub(crate) fn far_too_soon(&self) -> Micros {
        Micros::from(self.srtt / 8)
    }

    /// What few round trips exceed.
    pub(crate) fn long_round_trip(&self) -> Micros {
        Micros::from(self.srtt.saturating_add(self.rttvar))
    }

    /// The smoothed round trip, once measured.
    pub(crate) fn round_trip(&self) -> Option<Micros> {
        (self.srtt != 0).then(|| Micros::from(self.srtt))
    }

    /// The smallest round trip, once measured.
    pub(crate) fn round_trip_min(&self) -> Option<Micros> {
        (self.least != UNMEASURED).then(|| Micros::from(self.least))
    }

    /// The timeout without back-off and jitter.
    fn base(&self) -> u32 {
        self.reckoned(self.floor())
    }

    /// The same with this floor. The variance counts for at least half of it (but no more than half
    /// the quick one), or steady round trips would leave no margin at all.
    fn reckoned(&self, floor: u32) -> u32 {
        let timeout = if self.srtt == 0 {
            self.first
        } else {
            let margin = self.rttvar.saturating_mul(4);
            let margin = margin.max(floor.min(QUICK_FLOOR) / 2);
            self.srtt.saturating_add(margin).max(floor)
        };
        timeout.min(self.ceiling)
    }

    /// The floor as it was earned.
    fn floor(&self) -> u32 {
        match self.haste {
            POLITE | FIXED => self.polite,
            0 => QUICK_FLOOR.min(self.polite),
            _ => self.moved_floor(),
        }
    }

    #[cold]
    fn moved_floor(&self) -> u32 {
        let steps = u32::from(self.haste.unsigned_abs());
        let moved = if self.haste > 0 {
            QUICK_FLOOR.checked_shr(steps).unwrap_or(0).max(1)
        } else {
            doubled(QUICK_FLOOR, steps)
        };
        moved.min(self.polite)
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
    fn after(&self, base: u32) -> Micros {
        let interval = self.doubled(base);
        let jitter = u64::from(interval / 10).saturating_mul(u64::from(self.noise & 0xff)) / 256;
        let interval = u64::from(interval);
        let jittered = interval.saturating_add(jitter);
        let chosen = if jittered > u64::from(self.ceiling) {
            interval.saturating_sub(jitter)
        } else {
            jittered
        };
        Micros::new(chosen)
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
    Micros::of(duration).short()
}

#[cfg(test)]
mod tests;
