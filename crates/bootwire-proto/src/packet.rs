//! Borrowed views of TFTP packets (RFC 1350 section 5, RFC 2347).

use crate::{Malformed, Options};

/// Longest file name accepted, in bytes. RFC 1350 sets no limit; real ones stay far below.
pub const MAX_FILENAME: usize = 500;

/// What a request asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Op {
    /// RRQ: the client reads a file.
    Read,
    /// WRQ: the client writes a file.
    Write,
}

/// The transfer mode (RFC 1350 section 1), matched without regard to case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Mode {
    /// Bytes as they are.
    Octet,
    /// Text with CR LF line ends and CR NUL for a bare CR (RFC 764).
    Netascii,
}

/// A parsed datagram. Fields borrow from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Packet<'a> {
    /// RRQ or WRQ.
    Request(Request<'a>),
    /// DATA.
    Data(Data<'a>),
    /// ACK.
    Ack(Ack),
    /// ERROR.
    Error(ErrorPacket<'a>),
    /// OACK.
    Oack(Options<'a>),
}

/// RRQ or WRQ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Request<'a> {
    /// Read or write.
    pub op: Op,
    /// The file name as sent: 1 to [`MAX_FILENAME`] bytes, no NUL, otherwise untrusted.
    pub filename: &'a [u8],
    /// The transfer mode.
    pub mode: Mode,
    /// The options as sent, in order.
    pub options: Options<'a>,
}

/// DATA.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Data<'a> {
    /// Block number on the wire.
    pub block: u16,
    /// The bytes of the block.
    pub payload: &'a [u8],
}

/// ACK.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ack {
    /// Block number on the wire.
    pub block: u16,
    /// The byte behind the block number, if there is one: with `msftwindow` the number of blocks
    /// the client wants in the next window.
    pub next_window: Option<u8>,
}

/// ERROR.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ErrorPacket<'a> {
    /// Error code on the wire, see [`crate::ErrorCode::from_wire`].
    pub code: u16,
    /// Text without its NUL; may be cut off, empty or hold any bytes: escape before showing it.
    pub text: &'a [u8],
}

impl<'a> Packet<'a> {
    /// Reads one datagram.
    ///
    /// # Errors
    /// [`Malformed`] says what is missing or unknown. No bytes make it panic.
    pub fn parse(datagram: &'a [u8]) -> Result<Self, Malformed> {
        todo!("{datagram:?}")
    }
}
