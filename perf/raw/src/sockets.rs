//! Sockets of both ends, with the system calls that are timed.

use std::io;
use std::marker::PhantomData;
use std::mem::zeroed;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::ops::Range;
use std::os::fd::AsRawFd;
use std::ptr;

use crate::content::Pieces;

/// A message to each of several addresses, as the kernel wants it.
pub struct Batch<'m> {
    headers: Vec<libc::mmsghdr>,
    _points_to: PhantomData<&'m [Pieces<'m>]>,
}

impl<'m> Batch<'m> {
    /// The first message to the first address, and so on, cut into datagrams of `segment`.
    pub fn new(
        to: &'m [libc::sockaddr_in],
        messages: &'m [Pieces<'m>],
        segment: &'m SegmentSize,
    ) -> Self {
        let headers = to.iter().zip(messages).map(|(address, pieces)| {
            // SAFETY: a plain C structure; all zero is a value of it.
            let mut header: libc::mmsghdr = unsafe { zeroed() };
            header.msg_hdr.msg_name = ptr::from_ref(address).cast_mut().cast();
            header.msg_hdr.msg_namelen = size_of::<libc::sockaddr_in>() as u32;
            // A slice for I/O is an iovec.
            header.msg_hdr.msg_iov = pieces.as_ptr().cast_mut().cast();
            header.msg_hdr.msg_iovlen = pieces.len();
            if pieces.iter().map(|piece| piece.len()).sum::<usize>() > usize::from(segment.size) {
                header.msg_hdr.msg_control = ptr::from_ref(segment).cast_mut().cast();
                header.msg_hdr.msg_controllen = SegmentSize::LENGTH;
            }
            header
        });
        Self {
            headers: headers.collect(),
            _points_to: PhantomData,
        }
    }
}

/// The socket that is timed.
pub struct Server(UdpSocket);

impl Server {
    pub fn new() -> io::Result<Self> {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
        socket.set_nonblocking(true)?;
        let dont_fragment = libc::IP_PMTUDISC_DO;
        // SAFETY: the option's value is an int that lives through the call.
        let result = unsafe {
            libc::setsockopt(
                socket.as_raw_fd(),
                libc::IPPROTO_IP,
                libc::IP_MTU_DISCOVER,
                (&raw const dont_fragment).cast(),
                size_of::<i32>() as u32,
            )
        };
        check(result)?;
        Ok(Self(socket))
    }

    /// Sends a batch by as few `sendmmsg` as the kernel allows.
    pub fn send(&self, batch: &mut Batch<'_>) -> io::Result<()> {
        let mut rest = &mut batch.headers[..];
        while !rest.is_empty() {
            // SAFETY: every header points to an address, pieces and a control message that the
            // batch borrows; the kernel only reads them.
            let count = unsafe {
                libc::sendmmsg(self.0.as_raw_fd(), rest.as_mut_ptr(), rest.len() as u32, 0)
            };
            rest = &mut rest[check(count)? as usize..];
        }
        Ok(())
    }

    /// As many `recvmmsg` as it takes for `count` datagrams.
    pub fn receive(&self, count: usize) -> io::Result<()> {
        const BATCH: usize = 64;
        let mut bytes = [[0_u8; 64]; BATCH];
        // SAFETY: plain C structures; all zero is a value of each.
        let mut names: [libc::sockaddr_in; BATCH] = unsafe { zeroed() };
        // SAFETY: as above.
        let mut vectors: [libc::iovec; BATCH] = unsafe { zeroed() };
        // SAFETY: as above.
        let mut headers: [libc::mmsghdr; BATCH] = unsafe { zeroed() };
        for slot in 0..BATCH {
            vectors[slot].iov_base = bytes[slot].as_mut_ptr().cast();
            vectors[slot].iov_len = 64;
            headers[slot].msg_hdr.msg_iov = &raw mut vectors[slot];
            headers[slot].msg_hdr.msg_iovlen = 1;
            headers[slot].msg_hdr.msg_name = (&raw mut names[slot]).cast();
            headers[slot].msg_hdr.msg_namelen = size_of::<libc::sockaddr_in>() as u32;
        }
        let mut received = 0;
        while received < count {
            // SAFETY: every header points into the arrays above.
            let got = unsafe {
                libc::recvmmsg(
                    self.0.as_raw_fd(),
                    headers.as_mut_ptr(),
                    (count - received).min(BATCH) as u32,
                    libc::MSG_DONTWAIT,
                    std::ptr::null_mut(),
                )
            };
            received += check(got)? as usize;
        }
        Ok(())
    }
}

