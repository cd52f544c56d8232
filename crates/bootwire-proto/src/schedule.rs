//! When to send again, and when to give up (RFC 6298 adapted to TFTP).

use core::time::Duration;

/// The rules of retransmission for one transfer. All durations are from the last progress or send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Schedule {
    /// Shortest adaptive timeout. Default 10 ms.
    pub floor: Duration,
    /// Timeout before the first round trip was measured. Default 1 s.
    pub first: Duration,
    /// Longest timeout after back-off. Default 5 s; a negotiated `timeout` below it replaces it.
    pub ceiling: Duration,
    /// Resends before the peer's first valid answer has proven its address. Default 2.
    pub unproven_resends: u8,
    /// Time without progress after which a proven peer is given up. Default 60 s.
    pub give_up: Duration,
    /// Time after which an all but finished transfer counts as complete although the last ACK
    /// never came, and for which a receiver repeats its last ACK. Default 10 s.
    pub linger: Duration,
}

impl Default for Schedule {
    fn default() -> Self {
        Self {
            floor: Duration::from_millis(10),
            first: Duration::from_secs(1),
            ceiling: Duration::from_secs(5),
            unproven_resends: 2,
            give_up: Duration::from_secs(60),
            linger: Duration::from_secs(10),
        }
    }
}
