//! Receiving datagrams in batches.

mod plain;

use std::{
    io,
    net::{IpAddr, SocketAddr},
};

use crate::{Kernel, Socket};

/// Errors in a row that are taken for echoes of datagrams sent earlier. Each call clears one.
const MAX_PENDING_ERRORS: u32 = 16;

/// Slots for a batch of datagrams, allocated once.
#[derive(Debug)]
pub struct ReceiveBatch {
    slots: Slots,
}

#[derive(Debug)]
enum Slots {
    #[cfg(target_os = "linux")]
    Batch(crate::linux::receive::Slots),
    Plain(plain::Slots),
}

/// One datagram of a [`ReceiveBatch`].
#[derive(Clone, Copy, Debug)]
pub struct Datagram<'a> {
    /// Its bytes, at most as many as a slot has.
    pub payload: &'a [u8],
    /// Who sent it. IPv4 on a dual-stack socket is told as IPv4; a link-local IPv6 address keeps
    /// its scope.
    pub peer: SocketAddr,
    /// The address to answer from: the one that was asked or, for an IPv4 broadcast or
    /// multicast, the interface's own. `None` for an IPv6 multicast, and without packet
    /// information.
    pub local: Option<IpAddr>,
    /// Index of the interface it came by; 0 without packet information.
    pub interface: u32,
    /// It was longer than a slot; the rest is lost.
    pub truncated: bool,
    /// Datagrams the socket had dropped before this one, since it was made (wraps around).
    /// `None` if not asked for, or if there were none.
    pub drops: Option<u32>,
    /// Whether it was sent to this host alone: `false` for broadcasts and multicasts. Always
    /// `true` without packet information.
    pub unicast: bool,
}

impl ReceiveBatch {
    /// Slots for up to `slots` datagrams (1 to 1024) of up to `slot_len` bytes (1 to 65,535).
    /// Numbers beyond are brought into range.
    pub fn new(kernel: Kernel, slots: usize, slot_len: usize) -> Self {
        let slots = slots.clamp(1, 1024);
        let slot_len = slot_len.clamp(1, 65_535);
        #[cfg(target_os = "linux")]
        if kernel.batch_receive {
            let slots = crate::linux::receive::Slots::new(slots, slot_len);
            return Self {
                slots: Slots::Batch(slots),
            };
        }
        let _ = kernel;
        Self {
            slots: Slots::Plain(plain::Slots::new(slots, slot_len)),
        }
    }

    /// Takes what has arrived, up to the number of slots, in place of the last batch. 0: nothing
    /// is there. A full batch means that there may be more.
    ///
    /// What ICMP said about datagrams sent earlier (`ECONNREFUSED` and the like) is passed over.
    ///
    /// # Errors
    /// What is wrong with the socket itself.
    pub fn receive(&mut self, socket: &Socket) -> io::Result<usize> {
        let mut pending_errors = 0;
        loop {
            let received = match &mut self.slots {
                #[cfg(target_os = "linux")]
                Slots::Batch(slots) => slots.receive(socket),
                Slots::Plain(slots) => slots.receive(socket),
            };
            match received {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(0),
                Err(error) if is_pending(&error) => {
                    pending_errors += 1;
                    if pending_errors == MAX_PENDING_ERRORS {
                        return Ok(0);
                    }
                }
                received => return received,
            }
        }
    }

    /// Datagrams in the last batch.
    pub const fn len(&self) -> usize {
        match &self.slots {
            #[cfg(target_os = "linux")]
            Slots::Batch(slots) => slots.len(),
            Slots::Plain(slots) => slots.len(),
        }
    }

    /// Whether the last batch was empty.
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Number of slots.
    pub const fn capacity(&self) -> usize {
        match &self.slots {
            #[cfg(target_os = "linux")]
            Slots::Batch(slots) => slots.capacity(),
            Slots::Plain(slots) => slots.capacity(),
        }
    }

    /// A datagram of the last batch, in the order of arrival.
    ///
    /// # Panics
    /// If `index` is not below [`ReceiveBatch::len`].
    #[inline]
    pub fn get(&self, index: usize) -> Datagram<'_> {
        match &self.slots {
            #[cfg(target_os = "linux")]
            Slots::Batch(slots) => slots.get(index),
            Slots::Plain(slots) => slots.get(index),
        }
    }

    /// The payloads of a datagram of the last batch: several, in order, if the socket takes
    /// datagrams that arrive together as one ([`SocketOptions::gro`]), else its own.
    ///
    /// # Panics
    /// If `index` is not below [`ReceiveBatch::len`].
    ///
    /// [`SocketOptions::gro`]: crate::SocketOptions::gro
    pub fn payloads(&self, index: usize) -> impl Iterator<Item = &[u8]> {
        let (whole, segment) = match &self.slots {
            #[cfg(target_os = "linux")]
            Slots::Batch(slots) => (slots.get(index).payload, slots.segment(index)),
            Slots::Plain(slots) => (slots.get(index).payload, None),
        };
        // An empty datagram is one as well.
        let empty = whole.is_empty().then_some(whole);
        let size = segment.unwrap_or(whole.len()).max(1);
        empty.into_iter().chain(whole.chunks(size))
    }
}

/// Whether an error is about a datagram sent earlier, or about nothing at all.
pub(crate) fn is_pending(error: &io::Error) -> bool {
    matches!(
        error.raw_os_error(),
        Some(
            libc::ECONNREFUSED
                | libc::ECONNRESET
                | libc::EHOSTDOWN
                | libc::EHOSTUNREACH
                | libc::EINTR
                | libc::EMSGSIZE
                | libc::ENETDOWN
                | libc::ENETUNREACH
                | libc::ENOPROTOOPT
                | libc::EPROTO
        )
    )
}
