//! What a sender is told and tells.

/// Content that can be sent now: bytes before `upto` are at hand; if `end`, nothing follows them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Available {
    /// First byte that is not at hand.
    pub upto: u64,
    /// Whether `upto` is the end of the content.
    pub end: bool,
}

/// Where a sender stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SenderStatus {
    /// The opening packet waits for its answer (server: ACK 0; client: OACK or ACK 0).
    Opening,
    /// DATA is on its way.
    Moving,
    /// The peer has everything. `acked` is false if its last ACK never came.
    Complete {
        /// Whether the last ACK arrived.
        acked: bool,
    },
    /// It did not work.
    Failed(SendFailure),
}

/// Why a sender gave up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SendFailure {
    /// The peer fell silent. `proven` says whether it ever answered.
    TimedOut {
        /// Whether a valid answer ever came.
        proven: bool,
    },
    /// The content needs more than 65535 blocks and rollover is refused.
    BlockNumbersExhausted,
}

/// What a sender counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SenderCounts {
    /// DATA packets sent, resends included.
    pub blocks_sent: u64,
    /// DATA packets sent again.
    pub blocks_resent: u64,
    /// Times the timer ran out.
    pub timeouts: u32,
    /// ACKs that told nothing new.
    pub duplicate_acks: u32,
    /// Gaps that ACKs told of: blocks lost from a window, with later ones sent in vain.
    pub gaps: u32,
}

/// The same as a sender keeps it, in less room: four billion resends are enough. The blocks sent
/// stand apart.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Counts {
    pub(super) blocks_resent: u32,
    pub(super) timeouts: u32,
    pub(super) duplicate_acks: u32,
    pub(super) gaps: u32,
}
