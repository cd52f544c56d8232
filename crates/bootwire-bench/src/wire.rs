//! Packets on their way: sent, lost, doubled and held back.

use std::cmp::Ordering;
use std::collections::BinaryHeap;
use std::io;
use std::net::SocketAddr;

use bootwire_io::{Blocks, FailureKind, Kernel, Ring, SendBatch, SendReport};
use bootwire_proto::{Instant, sender};

use super::content::Pattern;
use super::faults::{Fate, Faults, Random};
use super::line::Line;

/// Largest block that may go out by GSO: it fits the MTU of Ethernet.
const GSO_BLKSIZE_MAX: u16 = 1468;

/// Delayed packets kept; more are lost.
const LATE_MAX: usize = 65_536;

/// The sending side of a thread, and what happens to packets in either direction.
#[derive(Debug)]
pub(super) struct Wire {
    /// For runs of blocks.
    batch: SendBatch,
    /// For one packet at a time, for which the plainest call is the cheapest.
    single: SendBatch,
    report: SendReport,
    faults: Faults,
    random: Random,
    late: BinaryHeap<Late>,
    block: Vec<u8>,
    /// Where packets wait to be queued, if they are not sent one by one.
    outbox: Option<Outbox>,
}

/// Packets in the order they are to be sent.
#[derive(Debug, Default)]
struct Outbox {
    /// Whose each is, where it goes, and where it ends in `bytes`.
    packets: Vec<(u32, SocketAddr, usize)>,
    bytes: Vec<u8>,
}

/// A client's end of the wire.
#[derive(Clone, Copy, Debug)]
pub(super) struct Side<'a> {
    pub(super) client: u32,
    pub(super) line: &'a Line,
}

/// A packet that is held back.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Late {
    at: Instant,
    pub(super) client: u32,
    /// The client's port ([`Line::port`]): what comes late for an older one is lost.
    pub(super) port: u16,
    pub(super) peer: SocketAddr,
    /// Whether it comes in.
    pub(super) inwards: bool,
    pub(super) bytes: Vec<u8>,
}

impl Wire {
    pub(super) fn new(kernel: Kernel, faults: Faults, random: Random, queues: bool) -> Self {
        Self {
            batch: SendBatch::new(kernel),
            single: SendBatch::new(Kernel::portable()),
            report: SendReport::new(),
            faults,
            random,
            late: BinaryHeap::new(),
            block: Vec::new(),
            outbox: queues.then(Outbox::default),
        }
    }

    /// Sends a packet. What the kernel has no room for is lost, as on any network.
    pub(super) fn packet(
        &mut self,
        now: Instant,
        from: Side<'_>,
        to: SocketAddr,
        bytes: &[u8],
    ) -> io::Result<()> {
        let copies = match self.faults.fate(&mut self.random) {
            Fate::Passes => 1,
            Fate::Doubled => 2,
            Fate::Lost => 0,
            Fate::Late(by) => {
                self.hold(now.after(by), from, to, false, bytes);
                0
            }
        };
        (0..copies).try_for_each(|_| self.send(from, to, bytes))
    }

    /// Sends a packet that has met its fate.
    pub(super) fn send(&mut self, from: Side<'_>, to: SocketAddr, bytes: &[u8]) -> io::Result<()> {
        let socket = from.line.socket();
        if let Some(outbox) = &mut self.outbox
            && (bytes.len() <= Ring::PACKET_MAX || socket.is_none())
        {
            outbox.bytes.extend_from_slice(bytes);
            outbox.packets.push((from.client, to, outbox.bytes.len()));
            return Ok(());
        }
        let socket = socket.ok_or(io::ErrorKind::Unsupported)?;
        let mut round = self.single.round();
        // One packet always fits.
        let _ = round.packet(to.into(), 0, bytes);
        round.send(socket, &mut self.report);
        refused(&mut self.report).map(|_unsent| ())
    }

