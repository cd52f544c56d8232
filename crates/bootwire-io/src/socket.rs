//! UDP sockets with the options a TFTP server needs.

use std::{
    io,
    net::{SocketAddr, UdpSocket},
    os::fd::{AsFd, BorrowedFd},
};

use socket2::{Domain, Protocol, SockRef, Type};

/// What a socket should be like. The default is a plain socket with the system's buffers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SocketOptions {
    /// Share the port with other sockets that ask the same (`SO_REUSEPORT`); the kernel spreads
    /// the senders over them.
    pub reuse_port: bool,
    /// Bytes wanted for datagrams that wait to be read; 0 keeps the system's default. Goes
    /// beyond the system's limit where the process may. What was given is told by
    /// [`Socket::receive_buffer`].
    pub receive_buffer: usize,
    /// Bytes wanted for datagrams on their way out; 0 keeps the system's default.
    pub send_buffer: usize,
    /// Tell with every datagram the address it was sent to, and the interface it came by. Costs
    /// about a tenth of a receive.
    pub packet_info: bool,
    /// Never fragment (DF); too large datagrams fail. Otherwise they are fragmented as the path
    /// requires.
    pub dont_fragment: bool,
    /// For an IPv6 socket: no IPv4, or both; `None` keeps the system's default.
    pub v6_only: Option<bool>,
    /// Tell how many datagrams were dropped for want of room (`SO_RXQ_OVFL`).
    pub count_drops: bool,
    /// Only this interface, by index.
    pub interface: Option<u32>,
    /// Take datagrams of one sender that arrive together as one (`UDP_GRO`), told apart by
    /// [`ReceiveBatch::payloads`](crate::ReceiveBatch::payloads). Slots must then hold 65,535
    /// bytes, and receive in batches. Pays off only where the sender, or a network card on the
    /// way, joins datagrams of equal size.
    pub gro: bool,
}

/// A UDP socket that never blocks.
#[derive(Debug)]
pub struct Socket {
    udp: UdpSocket,
    local: SocketAddr,
    receive_buffer: usize,
}

impl Socket {
    /// Binds a new socket. Port 0 picks a free one.
    ///
    /// # Errors
    /// Whatever the kernel refuses, buffers excepted: they are as large as it allows. Packet
    /// information and drop counters are asked for only where they exist.
    pub fn bind(addr: SocketAddr, options: &SocketOptions) -> io::Result<Self> {
        UnboundSocket::new(addr.is_ipv6(), options)?.bind(addr)
    }

    /// Takes a socket that is bound already, by the service manager or a test, makes it
    /// non-blocking and sets all options but those that only matter before the bind
    /// (`reuse_port`, `v6_only`, `interface`).
    ///
    /// # Errors
    /// As with [`Socket::bind`].
    pub fn from_std(socket: UdpSocket, options: &SocketOptions) -> io::Result<Self> {
        let ipv6 = socket.local_addr()?.is_ipv6();
        apply(socket.as_fd(), ipv6, options)?;
        Self::finish(socket)
    }

    fn finish(udp: UdpSocket) -> io::Result<Self> {
        udp.set_nonblocking(true)?;
        let local = udp.local_addr()?;
        let receive_buffer = SockRef::from(&udp).recv_buffer_size()?;
        Ok(Self {
            udp,
            local,
            receive_buffer,
        })
    }

    /// The address it is bound to, with the real port.
    pub const fn local_addr(&self) -> SocketAddr {
        self.local
    }

    /// Bytes for datagrams that wait to be read, as the kernel counts them. Linux gives twice
    /// what was asked and charges its own overhead to it: an ACK costs about 1 KiB.
    pub const fn receive_buffer(&self) -> usize {
        self.receive_buffer
    }

    /// Whether datagrams that are too large for the path fail, or are fragmented. Does nothing
    /// on systems other than Linux.
    ///
    /// # Errors
    /// Whatever the kernel refuses.
    pub fn set_dont_fragment(&self, on: bool) -> io::Result<()> {
        set_dont_fragment(self.as_fd(), self.is_ipv6(), on)
    }

    /// Whether datagrams that arrive from now on tell how many were dropped before them
    /// ([`SocketOptions::count_drops`]). The count goes on while nobody is told; telling costs
    /// about a fiftieth of a receive. Does nothing on systems other than Linux.
    ///
    /// # Errors
    /// Whatever the kernel refuses.
    pub fn set_count_drops(&self, on: bool) -> io::Result<()> {
        set_count_drops(self.as_fd(), on)
    }

    /// Whether addresses are written as IPv6 ones.
    pub(crate) const fn is_ipv6(&self) -> bool {
        self.local.is_ipv6()
    }

