//! Content: what a read is answered with, from the handler's [`Reply`](crate::Reply) to the last
//! block that is sent.
//!
//! One type goes all the way. It says what can be sent now ([`Content::available`]), what is to be
//! brought before more can ([`Content::want`]), and takes what was brought ([`Content::arrived`]).
//! Bringing takes time, so it happens elsewhere: [`Bringing`] is the work, an [`Errand`] whoever is at
//! it, an [`Outlet`] where they tell what they have brought.

mod convert;
mod errand;
mod stream;

use std::ops::Range;
use std::sync::Arc;

use bootwire_io::Payload;
use bootwire_proto::Available;
use bytes::Bytes;
use tokio::sync::oneshot;

pub(crate) use self::errand::{Arrival, Bringing, Errand, Outlet};
use self::stream::Stream;
use crate::file::{OpenFile, PartialFile, READ_AHEAD};
use crate::provenance::FileVersion;
use crate::{Moment, Reason, Refusal, Source};

/// The content of one read.
pub(crate) enum Content {
    /// All in memory.
    Memory(Bytes),
    /// A regular file, sent up to where it was brought into memory.
    File {
        file: Arc<OpenFile>,
        errand: Option<Errand>,
        /// Whether it was found unchanged after everything but its last block was sent.
        checked: bool,
    },
    /// A file that fills up.
    Partial {
        file: Arc<PartialFile>,
        /// Everything before this byte was found to be here and in memory.
        upto: u64,
        errand: Option<Errand>,
    },
    /// Arrives bit by bit.
    Stream(Box<Stream>),
}

impl Content {
    pub(crate) const fn file(file: Arc<OpenFile>) -> Self {
        Self::File {
            file,
            errand: None,
            checked: false,
        }
    }

    pub(crate) const fn partial(file: Arc<PartialFile>) -> Self {
        Self::Partial {
            file,
            upto: 0,
            errand: None,
        }
    }

    pub(crate) fn source(source: Box<dyn Source>) -> Self {
        Self::Stream(Box::new(Stream::new(source)))
    }

    /// Exact size in bytes, if known.
    pub(crate) fn size(&self) -> Option<u64> {
        match self {
            Self::Memory(bytes) => Some(bytes.len() as u64),
            Self::File { file, .. } => Some(file.len()),
            Self::Partial { file, .. } => Some(file.len()),
            Self::Stream(stream) => stream.size(),
        }
    }

    /// Which version it is, of a file.
    pub(crate) fn version(&self) -> Option<FileVersion> {
        match self {
            Self::File { file, .. } => Some(file.version()),
            Self::Memory(_) | Self::Partial { .. } | Self::Stream(_) => None,
        }
    }

    /// Bytes in memory that nobody else holds.
    pub(crate) fn owned(&self) -> u64 {
        match self {
            Self::Memory(bytes) if bytes.is_unique() => bytes.len() as u64,
            Self::Stream(stream) => stream.held(),
            Self::Memory(_) | Self::File { .. } | Self::Partial { .. } => 0,
        }
    }

    /// Bytes of a stream held here.
    #[cfg(feature = "simulation")]
    pub(crate) const fn streamed(&self) -> u64 {
        match self {
            Self::Stream(stream) => stream.held(),
            Self::Memory(_) | Self::File { .. } | Self::Partial { .. } => 0,
        }
    }

    /// A client with windows of `window_bytes` is to get it. Before anything is released, no more
    /// than `opening` bytes of a stream are read.
    pub(crate) fn open(&mut self, window_bytes: u64, opening: u64) {
        if let Self::Stream(stream) = self {
            stream.open(window_bytes, opening);
        }
    }

    /// What can be sent now.
    pub(crate) fn available(&self) -> Available {
        let until = |upto, len| Available {
            upto,
            end: upto == len,
        };
        match self {
            Self::Memory(bytes) => until(bytes.len() as u64, bytes.len() as u64),
            Self::File { file, .. } => until(file.populated(), file.len()),
            Self::Partial { file, upto, .. } => until(*upto, file.len()),
            Self::Stream(stream) => stream.available(),
        }
    }

