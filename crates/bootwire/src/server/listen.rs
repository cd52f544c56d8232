//! Opening the listening sockets.

use std::net::{IpAddr, SocketAddr, SocketAddrV6, UdpSocket};

use bootwire_io::{Kernel, LocalAddress, Socket, SocketOptions, local_addresses};

use super::error::ServerError;
use super::settings::Settings;
use super::sockets::{RECEIVE_BUFFER, SEND_BUFFER};

/// Addresses of this host that get a listening socket of their own with a single port.
const ADDRESSES_MAX: usize = 32;

/// Opens the listening sockets: for each worker one for each address. Answers the addresses asked
/// for, with the ports the kernel chose, and the sockets of each worker.
pub(super) fn listen(
    settings: &Settings,
    kernel: Kernel,
    workers: usize,
) -> Result<(Vec<SocketAddr>, Vec<Vec<Socket>>), ServerError> {
    let mut addresses = Vec::new();
    let mut listeners: Vec<Vec<Socket>> = (0..workers).map(|_| Vec::new()).collect();
    // A service may have to do without netlink: see `Sockets::new`.
    let told = local_addresses().is_ok();
    let plain = SocketOptions {
        receive_buffer: RECEIVE_BUFFER,
        send_buffer: SEND_BUFFER,
        dont_fragment: !settings.fragment,
        ..SocketOptions::default()
    };
    for (wanted, takes) in takes(&settings.listen) {
        let v6_only = match takes {
            // Another socket of ours takes its requests.
            Takes::Nothing => {
                addresses.push(wanted);
                continue;
            }
            Takes::Both => Some(false),
            Takes::OneFamily if wanted.is_ipv6() => Some(true),
            Takes::OneFamily => None,
        };
        let failed = |source| ServerError::Bind {
            address: wanted,
            source,
        };
        let wildcard = wanted.ip().is_unspecified();
        let each = if settings.single_port && wildcard && kernel.packet_info {
            each_address(wanted, takes)
        } else {
            Vec::new()
        };
        let shared = SocketOptions {
            reuse_port: workers > 1 || !each.is_empty(),
            v6_only,
            ..plain.clone()
        };
        // A socket bound to one address knows which was asked.
        let options = SocketOptions {
            packet_info: (wildcard || !told) && kernel.packet_info,
            ..shared.clone()
        };
        if shared.reuse_port && wanted.port() != 0 {
            // With reuse_port a second server would quietly share the port; without it the kernel
            // says that it is taken.
            let alone = SocketOptions {
                reuse_port: false,
                ..shared.clone()
            };
            Socket::bind(wanted, &alone).map_err(failed)?;
        }
        let mut address = wanted;
        for own in &mut listeners {
            let socket = Socket::bind(address, &options).map_err(failed)?;
            // Port 0: the first worker's choice is the others' too.
            address.set_port(socket.local_addr().port());
            own.push(socket);
            for mut specific in each.iter().copied() {
                specific.set_port(address.port());
                // The wildcard's socket serves the address if it cannot have one of its own.
                own.extend(Socket::bind(specific, &shared));
            }
        }
        addresses.push(address);
    }
    for (number, socket) in settings.sockets.iter().enumerate() {
        let clone: UdpSocket = socket.try_clone()?;
        let wildcard = clone.local_addr()?.ip().is_unspecified();
        let options = SocketOptions {
            packet_info: (wildcard || !told) && kernel.packet_info,
            ..plain.clone()
        };
        let socket = Socket::from_std(clone, &options)?;
        addresses.push(socket.local_addr());
        listeners[number % workers].push(socket);
    }
    Ok((addresses, listeners))
}

/// What the socket of an address takes requests of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Takes {
    /// IPv6 and IPv4.
    Both,
    /// Its own kind of addresses alone.
    OneFamily,
    /// It has no socket: that of another address has its requests.
    Nothing,
}

/// The addresses to listen on, and what the socket of each takes. All of IPv4 beside all of IPv6, or
/// an address beside all of its kind, is what people write who come from daemons with a socket for
/// each; to the kernel the second is taken.
fn takes(listen: &[SocketAddr]) -> impl Iterator<Item = (SocketAddr, Takes)> {
    let all_of = |of: SocketAddr, ipv6: bool| {
        let same = |other: &&SocketAddr| {
            of.port() != 0
                && other.port() == of.port()
                && other.ip().is_unspecified()
                && other.is_ipv6() == ipv6
        };
        listen.iter().any(|other| same(&other))
    };
    listen.iter().enumerate().map(move |(index, &address)| {
        let is_repeated = address.port() != 0 && listen[..index].contains(&address);
        let takes = match (address.ip().is_unspecified(), address.is_ipv6()) {
            _ if is_repeated => Takes::Nothing,
            (true, true) if all_of(address, false) => Takes::OneFamily,
            (true, true) => Takes::Both,
            (true, false) => Takes::OneFamily,
            (false, false) if all_of(address, false) || all_of(address, true) => Takes::Nothing,
            (false, true) if all_of(address, true) => Takes::Nothing,
            (false, _) => Takes::OneFamily,
        };
        (address, takes)
    })
}

/// The addresses of this host that a wildcard listener takes requests for. With a socket for each,
/// a single port needs no packet information: neither to hear which address was asked, nor to
/// answer from it. An address that comes later is served by the wildcard's socket.
fn each_address(wildcard: SocketAddr, takes: Takes) -> Vec<SocketAddr> {
    let mut each: Vec<SocketAddr> = Vec::new();
    for LocalAddress { ip, interface } in local_addresses().unwrap_or_default() {
        let address = match ip {
            IpAddr::V6(_) if wildcard.is_ipv4() => continue,
            IpAddr::V4(_) if wildcard.is_ipv6() && takes == Takes::OneFamily => continue,
            IpAddr::V6(ip) if ip.is_unicast_link_local() => {
                SocketAddrV6::new(ip, 0, 0, interface).into()
            }
            ip => SocketAddr::new(ip, 0),
        };
        if !each.contains(&address) {
            each.push(address);
        }
    }
    each.truncate(ADDRESSES_MAX);
    each
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_beside_each_other_share_their_requests() {
        use Takes::{Both, Nothing, OneFamily};

        for (listen, expected) in [
            (&["[::]:69"][..], &[Both][..]),
            (&["0.0.0.0:69"], &[OneFamily]),
            (&["0.0.0.0:69", "[::]:69"], &[OneFamily, OneFamily]),
            (&["[::]:69", "0.0.0.0:69"], &[OneFamily, OneFamily]),
            (&["[::]:69", "0.0.0.0:70"], &[Both, OneFamily]),
            (&["[::]:0", "0.0.0.0:0"], &[Both, OneFamily]),
            (
                &["[::]:69", "10.0.0.1:69", "[fd00::1]:69"],
                &[Both, Nothing, Nothing],
            ),
            (
                &["10.0.0.1:69", "0.0.0.0:69", "[fd00::1]:69"],
                &[Nothing, OneFamily, OneFamily],
            ),
            (&["10.0.0.1:69", "10.0.0.1:69"], &[OneFamily, Nothing]),
            (&["127.0.0.1:0", "127.0.0.1:0"], &[OneFamily, OneFamily]),
        ] {
            let addresses: Vec<SocketAddr> =
                listen.iter().map(|text| text.parse().unwrap()).collect();
            let found: Vec<_> = takes(&addresses).map(|(_, takes)| takes).collect();
            assert_eq!(found, expected, "{listen:?}");
        }
    }
}
