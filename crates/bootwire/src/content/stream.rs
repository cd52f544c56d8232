//! A source that is read ahead of its client.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bootwire_io::Payload;
use bootwire_proto::Available;
use bytes::Bytes;
use tokio::sync::Notify;

use super::errand::{Arrival, Bringing, Errand, Outlet};
use crate::{Refusal, Source};

/// Pieces of a source that are not acknowledged yet.
pub(crate) struct Stream {
    /// Until somebody reads it.
    source: Option<Box<dyn Source>>,
    pub(super) reader: Option<Errand>,
    valve: Arc<Valve>,
    /// The size promised when the transfer began.
    promised: Option<u64>,
    pieces: VecDeque<Bytes>,
    /// Position of the first byte held.
    start: u64,
    /// Position behind the last byte held.
    end: u64,
    /// Whether the source has ended.
    ended: bool,
    /// Bytes read ahead of the client: what the source says, or what its windows need.
    capacity: u64,
}

/// How far a source may be read.
#[derive(Default)]
struct Valve {
    limit: AtomicU64,
    moved: Notify,
}

impl Valve {
    /// Lets the reader go on to byte `limit`; never takes back what was allowed.
    fn allow(&self, limit: u64) {
        if self.limit.fetch_max(limit, Ordering::AcqRel) < limit {
            self.moved.notify_one();
        }
    }
}

impl Stream {
    pub(super) fn new(source: Box<dyn Source>) -> Self {
        Self {
            promised: source.size(),
            capacity: source.read_ahead(),
            source: Some(source),
            reader: None,
            valve: Arc::default(),
            pieces: VecDeque::new(),
            start: 0,
            end: 0,
            ended: false,
        }
    }

    pub(super) const fn size(&self) -> Option<u64> {
        self.promised
    }

    /// Bytes held.
    pub(super) const fn held(&self) -> u64 {
        self.end - self.start
    }

    pub(super) const fn available(&self) -> Available {
        Available {
            upto: self.end,
            end: self.ended,
        }
    }

    /// See [`Content::open`](super::Content::open).
    pub(super) fn open(&mut self, window_bytes: u64, opening: u64) {
        // Two windows, so that the next one is here when the client acknowledges this one.
        self.capacity = (2 * window_bytes).max(self.capacity);
        self.valve.allow(self.capacity.min(opening));
    }

    /// Takes what is still to be read, with the source in it.
    pub(super) fn take_source(&mut self) -> Option<Box<dyn Source>> {
        self.source.take()
    }

    /// Reads it, unless somebody does.
    pub(super) fn reading(&mut self) -> Option<Bringing> {
        let (source, valve) = (self.take_source()?, Arc::clone(&self.valve));
        Some(Bringing::new(|outlet| read(valve, outlet, source)))
    }

    /// Takes the next piece.
    pub(super) fn push(&mut self, piece: Bytes) -> Result<(), Refusal> {
        self.end += piece.len() as u64;
        self.pieces.push_back(piece);
        match self.promised {
            Some(size) if self.end > size => Err(self.broken(size)),
            _ => Ok(()),
        }
    }

    /// No more will come.
    pub(super) fn end(&mut self) -> Result<(), Refusal> {
        self.ended = true;
        match self.promised {
            Some(size) if self.end < size => Err(self.broken(size)),
            _ => Ok(()),
        }
    }

    fn broken(&self, promised: u64) -> Refusal {
        let got = self.end;
        Refusal::origin().because(format_args!(
            "the source gave {got} bytes and had promised {promised}"
        ))
    }

    /// The client has everything before `acked`.
    pub(super) fn release(&mut self, acked: u64) {
        while let Some(piece) = self.pieces.front()
            && self.start + piece.len() as u64 <= acked
        {
            self.start += piece.len() as u64;
            self.pieces.pop_front();
        }
        self.valve.allow(acked + self.capacity);
    }

    pub(super) fn pieces(&self, range: Range<u64>) -> impl Iterator<Item = Payload<'_>> {
        let mut at = self.start;
        self.pieces.iter().filter_map(move |piece| {
            let from = range.start.clamp(at, at + piece.len() as u64) - at;
            let to = range.end.clamp(at, at + piece.len() as u64) - at;
            at += piece.len() as u64;
            (from < to).then(|| Payload::Bytes(&piece[from as usize..to as usize]))
        })
    }
}

async fn read(valve: Arc<Valve>, mut outlet: Outlet, mut source: Box<dyn Source>) {
    let mut offset = 0;
    while !outlet.is_over() {
        while offset >= valve.limit.load(Ordering::Acquire) {
            valve.moved.notified().await;
        }
        outlet.tell(match source.next().await {
            Ok(piece) if piece.is_empty() => Ok(Arrival::End),
            Ok(piece) => {
                offset += piece.len() as u64;
                Ok(Arrival::Piece(piece))
            }
            Err(error) => Err(Refusal::of_source(error)),
        });
    }
}