    /// Hands the packets that wait to `send`: whose each is, where it goes, and its bytes.
    pub(super) fn flush(
        &mut self,
        mut send: impl FnMut(u32, SocketAddr, &[u8]) -> io::Result<()>,
    ) -> io::Result<()> {
        let Some(outbox) = &mut self.outbox else {
            return Ok(());
        };
        let mut start = 0;
        for (client, to, end) in outbox.packets.drain(..) {
            send(client, to, outbox.bytes.get(start..end).unwrap_or_default())?;
            start = end;
        }
        outbox.bytes.clear();
        Ok(())
    }

    /// Sends blocks of an upload. Answers how many of them the kernel took.
    pub(super) fn blocks(
        &mut self,
        now: Instant,
        from: Side<'_>,
        to: SocketAddr,
        run: &sender::Run,
        content: &Pattern,
    ) -> io::Result<u16> {
        let bytes = run.bytes();
        if self.faults.is_none() {
            let blocks = Blocks {
                gso: run.blksize <= GSO_BLKSIZE_MAX,
                blksize: run.blksize.into(),
                headers: run.headers(),
                pieces: content.pieces(bytes.start, bytes.end - bytes.start),
            };
            let socket = from.line.socket().ok_or(io::ErrorKind::Unsupported)?;
            let mut round = self.batch.round();
            // No run is longer than what fits an empty round.
            let _ = round.blocks(to.into(), 0, blocks);
            round.send(socket, &mut self.report);
            let unsent = refused(&mut self.report)?;
            return Ok(unsent.map_or(run.blocks, |block| {
                u16::try_from(block).unwrap_or(run.blocks)
            }));
        }
        let mut offset = bytes.start;
        for header in run.headers() {
            let len = u64::from(run.blksize).min(bytes.end - offset);
            let mut block = std::mem::take(&mut self.block);
            block.clear();
            block.extend_from_slice(&header);
            content.copy(offset, len, &mut block);
            let sent = self.packet(now, from, to, &block);
            self.block = block;
            sent?;
            offset += len;
        }
        Ok(run.blocks)
    }

    /// How often a packet that came is to be handed on now.
    pub(super) fn arrivals(
        &mut self,
        now: Instant,
        at: Side<'_>,
        peer: SocketAddr,
        bytes: &[u8],
    ) -> u32 {
        match self.faults.fate(&mut self.random) {
            Fate::Passes => 1,
            Fate::Doubled => 2,
            Fate::Lost => 0,
            Fate::Late(by) => {
                self.hold(now.after(by), at, peer, true, bytes);
                0
            }
        }
    }

    fn hold(&mut self, at: Instant, side: Side<'_>, peer: SocketAddr, inwards: bool, bytes: &[u8]) {
        if self.late.len() < LATE_MAX {
            self.late.push(Late {
                at,
                client: side.client,
                port: side.line.port(),
                peer,
                inwards,
                bytes: bytes.to_vec(),
            });
        }
    }

    /// When the next packet held back is due.
    pub(super) fn next_late(&self) -> Option<Instant> {
        self.late.peek().map(|late| late.at)
    }

    /// A packet held back that is due.
    pub(super) fn late(&mut self, now: Instant) -> Option<Late> {
        (self.next_late()? <= now).then(|| self.late.pop())?
    }
}

/// The soonest first; a heap has its greatest on top.
impl Ord for Late {
    fn cmp(&self, other: &Self) -> Ordering {
        other.at.cmp(&self.at)
    }
}

impl PartialOrd for Late {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// The first block there was no room for, or why sending is of no use.
fn refused(report: &mut SendReport) -> io::Result<Option<u32>> {
    for failure in report.failures.drain(..) {
        match failure.kind {
            FailureKind::GsoRefused => {}
            FailureKind::Unsent => return Ok(Some(failure.block)),
            FailureKind::TooBig => {
                return Err(io::Error::other(
                    "a packet is larger than the network takes",
                ));
            }
            FailureKind::Fault => return Err(io::ErrorKind::InvalidData.into()),
            FailureKind::Peer(error) => return Err(error),
        }
    }
    Ok(None)
}
