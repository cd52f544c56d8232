//! What a block is made of, and where it goes.

use std::net::{IpAddr, SocketAddr};

use crate::MappedRange;

/// Payload bytes for the wire.
#[derive(Clone, Copy, Debug)]
pub enum Payload<'a> {
    /// Bytes in memory.
    Bytes(&'a [u8]),
    /// Part of a mapped file, read by the kernel alone.
    Mapped(MappedRange<'a>),
}

impl<'a> Payload<'a> {
    /// Its length in bytes.
    pub const fn len(&self) -> usize {
        match self {
            Self::Bytes(bytes) => bytes.len(),
            Self::Mapped(range) => range.len(),
        }
    }

    /// Whether it has no bytes.
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The first `at` bytes, or all if there are fewer, and the rest.
    #[must_use]
    #[inline]
    pub fn split_at(self, at: usize) -> (Self, Self) {
        match self {
            Self::Bytes(bytes) => {
                let (head, tail) = bytes.split_at(at.min(bytes.len()));
                (Self::Bytes(head), Self::Bytes(tail))
            }
            Self::Mapped(range) => {
                let (head, tail) = range.split_at(at);
                (Self::Mapped(head), Self::Mapped(tail))
            }
        }
    }

    /// Its first byte's address. Of a mapped file it must never be read here.
    pub(super) const fn as_ptr(&self) -> *const u8 {
        match self {
            Self::Bytes(bytes) => bytes.as_ptr(),
            Self::Mapped(range) => range.as_ptr(),
        }
    }
}

/// Where a message goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Destination {
    /// The receiver. An IPv4 address is written as an IPv4-mapped one where the socket is an
    /// IPv6 one.
    pub peer: SocketAddr,
    /// The source address to send from, and the index of the interface to leave by (0: the
    /// routing table chooses). Only of use on a socket bound to the wildcard address; it costs
    /// a control message on every send. Ignored where [`Kernel::batch_send`] is false.
    ///
    /// [`Kernel::batch_send`]: crate::Kernel::batch_send
    pub from: Option<(IpAddr, u32)>,
}

impl From<SocketAddr> for Destination {
    fn from(peer: SocketAddr) -> Self {
        Self { peer, from: None }
    }
}
