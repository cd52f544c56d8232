//! What this kernel offers.
use std::fmt;

/// What this kernel offers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kernel {
    /// Many datagrams are received by one call (`recvmmsg`).
    pub batch_receive: bool,
    /// Many datagrams are sent by one call (`sendmmsg`).
    pub batch_send: bool,
    /// One message may carry several datagrams (`UDP_SEGMENT`).
    pub gso: bool,
    /// The local address of a datagram is told (`IP_PKTINFO`).
    pub packet_info: bool,
    /// Files are sent from a mapping.
    pub mapping: bool,
}

impl Kernel {
    /// Asks the kernel.
    pub fn probe() -> Self {
        todo!()
    }

    /// One datagram per call with plain calls.
    pub const fn portable() -> Self {
        Self {
            batch_receive: false,
            batch_send: false,
            gso: false,
            packet_info: false,
            mapping: false,
        }
    }
}

impl fmt::Display for Kernel {
    fn fmt(&self, _f: &mut fmt::Formatter<'_>) -> fmt::Result {
        todo!()
    }
}
