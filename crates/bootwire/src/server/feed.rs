//! The content of one read, as the engine asks for it: what is at hand, and the bytes of a run.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::Arc;

use bootwire_io::Payload;
use bootwire_proto::Available;
use bytes::Bytes;

use super::errand::Errand;
use super::pump::PumpHandle;
use crate::file::{OpenFile, PartialFile, READ_AHEAD};
use crate::{Moment, Reason, Refusal};

/// Least a spool may hold; a window that needs more gets it.
const SPOOL_MIN: u64 = 256 << 10;

/// The content of one read.
pub(super) enum Feed {
    /// All in memory.
    Memory(Bytes),
    /// A mapped file, sent up to where it was brought into memory.
    File {
        /// The file.
        file: Arc<OpenFile>,
        /// Whether somebody was asked for more of it, and has not answered.
        asked: bool,
        /// Whether it was found unchanged after everything but its last block was sent.
        checked: bool,
    },
    /// A mapped file that fills up.
    Partial {
        /// The file.
        file: Arc<PartialFile>,
        /// Everything before this byte was found to be here and in memory.
        upto: u64,
        /// Who was sent for more, and has not come back.
        errand: Option<Errand>,
    },
    /// A stream: what arrived and may still be needed.
    Spool(Box<Spool>),
}

/// Pieces of a stream that are not acknowledged yet.
pub(super) struct Spool {
    pieces: VecDeque<Bytes>,
    /// Position of the first byte held.
    start: u64,
    /// Position behind the last byte held.
    end: u64,
    /// Whether the stream has ended.
    ended: bool,
    /// The size promised when the transfer began.
    promised: Option<u64>,
    /// Bytes read ahead of the client.
    capacity: u64,
    pump: PumpHandle,
}

impl Feed {
    /// Bytes of a stream held here.
    #[cfg(feature = "simulation")]
    pub(super) const fn spooled(&self) -> u64 {
        match self {
            Self::Spool(spool) => spool.end - spool.start,
            Self::Memory(_) | Self::File { .. } | Self::Partial { .. } => 0,
        }
    }

    /// What can be sent now.
    pub(super) fn available(&self) -> Available {
        match self {
            Self::Memory(bytes) => Available {
                upto: bytes.len() as u64,
                end: true,
            },
            Self::File { file, .. } => {
                let upto = file.populated();
                Available {
                    upto,
                    end: upto == file.len(),
                }
            }
            Self::Partial { file, upto, .. } => Available {
                upto: *upto,
                end: *upto == file.len(),
            },
            Self::Spool(spool) => Available {
                upto: spool.end,
                end: spool.ended,
            },
        }
    }

    /// The bytes of `range`, all of which must be available.
    pub(super) fn pieces(&self, range: Range<u64>) -> impl Iterator<Item = Payload<'_>> {
        let whole = match self {
            Self::Memory(bytes) => bytes
                .get(range.start as usize..range.end as usize)
                .map(Payload::Bytes),
            Self::File { file, .. } => file.range(range.clone()).map(Payload::Mapped),
            Self::Partial { file, .. } => file.range(range.clone()).map(Payload::Mapped),
            Self::Spool(_) => None,
        };
        let spooled = match self {
            Self::Spool(spool) => Some(spool.pieces(range)),
            Self::Memory(_) | Self::File { .. } | Self::Partial { .. } => None,
        };
        whole.into_iter().chain(spooled.into_iter().flatten())
    }

    /// The client has everything before `acked`.
    pub(super) fn release(&mut self, acked: u64) {
        if let Self::Spool(spool) = self {
            spool.release(acked);
        }
    }

    /// The file and how far it should be brought into memory, if it should: the sender wants to
    /// go on to `wanted`.
    pub(super) fn wants_populated(&mut self, wanted: u64) -> Option<(Arc<OpenFile>, u64)> {
        let Self::File { file, asked, .. } = self else {
            return None;
        };
        let populated = file.populated();
        if *asked || populated == file.len() || wanted + READ_AHEAD / 2 < populated {
            return None;
        }
        *asked = true;
        Some((Arc::clone(file), wanted + READ_AHEAD))
    }

    /// The question of [`Feed::wants_populated`] was answered.
    pub(super) fn populated(&mut self) {
        if let Self::File { asked, .. } = self {
            *asked = false;
        }
    }

    /// The file that fills up and the part of it that should be brought here, if any: the sender
    /// wants to go on to `wanted`. To be answered by [`Feed::sent_for`], and then [`Feed::arrived`].
    pub(super) fn wants_brought(&self, wanted: u64) -> Option<(Arc<PartialFile>, Range<u64>)> {
        let Self::Partial { file, upto, errand } = self else {
            return None;
        };
        if errand.is_some() || *upto == file.len() || wanted + READ_AHEAD / 2 < *upto {
            return None;
        }
        Some((Arc::clone(file), *upto..wanted + READ_AHEAD))
    }

    /// Somebody is on the way for what [`Feed::wants_brought`] named.
    pub(super) fn sent_for(&mut self, out: Errand) {
        if let Self::Partial { errand, .. } = self {
            *errand = Some(out);
        }
    }

    /// The file is here up to `to`.
    pub(super) fn arrived(&mut self, to: u64) {
        if let Self::Partial { upto, errand, file } = self {
            *upto = to.clamp(*upto, file.len());
            *errand = None;
        }
    }

    /// Whether content that lives in a file is still what it was. Asked once, when the last block
    /// is about to go: until then the client cannot take what it has for the whole. Transfers whose
    /// last blocks go out after the same `moment` ask the file system once.
    pub(super) fn still_whole(&mut self, moment: Moment) -> Result<(), Refusal> {
        let Self::File { file, checked, .. } = self else {
            return Ok(());
        };
        if *checked {
            return Ok(());
        }
        match file.unchanged_at(moment) {
            Ok(true) => {
                *checked = true;
                Ok(())
            }
            Ok(false) => Err(changed()
                .because("the file was written to while it was sent; replace files by rename")),
            Err(error) => Err(changed().because(error)),
        }
    }
}

