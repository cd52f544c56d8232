//! A handler's answer in the form the engine moves.

use std::io;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use bootwire_proto::{Mode, netascii};
use bytes::Bytes;

use super::feed;
use crate::accept::Accept;
use crate::file::{OpenFile, PartialFile};
use crate::partial::PartialSource;
use crate::reply::Body;
use crate::{Answer, BoxFuture, Refusal, Reply, Request, Sink, Source, Terms};

/// Bytes read from a file at a time where it is not mapped.
const READ_PIECE: usize = 256 << 10;

/// Content the engine can send.
pub(crate) enum Content {
    /// In memory.
    Memory(Bytes),
    /// A mapped file.
    File(Arc<OpenFile>),
    /// A mapped file that fills up.
    Partial(Arc<PartialFile>),
    /// Arrives bit by bit.
    Source(Box<dyn Source>),
}

impl Content {
    fn size(&self) -> Option<u64> {
        match self {
            Self::Memory(bytes) => Some(bytes.len() as u64),
            Self::File(file) => Some(file.len()),
            Self::Partial(file) => Some(file.len()),
            Self::Source(source) => source.size(),
        }
    }
}

/// An answer ready for the engine.
pub(crate) enum Prepared {
    /// To be sent.
    Send {
        content: Content,
        /// Exact number of bytes that will cross the wire, if known.
        size: Option<u64>,
        terms: Box<Terms>,
    },
    /// To be received.
    Receive {
        sink: Box<dyn Sink>,
        size_max: Option<u64>,
        terms: Box<Terms>,
    },
}

/// Brings an answer into the form the engine moves: netascii is converted here, so that the engine
/// moves plain bytes, and files that should not be mapped become sources.
pub(crate) fn prepare(request: &Request, answer: Answer, mapping: bool) -> Prepared {
    match answer {
        Answer::Reply(reply) => prepare_reply(request, reply, mapping),
        Answer::Accept(accept) => prepare_accept(accept),
    }
}

fn prepare_reply(request: &Request, reply: Reply, mapping: bool) -> Prepared {
    let Reply { body, terms } = reply;
    let content = match body {
        Body::Bytes(bytes) => Content::Memory(bytes),
        Body::File(file) if file.is_empty() => Content::Memory(Bytes::new()),
        Body::File(file) if mapping && file.is_mapped() => Content::File(file),
        Body::File(file) => Content::Source(Box::new(FileSource { file, offset: 0 })),
        Body::Partial(file) if file.is_empty() => Content::Memory(Bytes::new()),
        Body::Partial(file) if mapping && file.is_mapped() => Content::Partial(file),
        Body::Partial(file) => Content::Source(Box::new(PartialSource::new(file))),
        Body::Source(source) => Content::Source(source),
    };
    let content = match request.mode() {
        Mode::Octet => content,
        Mode::Netascii => netascii_of(content),
    };
    let size = content.size();
    Prepared::Send {
        content,
        size,
        terms: Box::new(terms),
    }
}

fn prepare_accept(accept: Accept) -> Prepared {
    let Accept {
        sink,
        size_max,
        terms,
    } = accept;
    Prepared::Receive {
        sink,
        size_max,
        terms: Box::new(terms),
    }
}

fn netascii_of(content: Content) -> Content {
    match content {
        Content::Memory(text) => {
            let mut wire = Vec::with_capacity(text.len() + text.len() / 32);
            netascii::Encoder::default().push(&text, &mut wire);
            Content::Memory(wire.into())
        }
        Content::File(file) => {
            netascii_of(Content::Source(Box::new(FileSource { file, offset: 0 })))
        }
        Content::Partial(file) => netascii_of(Content::Source(Box::new(PartialSource::new(file)))),
        Content::Source(source) => Content::Source(Box::new(NetasciiSource {
            source,
            encoder: netascii::Encoder::default(),
        })),
    }
}

/// A source converted on the way. Its size after conversion is not known before it ends.
struct NetasciiSource {
    source: Box<dyn Source>,
    encoder: netascii::Encoder,
}

impl Source for NetasciiSource {
    fn next(&mut self) -> BoxFuture<'_, io::Result<Bytes>> {
        Box::pin(async move {
            let piece = self.source.next().await?;
            let mut wire = Vec::with_capacity(piece.len() + piece.len() / 32);
            self.encoder.push(&piece, &mut wire);
            Ok(wire.into())
        })
    }
}

fn changed(detail: &str) -> io::Error {
    io::Error::other(feed::changed().because(detail))
}

/// A file read piece by piece, for file systems on which mappings are unwise.
struct FileSource {
    file: Arc<OpenFile>,
    offset: u64,
}

impl Source for FileSource {
    fn size(&self) -> Option<u64> {
        Some(self.file.len())
    }

    fn next(&mut self) -> BoxFuture<'_, io::Result<Bytes>> {
        Box::pin(async move {
            let file = Arc::clone(&self.file);
            let offset = self.offset;
            let left = file.len() - offset;
            let read = move || {
                let mut piece =
                    vec![0; READ_PIECE.min(usize::try_from(left).unwrap_or(READ_PIECE))];
                file.file()
                    .read_exact_at(&mut piece, offset)
                    .map_err(|error| match error.kind() {
                        io::ErrorKind::UnexpectedEof => {
                            changed("the file was truncated while it was sent")
                        }
                        // It is ours, no origin's.
                        _ => io::Error::other(Refusal::from(error)),
                    })?;
                // The last piece vouches for all of them: a file written to in place may have
                // given a mix of two versions.
                if left == piece.len() as u64 && !file.unchanged()? {
                    return Err(changed("the file was written to while it was sent"));
                }
                Ok(piece)
            };
            if left == 0 {
                return Ok(Bytes::new());
            }
            let piece = tokio::task::spawn_blocking(read)
                .await
                .map_err(io::Error::other)??;
            self.offset += piece.len() as u64;
            Ok(piece.into())
        })
    }
}
