//! The side that gets the file: a client's RRQ, a server's WRQ.

use core::time::Duration;

use crate::{Ack, Agreed, Data, Instant, Schedule};

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
    /// A block that was accepted before.
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
    /// Every byte is here; the last ACK waits for [`Receiver::confirm`].
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
}

/// The receiving state machine.
#[derive(Clone, Debug)]
pub struct Receiver {}

impl Receiver {
    /// A server's side of a write. The opening packet is the OACK, or ACK 0 where none is owed
    /// (then [`Receiver::poll`] answers `Ack` for block 0).
    #[must_use]
    pub fn serve(now: Instant, agreed: &Agreed, schedule: &Schedule, seed: u32) -> Self {
        todo!("{now:?} {agreed:?} {schedule:?} {seed:?}")
    }

    /// A client's side of a read: the opening packet is the RRQ, answered through
    /// [`Receiver::agree`].
    #[must_use]
    pub fn request(now: Instant, schedule: &Schedule, seed: u32) -> Self {
        todo!("{now:?} {schedule:?} {seed:?}")
    }

    /// The server answered the RRQ. For an accepted OACK, ACK 0 becomes due. For a DATA 1 that
    /// came instead (options ignored), pass [`Agreed::plain`] and then the DATA.
    pub fn agree(&mut self, now: Instant, agreed: &Agreed) {
        todo!("{now:?} {agreed:?}")
    }

    /// DATA arrived.
    pub fn on_data(&mut self, now: Instant, data: Data<'_>) -> Reception {
        todo!("{now:?} {data:?}")
    }

    /// The same request arrived again: the opening packet is due again at once, unless DATA moves.
    pub fn on_repeated_request(&mut self, now: Instant) {
        todo!("{now:?}")
    }

    /// Time passed: to be called at or after [`Receiver::deadline`]. Early calls do nothing.
    pub fn on_time(&mut self, now: Instant) {
        todo!("{now:?}")
    }

    /// The next thing to send, or `None`. With `room` false, an ACK that would bring more DATA is
    /// held back until there is room (the peer's timer is kept calm only by its own patience, so
    /// be quick).
    pub fn poll(&mut self, now: Instant, room: bool) -> Option<Answer> {
        todo!("{now:?} {room:?}")
    }

    /// The content is stored for good: the last ACK may go.
    pub fn confirm(&mut self, now: Instant) {
        todo!("{now:?}")
    }

    /// When [`Receiver::on_time`] wants to be called; `None` when finished or waiting for
    /// [`Receiver::confirm`].
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        todo!()
    }

    /// Where the transfer stands.
    #[must_use]
    pub fn status(&self) -> ReceiverStatus {
        todo!()
    }

    /// Bytes received in order.
    #[must_use]
    pub fn received(&self) -> u64 {
        todo!()
    }

    /// What was counted so far.
    #[must_use]
    pub fn counts(&self) -> ReceiverCounts {
        todo!()
    }

    /// The smoothed round-trip time, once measured.
    #[must_use]
    pub fn round_trip(&self) -> Option<Duration> {
        todo!()
    }
}
