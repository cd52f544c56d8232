//! Socket options that only Linux has.

use std::{
    io::{self, IoSliceMut},
    net::{IpAddr, SocketAddr},
    os::fd::{AsFd, AsRawFd, BorrowedFd},
    ptr,
};

use rustix::net::sockopt::{
    self, Ipv4PathMtuDiscovery, Ipv6PathMtuDiscovery, set_socket_recv_buffer_size_force,
    set_socket_send_buffer_size_force,
};
use rustix::net::{RecvAncillaryBuffer, RecvFlags, recvmsg};

pub(super) use super::control::UDP_SEGMENT;
use super::control::{SO_RXQ_OVFL, UDP_GRO};

fn set(fd: BorrowedFd<'_>, level: i32, option: i32, value: i32) -> io::Result<()> {
    let len = size_of_val(&value) as libc::socklen_t;
    let value = ptr::from_ref(&value).cast();
    // SAFETY: `value` points to `len` bytes for the length of the call.
    let answer = unsafe { libc::setsockopt(fd.as_raw_fd(), level, option, value, len) };
    if answer == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}

/// Tells the local address of every datagram; on a dual-stack socket that of IPv4 ones too.
pub(crate) fn set_packet_info(fd: BorrowedFd<'_>, ipv6: bool) -> io::Result<()> {
    // On an IPv6 socket this is for IPv4 peers, of which there may be none.
    let ipv4 = set(fd, libc::IPPROTO_IP, libc::IP_PKTINFO, 1);
    if !ipv6 {
        return ipv4;
    }
    set(fd, libc::IPPROTO_IPV6, libc::IPV6_RECVPKTINFO, 1)
}

/// Tells with a datagram how many were dropped before it, for want of room.
pub(crate) fn set_count_drops(fd: BorrowedFd<'_>, on: bool) -> io::Result<()> {
    set(fd, libc::SOL_SOCKET, SO_RXQ_OVFL, i32::from(on))
}

/// Fails the next call for what the network reports of a datagram, and keeps where that had gone.
pub(crate) fn set_reports(fd: BorrowedFd<'_>, ipv6: bool, on: bool) -> io::Result<()> {
    let v4 = set(fd, libc::IPPROTO_IP, libc::IP_RECVERR, i32::from(on));
    if !ipv6 {
        return v4;
    }
    // It may have IPv4 peers as well.
    set(fd, libc::IPPROTO_IPV6, libc::IPV6_RECVERR, i32::from(on))
}

/// Where the datagrams went that were reported, as far as that is known.
pub(crate) fn reported(fd: BorrowedFd<'_>) -> Vec<SocketAddr> {
    let mut places = Vec::new();
    // The beginning of the datagram comes back too; its destination is all that is wanted.
    let mut start = [0; 16];
    let flags = RecvFlags::ERRQUEUE | RecvFlags::DONTWAIT;
    while let Ok(report) = recvmsg(
        fd,
        &mut [IoSliceMut::new(&mut start)],
        &mut RecvAncillaryBuffer::default(),
        flags,
    ) {
        places.extend(
            report
                .address
                .and_then(|place| SocketAddr::try_from(place).ok())
                .map(canonical),
        );
    }
    places
}

/// IPv4-mapped addresses as IPv4, as they are when datagrams are received.
fn canonical(place: SocketAddr) -> SocketAddr {
    match place.ip().to_canonical() {
        IpAddr::V4(ip) => (ip, place.port()).into(),
        IpAddr::V6(_) => place,
    }
}

/// Hands on as one what arrives together from one sender (Linux 5.0).
pub(crate) fn set_gro(fd: BorrowedFd<'_>) -> io::Result<()> {
    set(fd, libc::IPPROTO_UDP, UDP_GRO, 1)
}

/// Whether the kernel knows `UDP_SEGMENT`. An older one would ignore the control message and send
/// a whole run as one datagram.
pub(super) fn knows_gso(fd: BorrowedFd<'_>) -> bool {
    set(fd, libc::IPPROTO_UDP, UDP_SEGMENT, 0).is_ok()
}

/// DF on every datagram, or fragments where the path needs them.
pub(crate) fn set_dont_fragment(fd: BorrowedFd<'_>, ipv6: bool, on: bool) -> io::Result<()> {
    let discovery = if on {
        Ipv4PathMtuDiscovery::DO
    } else {
        Ipv4PathMtuDiscovery::WANT
    };
    // On an IPv6 socket this is for IPv4 peers, of which there may be none.
    let ipv4 = sockopt::set_ip_mtu_discover(fd, discovery);
    if !ipv6 {
        return Ok(ipv4?);
    }
    let discovery = if on {
        Ipv6PathMtuDiscovery::DO
    } else {
        Ipv6PathMtuDiscovery::WANT
    };
    Ok(sockopt::set_ipv6_mtu_discover(fd, discovery)?)
}

/// Beyond `net.core.rmem_max`, which takes `CAP_NET_ADMIN`.
pub(crate) fn force_receive_buffer(fd: BorrowedFd<'_>, bytes: usize) -> io::Result<()> {
    Ok(set_socket_recv_buffer_size_force(fd.as_fd(), bytes)?)
}

/// Beyond `net.core.wmem_max`, which takes `CAP_NET_ADMIN`.
pub(crate) fn force_send_buffer(fd: BorrowedFd<'_>, bytes: usize) -> io::Result<()> {
    Ok(set_socket_send_buffer_size_force(fd.as_fd(), bytes)?)
}
