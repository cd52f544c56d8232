//! `recvmmsg`, with packet information and drop counters as control messages.

use std::{
    io,
    net::{Ipv4Addr, SocketAddr},
    os::fd::{AsFd, AsRawFd},
    ptr,
};

use super::{
    address::WireAddress,
    control::{PacketInfo, ReceiveControl},
};
use crate::{Datagram, Socket};

/// Slots whose headers are written once; a receive resets no more than the kernel has changed.
#[derive(Debug)]
pub(crate) struct Slots {
    headers: Vec<libc::mmsghdr>,
    // The headers point into these three, which are never touched by anything that would move
    // them.
    names: Vec<WireAddress>,
    controls: Vec<ReceiveControl>,
    bytes: Vec<u8>,
    _pieces: Vec<libc::iovec>,
    slot_len: usize,
    filled: usize,
}

// SAFETY: the headers point into vectors of the same structure, whose contents stay where they
// are when it moves to another thread.
unsafe impl Send for Slots {}

impl Slots {
    pub(crate) fn new(slots: usize, slot_len: usize) -> Self {
        let mut names = vec![WireAddress::EMPTY; slots];
        let mut controls = vec![ReceiveControl::EMPTY; slots];
        let mut bytes = vec![0_u8; slots * slot_len];
        let first = bytes.as_mut_ptr();
        let mut pieces: Vec<_> = (0..slots)
            .map(|slot| libc::iovec {
                iov_base: first.wrapping_add(slot * slot_len).cast(),
                iov_len: slot_len,
            })
            .collect();
        let (first_name, first_control) = (names.as_mut_ptr(), controls.as_mut_ptr());
        let first_piece = pieces.as_mut_ptr();
        let headers = (0..slots)
            .map(|slot| {
                // SAFETY: all zeros is a valid header, an empty one; some C libraries have
                // padding there that no literal could fill.
                let mut header: libc::mmsghdr = unsafe { std::mem::zeroed() };
                header.msg_hdr.msg_name = first_name.wrapping_add(slot).cast();
                header.msg_hdr.msg_namelen = WireAddress::EMPTY.len();
                header.msg_hdr.msg_iov = first_piece.wrapping_add(slot);
                header.msg_hdr.msg_iovlen = 1;
                header.msg_hdr.msg_control = first_control.wrapping_add(slot).cast();
                header.msg_hdr.msg_controllen = ReceiveControl::LEN as _;
                header
            })
            .collect();
        Self {
            headers,
            names,
            controls,
            bytes,
            _pieces: pieces,
            slot_len,
            filled: 0,
        }
    }

    pub(crate) const fn len(&self) -> usize {
        self.filled
    }

    pub(crate) const fn capacity(&self) -> usize {
        self.headers.len()
    }

    pub(crate) fn receive(&mut self, socket: &Socket) -> io::Result<usize> {
        for header in &mut self.headers[..self.filled] {
            header.msg_hdr.msg_namelen = WireAddress::EMPTY.len();
            header.msg_hdr.msg_controllen = ReceiveControl::LEN as _;
        }
        self.filled = 0;
        let fd = socket.as_fd().as_raw_fd();
        let count = u32::try_from(self.headers.len()).unwrap_or(u32::MAX);
        let first = self.headers.as_mut_ptr();
        // SAFETY: `first` is `count` headers; each describes a name, a control buffer and bytes
        // of its own, which live in this structure and to which no reference exists now.
        let received =
            unsafe { libc::recvmmsg(fd, first, count, libc::MSG_DONTWAIT as _, ptr::null_mut()) };
        self.filled = usize::try_from(received).map_err(|_| io::Error::last_os_error())?;
        Ok(self.filled)
    }

    #[inline]
    pub(crate) fn get(&self, index: usize) -> Datagram<'_> {
        let header = &self.headers[..self.filled][index];
        let start = index * self.slot_len;
        let len = usize::try_from(header.msg_len)
            .unwrap_or(usize::MAX)
            .min(self.slot_len);
        let PacketInfo {
            local,
            interface,
            unicast,
            drops,
            segment: _,
        } = self.control(index);
        let nobody = SocketAddr::new(Ipv4Addr::UNSPECIFIED.into(), 0);
        Datagram {
            payload: &self.bytes[start..start + len],
            peer: self.names[index].get().unwrap_or(nobody),
            local,
            interface,
            truncated: header.msg_hdr.msg_flags & libc::MSG_TRUNC != 0,
            drops,
            unicast,
        }
    }

    /// The size of the datagrams that were joined, all but perhaps the last.
    pub(crate) fn segment(&self, index: usize) -> Option<usize> {
        self.control(index).segment
    }

    fn control(&self, index: usize) -> PacketInfo {
        let header = &self.headers[..self.filled][index];
        let len: usize = header.msg_hdr.msg_controllen as _; // its type varies
        self.controls[index].parse(len)
    }
}
