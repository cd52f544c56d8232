//! A handler's answer in the form the engine moves.

use std::io;
use std::os::unix::fs::FileExt;
use std::sync::Arc;
use std::time::Duration;

use bootwire_proto::{Limits, Mode, Op, Rollover, netascii};
use bytes::Bytes;

use super::feed;
use crate::accept::Accept;
use crate::file::{OpenFile, PartialFile};
use crate::partial::PartialSource;
use crate::reply::Body;
use crate::{Answer, BoxFuture, Refusal, Reply, Request, Sink, Source};

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

/// What the handler and its layers want for this transfer.
#[derive(Clone, Debug, Default)]
pub(crate) struct Terms {
    pub(crate) blksize_max: Option<u16>,
    pub(crate) windowsize_max: Option<u16>,
    pub(crate) rollover: Option<Rollover>,
    pub(crate) resend_min: Option<Duration>,
    pub(crate) no_options: bool,
    pub(crate) labels: Vec<(String, String)>,
}

impl Terms {
    /// Those of an answer, without its labels.
    pub(crate) fn of(answer: &Answer) -> Self {
        match answer {
            Answer::Reply(reply) => Self {
                blksize_max: reply.blksize_max,
                windowsize_max: reply.windowsize_max,
                rollover: reply.rollover,
                resend_min: reply.resend_min,
                no_options: !reply.options,
                labels: Vec::new(),
            },
            Answer::Accept(accept) => Self {
                blksize_max: accept.blksize_max,
                windowsize_max: accept.windowsize_max,
                rollover: accept.rollover,
                resend_min: accept.resend_min,
                no_options: !accept.options,
                labels: Vec::new(),
            },
        }
    }

    /// The server's limits, tightened by these terms and by what the way to the client carries in
    /// one piece, in bytes of a block.
    pub(crate) fn limits(&self, base: Limits, mtu_cap: Option<u16>) -> Limits {
        let caps = [Some(base.blksize_max), mtu_cap, self.blksize_max];
        Limits {
            blksize_max: caps
                .into_iter()
                .flatten()
                .min()
                .unwrap_or(base.blksize_max)
                .max(8),
            windowsize_max: self
                .windowsize_max
                .map_or(base.windowsize_max, |max| max.min(base.windowsize_max))
                .max(1),
            rollover: self.rollover.or(base.rollover),
            options: base.options && !self.no_options,
            ..base
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
pub(crate) fn prepare(
    request: &Request,
    answer: Answer,
    mapping: bool,
) -> Result<Prepared, Refusal> {
    match (request.op(), answer) {
        (Op::Read, Answer::Reply(reply)) => Ok(prepare_reply(request, reply, mapping)),
        (Op::Write, Answer::Accept(accept)) => Ok(prepare_accept(accept)),
        _ => Err(Refusal::internal()
            .because("the handler answered a read with an Accept, or a write with a Reply")),
    }
}

fn prepare_reply(request: &Request, reply: Reply, mapping: bool) -> Prepared {
    let Reply {
        body,
        blksize_max,
        windowsize_max,
        rollover,
        resend_min,
        options,
        labels,
    } = reply;
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
    let no_options = !options;
    let terms = Terms {
        blksize_max,
        windowsize_max,
        rollover,
        resend_min,
        no_options,
        labels,
    };
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
        blksize_max,
        windowsize_max,
        rollover,
        resend_min,
        options,
        labels,
    } = accept;
    let terms = Terms {
        blksize_max,
        windowsize_max,
        rollover,
        resend_min,
        no_options: !options,
        labels,
    };
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
