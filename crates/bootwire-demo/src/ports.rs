//! Where the demo's server listens.

use std::net::{Ipv4Addr, SocketAddr, TcpListener, UdpSocket};

use crate::DemoError;

/// The ports that the configuration has as it is written.
const TFTP: u16 = 6969;
const ADMIN: u16 = 9468;
const METRICS: u16 = 9469;
const WEB: u16 = 9470;

/// Addresses and ports.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ports {
    pub(crate) tftp: SocketAddr,
    pub(crate) admin: SocketAddr,
    pub(crate) metrics: SocketAddr,
    /// The web server that the demo brings along.
    pub(crate) web: SocketAddr,
}

impl Ports {
    /// The demo's own ports, or others where somebody has them. Who says where to listen may have another
    /// demo running: then the kernel chooses the rest.
    pub(crate) fn choose(tftp: Option<SocketAddr>) -> Result<Self, DemoError> {
        let udp = |port| UdpSocket::bind(here(port)).and_then(|socket| socket.local_addr());
        let own = |port| if tftp.is_some() { 0 } else { port };
        let tcp = |port| TcpListener::bind(here(port)).and_then(|socket| socket.local_addr());
        let chosen = |found: std::io::Result<_>| {
            found.map_err(DemoError::system("cannot open a port on 127.0.0.1"))
        };
        Ok(Self {
            tftp: match tftp {
                Some(address) => address,
                None => chosen(udp(TFTP).or_else(|_| udp(0)))?,
            },
            admin: chosen(tcp(own(ADMIN)).or_else(|_| tcp(0)))?,
            metrics: chosen(tcp(own(METRICS)).or_else(|_| tcp(0)))?,
            web: chosen(tcp(own(WEB)).or_else(|_| tcp(0)))?,
        })
    }

    /// A configuration with these in place of those it has.
    pub(crate) fn written_into(&self, config: &str) -> String {
        // The one that people may choose last: it may be another's as it is written.
        let ports = [
            (ADMIN, self.admin),
            (METRICS, self.metrics),
            (WEB, self.web),
            (TFTP, self.tftp),
        ];
        ports
            .into_iter()
            .fold(config.to_owned(), |config, (port, address)| {
                config.replace(&here(port).to_string(), &address.to_string())
            })
    }
}

const fn here(port: u16) -> SocketAddr {
    SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), port)
}
