//! Borrowed views of TFTP packets (RFC 1350 section 5, RFC 2347).

use crate::options::split_nul;
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
        let (&opcode, body) = datagram.split_first_chunk().ok_or(Malformed::TooShort)?;
        match u16::from_be_bytes(opcode) {
            1 => Request::parse(Op::Read, body).map(Self::Request),
            2 => Request::parse(Op::Write, body).map(Self::Request),
            3 => {
                // spec: rfc1350-data
                let (block, payload) = split_u16(body)?;
                Ok(Self::Data(Data { block, payload }))
            }
            4 => {
                // spec: rfc1350-ack, msftwindow-next
                let (block, rest) = split_u16(body)?;
                Ok(Self::Ack(Ack {
                    block,
                    next_window: rest.first().copied(),
                }))
            }
            5 => {
                // spec: rfc1350-error
                let (code, rest) = split_u16(body)?;
                let text = split_nul(rest).map_or(rest, |(text, _)| text);
                Ok(Self::Error(ErrorPacket { code, text }))
            }
            6 => Ok(Self::Oack(Options::new(body))),
            unknown => Err(Malformed::UnknownOpcode(unknown)),
        }
    }
}

impl<'a> Request<'a> {
    /// Reads what stands behind the opcode of a request.
    fn parse(op: Op, body: &'a [u8]) -> Result<Self, Malformed> {
        // spec: rfc1350-request, name-bounded
        let (filename, rest) = split_nul(body).ok_or(Malformed::Unterminated)?;
        if filename.is_empty() {
            return Err(Malformed::EmptyName);
        }
        if filename.len() > MAX_FILENAME {
            return Err(Malformed::NameTooLong);
        }
        let (mode, options) = split_nul(rest).ok_or(Malformed::Unterminated)?;
        let mode = Mode::from_name(mode).ok_or(Malformed::UnknownMode)?;
        Ok(Self {
            op,
            filename,
            mode,
            options: Options::new(options),
        })
    }
}

impl Mode {
    /// The name on the wire.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Octet => "octet",
            Self::Netascii => "netascii",
        }
    }

    /// The mode with this name, in any case. `mail` is none (RFC 1123 section 4.2.2.1).
    #[must_use]
    pub fn from_name(name: &[u8]) -> Option<Self> {
        // spec: rfc1350-request, rfc1123-mail
        [Self::Octet, Self::Netascii]
            .into_iter()
            .find(|mode| mode.name().as_bytes().eq_ignore_ascii_case(name))
    }
}

/// A number in network order and what follows it.
fn split_u16(bytes: &[u8]) -> Result<(u16, &[u8]), Malformed> {
    let (&number, rest) = bytes.split_first_chunk().ok_or(Malformed::TooShort)?;
    Ok((u16::from_be_bytes(number), rest))
}
