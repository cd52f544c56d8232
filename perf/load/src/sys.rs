//! epoll and recvmmsg.

use std::io;
use std::mem::{MaybeUninit, zeroed};
use std::net::{Ipv4Addr, SocketAddrV4};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::time::Duration;

/// Sockets waited for together, each known by a number.
pub struct Epoll(OwnedFd);

impl Epoll {
    pub fn new() -> io::Result<Self> {
        // SAFETY: no pointers; a valid result is a descriptor nobody else owns.
        let fd = check(unsafe { libc::epoll_create1(libc::EPOLL_CLOEXEC) })?;
        // SAFETY: as above.
        Ok(Self(unsafe { OwnedFd::from_raw_fd(fd) }))
    }

    pub fn add(&self, fd: RawFd, number: usize) -> io::Result<()> {
        let mut event = libc::epoll_event {
            events: libc::EPOLLIN as u32,
            u64: number as u64,
        };
        // SAFETY: `event` lives through the call.
        check(unsafe { libc::epoll_ctl(self.0.as_raw_fd(), libc::EPOLL_CTL_ADD, fd, &mut event) })?;
        Ok(())
    }

    pub fn wait(&self, ready: &mut Vec<usize>, limit: Duration) -> io::Result<()> {
        let mut events: [MaybeUninit<libc::epoll_event>; 512] = [MaybeUninit::uninit(); 512];
        // SAFETY: the kernel writes at most 512 events into room for 512.
        let count = unsafe {
            libc::epoll_wait(
                self.0.as_raw_fd(),
                events.as_mut_ptr().cast(),
                512,
                limit.as_millis() as i32,
            )
        };
        ready.clear();
        if count < 0 {
            let error = io::Error::last_os_error();
            return if error.kind() == io::ErrorKind::Interrupted { Ok(()) } else { Err(error) };
        }
        for event in &events[..count as usize] {
            // SAFETY: the kernel wrote the first `count`.
            ready.push(unsafe { event.assume_init_read() }.u64 as usize);
        }
        Ok(())
    }
}

const BATCH: usize = 64;

/// Room for a batch of datagrams, used for every socket in turn.
pub struct Batch {
    size: usize,
    bytes: Vec<u8>,
    names: Box<[libc::sockaddr_in; BATCH]>,
    _vectors: Box<[libc::iovec; BATCH]>,
    messages: Box<[libc::mmsghdr; BATCH]>,
}

impl Batch {
    pub fn new(size: usize) -> Self {
        let mut bytes = vec![0; size * BATCH];
        // SAFETY: plain C structures; all zero is a value of each.
        let mut names: Box<[libc::sockaddr_in; BATCH]> = Box::new(unsafe { zeroed() });
        // SAFETY: as above.
        let mut vectors: Box<[libc::iovec; BATCH]> = Box::new(unsafe { zeroed() });
        // SAFETY: as above.
        let mut messages: Box<[libc::mmsghdr; BATCH]> = Box::new(unsafe { zeroed() });
        for slot in 0..BATCH {
            vectors[slot].iov_base = bytes[slot * size..].as_mut_ptr().cast();
            vectors[slot].iov_len = size;
            messages[slot].msg_hdr.msg_iov = &raw mut vectors[slot];
            messages[slot].msg_hdr.msg_iovlen = 1;
            messages[slot].msg_hdr.msg_name = (&raw mut names[slot]).cast();
        }
        Self { size, bytes, names, _vectors: vectors, messages }
    }

    /// What is there, at most `most` and [`BATCH`]; errors count as nothing there.
    pub fn receive(&mut self, fd: RawFd, most: usize) -> usize {
        let most = most.min(BATCH);
        for message in &mut self.messages[..most] {
            message.msg_hdr.msg_namelen = size_of::<libc::sockaddr_in>() as u32;
        }
        // SAFETY: every header points into memory this batch owns, boxed or in a vector that never
        // grows, so it has not moved since `new`.
        let count = unsafe {
            libc::recvmmsg(
                fd,
                self.messages.as_mut_ptr(),
                most as u32,
                libc::MSG_DONTWAIT,
                std::ptr::null_mut(),
            )
        };
        usize::try_from(count).unwrap_or(0)
    }

    pub fn datagram(&self, slot: usize) -> (SocketAddrV4, &[u8]) {
        let name = &self.names[slot];
        let address = Ipv4Addr::from(u32::from_be(name.sin_addr.s_addr));
        let start = slot * self.size;
        let length = self.messages[slot].msg_len as usize;
        (
            SocketAddrV4::new(address, u16::from_be(name.sin_port)),
            &self.bytes[start..start + length],
        )
    }
}

fn check(result: i32) -> io::Result<i32> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(result) }
}
