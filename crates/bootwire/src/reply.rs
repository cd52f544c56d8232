//! Content for a client, and how to send it.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::io::AsyncRead;

use crate::file::{OpenFile, PartialFile};
use crate::source::ReadSource;
use crate::{Rollover, Source};

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

/// The answer to a read request: content plus options for this one transfer.
pub struct Reply {
    pub(crate) body: Body,
    pub(crate) blksize_max: Option<u16>,
    pub(crate) windowsize_max: Option<u16>,
    pub(crate) rollover: Option<Rollover>,
    pub(crate) resend_min: Option<Duration>,
    pub(crate) options: bool,
    pub(crate) labels: Vec<(String, String)>,
}

impl Reply {
    const fn new(body: Body) -> Self {
        Self {
            body,
            blksize_max: None,
            windowsize_max: None,
            rollover: None,
            resend_min: None,
            options: true,
            labels: Vec::new(),
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

    /// Caps the block size for this transfer, 8 to 65464 bytes. Of several caps the smallest counts.
    #[must_use]
    pub const fn blksize_max(mut self, bytes: u16) -> Self {
        self.blksize_max = Some(smaller(self.blksize_max, bytes));
        self
    }

    /// Caps the window for this transfer, in blocks. Of several caps the smallest counts.
    #[must_use]
    pub const fn windowsize_max(mut self, blocks: u16) -> Self {
        self.windowsize_max = Some(smaller(self.windowsize_max, blocks));
        self
    }

    /// Least time before anything of this transfer is sent again. By default a block in lockstep is
    /// not sent again before 1 s or the granted timeout, and a window not before 200 ms, until the
    /// network has proven lossy and the client tolerant; then the round trip sets the pace. A client
    /// that is given 1 s or more is taken for one that counts duplicates: its next transfers are
    /// never quick either.
    #[must_use]
    pub const fn resend_min(mut self, least: Duration) -> Self {
        self.resend_min = Some(least);
        self
    }

    /// Forces what follows block 65535.
    #[must_use]
    pub const fn rollover(mut self, rollover: Rollover) -> Self {
        self.rollover = Some(rollover);
        self
    }

    /// Ignores the client's options, as a server from before RFC 2347 would.
    #[must_use]
    pub const fn without_options(mut self) -> Self {
        self.options = false;
        self
    }

    /// Adds a label to the record.
    #[must_use]
    pub fn label(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.labels.push((name.into(), value.into()));
        self
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

/// The tighter of two caps.
pub(crate) const fn smaller(cap: Option<u16>, other: u16) -> u16 {
    match cap {
        Some(cap) if cap < other => cap,
        _ => other,
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
