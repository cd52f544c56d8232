//! Packets on their way out, kept where they are until the kernel has taken them.

use io_uring::{opcode, squeue, types};

use crate::{Ring, linux::address::WireAddress};

/// Packets under way at most.
const SLOTS: usize = 4096;

/// A packet and where it goes.
struct Slot {
    to: WireAddress,
    bytes: [u8; Ring::PACKET_MAX],
    /// Whose it is, for failures.
    token: u32,
    generation: u32,
}

/// The slots. Never moved: the kernel reads from them.
pub(super) struct Outgoing {
    slots: Box<[Slot]>,
    free: Vec<u16>,
}

impl Outgoing {
    pub(super) fn new() -> Self {
        let slots = (0..SLOTS).map(|_| Slot {
            to: WireAddress::EMPTY,
            bytes: [0; Ring::PACKET_MAX],
            token: 0,
            generation: 0,
        });
        Self {
            slots: slots.collect(),
            free: (0..SLOTS as u16).rev().collect(),
        }
    }

    /// Packets the kernel has not done with.
    pub(super) fn under_way(&self) -> usize {
        self.slots.len() - self.free.len()
    }

    pub(super) fn is_full(&self) -> bool {
        self.free.is_empty()
    }

    /// Takes a slot for a packet of at most [`Ring::PACKET_MAX`] bytes, and makes the request to
    /// send it. `to` is `None` where the socket is connected to whom it is for.
    pub(super) fn fill(
        &mut self,
        token: u32,
        generation: u32,
        fd: types::Fd,
        to: Option<WireAddress>,
        packet: &[u8],
    ) -> Option<(u16, squeue::Entry)> {
        let number = self.free.pop()?;
        let slot = &mut self.slots[usize::from(number)];
        slot.token = token;
        slot.generation = generation;
        slot.to = to.unwrap_or(WireAddress::EMPTY);
        let bytes = &mut slot.bytes[..packet.len()];
        bytes.copy_from_slice(packet);
        // Without waiting: what the kernel has no room for is lost, as on any network.
        let mut send = opcode::Send::new(fd, bytes.as_ptr(), packet.len() as u32)
            .flags(libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL);
        if to.is_some() {
            send = send
                .dest_addr(slot.to.as_ptr().cast())
                .dest_addr_len(slot.to.len());
        }
        Some((number, send.build()))
    }

    /// The kernel has done with a packet: whose it was.
    pub(super) fn done(&mut self, number: u16) -> Option<(u32, u32)> {
        let slot = self.slots.get(usize::from(number))?;
        self.free.push(number);
        Some((slot.token, slot.generation))
    }

    /// One was never queued.
    pub(super) fn take_back(&mut self, number: u16) {
        self.free.push(number);
    }
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use super::*;

    #[test]
    fn every_slot_is_used_once_and_free_again_when_the_kernel_has_done_with_it() {
        let mut outgoing = Outgoing::new();
        let to: SocketAddr = ([127, 0, 0, 1], 69).into();
        let fill = |outgoing: &mut Outgoing, token| {
            let to = Some(WireAddress::new(to, false));
            let filled = outgoing.fill(token, 7, types::Fd(0), to, b"\0\x04\0\x01");
            filled.map(|(number, _)| number)
        };
        let numbers: std::collections::HashSet<_> = (0..SLOTS as u32)
            .map(|token| fill(&mut outgoing, token).unwrap())
            .collect();
        assert_eq!(numbers.len(), SLOTS);
        assert!(outgoing.is_full());
        assert_eq!(fill(&mut outgoing, 0), None);
        assert_eq!(outgoing.done(0), Some((0, 7)), "whose it was");
        assert_eq!(outgoing.under_way(), SLOTS - 1);
        assert_eq!(fill(&mut outgoing, 5), Some(0));
    }
}
