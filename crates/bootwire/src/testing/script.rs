//! What a client in virtual time does, and what becomes of its packets.

use std::fmt;
use std::net::SocketAddr;
use std::time::Duration;

use bootwire_proto::{Mode, Offer, Op};
use bytes::Bytes;

/// One way of a packet, unless the script says otherwise.
const LATENCY: Duration = Duration::from_micros(250);

/// Decides what becomes of packets.
type Network = dyn FnMut(&Packet<'_>) -> Fate;

/// One client and its one transfer, for a [`VirtualServer`](super::VirtualServer).
///
/// It asks for no options, is 250 µs away from the server, loses nothing, and waits for a minute before it
/// gives up, unless told otherwise.
#[must_use]
pub struct Script {
    pub(super) op: Op,
    pub(super) path: Vec<u8>,
    pub(super) content: Bytes,
    pub(super) offer: Offer,
    pub(super) mode: Mode,
    pub(super) peer: Option<SocketAddr>,
    pub(super) latency: Duration,
    pub(super) network: Option<Box<Network>>,
    /// After so many blocks, for so long.
    pub(super) pause: Option<(u64, Duration)>,
    /// After so many blocks, and with an ERROR of this text or in silence.
    pub(super) leave: Option<(u64, Option<String>)>,
}

/// A packet between a client and the server.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Packet<'a> {
    /// Whether the server sent it.
    pub from_server: bool,
    /// Which one in this direction, from 1.
    pub number: u64,
    /// The whole datagram.
    pub bytes: &'a [u8],
}

impl Packet<'_> {
    /// The block number of DATA.
    #[must_use]
    pub fn data(&self) -> Option<u16> {
        match self.bytes {
            [0, 3, high, low, ..] => Some(u16::from_be_bytes([*high, *low])),
            _ => None,
        }
    }

    /// The block number of an ACK.
    #[must_use]
    pub fn ack(&self) -> Option<u16> {
        match self.bytes {
            [0, 4, high, low, ..] => Some(u16::from_be_bytes([*high, *low])),
            _ => None,
        }
    }
}

/// What becomes of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It arrives.
    Arrives,
    /// It is lost.
    Lost,
    /// It takes this much longer, and may be overtaken.
    Late(Duration),
    /// It arrives twice.
    Twice,
}

impl Script {
    fn new(op: Op, path: &[u8], content: Bytes) -> Self {
        Self {
            op,
            path: path.to_vec(),
            content,
            offer: Offer::default(),
            mode: Mode::Octet,
            peer: None,
            latency: LATENCY,
            network: None,
            pause: None,
            leave: None,
        }
    }

    /// A client that reads a file.
    pub fn read(path: impl AsRef<[u8]>) -> Self {
        Self::new(Op::Read, path.as_ref(), Bytes::new())
    }

    /// A client that writes a file.
    pub fn write(path: impl AsRef<[u8]>, content: impl Into<Bytes>) -> Self {
        Self::new(Op::Write, path.as_ref(), content.into())
    }

    /// Asks for this block size, 8 to 65464 bytes.
    pub fn blksize(mut self, bytes: u16) -> Self {
        self.offer.blksize = Some(bytes);
        self
    }

    /// Asks for this window, in blocks.
    pub fn windowsize(mut self, blocks: u16) -> Self {
        self.offer.windowsize = Some(blocks);
        self
    }

    /// Asks for this timeout, 1 to 255 seconds.
    pub fn timeout(mut self, seconds: u8) -> Self {
        self.offer.timeout = Some(seconds);
        self
    }

    /// Asks for the size of what it reads, or tells that of what it writes.
    pub fn tsize(mut self) -> Self {
        self.offer.tsize = Some(self.content.len() as u64);
        self
    }

    /// Transfers text in netascii.
    pub fn netascii(mut self) -> Self {
        self.mode = Mode::Netascii;
        self
    }

    /// The client's address and port. By default each client of a server has its own address in
    /// 10.0.0.0/16. No two clients at the same time can have the same one.
    pub fn peer(mut self, peer: impl Into<SocketAddr>) -> Self {
        self.peer = Some(peer.into());
        self
    }

    /// How long a packet travels, in either direction.
    pub fn latency(mut self, time: Duration) -> Self {
        self.latency = time;
        self
    }

    /// What becomes of each packet, in both directions.
    pub fn network(mut self, fate: impl FnMut(&Packet<'_>) -> Fate + 'static) -> Self {
        self.network = Some(Box::new(fate));
        self
    }

    /// Does nothing for a while after so many blocks were taken (reads) or acknowledged (writes), as
    /// firmware that writes to a slow disk; then goes on, with all that came meanwhile. 0: before it
    /// answers the server's first packet.
    pub fn pause_after(mut self, blocks: u64, time: Duration) -> Self {
        self.pause = Some((blocks, time));
        self
    }

    /// Falls silent for ever after so many blocks, as a machine that loses power.
    pub fn vanish_after(mut self, blocks: u64) -> Self {
        self.leave = Some((blocks, None));
        self
    }

    /// Ends the transfer with an ERROR after so many blocks.
    pub fn abort_after(mut self, blocks: u64, text: impl Into<String>) -> Self {
        self.leave = Some((blocks, Some(text.into())));
        self
    }
}

impl fmt::Debug for Script {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Script")
            .field("op", &self.op)
            .field("path", &String::from_utf8_lossy(&self.path))
            .finish_non_exhaustive()
    }
}
