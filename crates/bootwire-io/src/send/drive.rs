//! Sending a queue whatever the kernel says: which errors belong to which message, and what to
//! do about each.

use std::{io, ops::Range};

use super::{FailureKind, SendReport, queue::Live};

/// The calls that put messages on the wire.
pub(crate) trait Transmit {
    /// Sends messages from `first` on, and tells how many went out: one or more, or the error of
    /// the first.
    fn messages(&mut self, queue: Live<'_>, first: usize) -> io::Result<usize>;

    /// Sends these pieces of a message as one datagram.
    fn datagram(&mut self, queue: Live<'_>, message: usize, pieces: Range<usize>)
    -> io::Result<()>;
}

/// What to do about an error.
#[derive(Debug)]
enum Verdict {
    /// It may not be about this message at all: once more.
    Again,
    /// Nothing more goes out now.
    Blocked,
    /// GSO is not possible with this message.
    Split,
    Fail(FailureKind),
}

fn judge(error: io::Error, run: bool, again: bool) -> Verdict {
    match error.raw_os_error() {
        Some(libc::EAGAIN | libc::ENOBUFS | libc::ENOMEM) => Verdict::Blocked,
        Some(libc::EINTR) if again => Verdict::Blocked,
        // What is too large stays so: the first time it may be the size of somebody else's datagram
        // that the network complained of.
        Some(libc::EMSGSIZE) if !again => Verdict::Again,
        // A path or device that cannot segment. `EINVAL` and `EMSGSIZE` may also be the
        // message's own fault; sending its blocks singly will tell.
        Some(libc::EIO | libc::EINVAL | libc::EMSGSIZE | libc::EOPNOTSUPP) if run => Verdict::Split,
        // A signal, or what an ICMP message about an earlier datagram left on the socket for the
        // next call.
        Some(
            libc::ECONNREFUSED
            | libc::ECONNRESET
            | libc::EHOSTDOWN
            | libc::EHOSTUNREACH
            | libc::EINTR
            | libc::ENETDOWN
            | libc::ENETUNREACH
            | libc::ENOPROTOOPT
            | libc::EPROTO,
        ) if !again => Verdict::Again,
        Some(libc::EMSGSIZE) => Verdict::Fail(FailureKind::TooBig),
        Some(libc::EFAULT) => Verdict::Fail(FailureKind::Fault),
        _ => Verdict::Fail(FailureKind::Peer(error)),
    }
}

/// Sends every message of the queue that can be sent. Answers whether GSO still works here:
/// `false` if a device said it cannot do it.
pub(super) fn drive(
    queue: Live<'_>,
    transmit: &mut impl Transmit,
    report: &mut SendReport,
) -> bool {
    let messages = queue.messages();
    let mut gso_works = true;
    let mut refused_call = None;
    let mut again = false;
    let mut next = 0;
    while let Some(message) = messages.get(next) {
        report.calls += 1;
        let error = match transmit.messages(queue, next) {
            Ok(sent) => {
                let end = next + sent.clamp(1, messages.len() - next);
                report.datagrams += messages[next..end]
                    .iter()
                    .map(|sent| sent.blocks)
                    .sum::<u32>();
                next = end;
                again = false;
                continue;
            }
            Err(error) => error,
        };
        let device_cannot = error.raw_os_error() == Some(libc::EIO);
        let tag = queue.calls()[message.call].tag;
        match judge(error, message.is_run(), again) {
            Verdict::Again => again = true,
            Verdict::Blocked => return block(queue, next, message.first_block, report, gso_works),
            Verdict::Split => {
                again = false;
                gso_works &= !device_cannot;
                if refused_call.replace(message.call) != Some(message.call) {
                    report.fail(tag, message.first_block, FailureKind::GsoRefused);
                }
                match split(queue, next, transmit, report) {
                    Ok(()) => next += 1,
                    Err((block_number, Some(kind))) => {
                        report.fail(tag, block_number, kind);
                        next = next_call(queue, next);
                    }
                    Err((block_number, None)) => {
                        return block(queue, next, block_number, report, gso_works);
                    }
                }
            }
            Verdict::Fail(kind) => {
                again = false;
                report.fail(tag, message.first_block, kind);
                // Blocks after a lost one are of no use to the peer.
                next = next_call(queue, next);
            }
        }
    }
    gso_works
}

/// Sends the blocks of a message one by one. An error tells the first block of the call that was
/// not sent, and why; `None` if the send buffer is full.
fn split(
    queue: Live<'_>,
    index: usize,
    transmit: &mut impl Transmit,
    report: &mut SendReport,
) -> Result<(), (u32, Option<FailureKind>)> {
    let message = &queue.messages()[index];
    for (number, pieces) in (message.first_block..).zip(queue.datagrams(message)) {
        let mut again = false;
        loop {
            report.calls += 1;
            let Err(error) = transmit.datagram(queue, index, pieces.clone()) else {
                report.datagrams += 1;
                break;
            };
            match judge(error, false, again) {
                Verdict::Again => again = true,
                Verdict::Blocked | Verdict::Split => return Err((number, None)),
                Verdict::Fail(kind) => return Err((number, Some(kind))),
            }
        }
    }
    Ok(())
}

/// Reports everything from message `index` on as unsent; of that message the blocks before
/// `first_block` did go out.
fn block(
    queue: Live<'_>,
    index: usize,
    first_block: u32,
    report: &mut SendReport,
    gso_works: bool,
) -> bool {
    report.blocked = true;
    let mut at = index;
    let mut unsent = first_block;
    while let Some(message) = queue.messages().get(at) {
        report.fail(queue.calls()[message.call].tag, unsent, FailureKind::Unsent);
        unsent = 0;
        at = next_call(queue, at);
    }
    gso_works
}

/// The first message after `index` that belongs to another call.
fn next_call(queue: Live<'_>, index: usize) -> usize {
    let rest = &queue.messages()[index..];
    let same = rest
        .iter()
        .take_while(|message| message.call == rest[0].call)
        .count();
    index + same
}

#[cfg(test)]
mod tests;
