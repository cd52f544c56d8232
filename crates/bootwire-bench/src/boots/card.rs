//! A machine's network card: its address, its ports, and the packets it loses.

use std::io::{self, ErrorKind};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use tokio::net::UdpSocket;

use crate::faults::{Random, Share};

/// A card.
pub(super) struct Card {
    address: IpAddr,
    server: SocketAddr,
    loss: Share,
    random: Random,
}

impl Card {
    pub(super) fn new(
        address: Option<IpAddr>,
        server: SocketAddr,
        loss: Share,
        random: Random,
    ) -> Self {
        let any: IpAddr = match server.ip() {
            IpAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
            IpAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
        };
        let fits = |address: &IpAddr| address.is_ipv4() == any.is_ipv4();
        Self {
            address: address.filter(fits).unwrap_or(any),
            server,
            loss,
            random,
        }
    }

    /// The address in names of configurations; loopback's if it has none of its own.
    pub(super) fn ipv4(&self) -> Ipv4Addr {
        match self.address {
            IpAddr::V4(address) if !address.is_unspecified() => address,
            _ => Ipv4Addr::LOCALHOST,
        }
    }

    pub(super) const fn server(&self) -> SocketAddr {
        self.server
    }

    /// Opens a port: this one, if it can be had.
    pub(super) async fn open(&mut self, port: u16) -> io::Result<UdpSocket> {
        match UdpSocket::bind((self.address, port)).await {
            // Only Linux has all of 127.0.0.0/8, and others may know no such address at all.
            Err(error) if error.kind() == ErrorKind::AddrNotAvailable => {
                self.address = match self.server.ip() {
                    IpAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
                    IpAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
                };
                UdpSocket::bind((self.address, 0)).await
            }
            // Another machine, or program, has it on the same address.
            Err(error)
                if port != 0
                    && matches!(
                        error.kind(),
                        ErrorKind::AddrInUse | ErrorKind::PermissionDenied
                    ) =>
            {
                UdpSocket::bind((self.address, 0)).await
            }
            opened => opened,
        }
    }

    /// Whether the next packet is lost.
    pub(super) fn loses(&mut self) -> bool {
        self.loss.hits(&mut self.random)
    }
}
