//! Counting.

use crate::Outcome;

/// What a server counted since it started, over all workers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ServerStats {
    /// Transfers running now, requests waiting for their handler among them.
    pub active: u64,
    /// Read requests accepted.
    pub reads: u64,
    /// Write requests accepted.
    pub writes: u64,
    /// Requests that joined a running transfer because they repeated its request.
    pub repeated: u64,
    /// Transfers ended, by outcome, in the order of [`Outcome::ALL`].
    pub outcomes: [u64; Outcome::ALL.len()],
    /// Datagrams that were no TFTP packet.
    pub malformed: u64,
    /// Packets for no transfer known, from strangers or too late.
    pub strays: u64,
    /// Requests from outside the allowed networks, not answered.
    pub not_allowed: u64,
    /// Requests turned away because the server or the peer had too many transfers.
    pub over_limit: u64,
    /// Datagrams received.
    pub packets_in: u64,
    /// Datagrams sent.
    pub packets_out: u64,
    /// Content bytes sent, resends included.
    pub bytes_out: u64,
    /// Content bytes received.
    pub bytes_in: u64,
    /// DATA packets sent again.
    pub blocks_resent: u64,
    /// Datagrams the kernel dropped because a receive buffer was full.
    pub kernel_drops: u64,
    /// Records lost because the observers fell too far behind.
    pub records_dropped: u64,
}

impl ServerStats {
    /// Transfers that ended with `outcome`.
    #[must_use]
    pub fn ended(&self, outcome: Outcome) -> u64 {
        Outcome::ALL.iter().position(|&known| known == outcome).map_or(0, |index| self.outcomes[index])
    }
}
