//! Trying what this kernel, container or sandbox really lets us do.

use std::{
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    os::fd::AsFd,
};

use super::options;
use crate::{
    Blocks, FailureKind, Kernel, Payload, ReceiveBatch, SendBatch, SendReport, Socket,
    SocketOptions,
};

/// Everything Linux may have.
const ALL: Kernel = Kernel {
    batch_receive: true,
    batch_send: true,
    gso: true,
    packet_info: true,
    mapping: true,
    epoll: true,
};

pub(crate) fn probe() -> Kernel {
    let addresses: [IpAddr; 4] = [
        Ipv4Addr::LOCALHOST.into(),
        Ipv6Addr::LOCALHOST.into(),
        Ipv4Addr::UNSPECIFIED.into(),
        Ipv6Addr::UNSPECIFIED.into(),
    ];
    let plain = SocketOptions::default();
    let bound = addresses
        .iter()
        .find_map(|&ip| Socket::bind(SocketAddr::new(ip, 0), &plain).ok());
    let Some(socket) = bound else {
        return Kernel::portable();
    };
    let batch_receive = ReceiveBatch::new(ALL, 1, 64).receive(&socket).is_ok();
    let batch_send = can_send(&socket, false);
    Kernel {
        batch_receive,
        batch_send,
        gso: batch_send && options::knows_gso(socket.as_fd()) && can_send(&socket, true),
        packet_info: batch_receive
            && options::set_packet_info(socket.as_fd(), socket.is_ipv6()).is_ok(),
        // A mapped file can be sent only by a call that takes it as it lies.
        mapping: batch_send,
        epoll: rustix::event::epoll::create(rustix::event::epoll::CreateFlags::CLOEXEC).is_ok(),
    }
}

/// Sends two blocks to the socket itself. Only an answer that the call is not to be had counts as
/// a no: the route to ourselves may be missing.
fn can_send(socket: &Socket, gso: bool) -> bool {
    let mut batch = SendBatch::new(ALL);
    let mut report = SendReport::default();
    let mut round = batch.round();
    let headers = [[0, 3, 0, 1], [0, 3, 0, 2]].into_iter();
    let payload = [Payload::Bytes(&[0; 32])].into_iter();
    let blocks = Blocks {
        gso,
        blksize: 16,
        headers,
        pieces: payload,
    };
    let to = socket.local_addr().into();
    if round.blocks(to, 0, blocks).is_err() {
        return false;
    }
    round.send(socket, &mut report);
    !report.failures.iter().any(|failure| match &failure.kind {
        FailureKind::GsoRefused => true,
        FailureKind::Peer(error) => {
            error.kind() == io::ErrorKind::Unsupported || error.raw_os_error() == Some(libc::ENOSYS)
        }
        FailureKind::Unsent | FailureKind::TooBig | FailureKind::Fault => false,
    })
}
