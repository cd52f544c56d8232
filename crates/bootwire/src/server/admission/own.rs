//! The server's own addresses and ports.
//!
//! A request that claims to come from one of them would be answered to ourselves.

use std::collections::HashSet;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{PoisonError, RwLock};

/// What the sockets of all workers are bound to.
#[derive(Debug)]
pub(in crate::server) struct OwnAddresses {
    /// A bit for each port: nearly every peer's is clear, and then there is nothing else to look
    /// at.
    ports: Box<[AtomicU64]>,
    bound: RwLock<HashSet<(IpAddr, u16)>>,
}

impl Default for OwnAddresses {
    fn default() -> Self {
        Self {
            ports: (0..1 << 10).map(|_| AtomicU64::new(0)).collect(),
            bound: RwLock::default(),
        }
    }
}

impl OwnAddresses {
    /// A socket is bound to this.
    pub(in crate::server) fn add(&self, address: SocketAddr) {
        let mut bound = self.bound.write().unwrap_or_else(PoisonError::into_inner);
        bound.insert((address.ip().to_canonical(), address.port()));
        let (word, bit) = place(address.port());
        self.ports[word].fetch_or(bit, Ordering::Relaxed);
    }

    /// Whether `peer` is one of our sockets. `local` is the address that was asked: where a socket
    /// has all addresses of this host, it has that one.
    pub(in crate::server) fn contain(&self, peer: SocketAddr, local: Option<IpAddr>) -> bool {
        let (word, bit) = place(peer.port());
        if self.ports[word].load(Ordering::Relaxed) & bit == 0 {
            return false;
        }
        let (ip, port) = (peer.ip().to_canonical(), peer.port());
        let bound = self.bound.read().unwrap_or_else(PoisonError::into_inner);
        if bound.contains(&(ip, port)) {
            return true;
        }
        let everywhere = bound
            .iter()
            .any(|&(any, of)| of == port && any.is_unspecified());
        everywhere
            && (ip.is_loopback()
                || local.is_some_and(|local| local.to_canonical() == ip)
                || bound.iter().any(|&(own, _)| own == ip))
    }
}

const fn place(port: u16) -> (usize, u64) {
    ((port / 64) as usize, 1 << (port % 64))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> SocketAddr {
        text.parse().unwrap()
    }

    #[test]
    fn sockets_are_told_from_clients() {
        let own = OwnAddresses::default();
        own.add(at("10.0.0.1:69"));
        own.add(at("10.0.0.1:40001"));
        own.add(at("[fd00::1]:40002"));
        for peer in ["10.0.0.1:69", "10.0.0.1:40001", "[fd00::1]:40002"] {
            assert!(own.contain(at(peer), None), "{peer}");
        }
        for peer in [
            "10.0.0.1:40003",
            "10.0.0.2:69",
            "10.0.0.2:40001",
            "[fd00::2]:40002",
            "127.0.0.1:69",
        ] {
            let local = Some("10.0.0.1".parse().unwrap());
            assert!(!own.contain(at(peer), local), "{peer}");
        }
        assert!(own.contain(at("[::ffff:10.0.0.1]:69"), None));
    }

    #[test]
    fn a_wildcard_has_all_addresses_of_this_host() {
        let own = OwnAddresses::default();
        own.add(at("[::]:69"));
        own.add(at("10.0.0.1:40001"));
        let local = Some("192.168.1.1".parse().unwrap());
        for peer in ["192.168.1.1:69", "10.0.0.1:69", "127.0.0.1:69", "[::1]:69"] {
            assert!(own.contain(at(peer), local), "{peer}");
        }
        assert!(
            !own.contain(at("192.168.1.1:40001"), local),
            "not bound there"
        );
        assert!(
            !own.contain(at("192.168.1.7:69"), local),
            "a client on port 69"
        );
    }
}
