//! What a receiver is told and tells.

use crate::Ack;

/// What became of a DATA packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reception {
    /// The next block: store its payload at `offset`. If `last`, the content ends with it.
    Accepted {
        /// Where the payload goes, in bytes from the start.
        offset: u64,
        /// Whether this block ends the content.
        last: bool,
    },
    /// Nothing to store: a block that was accepted before, or any block once the content is whole
    /// or the transfer over.
    Duplicate,
    /// A block ahead of the one expected: something was lost.
    Gap,
    /// Longer than the agreed block size: the peer broke the agreement, and the transfer failed.
    Oversize,
}

/// What to put on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// The packet that opens the transfer: a server's OACK, a client's request.
    Opening,
    /// An ACK.
    Ack(Ack),
}

/// Where a receiver stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReceiverStatus {
    /// The opening packet waits for its answer (server: DATA 1; client: OACK or DATA 1).
    Opening,
    /// DATA is on its way.
    Moving,
    /// Every byte is here; the last ACK waits for [`Receiver::confirm`](crate::Receiver::confirm).
    Received,
    /// The last ACK is sent and repeated on demand, in case it was lost.
    Lingering,
    /// Done.
    Complete,
    /// It did not work.
    Failed(ReceiveFailure),
}

/// Why a receiver gave up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReceiveFailure {
    /// The peer fell silent. `proven` says whether it ever answered.
    TimedOut {
        /// Whether a valid answer ever came.
        proven: bool,
    },
    /// The content needs more than 65535 blocks and rollover is refused.
    BlockNumbersExhausted,
    /// A block longer than agreed.
    Oversize,
}

/// What a receiver counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ReceiverCounts {
    /// DATA packets that brought something new.
    pub blocks: u64,
    /// DATA packets that were duplicates or beyond a gap.
    pub blocks_unused: u64,
    /// ACKs sent again, or early because of a gap.
    pub acks_resent: u64,
    /// Times the timer ran out.
    pub timeouts: u32,
    /// Gaps seen: blocks that came before the one expected.
    pub gaps: u32,
}
