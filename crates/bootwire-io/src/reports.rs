//! What the network says about datagrams that did not arrive (ICMP).

use std::io;
use std::net::SocketAddr;
use std::os::fd::AsFd;

/// Whether errors that the network reports for single datagrams fail the socket's next call, though
/// it is connected to nobody (`IP_RECVERR`): "connection refused" where nobody listens on the port,
/// "host unreachable" where the way ends. [`reported`] tells which datagram it was. Turning it off
/// forgets what was reported. Does nothing on systems other than Linux.
///
/// # Errors
/// Whatever the kernel refuses.
pub fn set_reports(socket: impl AsFd, ipv6: bool, on: bool) -> io::Result<()> {
    #[cfg(target_os = "linux")]
    return crate::linux::options::set_reports(socket.as_fd(), ipv6, on);
    #[cfg(not(target_os = "linux"))]
    {
        let _ = (socket, ipv6, on);
        Ok(())
    }
}

/// Takes the reports that wait: where each datagram that was complained of had been sent.
#[must_use]
pub fn reported(socket: impl AsFd) -> Vec<SocketAddr> {
    #[cfg(target_os = "linux")]
    return crate::linux::options::reported(socket.as_fd());
    #[cfg(not(target_os = "linux"))]
    {
        let _ = socket;
        Vec::new()
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::net::UdpSocket;

    use super::*;
    use crate::{Destination, Kernel, SendBatch, SendReport, Socket, SocketOptions};

    #[test]
    fn a_closed_port_is_told_with_its_address() {
        for host in ["127.0.0.1:0", "[::1]:0"] {
            let closed = UdpSocket::bind(host).unwrap().local_addr().unwrap();
            let socket = UdpSocket::bind(host).unwrap();
            socket.set_nonblocking(true).unwrap();
            set_reports(&socket, closed.is_ipv6(), true).unwrap();
            socket.send_to(b"anybody?", closed).unwrap();
            let error = socket.recv_from(&mut [0; 16]).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::ConnectionRefused, "{host}");
            assert_eq!(reported(&socket), [closed]);
            assert_eq!(reported(&socket), []);
            set_reports(&socket, closed.is_ipv6(), false).unwrap();
            socket.send_to(b"anybody?", closed).unwrap();
            let error = socket.recv_from(&mut [0; 16]).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::WouldBlock, "{host}");
        }
    }

    #[test]
    fn a_socket_of_both_families_tells_of_ipv4_as_ipv4() {
        let closed = UdpSocket::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap();
        let options = SocketOptions {
            v6_only: Some(false),
            ..SocketOptions::default()
        };
        let socket = Socket::bind("[::]:0".parse().unwrap(), &options).unwrap();
        set_reports(&socket, true, true).unwrap();
        let mut batch = SendBatch::new(Kernel::probe());
        let mut round = batch.round();
        let to = Destination {
            peer: closed,
            from: None,
        };
        round.packet(to, 0, b"anybody?").unwrap();
        round.send(&socket, &mut SendReport::new());
        assert_eq!(reported(&socket), [closed]);
    }
}
