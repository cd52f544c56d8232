//! Opening the listening sockets.

use std::net::{IpAddr, SocketAddr, SocketAddrV6, UdpSocket};

use bootwire_io::{Kernel, LocalAddress, Socket, SocketOptions, local_addresses};

use super::builder::{ServerError, Settings};
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
    let plain = SocketOptions {
        receive_buffer: RECEIVE_BUFFER,
        send_buffer: SEND_BUFFER,
        dont_fragment: !settings.fragment,
        ..SocketOptions::default()
    };
    for &wanted in &settings.listen {
        let failed = |source| ServerError::Bind {
            address: wanted,
            source,
        };
        let wildcard = wanted.ip().is_unspecified();
        let each = if settings.single_port && wildcard && kernel.packet_info {
            each_address(wanted)
        } else {
            Vec::new()
        };
        let shared = SocketOptions {
            reuse_port: workers > 1 || !each.is_empty(),
            ..plain.clone()
        };
        // A socket bound to one address knows which was asked.
        let options = SocketOptions {
            packet_info: wildcard && kernel.packet_info,
            ..shared.clone()
        };
        if shared.reuse_port && wanted.port() != 0 {
            // With reuse_port a second server would quietly share the port; without it the kernel
            // says that it is taken.
            Socket::bind(wanted, &plain).map_err(failed)?;
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
            packet_info: wildcard && kernel.packet_info,
            ..plain.clone()
        };
        let socket = Socket::from_std(clone, &options)?;
        addresses.push(socket.local_addr());
        listeners[number % workers].push(socket);
    }
    Ok((addresses, listeners))
}

/// The addresses of this host that a wildcard listener takes requests for. With a socket for each,
/// a single port needs no packet information: neither to hear which address was asked, nor to
/// answer from it. An address that comes later is served by the wildcard's socket.
fn each_address(wildcard: SocketAddr) -> Vec<SocketAddr> {
    let mut each: Vec<SocketAddr> = Vec::new();
    for LocalAddress { ip, interface } in local_addresses().unwrap_or_default() {
        let address = match ip {
            IpAddr::V6(_) if wildcard.is_ipv4() => continue,
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
