//! Where a transfer is answered from.

use std::net::{IpAddr, SocketAddr};

use bootwire_io::Destination;

/// A transfer socket (a TID of ours) as the engine knows it. What tells packets apart comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub(crate) struct Lane {
    /// Number of the socket within its worker.
    pub(crate) id: u16,
    /// Number of the local address within its worker: the sockets a peer's next transfer may be
    /// given share it.
    pub(crate) front: u16,
    /// The address and port the client sees.
    pub(crate) local: SocketAddr,
    /// Where the socket is bound to the wildcard: the source address is to be set on each packet,
    /// with this interface.
    pub(crate) from: Option<u32>,
    /// MTU of the interface the request came in on, if known.
    pub(crate) mtu: Option<u32>,
}

impl Lane {
    pub(crate) fn to(&self, peer: SocketAddr) -> Destination {
        Destination {
            peer,
            from: self.from.map(|interface| (self.local.ip(), interface)),
        }
    }

    /// Largest blksize whose DATA fits the MTU: 20 or 40 bytes of IP header, 8 of UDP, 4 of TFTP.
    pub(crate) fn blksize_max(&self, peer: SocketAddr) -> Option<u16> {
        let headers = if peer.is_ipv4() { 32 } else { 52 };
        let room = self.mtu?.saturating_sub(headers).max(512);
        Some(u16::try_from(room).unwrap_or(u16::MAX))
    }
}

/// The sockets of a worker, as the engine asks for them.
pub(crate) trait Lanes {
    /// A transfer socket for the client `peer` that asked the address `local` through `interface`
    /// on the listening socket `listener`. `turn` differs between successive requests of a peer.
    fn lane(
        &mut self,
        listener: u16,
        local: Option<IpAddr>,
        interface: u32,
        turn: u16,
    ) -> Option<Lane>;

    /// The listening socket itself, to answer from where the address `local` was asked.
    fn listening(&self, listener: u16, local: Option<IpAddr>, interface: u32) -> Option<Lane>;

    /// The local address a listening socket's request belongs to, if a transfer was ever made
    /// there.
    fn front(&self, listener: u16, local: Option<IpAddr>, interface: u32) -> Option<u16>;
}
