//! What became of a round.

use std::io;

/// What one [`Round::send`] did. Reuse it: its list is allocated once.
///
/// [`Round::send`]: crate::Round::send
#[derive(Debug, Default)]
pub struct SendReport {
    /// The send buffer is full (`EAGAIN`), or the kernel is short of memory (`ENOBUFS`,
    /// `ENOMEM`; the socket may then look writable all the same, so pause before trying again).
    /// What was left is listed as [`FailureKind::Unsent`].
    pub blocked: bool,
    /// System calls made.
    pub calls: u32,
    /// Datagrams that went out; a GSO message counts one for each of its blocks.
    pub datagrams: u32,
    /// What did not go out, in the order in which it was added. Empty if everything did. At
    /// most one entry for each `packet` or `blocks` call, and one [`FailureKind::GsoRefused`].
    pub failures: Vec<SendFailure>,
}

impl SendReport {
    /// A report with room for the failures of a full round.
    pub fn new() -> Self {
        Self {
            failures: Vec::with_capacity(2 * super::MAX_MESSAGES),
            ..Self::default()
        }
    }

    /// Forgets the last round; [`Round::send`] does so first.
    ///
    /// [`Round::send`]: crate::Round::send
    pub fn clear(&mut self) {
        self.blocked = false;
        self.calls = 0;
        self.datagrams = 0;
        self.failures.clear();
    }

    pub(super) fn fail(&mut self, tag: u32, block: u32, kind: FailureKind) {
        self.failures.push(SendFailure { tag, block, kind });
    }
}

/// One `packet` or `blocks` call that did not go out as asked.
#[derive(Debug)]
pub struct SendFailure {
    /// The tag given with the call.
    pub tag: u32,
    /// The first block of that call which was not sent, counted from 0. Nothing after it was
    /// sent either, except for [`FailureKind::GsoRefused`].
    pub block: u32,
    /// Why.
    pub kind: FailureKind,
}

/// Why something was not sent.
#[derive(Debug)]
pub enum FailureKind {
    /// The send buffer is full: try again when the socket is writable.
    Unsent,
    /// Larger than the path, or UDP, lets through unfragmented (`EMSGSIZE`).
    TooBig,
    /// The payload could not be read: the mapped file was truncated (`EFAULT`).
    Fault,
    /// For information: the kernel refused to cut this message into its blocks, so they were
    /// sent one by one. What became of those is reported as usual. Ask for no GSO towards this
    /// peer any more.
    GsoRefused,
    /// Anything else: no route, a firewall's refusal, an impossible address.
    Peer(io::Error),
}
