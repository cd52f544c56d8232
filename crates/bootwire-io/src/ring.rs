//! Many sockets of one thread, driven by io_uring.

use std::{fmt, io, net::SocketAddr, sync::Arc, time::Duration};

use crate::{Datagram, Socket, Waker};

#[cfg(all(target_os = "linux", feature = "uring"))]
use crate::linux::ring as driver;

/// Many sockets of one thread, driven by io_uring: what all of them have received comes with one
/// system call, which also sends what was queued for any of them.
///
/// [`ReceiveBatch`](crate::ReceiveBatch) and [`SendBatch`](crate::SendBatch) move many datagrams
/// of *one* socket; this is for a thread whose sockets have little to do each, such as a load
/// generator with a socket for each client. It belongs to the thread that waits first; for others
/// it fails.
///
/// Container runtimes and administrators switch io_uring off: be ready for [`Ring::new`] to fail.
pub struct Ring {
    inner: driver::Ring,
}

/// A datagram that came in on one of a [`Ring`]'s sockets.
#[derive(Clone, Copy, Debug)]
pub struct Arrival<'a> {
    /// The token given with the socket.
    pub token: usize,
    /// The datagram. There is no packet information, and no drop counter.
    pub datagram: Datagram<'a>,
}

/// A socket of a [`Ring`] that cannot go on.
#[derive(Debug)]
pub struct RingFailure {
    /// The token given with the socket.
    pub token: usize,
    /// What the kernel said about a datagram that was to be sent, or about receiving. What passes
    /// by itself (a full buffer, an ICMP message about an earlier datagram) is not told: that
    /// datagram is lost, as on any network.
    pub error: io::Error,
}

impl Ring {
    /// Longest datagram that can be sent, in bytes: requests, ACKs and ERRORs are well below.
    pub const PACKET_MAX: usize = 1024;

    /// Bytes of received datagrams that a ring has room for, where that is at least 64 of them.
    /// What comes in beyond that waits in its socket, and is dearer to fetch.
    pub const ROOM: usize = 4 << 20;

    /// A ring without sockets, with room for datagrams of up to `slot_len` bytes (1 to 65,535).
    ///
    /// # Errors
    /// Whatever the kernel says: `Unsupported` or `PermissionDenied` where there is no io_uring,
    /// `InvalidInput` where it is older than Linux 6.1.
    pub fn new(slot_len: usize) -> io::Result<Self> {
        driver::Ring::new(slot_len.clamp(1, 65_535)).map(|inner| Self { inner })
    }

    /// A handle with which other threads end a wait.
    pub fn waker(&self) -> Waker {
        self.inner.waker()
    }

    /// Begins to receive on a socket. What it receives is told under `token`, which should be
    /// its own, and small: the tokens index a table.
    ///
    /// The ring keeps the socket open until [`Ring::retire`], whoever else lets go of it.
    ///
    /// # Errors
    /// `InvalidInput` if the token is in use, or beyond 2^24.
    pub fn add(&mut self, socket: Arc<Socket>, token: usize) -> io::Result<()> {
        self.inner.add(socket, token)
    }

    /// Connects the socket of `token`: from now on it receives from `peer` alone, and what it
    /// sends there needs no route of its own. Meant for long transfers: it is a system call.
    ///
    /// # Errors
    /// `InvalidInput` for an unknown token; else whatever the kernel refuses.
    pub fn connect(&mut self, token: usize, peer: SocketAddr) -> io::Result<()> {
        self.inner.connect(token, peer)
    }

    /// Receives nothing more on a token's socket, and lets go of it once what was queued for it is
    /// sent. The token is free at once; one that has no socket stays as it is.
    pub fn retire(&mut self, token: usize) {
        self.inner.retire(token);
    }

    /// Queues a datagram, to be sent from the socket of `token` with the next [`Ring::wait`].
    ///
    /// # Errors
    /// `InvalidInput` if it is longer than [`Ring::PACKET_MAX`], or the token unknown; else what
    /// is wrong with the ring itself.
    pub fn send(&mut self, token: usize, to: SocketAddr, packet: &[u8]) -> io::Result<()> {
        self.inner.send(token, to, packet)
    }

    /// Sends what is queued, and waits until datagrams have come, the waker is used or `timeout`
    /// is over (`None`: for as long as it takes). It may also return early, with nothing. What
    /// came before is gone.
    ///
    /// With a `timeout` of zero it never sleeps, and where nothing is queued and nothing has come
    /// it makes no system call: a way to look for what is expected at any moment.
    ///
    /// # Errors
    /// Only for what is wrong with the ring itself.
    pub fn wait(&mut self, timeout: Option<Duration>) -> io::Result<()> {
        self.inner.wait(timeout)
    }

    /// How many datagrams have come. [`Ring::send`] may add to them.
    pub fn len(&self) -> usize {
        self.inner.len()
    }

    /// Whether none has come.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// A datagram that has come; `None` beyond [`Ring::len`], or if its socket is retired by now.
    pub fn get(&self, index: usize) -> Option<Arrival<'_>> {
        self.inner.get(index)
    }

    /// Takes one of the failures.
    pub fn failure(&mut self) -> Option<RingFailure> {
        self.inner.failure()
    }
}

impl fmt::Debug for Ring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ring")
            .field("len", &self.len())
            .finish_non_exhaustive()
    }
}

/// Where there is no io_uring, there is no ring.
#[cfg(not(all(target_os = "linux", feature = "uring")))]
mod driver {
    use std::{io, net::SocketAddr, sync::Arc, time::Duration};

    use super::{Arrival, RingFailure};
    use crate::{Socket, Waker};

    pub(super) enum Ring {}

    impl Ring {
        pub(super) fn new(_slot_len: usize) -> io::Result<Self> {
            Err(io::ErrorKind::Unsupported.into())
        }

        pub(super) fn waker(&self) -> Waker {
            match *self {}
        }

        pub(super) fn add(&mut self, _socket: Arc<Socket>, _token: usize) -> io::Result<()> {
            match *self {}
        }

        pub(super) fn connect(&mut self, _token: usize, _peer: SocketAddr) -> io::Result<()> {
            match *self {}
        }

        pub(super) fn retire(&mut self, _token: usize) {
            match *self {}
        }

        pub(super) fn send(&mut self, _: usize, _: SocketAddr, _: &[u8]) -> io::Result<()> {
            match *self {}
        }

        pub(super) fn wait(&mut self, _timeout: Option<Duration>) -> io::Result<()> {
            match *self {}
        }

        pub(super) fn len(&self) -> usize {
            match *self {}
        }

        pub(super) fn get(&self, _index: usize) -> Option<Arrival<'_>> {
            match *self {}
        }

        pub(super) fn failure(&mut self) -> Option<RingFailure> {
            match *self {}
        }
    }
}
