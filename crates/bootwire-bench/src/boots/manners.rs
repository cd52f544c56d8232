//! How firmware and boot loaders behave in a transfer, as real ones were seen to.

use std::time::Duration;

/// What a client says to a block that is not the next one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Gaps {
    /// Nothing.
    Silent,
    /// The last block in order, each time.
    AckEach,
    /// The same, once for each block expected.
    AckOnce,
}

/// How a client behaves in a transfer.
#[derive(Clone, Copy, Debug)]
pub(super) struct Manners {
    /// Time before it repeats its request.
    pub(super) ask_every: Duration,
    /// How often it asks in all.
    pub(super) asks: u32,
    /// Time of silence before it repeats its last ACK; `None`: never.
    pub(super) repeat_ack: Option<Duration>,
    /// Time without a new block after which it gives up.
    pub(super) patience: Duration,
    pub(super) gaps: Gaps,
    /// It takes nothing but an OACK or an ERROR for an answer.
    pub(super) wants_oack: bool,
    /// It says with each ACK how large the next window may be.
    pub(super) resizes: bool,
}

const fn lockstep(every: Duration, asks: u32) -> Manners {
    Manners {
        ask_every: every,
        asks,
        repeat_ack: Some(every),
        patience: Duration::from_secs(30),
        gaps: Gaps::Silent,
        wants_oack: false,
        resizes: false,
    }
}

/// UEFI's own client, and shim, which uses it.
pub(super) const EDK2: Manners = Manners {
    gaps: Gaps::AckEach,
    wants_oack: true,
    ..lockstep(Duration::from_secs(4), 5)
};

/// GRUB never repeats an ACK: the server's timer is the only one.
pub(super) const GRUB: Manners = Manners {
    repeat_ack: None,
    patience: Duration::from_secs(90),
    wants_oack: true,
    ..lockstep(Duration::from_millis(400), 8)
};

pub(super) const PXELINUX: Manners = lockstep(Duration::from_millis(100), 120);

pub(super) const IPXE: Manners = lockstep(Duration::from_millis(250), 40);

pub(super) const RASPBERRY_PI: Manners = lockstep(Duration::from_secs(1), 10);

pub(super) const U_BOOT: Manners = Manners {
    gaps: Gaps::AckOnce,
    ..lockstep(Duration::from_secs(5), 10)
};

/// The Windows boot manager.
pub(super) const WINDOWS: Manners = Manners {
    gaps: Gaps::AckOnce,
    resizes: true,
    ..lockstep(Duration::from_secs(1), 10)
};
