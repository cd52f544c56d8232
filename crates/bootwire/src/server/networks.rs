//! Lists of networks, and the network that an address counts for.

use std::net::IpAddr;

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

/// Networks that something holds for.
#[derive(Clone, Debug)]
pub(super) struct Networks(Box<[IpNet]>);

impl Networks {
    pub(super) fn new(networks: impl Into<Box<[IpNet]>>) -> Self {
        Self(networks.into())
    }

    /// Whether `address`, which must be canonical, is in one of them.
    pub(super) fn contain(&self, address: IpAddr) -> bool {
        self.0.iter().any(|network| network.contains(&address))
    }
}

/// The addresses a forger could use as easily as this one, if routers check where packets come
/// from at all: the /24 of an IPv4 address, the /64 of an IPv6 address.
pub(super) fn network_of(address: IpAddr) -> IpNet {
    match address {
        IpAddr::V4(address) => Ipv4Net::new_assert(address, 24).trunc().into(),
        IpAddr::V6(address) => Ipv6Net::new_assert(address, 64).trunc().into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_count_for_the_network_around_them() {
        for (address, network) in [
            ("203.0.113.77", "203.0.113.0/24"),
            ("10.0.0.0", "10.0.0.0/24"),
            ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
            ("fe80::1", "fe80::/64"),
        ] {
            let expected: IpNet = network.parse().unwrap();
            assert_eq!(network_of(address.parse().unwrap()), expected);
        }
    }
}
