//! When to send again, and when to give up (RFC 6298 adapted to TFTP).

use core::time::Duration;

use crate::Instant;
use crate::time::Micros;

mod timer;

pub(crate) use timer::{Timer, whole};

/// The rules of retransmission for one transfer. All durations are from the last progress or send.
///
/// A transfer begins politely: nothing is sent again before the `timeout` that was granted or, where
/// none was, a block in lockstep not before [`Schedule::first`] and a window not before a fifth of
/// it. Once the network has
/// proven lossy, and the client tolerant, the measured round trip sets the pace (RFC 6298).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Schedule {
    /// Least time before something is sent again, whatever was measured, proven or granted. `None`,
    /// the default, leaves it to the evidence: see above.
    pub resend_min: Option<Duration>,
    /// Timeout before anything was measured, and before the network has proven lossy. Default 1 s.
    pub first: Duration,
    /// Whether the very first packet is sent again after a quarter of [`Schedule::first`] already:
    /// for clients, whose request may meet a path that is not up yet. Default false.
    pub quick_opening: bool,
    /// Longest timeout after back-off. Default 8 s, longer than any known client's timer: several
    /// clients (atftp, tftp-hpa) start theirs of 5 s anew with each packet, also with those they
    /// ignore, and would never get to repeat a lost ACK if resends went on coming more often. Eight
    /// fifths of a granted `timeout` raise it.
    pub ceiling: Duration,
    /// Resends before the peer's first valid answer has proven its address. Default 2.
    pub unproven_resends: u8,
    /// Time a transfer waits for the peer's first valid answer, or five quarters of the granted
    /// `timeout` if that is longer. Zero ends it with the last of the
    /// [`Schedule::unproven_resends`]. Default 10 s.
    pub unproven_life: Duration,
    /// Time of silence after which a proven peer is given up, or twice the granted `timeout` if that
    /// is longer. A peer that talks but makes no progress gets [`STUBBORN`] times as long. Default
    /// 60 s.
    pub give_up: Duration,
    /// Time after which an all but finished transfer counts as complete although the last ACK
    /// never came, and for which a receiver repeats its last ACK. Default 10 s.
    pub linger: Duration,
}

/// How many times [`Schedule::give_up`] a peer may go on repeating itself without any progress.
pub const STUBBORN: u32 = 10;

/// How long, and with how many resends, a peer's first valid answer is waited for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Unproven {
    /// 0 leaves it to the resends.
    pub(crate) life: Centis,
    pub(crate) resends: u8,
}

impl Unproven {
    /// Whether a peer that was first written to at `since`, and `timeouts` times again, is waited
    /// for no longer. To be asked when [`Unproven::deadline`] has come.
    pub(crate) fn is_over(self, now: Instant, since: Instant, timeouts: u8) -> bool {
        match self.life {
            Centis(0) => timeouts >= self.resends,
            life => now >= since.plus(life.micros()),
        }
    }

    /// When to send again, if that would be at `resend`, or to stop waiting.
    pub(crate) fn deadline(self, since: Instant, timeouts: u8, resend: Instant) -> Instant {
        let end = since.plus(self.life.micros());
        match self.life {
            Centis(0) => resend,
            _ if timeouts < self.resends => resend.min(end),
            _ => end,
        }
    }
}

/// How long a server waits for its client's first answer: a client may erase its flash before.
pub(crate) fn unproven_life(schedule: &Schedule, granted: Option<Duration>) -> Centis {
    // spec: unproven-life, rfc2349-there-after-timeout
    let granted = granted.unwrap_or_default();
    match Centis::of(schedule.unproven_life) {
        Centis(0) => Centis(0),
        life => life.max(Centis::of(
            granted.saturating_add(granted.checked_div(4).unwrap_or_default()),
        )),
    }
}

/// A time in hundredths of a second, up to eleven minutes: a transfer has many of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Centis(u16);

impl Centis {
    pub(crate) const ZERO: Self = Self(0);

    /// Rounded up, and no longer than it can be.
    pub(crate) fn of(duration: Duration) -> Self {
        let millis = Micros::of(duration).get() / 1000;
        Self(u16::try_from(millis.div_ceil(10)).unwrap_or(u16::MAX))
    }

    pub(crate) const fn micros(self) -> Micros {
        // A u16 times 10,000 fits.
        Micros::new((self.0 as u64).saturating_mul(10_000))
    }
}

/// Time of silence after which a proven peer is given up, in microseconds: a peer that was granted
/// `timeout` may be silent for as long, and its next packet may get lost.
pub(crate) fn give_up(schedule: &Schedule, granted: Option<Duration>) -> u32 {
    // spec: rfc2349-there-after-timeout
    let granted = granted.map_or(0, whole);
    whole(schedule.give_up).max(granted.saturating_mul(2))
}

/// What the transfers with one peer have shown about the network and about the peer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Evidence {
    /// Nothing yet: be polite.
    #[default]
    None,
    /// Packets were lost, and the peer copes with duplicates: the round trip sets the pace.
    Loss,
    /// The peer takes duplicates for something new: be polite whatever gets lost.
    CountsDuplicates,
}

impl Default for Schedule {
    fn default() -> Self {
        Self {
            resend_min: None,
            first: Duration::from_secs(1),
            quick_opening: false,
            ceiling: Duration::from_secs(8),
            unproven_resends: 2,
            unproven_life: Duration::from_secs(10),
            give_up: Duration::from_secs(60),
            linger: Duration::from_secs(10),
        }
    }
}
