//! One datagram per call, for any system.

use std::{io, net::SocketAddr};

use super::Datagram;
use crate::Socket;

/// Slots filled with `recv_from`, one after the other.
#[derive(Debug)]
pub(super) struct Slots {
    bytes: Vec<u8>,
    /// Who sent it, and its length.
    seen: Vec<(SocketAddr, usize)>,
    slots: usize,
    slot_len: usize,
}

impl Slots {
    pub(super) fn new(slots: usize, slot_len: usize) -> Self {
        // One byte more, by which a longer datagram is known.
        let bytes = vec![0; slots * (slot_len + 1)];
        Self {
            bytes,
            seen: Vec::with_capacity(slots),
            slots,
            slot_len,
        }
    }

    pub(super) const fn len(&self) -> usize {
        self.seen.len()
    }

    pub(super) const fn capacity(&self) -> usize {
        self.slots
    }

    pub(super) fn receive(&mut self, socket: &Socket) -> io::Result<usize> {
        self.seen.clear();
        for slot in self.bytes.chunks_exact_mut(self.slot_len + 1) {
            match socket.udp().recv_from(slot) {
                Ok((len, peer)) => {
                    let peer = match peer.ip().to_canonical() {
                        ip if ip == peer.ip() => peer, // keeps the scope of a link-local address
                        ip => SocketAddr::new(ip, peer.port()),
                    };
                    self.seen.push((peer, len));
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(_) if !self.seen.is_empty() => break, // it is over, or comes up again
                Err(error) => return Err(error),
            }
        }
        Ok(self.seen.len())
    }

    pub(super) fn get(&self, index: usize) -> Datagram<'_> {
        let (peer, len) = self.seen[index];
        let start = index * (self.slot_len + 1);
        Datagram {
            payload: &self.bytes[start..start + len.min(self.slot_len)],
            peer,
            local: None,
            interface: 0,
            truncated: len > self.slot_len,
            drops: None,
            unicast: true,
        }
    }
}
