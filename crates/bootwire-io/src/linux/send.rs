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
        drive::Transmit,
        queue::{Live, MAX_MESSAGES, Message},
    },
};

/// What the kernel wants beside the pieces: message headers, addresses, control messages.
#[derive(Debug)]
pub(crate) struct Headers {
    messages: Vec<libc::mmsghdr>,
    /// One for each call.
    targets: Vec<Target>,
    /// Of the calls that have some.
    controls: Vec<SendControl>,
}

/// Where the messages of one call go, as the kernel reads it.
#[derive(Debug)]
struct Target {
    name: WireAddress,
    /// Index of its control messages, if it has any.
    control: Option<usize>,
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
            controls: Vec::new(),
        }
    }

    /// Writes the headers of all messages.
    pub(crate) fn prepare<'a>(&'a mut self, queue: Live<'a>, socket: &'a Socket) -> Batch<'a> {
        let Self {
            messages,
            targets,
            controls,
        } = self;
        targets.clear();
        messages.clear();
        controls.clear();
        let ipv6 = socket.is_ipv6();
        targets.extend(queue.calls().iter().map(|call| {
            let mut target = Target {
                name: WireAddress::new(call.to.peer, ipv6),
                control: None,
                plain_control: 0,
            };
            if let Some((from, interface)) = call.to.from {
                let control = target.control(controls);
                control.packet_info(from, interface, ipv6);
                target.plain_control = control.len();
            }
            target
        }));
        // All segments of a call have the same size, so one control message serves them all.
        for message in queue.messages().iter().filter(|message| message.is_run()) {
            let target = &mut targets[message.call];
            let plain = target.plain_control;
            let control = target.control(controls);
            if control.len() == plain {
                // A run is at least two segments, together no more than a datagram.
                control.segment(u16::try_from(message.segment).unwrap_or(u16::MAX));
            }
        }
        messages.extend(queue.messages().iter().map(|message| {
            let target = &targets[message.call];
            let pieces = queue.pieces(message.pieces.clone());
            libc::mmsghdr {
                msg_hdr: target.header(controls, message.is_run(), pieces),
                msg_len: 0,
            }
        }));
        Batch {
            socket,
            messages,
            targets,
            controls,
        }
    }
}

impl Target {
    /// Its control messages, empty ones if it had none.
    fn control<'c>(&mut self, controls: &'c mut Vec<SendControl>) -> &'c mut SendControl {
        let index = *self.control.get_or_insert_with(|| {
            controls.push(SendControl::EMPTY);
            controls.len() - 1
        });
        &mut controls[index]
    }

    /// The header of a message to it, a run of segments or a single datagram. Points into what it
    /// is given.
    fn header(&self, controls: &[SendControl], run: bool, pieces: &[libc::iovec]) -> libc::msghdr {
        // SAFETY: all zeros is a valid header, an empty one; some C libraries have padding there
        // that no literal could fill.
        let mut header: libc::msghdr = unsafe { std::mem::zeroed() };
        header.msg_name = self.name.as_ptr().cast_mut().cast();
        header.msg_namelen = self.name.len();
        header.msg_iov = pieces.as_ptr().cast_mut();
        header.msg_iovlen = pieces.len() as _;
        if let Some(index) = self.control {
            let control = &controls[index];
            let len = if run {
                control.len()
            } else {
                self.plain_control
            };
            if len > 0 {
                header.msg_control = control.as_ptr().cast_mut().cast();
                header.msg_controllen = len as _;
            }
        }
        header
    }
}

/// Headers that are ready to be sent. All they point to is borrowed for `'a`.
#[derive(Debug)]
pub(crate) struct Batch<'a> {
    socket: &'a Socket,
    messages: &'a mut Vec<libc::mmsghdr>,
    targets: &'a [Target],
    controls: &'a [SendControl],
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
        let header = self.targets[call].header(self.controls, false, queue.pieces(pieces));
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
