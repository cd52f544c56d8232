//! `sendmmsg`, with GSO and source addresses as control messages.

use std::ops::Range;
use std::{
    io,
    os::fd::{AsFd, AsRawFd},
    ptr,
};

use super::{address::WireAddress, control::SendControl};
use crate::{
    Socket,
    send::{
        Transmit,
        queue::{Live, MAX_MESSAGES, Message},
    },
};

/// What the kernel wants beside the pieces: message headers, addresses, control messages.
#[derive(Debug)]
pub(crate) struct Headers {
    messages: Vec<libc::mmsghdr>,
    /// One for each call.
    targets: Vec<Target>,
}

/// Where the messages of one call go, as the kernel reads it.
#[derive(Debug)]
struct Target {
    name: WireAddress,
    control: SendControl,
    /// Length of the control messages without the segment size, which comes last.
    plain_control: usize,
}

// SAFETY: the pointers in `messages` are made anew by `prepare` and used only while its result,
// which borrows all they point to, is alive.
unsafe impl Send for Headers {}

impl Headers {
    pub(crate) fn new() -> Self {
        Self {
            messages: Vec::with_capacity(MAX_MESSAGES),
            targets: Vec::with_capacity(MAX_MESSAGES),
        }
    }

    /// Writes the headers of all messages.
    pub(crate) fn prepare<'a>(&'a mut self, queue: Live<'a>, socket: &'a Socket) -> Batch<'a> {
        self.targets.clear();
        self.messages.clear();
        let ipv6 = socket.is_ipv6();
        self.targets.extend(queue.calls().iter().map(|call| {
            let mut control = SendControl::EMPTY;
            if let Some((from, interface)) = call.to.from {
                control.packet_info(from, interface, ipv6);
            }
            Target {
                name: WireAddress::new(call.to.peer, ipv6),
                plain_control: control.len(),
                control,
            }
        }));
        // All segments of a call have the same size, so one control message serves them all.
        for message in queue.messages().iter().filter(|message| message.is_run()) {
            let target = &mut self.targets[message.call];
            if target.control.len() == target.plain_control {
                // A run is at least two segments, together no more than a datagram.
                target
                    .control
                    .segment(u16::try_from(message.segment).unwrap_or(u16::MAX));
            }
        }
        let Self { messages, targets } = self;
        messages.extend(queue.messages().iter().map(|message| {
            let target = &targets[message.call];
            let control = if message.is_run() {
                target.control.len()
            } else {
                target.plain_control
            };
            libc::mmsghdr {
                msg_hdr: header(target, control, queue, message.pieces.clone()),
                msg_len: 0,
            }
        }));
        Batch {
            socket,
            messages,
            targets,
        }
    }
}

fn header(target: &Target, control: usize, queue: Live<'_>, pieces: Range<usize>) -> libc::msghdr {
    let pieces = queue.pieces(pieces);
    // SAFETY: all zeros is a valid header, an empty one; some C libraries have padding there that
    // no literal could fill.
    let mut header: libc::msghdr = unsafe { std::mem::zeroed() };
    header.msg_name = target.name.as_ptr().cast_mut().cast();
    header.msg_namelen = target.name.len();
    header.msg_iov = pieces.as_ptr().cast_mut();
    header.msg_iovlen = pieces.len() as _;
    if control > 0 {
        header.msg_control = target.control.as_ptr().cast_mut().cast();
        header.msg_controllen = control as _;
    }
    header
}

/// Headers that are ready to be sent. All they point to is borrowed for `'a`.
#[derive(Debug)]
pub(crate) struct Batch<'a> {
    socket: &'a Socket,
    messages: &'a mut Vec<libc::mmsghdr>,
    targets: &'a [Target],
}

impl Transmit for Batch<'_> {
    fn messages(&mut self, _queue: Live<'_>, first: usize) -> io::Result<usize> {
        let rest = &mut self.messages[first..];
        let count = u32::try_from(rest.len()).unwrap_or(u32::MAX);
        let fd = self.socket.as_fd().as_raw_fd();
        let flags = libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL;
        // SAFETY: `rest` is `count` headers, whose names, pieces and control messages are
        // borrowed by this batch. The kernel writes to nothing but their `msg_len`. Pages that a
        // mapped file has lost make it answer EFAULT.
        let sent = unsafe { libc::sendmmsg(fd, rest.as_mut_ptr(), count, flags as _) };
        match usize::try_from(sent) {
            Ok(0) => Err(io::ErrorKind::WouldBlock.into()),
            Ok(sent) => Ok(sent),
            Err(_) => Err(io::Error::last_os_error()),
        }
    }

    fn datagram(
        &mut self,
        queue: Live<'_>,
        message: usize,
        pieces: Range<usize>,
    ) -> io::Result<()> {
        let call = queue
            .messages()
            .get(message)
            .map_or(0, |message: &Message| message.call);
        let target = &self.targets[call];
        let header = header(target, target.plain_control, queue, pieces);
        let fd = self.socket.as_fd().as_raw_fd();
        let flags = libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL;
        // SAFETY: as above, for one header on the stack.
        let sent = unsafe { libc::sendmsg(fd, ptr::from_ref(&header), flags) };
        if sent < 0 {
            Err(io::Error::last_os_error())
        } else {
            Ok(())
        }
    }
}