/// Clients in a group.
const GROUP: usize = 64;

/// Has the calling thread run on one core alone.
pub fn run_on(core: usize) -> io::Result<()> {
    if core >= libc::CPU_SETSIZE as usize {
        return Err(io::Error::other("there is no such core"));
    }
    // SAFETY: a plain C structure; all zero is a value of it.
    let mut cores: libc::cpu_set_t = unsafe { zeroed() };
    // SAFETY: the core is within the set.
    unsafe { libc::CPU_SET(core, &mut cores) };
    // SAFETY: the set lives through the call, which only reads it.
    check(unsafe { libc::sched_setaffinity(0, size_of::<libc::cpu_set_t>(), &raw const cores) })?;
    Ok(())
}

/// The far ends, one socket each.
pub struct Clients {
    sockets: Vec<UdpSocket>,
    addresses: Vec<libc::sockaddr_in>,
}

/// Some of the clients.
pub struct Group<'a> {
    start: usize,
    sockets: &'a [UdpSocket],
    addresses: &'a [libc::sockaddr_in],
}

impl Clients {
    pub fn new(count: usize) -> io::Result<Self> {
        let mut sockets = Vec::with_capacity(count);
        let mut addresses = Vec::with_capacity(count);
        for _ in 0..count {
            let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
            socket.set_nonblocking(true)?;
            // SAFETY: a plain C structure; all zero is a value of it.
            let mut address: libc::sockaddr_in = unsafe { zeroed() };
            address.sin_family = libc::AF_INET as u16;
            address.sin_port = socket.local_addr()?.port().to_be();
            address.sin_addr.s_addr = u32::from(Ipv4Addr::LOCALHOST).to_be();
            sockets.push(socket);
            addresses.push(address);
        }
        Ok(Self { sockets, addresses })
    }

    /// How many groups there are.
    pub fn groups(&self) -> usize {
        self.sockets.len().div_ceil(GROUP)
    }

    /// Group `number`, as large as a server would form them, so that no buffer overflows.
    pub fn group(&self, number: usize) -> Group<'_> {
        let start = number * GROUP;
        let end = self.sockets.len().min(start + GROUP);
        Group {
            start,
            sockets: &self.sockets[start..end],
            addresses: &self.addresses[start..end],
        }
    }
}

impl Group<'_> {
    pub fn len(&self) -> usize {
        self.sockets.len()
    }

    /// Their numbers.
    pub fn range(&self) -> Range<usize> {
        self.start..self.start + self.sockets.len()
    }

    pub fn addresses(&self) -> &[libc::sockaddr_in] {
        self.addresses
    }

    /// Reads all that came and sends one ACK from each.
    pub fn answer(&self, server: &Server) -> io::Result<()> {
        let to: SocketAddr = server.0.local_addr()?;
        let mut bytes = vec![0; 65_536];
        for socket in self.sockets {
            while socket.recv_from(&mut bytes).is_ok() {}
            socket.send_to(&[0, 4, 0, 1], to)?;
        }
        Ok(())
    }
}

/// The control message UDP_SEGMENT.
#[repr(C)]
pub struct SegmentSize {
    header: libc::cmsghdr,
    size: u16,
    _padding: [u8; 6],
}

impl SegmentSize {
    const LENGTH: usize = size_of::<Self>();

    pub fn new(size: u16) -> Self {
        // SAFETY: a plain C structure; all zero is a value of it.
        let mut header: libc::cmsghdr = unsafe { zeroed() };
        header.cmsg_len = size_of::<libc::cmsghdr>() + size_of::<u16>();
        header.cmsg_level = libc::SOL_UDP;
        header.cmsg_type = libc::UDP_SEGMENT;
        Self {
            header,
            size,
            _padding: [0; 6],
        }
    }
}

fn check(result: i32) -> io::Result<i32> {
    if result < 0 {
        Err(io::Error::last_os_error())
    } else {
        Ok(result)
    }
}
