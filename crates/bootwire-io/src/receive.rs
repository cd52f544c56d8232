//! Receiving.
use std::{
    io,
    net::{IpAddr, SocketAddr},
};

use crate::{Kernel, Socket};

/// Slots for a batch of datagrams.
#[derive(Debug)]
pub struct ReceiveBatch(());

/// One datagram of a [`ReceiveBatch`].
#[derive(Clone, Copy, Debug)]
pub struct Datagram<'a> {
    /// The bytes.
    pub payload: &'a [u8],
    /// The sender, canonical.
    pub peer: SocketAddr,
    /// The address to answer from.
    pub local: Option<IpAddr>,
    /// Index of the interface it came by, 0 if unknown.
    pub interface: u32,
    /// It was longer than the slot.
    pub truncated: bool,
    /// Datagrams the socket has dropped so far.
    pub drops: Option<u32>,
    /// Sent to one host only.
    pub unicast: bool,
}

impl ReceiveBatch {
    /// Allocates.
    pub fn new(kernel: Kernel, slots: usize, slot_len: usize) -> Self {
        let _ = (kernel, slots, slot_len);
        todo!()
    }
    /// Receives.
    pub fn receive(&mut self, socket: &Socket) -> io::Result<usize> {
        let _ = socket;
        todo!()
    }
    /// Datagrams of the last receive.
    pub fn len(&self) -> usize {
        todo!()
    }
    /// None.
    pub fn is_empty(&self) -> bool {
        todo!()
    }
    /// Slots.
    pub fn capacity(&self) -> usize {
        todo!()
    }
    /// One datagram.
    pub fn get(&self, index: usize) -> Datagram<'_> {
        let _ = index;
        todo!()
    }
}
