//! Sending.
use std::{
    io,
    marker::PhantomData,
    net::{IpAddr, SocketAddr},
};

use crate::{Kernel, MappedRange, Socket};

/// Most blocks in one GSO message.
pub const MAX_RUN_BLOCKS: usize = 44;
/// Most payload pieces in one run that surely fit.
pub const MAX_RUN_PIECES: usize = 900;
/// Most bytes in one UDP datagram.
pub const MAX_DATAGRAM: usize = 65_507;

/// Payload bytes for the wire.
#[derive(Clone, Copy, Debug)]
pub enum Payload<'a> {
    /// Bytes in memory.
    Bytes(&'a [u8]),
    /// Part of a mapped file.
    Mapped(MappedRange<'a>),
}

impl<'a> Payload<'a> {
    /// Bytes.
    pub fn len(&self) -> usize {
        todo!()
    }
    /// No bytes.
    pub fn is_empty(&self) -> bool {
        todo!()
    }
    /// The first `at` bytes (at most all) and the rest.
    pub fn split_at(self, at: usize) -> (Payload<'a>, Payload<'a>) {
        let _ = at;
        todo!()
    }
}

/// Where a message goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Destination {
    /// The receiver.
    pub peer: SocketAddr,
    /// Source address and interface (or 0).
    pub from: Option<(IpAddr, u32)>,
}

/// No room left in the round: send it first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Full;

/// Messages of one round to one socket.
#[derive(Debug)]
pub struct SendBatch(());

impl SendBatch {
    /// Allocates.
    pub fn new(kernel: Kernel) -> Self {
        let _ = kernel;
        todo!()
    }
    /// Whether runs may still go out as GSO messages.
    pub fn gso(&self) -> bool {
        todo!()
    }
    /// Begins an empty round.
    pub fn round<'s, 'p>(&'s mut self) -> Round<'s, 'p> {
        todo!()
    }
}

/// One round of a [`SendBatch`].
#[derive(Debug)]
pub struct Round<'s, 'p> {
    batch: &'s mut SendBatch,
    payloads: PhantomData<Payload<'p>>,
}

impl<'p> Round<'_, 'p> {
    /// Adds a small packet.
    pub fn packet(&mut self, to: Destination, tag: u32, bytes: &[u8]) -> Result<(), Full> {
        let _ = (to, tag, bytes, &self.batch, self.payloads);
        todo!()
    }
    /// Adds consecutive DATA blocks.
    pub fn blocks(
        &mut self,
        to: Destination,
        tag: u32,
        gso: bool,
        blksize: usize,
        headers: impl ExactSizeIterator<Item = [u8; 4]>,
        pieces: impl Iterator<Item = Payload<'p>>,
    ) -> Result<(), Full> {
        let _ = (to, tag, gso, blksize, headers.len(), pieces.count());
        todo!()
    }
    /// Nothing to send.
    pub fn is_empty(&self) -> bool {
        todo!()
    }
    /// Messages.
    pub fn len(&self) -> usize {
        todo!()
    }
    /// Sends everything.
    pub fn send(&mut self, socket: &Socket, report: &mut SendReport) {
        let _ = (socket, report);
        todo!()
    }
}

/// What went wrong in one [`Round::send`].
#[derive(Debug, Default)]
pub struct SendReport {
    /// The send buffer is full.
    pub blocked: bool,
    /// System calls made.
    pub calls: u32,
    /// Datagrams that went out.
    pub datagrams: u32,
    /// What did not go out, in the order of the calls.
    pub failures: Vec<SendFailure>,
}

/// One failed `packet` or `blocks` call.
#[derive(Debug)]
pub struct SendFailure {
    /// The caller's tag.
    pub tag: u32,
    /// First block of that call which was not sent.
    pub block: u32,
    /// Why.
    pub kind: FailureKind,
}

/// Why something was not sent.
#[derive(Debug)]
pub enum FailureKind {
    /// The send buffer is full: try again when writable.
    Unsent,
    /// Larger than the path allows.
    TooBig,
    /// The mapped file changed.
    Fault,
    /// Informational: sent one by one instead.
    GsoRefused,
    /// Anything else.
    Peer(io::Error),
}