    pub(crate) const fn udp(&self) -> &UdpSocket {
        &self.udp
    }
}

/// A socket with all its options, but no address yet.
///
/// A process that gives up its rights makes such sockets before: their buffers may go beyond the
/// system's limit, and to bind one later takes no right.
#[derive(Debug)]
pub struct UnboundSocket {
    socket: socket2::Socket,
    ipv6: bool,
}

impl UnboundSocket {
    /// Makes a socket for IPv6 addresses, or for IPv4 ones.
    ///
    /// # Errors
    /// As with [`Socket::bind`].
    pub fn new(ipv6: bool, options: &SocketOptions) -> io::Result<Self> {
        let domain = if ipv6 { Domain::IPV6 } else { Domain::IPV4 };
        let socket = socket2::Socket::new(domain, Type::DGRAM, Some(Protocol::UDP))?;
        if options.reuse_port {
            socket.set_reuse_port(true)?;
        }
        if let (Some(only), true) = (options.v6_only, ipv6) {
            socket.set_only_v6(only)?;
        }
        if let Some(index) = options.interface {
            bind_interface(&socket, index)?;
        }
        // Before the bind: what arrives as soon as it is bound already has its control messages.
        apply(socket.as_fd(), ipv6, options)?;
        Ok(Self { socket, ipv6 })
    }

    /// Whether it is for IPv6 addresses.
    pub const fn is_ipv6(&self) -> bool {
        self.ipv6
    }

    /// Binds it. Port 0 picks a free one.
    ///
    /// # Errors
    /// Whatever the kernel refuses.
    pub fn bind(self, addr: SocketAddr) -> io::Result<Socket> {
        self.socket.bind(&addr.into())?;
        Socket::finish(self.socket.into())
    }
}

impl AsFd for Socket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.udp.as_fd()
    }
}

fn apply(fd: BorrowedFd<'_>, ipv6: bool, options: &SocketOptions) -> io::Result<()> {
    let socket = SockRef::from(&fd);
    // Sizes above what an `int` holds wrap around in the kernel.
    let size = |bytes: usize| bytes.min(1 << 30);
    if options.receive_buffer > 0 {
        let size = size(options.receive_buffer);
        if force_receive_buffer(fd, size).is_err() {
            // The limit of the system cuts it on Linux; others refuse: the default stays then.
            let _ = socket.set_recv_buffer_size(size);
        }
    }
    if options.send_buffer > 0 {
        let size = size(options.send_buffer);
        if force_send_buffer(fd, size).is_err() {
            let _ = socket.set_send_buffer_size(size);
        }
    }
    if options.packet_info {
        set_packet_info(fd, ipv6)?;
    }
    if options.count_drops {
        set_count_drops(fd, true)?;
    }
    if options.gro {
        // Without it they arrive one by one.
        let _ = set_gro(fd);
    }
    set_dont_fragment(fd, ipv6, options.dont_fragment)
}

#[cfg(target_os = "linux")]
use crate::linux::options::{
    force_receive_buffer, force_send_buffer, set_count_drops, set_dont_fragment, set_gro,
    set_packet_info,
};

#[cfg(target_os = "linux")]
fn bind_interface(socket: &socket2::Socket, index: u32) -> io::Result<()> {
    let name = crate::interface_name(index).ok_or(io::ErrorKind::NotFound)?;
    socket.bind_device(Some(name.as_bytes()))
}

#[cfg(not(target_os = "linux"))]
use self::elsewhere::{
    bind_interface, force_receive_buffer, force_send_buffer, set_count_drops, set_dont_fragment,
    set_gro, set_packet_info,
};

/// What systems other than Linux do without.
#[cfg(not(target_os = "linux"))]
mod elsewhere {
    use std::{io, os::fd::BorrowedFd};

    pub(super) fn force_receive_buffer(_: BorrowedFd<'_>, _: usize) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    pub(super) fn force_send_buffer(_: BorrowedFd<'_>, _: usize) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    pub(super) fn set_packet_info(_: BorrowedFd<'_>, _: bool) -> io::Result<()> {
        Ok(())
    }

    pub(super) fn set_gro(_: BorrowedFd<'_>) -> io::Result<()> {
        Ok(())
    }

    pub(super) fn set_count_drops(_: BorrowedFd<'_>, _: bool) -> io::Result<()> {
        Ok(())
    }

    pub(super) fn set_dont_fragment(_: BorrowedFd<'_>, _: bool, _: bool) -> io::Result<()> {
        Ok(())
    }

    pub(super) fn bind_interface(_: &socket2::Socket, _: u32) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }
}