/// The refusal for content that changed under a transfer.
pub(super) fn changed() -> Refusal {
    Refusal::new(Reason::Changed)
}

impl Spool {
    /// A spool for a client with windows of `window_bytes`. Before anything is released, no more
    /// than `opening` bytes are asked for.
    pub(super) fn new(
        pump: PumpHandle,
        promised: Option<u64>,
        window_bytes: u64,
        opening: u64,
    ) -> Self {
        let spool = Self {
            pieces: VecDeque::new(),
            start: 0,
            end: 0,
            ended: false,
            promised,
            // Two windows, so that the next one is here when the client acknowledges this one.
            capacity: (2 * window_bytes).max(SPOOL_MIN),
            pump,
        };
        spool.pump.allow(spool.capacity.min(opening));
        spool
    }

    /// Takes the next piece, or the end.
    pub(super) fn push(&mut self, piece: Option<Bytes>) -> Result<(), Refusal> {
        match piece {
            Some(piece) => {
                self.end += piece.len() as u64;
                self.pieces.push_back(piece);
            }
            None => self.ended = true,
        }
        match self.promised {
            Some(size) if self.end > size || (self.ended && self.end < size) => {
                let got = self.end;
                Err(Refusal::origin().because(format_args!(
                    "the source gave {got} bytes and had promised {size}"
                )))
            }
            _ => Ok(()),
        }
    }

    fn release(&mut self, acked: u64) {
        while let Some(piece) = self.pieces.front()
            && self.start + piece.len() as u64 <= acked
        {
            self.start += piece.len() as u64;
            self.pieces.pop_front();
        }
        self.pump.allow(acked + self.capacity);
    }

    fn pieces(&self, range: Range<u64>) -> impl Iterator<Item = Payload<'_>> {
        let mut at = self.start;
        self.pieces.iter().filter_map(move |piece| {
            let from = range.start.clamp(at, at + piece.len() as u64) - at;
            let to = range.end.clamp(at, at + piece.len() as u64) - at;
            at += piece.len() as u64;
            (from < to).then(|| Payload::Bytes(&piece[from as usize..to as usize]))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes_of(feed: &Feed, range: Range<u64>) -> Vec<u8> {
        feed.pieces(range)
            .flat_map(|piece| match piece {
                Payload::Bytes(bytes) => bytes.to_vec(),
                Payload::Mapped(_) => panic!("nothing is mapped here"),
            })
            .collect()
    }

    fn spool(promised: Option<u64>) -> Spool {
        Spool::new(PumpHandle::idle(), promised, 1024, u64::MAX)
    }

    #[test]
    fn a_spool_gives_what_may_be_needed_and_drops_what_is_acknowledged() {
        let mut spool = spool(None);
        for piece in ["abc", "def", "ghi"] {
            spool.push(Some(Bytes::from(piece))).unwrap();
        }
        let mut feed = Feed::Spool(Box::new(spool));
        assert_eq!(
            feed.available(),
            Available {
                upto: 9,
                end: false
            }
        );
        assert_eq!(bytes_of(&feed, 2..7), b"cdefg");
        feed.release(4);
        assert_eq!(bytes_of(&feed, 4..9), b"efghi");
        let Feed::Spool(spool) = &mut feed else {
            unreachable!()
        };
        assert_eq!(spool.start, 3);
        spool.push(None).unwrap();
        assert_eq!(feed.available(), Available { upto: 9, end: true });
    }

    #[test]
    fn a_source_that_breaks_its_promise_is_caught_before_its_last_block_is_sent() {
        let mut short = spool(Some(4));
        short.push(Some(Bytes::from_static(b"abc"))).unwrap();
        assert!(short.push(None).is_err());
        let mut long = spool(Some(4));
        assert!(long.push(Some(Bytes::from_static(b"abcde"))).is_err());
        let mut right = spool(Some(3));
        right.push(Some(Bytes::from_static(b"abc"))).unwrap();
        right.push(None).unwrap();
    }

    #[test]
    fn memory_is_all_there() {
        let feed = Feed::Memory(Bytes::from_static(b"hello"));
        assert_eq!(feed.available(), Available { upto: 5, end: true });
        assert_eq!(bytes_of(&feed, 1..5), b"ello");
        assert_eq!(bytes_of(&feed, 5..5), b"");
    }
}
