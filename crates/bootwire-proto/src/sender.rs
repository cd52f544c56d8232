//! The side that has the file: a server's RRQ, a client's WRQ.

use core::ops::Range;
use core::time::Duration;

use crate::{Ack, Agreed, Instant, Rollover, Schedule};

/// Content that can be sent now: bytes before `upto` are at hand; if `end`, nothing follows them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Available {
    /// First byte that is not at hand.
    pub upto: u64,
    /// Whether `upto` is the end of the content.
    pub end: bool,
}

/// What to put on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transmit {
    /// The packet that opens the transfer: a server's OACK, a client's request.
    Opening,
    /// Some blocks of DATA.
    Data(Run),
}

/// Consecutive blocks of DATA: all full but perhaps the last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Run {
    /// Position of the first block, from 1.
    pub first: u64,
    /// Number of blocks, at least 1.
    pub blocks: u16,
    /// Bytes in a full block.
    pub blksize: u16,
    /// Bytes in the last block: `blksize` unless it ends the content.
    pub last_len: u16,
    /// Whether the last block ends the content.
    pub end: bool,
    /// Whether the first block was sent before.
    pub resend: bool,
    rollover: Rollover,
}

impl Run {
    /// The content bytes the run carries; empty for a lone empty last block.
    #[must_use]
    pub fn bytes(&self) -> Range<u64> {
        todo!()
    }

    /// The DATA header of each block, in order.
    pub fn headers(&self) -> impl ExactSizeIterator<Item = [u8; 4]> + use<> {
        let _ = self.rollover;
        core::iter::empty()
    }
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
}

/// The sending state machine.
#[derive(Clone, Debug)]
pub struct Sender {}

impl Sender {
    /// A server's side of a read. If an OACK is owed it is the opening packet and must be
    /// acknowledged before DATA flows; else DATA 1 is the first packet and no other block leaves
    /// until it is acknowledged.
    #[must_use]
    pub fn serve(now: Instant, agreed: &Agreed, schedule: &Schedule, seed: u32) -> Self {
        todo!("{now:?} {agreed:?} {schedule:?} {seed:?}")
    }

    /// A client's side of a write: the opening packet is the WRQ, answered through
    /// [`Sender::agree`].
    #[must_use]
    pub fn request(now: Instant, schedule: &Schedule, seed: u32) -> Self {
        todo!("{now:?} {schedule:?} {seed:?}")
    }

    /// The server answered the WRQ: an accepted OACK, or [`Agreed::plain`] for a bare ACK 0.
    /// Ignored once DATA moves.
    pub fn agree(&mut self, now: Instant, agreed: &Agreed) {
        todo!("{now:?} {agreed:?}")
    }

    /// An ACK arrived.
    pub fn on_ack(&mut self, now: Instant, ack: Ack) {
        todo!("{now:?} {ack:?}")
    }

    /// The same request arrived again before it was answered (clients.md rule 9): the opening
    /// packet, or DATA 1, is due again at once. Once the peer has proven itself this does nothing.
    pub fn on_repeated_request(&mut self, now: Instant) {
        todo!("{now:?}")
    }

    /// Time passed: to be called at or after [`Sender::deadline`]. Early calls do nothing.
    pub fn on_time(&mut self, now: Instant) {
        todo!("{now:?}")
    }

    /// The content bytes that the window allows to be sent now; empty if none. May reach beyond the
    /// end of the content.
    #[must_use]
    pub fn window(&self) -> Range<u64> {
        todo!()
    }

    /// The next thing to send, at most `max_blocks` blocks of DATA, or `None`. The caller repeats
    /// until `None` or its own bound. Time counts from this call.
    pub fn poll(&mut self, now: Instant, available: Available, max_blocks: u16) -> Option<Transmit> {
        todo!("{now:?} {available:?} {max_blocks:?}")
    }

    /// Takes back what [`Sender::poll`] gave last, or the tail of it, because the kernel did not
    /// take it: it will be given again.
    pub fn unsent(&mut self, transmit: Transmit) {
        todo!("{transmit:?}")
    }

    /// When [`Sender::on_time`] wants to be called; `None` when finished, or when nothing is
    /// outstanding because the content is not at hand.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        todo!()
    }

    /// Where the transfer stands.
    #[must_use]
    pub fn status(&self) -> SenderStatus {
        todo!()
    }

    /// Content before this byte is acknowledged and will never be asked for again.
    #[must_use]
    pub fn acked(&self) -> u64 {
        todo!()
    }

    /// What was counted so far.
    #[must_use]
    pub fn counts(&self) -> SenderCounts {
        todo!()
    }

    /// The smoothed round-trip time, once measured.
    #[must_use]
    pub fn round_trip(&self) -> Option<Duration> {
        todo!()
    }
}
