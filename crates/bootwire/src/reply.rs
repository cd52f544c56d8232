//! Content for a client.

use std::sync::Arc;

use bytes::Bytes;
use tokio::io::AsyncRead;

use crate::file::{OpenFile, PartialFile};
use crate::source::ReadSource;
use crate::{Source, Terms};

/// The content itself.
pub(crate) enum Body {
    /// In memory.
    Bytes(Bytes),
    /// A regular file.
    File(Arc<OpenFile>),
    /// A file that fills up.
    Partial(Arc<PartialFile>),
    /// Arrives bit by bit.
    Source(Box<dyn Source>),
}

/// The answer to a read request: content, and the [`Terms`] on which it is sent.
pub struct Reply {
    pub(crate) body: Body,
    pub(crate) terms: Terms,
}

impl Reply {
    const fn new(body: Body) -> Self {
        Self {
            body,
            terms: Terms::new(),
        }
    }

    /// Bytes in memory: generated text, small files.
    pub fn bytes(bytes: impl Into<Bytes>) -> Self {
        Self::new(Body::Bytes(bytes.into()))
    }

    /// Text, sent as it is (in netascii transfers with its line ends converted).
    pub fn text(text: impl Into<String>) -> Self {
        Self::bytes(text.into())
    }

    /// An empty file: what GRUB's probes for `command.lst` and its like want to see.
    #[must_use]
    pub const fn empty() -> Self {
        Self::new(Body::Bytes(Bytes::new()))
    }

    /// An open file, see [`OpenFile::new`].
    #[must_use]
    pub const fn file(file: Arc<OpenFile>) -> Self {
        Self::new(Body::File(file))
    }

    /// A file that is sent while it fills up, see [`PartialFile`].
    #[must_use]
    pub const fn partial(file: Arc<PartialFile>) -> Self {
        Self::new(Body::Partial(file))
    }

    /// Content that arrives bit by bit.
    pub fn source(source: impl Source) -> Self {
        Self::new(Body::Source(Box::new(source)))
    }

    /// A reader of unknown length.
    pub fn stream(reader: impl AsyncRead + Send + Unpin + 'static) -> Self {
        Self::source(ReadSource::new(reader, None))
    }

    /// A reader of exactly `size` bytes.
    pub fn sized_stream(reader: impl AsyncRead + Send + Unpin + 'static, size: u64) -> Self {
        Self::source(ReadSource::new(reader, Some(size)))
    }

    /// The content, if it is in memory.
    #[must_use]
    pub const fn content(&self) -> Option<&Bytes> {
        match &self.body {
            Body::Bytes(bytes) => Some(bytes),
            Body::File(_) | Body::Partial(_) | Body::Source(_) => None,
        }
    }

    /// Exact size of the content in bytes, if known.
    #[must_use]
    pub fn size(&self) -> Option<u64> {
        match &self.body {
            Body::Bytes(bytes) => Some(bytes.len() as u64),
            Body::File(file) => Some(file.len()),
            Body::Partial(file) => Some(file.len()),
            Body::Source(source) => source.size(),
        }
    }
}

impl std::fmt::Debug for Reply {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let kind = match &self.body {
            Body::Bytes(_) => "bytes",
            Body::File(_) => "file",
            Body::Partial(_) => "partial",
            Body::Source(_) => "source",
        };
        f.debug_struct("Reply")
            .field("body", &kind)
            .field("size", &self.size())
            .finish_non_exhaustive()
    }
}