    /// The bytes of `range`, all of which must be available.
    pub(crate) fn pieces(&self, range: Range<u64>) -> impl Iterator<Item = Payload<'_>> {
        let whole = match self {
            Self::Memory(bytes) => bytes
                .get(range.start as usize..range.end as usize)
                .map(Payload::Bytes),
            Self::File { file, .. } => file.range(range.clone()).map(Payload::Mapped),
            Self::Partial { file, .. } => file.range(range.clone()).map(Payload::Mapped),
            Self::Stream(_) => None,
        };
        let streamed = match self {
            Self::Stream(stream) => Some(stream.pieces(range)),
            Self::Memory(_) | Self::File { .. } | Self::Partial { .. } => None,
        };
        whole.into_iter().chain(streamed.into_iter().flatten())
    }

    /// The client has everything before `acked`.
    pub(crate) fn release(&mut self, acked: u64) {
        if let Self::Stream(stream) = self {
            stream.release(acked);
        }
    }

    /// The range that should be brought here, if any: the sender wants to go on to `wanted`. To be
    /// answered by [`Content::sent_for`], and then [`Content::arrived`].
    pub(crate) fn want(&self, wanted: u64) -> Option<Range<u64>> {
        let (errand, here, len) = match self {
            Self::Memory(_) => return None,
            Self::File { file, errand, .. } => (errand, file.populated(), file.len()),
            Self::Partial { file, upto, errand } => (errand, *upto, file.len()),
            // It is read as it is allowed to, from its beginning to its end.
            Self::Stream(stream) => return stream.reader.is_none().then_some(0..u64::MAX),
        };
        let due = errand.is_none() && here < len && wanted + READ_AHEAD / 2 >= here;
        due.then(|| here..wanted + READ_AHEAD)
    }

    /// The work of bringing a range that [`Content::want`] named, if it takes any.
    pub(crate) fn bringing(&mut self, range: Range<u64>) -> Option<Bringing> {
        match self {
            Self::Memory(_) => None,
            Self::File { file, .. } => {
                let populated = populate(Arc::clone(file), range.end);
                Some(Bringing::once(populated))
            }
            Self::Partial { file, .. } => Some(Bringing::once(Arc::clone(file).bring(range))),
            Self::Stream(stream) => stream.reading(),
        }
    }

    /// Somebody is on the way for what [`Content::want`] named.
    pub(crate) fn sent_for(&mut self, out: Errand) {
        match self {
            Self::Memory(_) => {}
            Self::File { errand, .. } | Self::Partial { errand, .. } => *errand = Some(out),
            Self::Stream(stream) => stream.reader = Some(out),
        }
    }

    /// Takes what was brought.
    ///
    /// # Errors
    /// It is not what was promised.
    pub(crate) fn arrived(&mut self, arrival: Arrival) -> Result<(), Refusal> {
        match (self, arrival) {
            (Self::File { errand, .. }, Arrival::Upto(_)) => *errand = None,
            (Self::Partial { upto, errand, file }, Arrival::Upto(to)) => {
                *upto = to.clamp(*upto, file.len());
                *errand = None;
            }
            (Self::Stream(stream), Arrival::Piece(piece)) => return stream.push(piece),
            (Self::Stream(stream), Arrival::End) => return stream.end(),
            // Nobody was sent for this.
            _ => {}
        }
        Ok(())
    }

    /// Whether content that lives in a file is still what it was. Asked once, when the last block
    /// is about to go: until then the client cannot take what it has for the whole. Transfers whose
    /// last blocks go out after the same `moment` ask the file system once.
    pub(crate) fn still_whole(&mut self, moment: Moment) -> Result<(), Refusal> {
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

/// Brings a mapped file into memory up to byte `upto`, or part of the way. One does it for all.
async fn populate(file: Arc<OpenFile>, upto: u64) -> Result<u64, Refusal> {
    let (tell, told) = oneshot::channel();
    let done = move |result| {
        // Whoever asked may be gone.
        let _ = tell.send(result);
    };
    if let Some(work) = file.want(upto, Box::new(done)) {
        tokio::task::spawn_blocking(work);
    }
    let result = told
        .await
        .unwrap_or_else(|_| Err(std::io::Error::other("nobody read the file")));
    match result {
        Ok(()) => Ok(file.populated()),
        // A mapping reaches no further than its file.
        Err(error) => Err(match file.unchanged() {
            Ok(false) => changed().because(error),
            _ => Refusal::from(error),
        }),
    }
}

/// The refusal for content that changed under a transfer.
pub(crate) fn changed() -> Refusal {
    Refusal::new(Reason::Changed)
}

impl std::fmt::Debug for Content {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Memory(_) => "bytes",
            Self::File { .. } => "file",
            Self::Partial { .. } => "partial",
            Self::Stream(_) => "source",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes_of(content: &Content, range: Range<u64>) -> Vec<u8> {
        content
            .pieces(range)
            .flat_map(|piece| match piece {
                Payload::Bytes(bytes) => bytes.to_vec(),
                Payload::Mapped(_) => panic!("nothing is mapped here"),
            })
            .collect()
    }

    /// A source that is never asked: the test speaks for it.
    struct Promising(Option<u64>);

    impl Source for Promising {
        fn size(&self) -> Option<u64> {
            self.0
        }

        fn next(&mut self) -> crate::BoxFuture<'_, std::io::Result<Bytes>> {
            unreachable!("nobody reads in these tests")
        }
    }

    fn stream(promised: Option<u64>) -> Content {
        let mut content = Content::source(Box::new(Promising(promised)));
        content.open(1024, u64::MAX);
        content
    }

    fn piece(bytes: &'static str) -> Arrival {
        Arrival::Piece(Bytes::from_static(bytes.as_bytes()))
    }

    #[test]
    fn a_stream_gives_what_may_be_needed_and_drops_what_is_acknowledged() {
        let mut content = stream(None);
        for bytes in ["abc", "def", "ghi"] {
            content.arrived(piece(bytes)).unwrap();
        }
        let (upto, end) = (9, false);
        assert_eq!(content.available(), Available { upto, end });
        assert_eq!(bytes_of(&content, 2..7), b"cdefg");
        content.release(4);
        assert_eq!(bytes_of(&content, 4..9), b"efghi");
        assert_eq!(content.owned(), 6, "the piece that is acknowledged is gone");
        content.arrived(Arrival::End).unwrap();
        assert_eq!(content.available(), Available { upto: 9, end: true });
    }

    #[test]
    fn a_source_that_breaks_its_promise_is_caught_before_its_last_block_is_sent() {
        let mut short = stream(Some(4));
        short.arrived(piece("abc")).unwrap();
        assert!(short.arrived(Arrival::End).is_err());
        let mut long = stream(Some(4));
        assert!(long.arrived(piece("abcde")).is_err());
        let mut right = stream(Some(3));
        right.arrived(piece("abc")).unwrap();
        right.arrived(Arrival::End).unwrap();
    }

    #[test]
    fn a_source_says_how_far_it_is_read_ahead_unless_windows_need_more() {
        /// A source that wants to be read this far ahead.
        struct Near(u64);

        impl Source for Near {
            fn read_ahead(&self) -> u64 {
                self.0
            }

            fn next(&mut self) -> crate::BoxFuture<'_, std::io::Result<Bytes>> {
                let piece = Bytes::from_static(&[7; 1000]);
                Box::pin(std::future::ready(Ok(piece)))
            }
        }

        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap();
        for (ahead, window, expected) in [(3500, 512, 4000), (3500, 2500, 5000), (0, 512, 2000)] {
            let source: Box<dyn Source> = Box::new(Near(ahead));
            let mut content = Content::source(Box::new(source));
            content.open(window, u64::MAX);
            let (told, mut hears) = tokio::sync::mpsc::unbounded_channel();
            let outlet = Outlet::new(move |arrival| drop(told.send(arrival)));
            let bringing = content.bringing(0..u64::MAX).unwrap();
            let mut held = 0;
            runtime.block_on(async {
                let reading = tokio::spawn(bringing.run(outlet));
                while !reading.is_finished() && held < expected {
                    match hears.recv().await.unwrap().unwrap() {
                        Arrival::Piece(piece) => held += piece.len() as u64,
                        other => panic!("{other:?}"),
                    }
                }
                for _ in 0..10 {
                    tokio::task::yield_now().await;
                }
                reading.abort();
            });
            assert!(hears.try_recv().is_err(), "{ahead} {window}: more was read");
            assert_eq!(held, expected, "{ahead} {window}");
        }
    }

    #[test]
    fn memory_is_all_there() {
        let content = Content::Memory(Bytes::from_static(b"hello"));
        assert_eq!(content.available(), Available { upto: 5, end: true });
        assert_eq!(bytes_of(&content, 1..5), b"ello");
        assert_eq!(bytes_of(&content, 5..5), b"");
        assert!(content.want(5).is_none());
    }

    #[test]
    fn a_source_is_read_once() {
        let mut content = stream(None);
        let range = content.want(0).unwrap();
        assert!(content.bringing(range.clone()).is_some());
        assert!(content.bringing(range).is_none());
        content.sent_for(Errand::idle());
        assert!(content.want(1 << 20).is_none());
    }

    #[tokio::test]
    async fn a_file_is_brought_ahead_of_its_client_by_one_errand_at_a_time() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("image");
        std::fs::write(&path, vec![7; 8 << 20]).unwrap();
        let file = OpenFile::new(std::fs::File::open(&path).unwrap()).unwrap();
        let mut content = Content::file(Arc::clone(&file));
        let here = content.available().upto;
        let range = content.want(0).unwrap();
        assert_eq!(range, here..READ_AHEAD);
        let bringing = content.bringing(range).unwrap();
        content.sent_for(Errand::idle());
        assert!(content.want(here).is_none(), "somebody is on the way");
        let (told, mut hears) = tokio::sync::mpsc::unbounded_channel();
        let outlet = Outlet::new(move |arrival| told.send(arrival.is_ok()).unwrap());
        bringing.run(outlet).await;
        assert_eq!(hears.recv().await, Some(true));
        content.arrived(Arrival::Upto(file.populated())).unwrap();
        assert!(content.available().upto > here);
        let wanted = content.available().upto;
        assert!(content.want(wanted).is_some(), "it goes on");
    }
}
