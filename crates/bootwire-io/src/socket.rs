//! Sockets.
use std::{
    io,
    net::{SocketAddr, UdpSocket},
    os::fd::{AsFd, BorrowedFd},
};

/// What a socket should be like.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SocketOptions {
    /// Share the port with other sockets that ask the same (`SO_REUSEPORT`).
    pub reuse_port: bool,
    /// Bytes wanted; 0 leaves the default.
    pub receive_buffer: usize,
    /// Bytes wanted; 0 leaves the default.
    pub send_buffer: usize,
    /// Tell the local address of every datagram.
    pub packet_info: bool,
    /// Never fragment.
    pub dont_fragment: bool,
    /// IPv6 only, or dual stack; `None` leaves the system's default.
    pub v6_only: Option<bool>,
    /// Count drops (`SO_RXQ_OVFL`).
    pub count_drops: bool,
    /// Only this interface, by index.
    pub interface: Option<u32>,
}

/// A non-blocking UDP socket.
#[derive(Debug)]
pub struct Socket(UdpSocket);

impl Socket {
    /// Binds.
    pub fn bind(addr: SocketAddr, options: &SocketOptions) -> io::Result<Self> {
        let _ = (addr, options);
        todo!()
    }
    /// Takes a bound socket.
    pub fn from_std(socket: UdpSocket, options: &SocketOptions) -> io::Result<Self> {
        let _ = (socket, options);
        todo!()
    }
    /// The bound address.
    pub fn local_addr(&self) -> SocketAddr {
        todo!()
    }
    /// Bytes the kernel gave.
    pub fn receive_buffer(&self) -> usize {
        todo!()
    }
    /// Flips DF.
    pub fn set_dont_fragment(&self, on: bool) -> io::Result<()> {
        let _ = on;
        todo!()
    }
}

impl AsFd for Socket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}
