//! From what a client asks to what both sides do (RFC 2347, 2348, 2349, 7440), by the rules that
//! satisfy the firmware in the field.

use core::time::Duration;

use crate::{Mode, Op, OptionKind, Options, Request, Rollover, Unacceptable};

/// Largest OACK [`Agreed::encode_oack`] writes, in bytes.
pub const MAX_OACK: usize = 160;

/// What a server is willing to grant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Largest block, 8 to 65464 bytes; usually the interface's MTU less headers.
    pub blksize_max: u16,
    /// Largest window in blocks, at least 1.
    pub windowsize_max: u16,
    /// Most bytes in one window: windowsize is cut so that windowsize × blksize stays below.
    pub window_bytes_max: u32,
    /// Rollover forced by a rule; `None` lets the client choose and takes 0 if it does not.
    pub rollover: Option<Rollover>,
    /// Whether options are looked at all: `false` answers as an RFC 1350 server.
    pub options: bool,
}

impl Default for Limits {
    /// 65464-byte blocks, windows of 64 blocks and 4 MiB at most.
    fn default() -> Self {
        Self { blksize_max: 65_464, windowsize_max: 64, window_bytes_max: 4 << 20, rollover: None, options: true }
    }
}

/// What both sides agreed on: the parameters of one transfer and the OACK that says so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Agreed {
    /// Bytes in a full block, 8 to 65464.
    pub blksize: u16,
    /// Blocks in a window, at least 1.
    pub windowsize: u16,
    /// Most blocks a client may ask for in one window by `msftwindow`.
    pub windowsize_max: u16,
    /// The negotiated retransmission timeout: ceiling of the adaptive one.
    pub timeout: Option<Duration>,
    /// The size of the content as told in the OACK (reads) or by the client (writes), in bytes.
    pub tsize: Option<u64>,
    /// What follows block 65535.
    pub rollover: Rollover,
    /// Whether ACKs carry the size of the next window.
    pub msftwindow: bool,
    granted: [Option<OptionKind>; 8],
}

impl Agreed {
    /// A transfer without options (RFC 1350): 512-byte blocks, one at a time.
    #[must_use]
    pub const fn plain() -> Self {
        Self {
            blksize: 512,
            windowsize: 1,
            windowsize_max: 1,
            timeout: None,
            tsize: None,
            rollover: Rollover::Zero,
            msftwindow: false,
            granted: [None; 8],
        }
    }

    /// Whether an OACK is owed: some known option was asked for.
    #[must_use]
    pub fn has_oack(&self) -> bool {
        todo!()
    }

    /// The options granted, in the order asked.
    pub fn granted(&self) -> impl Iterator<Item = OptionKind> + '_ {
        self.granted.iter().flatten().copied()
    }

    /// The value an OACK carries for `kind`, if it was granted.
    #[must_use]
    pub fn value(&self, kind: OptionKind) -> Option<u64> {
        todo!("{kind:?}")
    }

    /// Writes the OACK, options in the order asked.
    pub fn encode_oack<'b>(&self, buffer: &'b mut [u8; MAX_OACK]) -> &'b [u8] {
        todo!("{buffer:?}")
    }
}

/// Decides what a server grants for `request`.
///
/// `size` is the exact number of bytes that will be transferred (after netascii conversion), or
/// `None` where it is not known; on writes it is ignored and the client's tsize is repeated.
#[must_use]
pub fn negotiate(request: &Request<'_>, size: Option<u64>, limits: &Limits) -> Agreed {
    todo!("{request:?} {size:?} {limits:?}")
}

/// What a client asks for, to be encoded into a request and compared with the OACK.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Offer {
    /// `blksize` to ask for.
    pub blksize: Option<u16>,
    /// `windowsize` to ask for.
    pub windowsize: Option<u16>,
    /// `timeout` to ask for, in seconds.
    pub timeout: Option<u8>,
    /// `tsize`: 0 on reads, the size on writes.
    pub tsize: Option<u64>,
    /// `rollover` to ask for.
    pub rollover: Option<Rollover>,
}

impl Offer {
    /// Whether nothing is asked for.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Appends the request that carries this offer.
    pub fn encode_request(&self, op: Op, filename: &[u8], mode: Mode, out: &mut Vec<u8>) {
        todo!("{op:?} {filename:?} {mode:?} {out:?}")
    }

    /// Reads the server's OACK.
    ///
    /// # Errors
    /// [`Unacceptable`] if the server granted what was not asked, or more than was asked.
    pub fn accept(&self, oack: Options<'_>) -> Result<Agreed, Unacceptable> {
        todo!("{oack:?}")
    }
}
