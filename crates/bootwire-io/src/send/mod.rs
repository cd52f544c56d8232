//! Sending: messages are collected in a round, and go out with as few calls as possible.
//!
//! [`queue`] holds the messages, [`drive`] decides what to do about errors, and the calls
//! themselves are in `linux::send` and [`plain`].

pub(crate) mod drive;
mod payload;
mod plain;
pub(crate) mod queue;
mod report;

use std::{fmt, marker::PhantomData};

use self::queue::{Live, MAX_MESSAGES, Queue};
#[cfg(target_os = "linux")]
use crate::linux::send::Headers;
use crate::{Kernel, Socket};

#[cfg(target_os = "linux")]
pub use self::{
    payload::{Destination, Payload},
    report::{FailureKind, SendFailure, SendReport},
};

/// Most blocks the kernel is asked to cut out of one message. A fair share of one round: 44
/// blocks of 1468 bytes are the most a GSO message holds.
pub const MAX_RUN_BLOCKS: usize = 44;

/// Most payload pieces with which [`MAX_RUN_BLOCKS`] blocks surely fit into an empty round.
pub const MAX_RUN_PIECES: usize = 900;

/// Most payload bytes of a UDP datagram over IPv4, and of a GSO message.
pub const MAX_DATAGRAM: usize = 65_507;

/// There is no room left in the round: send it first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Full;

impl fmt::Display for Full {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no room left in this round of messages")
    }
}

impl std::error::Error for Full {}

/// Room for the messages of one round, allocated once: at most 256 messages, 4096 pieces and
/// 128 KiB of copied packets and headers.
#[derive(Debug)]
pub struct SendBatch {
    queue: Queue,
    wire: Wire,
    gso: bool,
}

/// What the kernel is handed the queue with.
#[derive(Debug)]
enum Wire {
    #[cfg(target_os = "linux")]
    Batch(Headers),
    Plain(Vec<u8>),
}

impl Wire {
    fn new(kernel: Kernel) -> Self {
        #[cfg(target_os = "linux")]
        if kernel.batch_send {
            return Self::Batch(Headers::new());
        }
        let _ = kernel;
        Self::Plain(Vec::with_capacity(MAX_DATAGRAM))
    }
}

impl SendBatch {
    /// Allocates everything a round needs.
    pub fn new(kernel: Kernel) -> Self {
        Self {
            queue: Queue::new(),
            wire: Wire::new(kernel),
            gso: kernel.gso && kernel.batch_send,
        }
    }

    /// Whether runs of blocks still go out as GSO messages. Off for good once a device has
    /// refused (`EIO`).
    pub const fn gso(&self) -> bool {
        self.gso
    }

    /// Begins an empty round. `'p` is how long the payloads stay as they are.
    pub fn round<'s, 'p>(&'s mut self) -> Round<'s, 'p> {
        self.queue.clear();
        Round {
            batch: self,
            payloads: PhantomData,
        }
    }
}

/// Consecutive DATA blocks: each of `headers` in front of the next `blksize` bytes of `pieces`. Where
/// the pieces end, the block is shorter, or empty; what they have beyond the last header is left out.
#[derive(Clone, Debug)]
pub struct Blocks<H, P> {
    /// The kernel may cut them from one message. Wrong for blocks larger than the path's MTU.
    pub gso: bool,
    /// Bytes of content in each, the last apart.
    pub blksize: usize,
    /// One for each block.
    pub headers: H,
    /// The content.
    pub pieces: P,
}

/// Messages of one round to one socket. What is not sent when it is dropped is forgotten.
#[derive(Debug)]
pub struct Round<'s, 'p> {
    batch: &'s mut SendBatch,
    payloads: PhantomData<Payload<'p>>,
}

impl<'p> Round<'_, 'p> {
    /// Adds one datagram, copied. `tag` is for the caller to know it again in the report.
    ///
    /// # Errors
    /// [`Full`] if there is no room. Up to [`MAX_DATAGRAM`] bytes always fit into an empty
    /// round; more are no UDP datagram.
    pub fn packet(&mut self, to: Destination, tag: u32, bytes: &[u8]) -> Result<(), Full> {
        self.batch.queue.packet(to, tag, bytes)
    }

    /// Adds consecutive DATA blocks. Where the kernel can cut them itself, up to [`MAX_RUN_BLOCKS`]
    /// blocks and [`MAX_DATAGRAM`] bytes go out as one message; a longer run is split.
    ///
    /// # Errors
    /// [`Full`] if not all of them fit; then none is added. [`MAX_RUN_BLOCKS`] blocks of up to
    /// [`MAX_RUN_PIECES`] pieces always fit into an empty round.
    pub fn blocks(
        &mut self,
        to: Destination,
        tag: u32,
        mut blocks: Blocks<
            impl ExactSizeIterator<Item = [u8; 4]>,
            impl Iterator<Item = Payload<'p>>,
        >,
    ) -> Result<(), Full> {
        blocks.gso &= self.batch.gso;
        self.batch.queue.blocks(to, tag, blocks)
    }

    /// Whether there is nothing to send.
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Messages to send; a GSO message counts once.
    pub const fn len(&self) -> usize {
        self.batch.queue.len()
    }

    /// Sends everything with as few calls as possible, without ever blocking. The report tells
    /// what did not go out. Afterwards the round is empty.
    pub fn send(&mut self, socket: &Socket, report: &mut SendReport) {
        report.clear();
        let SendBatch { queue, wire, gso } = &mut *self.batch;
        // SAFETY: the round began with an empty queue, every payload added since is borrowed for
        // 'p, and 'p outlives this round.
        let live = unsafe { Live::new(queue) };
        let gso_works = match wire {
            #[cfg(target_os = "linux")]
            Wire::Batch(headers) => drive::drive(live, &mut headers.prepare(live, socket), report),
            Wire::Plain(scratch) => {
                drive::drive(live, &mut plain::Plain::new(socket, scratch), report)
            }
        };
        *gso &= gso_works;
        queue.clear();
    }
}
