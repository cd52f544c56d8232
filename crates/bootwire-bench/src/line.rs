//! A client's end of the wire.

use std::io;
use std::sync::Arc;

use bootwire_io::{Socket, SocketOptions};
use bootwire_proto::Op;

use super::plan::Plan;

/// The kernel's default for a receive buffer on Linux, which needs no asking.
pub(super) const RECEIVE_BUFFER: usize = 212_992;

/// What the kernel charges for a waiting datagram beside twice its bytes.
const DATAGRAM_OVERHEAD: usize = 768;

/// Where a client's packets come from and go to.
#[derive(Debug)]
pub(super) enum Line {
    /// A socket of its own.
    Own(Arc<Socket>),
    /// A socket others use as well, by its number: each has an address of its own.
    Shared(u16),
}

impl Line {
    /// A new socket for client `number`.
    pub(super) fn own(plan: &Plan, number: u32) -> io::Result<Self> {
        let window = window_room(plan);
        let options = SocketOptions {
            // Twice that is given.
            receive_buffer: if window > RECEIVE_BUFFER { window } else { 0 },
            // ACKs fit everywhere; without DF the kernel numbers each of them.
            dont_fragment: plan.op == Op::Read,
            gro: plan.gro,
            ..SocketOptions::default()
        };
        Socket::bind(plan.local(number), &options).map(|socket| Self::Own(Arc::new(socket)))
    }

    /// The socket, if nobody else uses it.
    pub(super) fn socket(&self) -> Option<&Socket> {
        match self {
            Self::Own(socket) => Some(socket),
            Self::Shared(_) => None,
        }
    }

    /// What tells it from the ports the client had before: the port, or the number of the socket.
    pub(super) fn port(&self) -> u16 {
        match self {
            Self::Own(socket) => socket.local_addr().port(),
            Self::Shared(number) => *number,
        }
    }
}

/// What a window takes of a receive buffer, in bytes as the kernel counts them.
pub(super) fn window_room(plan: &Plan) -> usize {
    if plan.op == Op::Write {
        return 0;
    }
    let blksize = usize::from(plan.offer.blksize.unwrap_or(512));
    usize::from(plan.offer.windowsize.unwrap_or(1)) * (2 * blksize + DATAGRAM_OVERHEAD)
}
