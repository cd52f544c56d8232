//! One datagram per call, for any system.

use std::{
    io,
    net::{SocketAddr, SocketAddrV6},
    ops::Range,
};

use super::{drive::Transmit, queue::Live};
use crate::Socket;

/// Sends with `send_to`, from one buffer. Source addresses are left to the kernel.
#[derive(Debug)]
pub(super) struct Plain<'a> {
    socket: &'a Socket,
    scratch: &'a mut Vec<u8>,
}

impl<'a> Plain<'a> {
    pub(super) const fn new(socket: &'a Socket, scratch: &'a mut Vec<u8>) -> Self {
        Self { socket, scratch }
    }
}

impl Transmit for Plain<'_> {
    fn messages(&mut self, queue: Live<'_>, first: usize) -> io::Result<usize> {
        let pieces = queue.messages()[first].pieces.clone();
        self.datagram(queue, first, pieces).map(|()| 1)
    }

    fn datagram(
        &mut self,
        queue: Live<'_>,
        message: usize,
        pieces: Range<usize>,
    ) -> io::Result<()> {
        let message = &queue.messages()[message];
        queue.gather(message, pieces, self.scratch)?;
        let peer = queue.calls()[message.call].to.peer;
        self.socket
            .udp()
            .send_to(self.scratch, for_socket(peer, self.socket.is_ipv6()))
            .map(|_| ())
    }
}

/// The address as the socket's family writes it.
fn for_socket(peer: SocketAddr, ipv6: bool) -> SocketAddr {
    match peer {
        SocketAddr::V4(v4) if ipv6 => {
            SocketAddrV6::new(v4.ip().to_ipv6_mapped(), v4.port(), 0, 0).into()
        }
        SocketAddr::V6(_) if !ipv6 => SocketAddr::new(peer.ip().to_canonical(), peer.port()),
        SocketAddr::V4(_) | SocketAddr::V6(_) => peer,
    }
}
