//! When to send again, and when to give up (RFC 6298 adapted to TFTP).

use core::time::Duration;

mod timer;

pub(crate) use timer::{Timer, duration, whole};

/// The rules of retransmission for one transfer. All durations are from the last progress or send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Schedule {
    /// Shortest adaptive timeout of a transfer that loses nothing. Default 10 ms. Resends that
    /// turn out needed lower it, down to a 32nd in lockstep and a quarter with a window; needless
    /// ones raise it, up to eight times.
    pub floor: Duration,
    /// Timeout before the first round trip was measured. Default 1 s.
    pub first: Duration,
    /// Whether the very first packet is sent again after a quarter of [`Schedule::first`] already.
    /// Default true: 250 ms, then 1 s, 2 s, ...
    pub quick_opening: bool,
    /// Longest timeout after back-off. Default 8 s: several clients (atftp, tftp-hpa) start their own
    /// timer of 5 s anew with each packet, also with those they ignore, and would never get to
    /// repeat a lost ACK if resends came more often. A negotiated `timeout` below it replaces it.
    pub ceiling: Duration,
    /// Resends before the peer's first valid answer has proven its address. Default 2.
    pub unproven_resends: u8,
    /// Time of silence after which a proven peer is given up. A peer that talks but makes no
    /// progress gets [`STUBBORN`] times as long. Default 60 s.
    pub give_up: Duration,
    /// Time after which an all but finished transfer counts as complete although the last ACK
    /// never came, and for which a receiver repeats its last ACK. Default 10 s.
    pub linger: Duration,
}

/// How many times [`Schedule::give_up`] a peer may go on repeating itself without any progress.
pub const STUBBORN: u32 = 10;

impl Default for Schedule {
    fn default() -> Self {
        Self {
            floor: Duration::from_millis(10),
            first: Duration::from_secs(1),
            quick_opening: true,
            ceiling: Duration::from_secs(8),
            unproven_resends: 2,
            give_up: Duration::from_secs(60),
            linger: Duration::from_secs(10),
        }
    }
}
