//! Content for a client.

use std::sync::Arc;

use bytes::Bytes;
use tokio::io::AsyncRead;

use crate::content::Content;
use crate::file::{OpenFile, PartialFile};
use crate::provenance::Carried;
use crate::source::ReadSource;
use crate::{Source, Terms};

/// The answer to a read request: content, and the [`Terms`] on which it is sent.
pub struct Reply {
    pub(crate) content: Content,
    pub(crate) terms: Terms,
    pub(crate) provenance: Carried,
    /// See [`Reply::told_size`].
    pub(crate) told_size: Option<u64>,
    /// See [`Reply::as_is`].
    pub(crate) as_is: bool,
}

impl Reply {
    pub(crate) const fn new(content: Content) -> Self {
        Self {
            content,
            terms: Terms::new(),
            provenance: Carried::nothing(),
            told_size: None,
            as_is: false,
        }
    }

    /// Bytes in memory: generated text, small files.
    pub fn bytes(bytes: impl Into<Bytes>) -> Self {
        Self::new(Content::Memory(bytes.into()))
    }

    /// Text, sent as it is (in netascii transfers with its line ends converted).
    pub fn text(text: impl Into<String>) -> Self {
        Self::bytes(text.into())
    }

    /// An empty file: what GRUB's probes for `command.lst` and its like want to see.
    #[must_use]
    pub const fn empty() -> Self {
        Self::new(Content::Memory(Bytes::new()))
    }

    /// An open file, see [`OpenFile::new`].
    #[must_use]
    pub const fn file(file: Arc<OpenFile>) -> Self {
        Self::new(Content::file(file))
    }

    /// A file that is sent while it fills up, see [`PartialFile`].
    #[must_use]
    pub const fn partial(file: Arc<PartialFile>) -> Self {
        Self::new(Content::partial(file))
    }

    /// Content that arrives bit by bit.
    pub fn source(source: impl Source) -> Self {
        Self::new(Content::source(Box::new(source)))
    }

    /// A reader of unknown length.
    pub fn stream(reader: impl AsyncRead + Send + Unpin + 'static) -> Self {
        Self::source(ReadSource::new(reader, None))
    }

    /// A reader of exactly `size` bytes.
    pub fn sized_stream(reader: impl AsyncRead + Send + Unpin + 'static, size: u64) -> Self {
        Self::source(ReadSource::new(reader, Some(size)))
    }

    /// Tells clients that ask for the size this many bytes, where the content does not know its own.
    /// A word about the content and no promise: it may turn out longer or shorter. Where you can, give
    /// content that knows, so that a transfer that went wrong shows.
    ///
    /// ```
    /// use bootwire::Reply;
    ///
    /// let listing = tokio::io::empty();
    /// let reply = Reply::stream(listing).told_size(4096);
    /// assert_eq!(reply.size(), None);
    /// ```
    #[must_use]
    pub const fn told_size(mut self, bytes: u64) -> Self {
        self.told_size = Some(bytes);
        self
    }

    /// Sends the content as it is in netascii transfers too: its line ends are those of netascii
    /// already, and its size is the size on the wire.
    #[must_use]
    pub const fn as_is(mut self) -> Self {
        self.as_is = true;
        self
    }

    /// The content, if it is in memory.
    #[must_use]
    pub const fn content(&self) -> Option<&Bytes> {
        match &self.content {
            Content::Memory(bytes) => Some(bytes),
            _ => None,
        }
    }

    /// Exact size of the content in bytes, if known.
    #[must_use]
    pub fn size(&self) -> Option<u64> {
        self.content.size()
    }
}

impl std::fmt::Debug for Reply {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Reply")
            .field("content", &self.content)
            .field("size", &self.size())
            .field("told_size", &self.told_size)
            .field("as_is", &self.as_is)
            .field("terms", &self.terms)
            .field("provenance", self.provenance())
            .finish()
    }
}
