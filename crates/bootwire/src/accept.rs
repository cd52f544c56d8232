//! Taking an upload.

use bytes::Bytes;
use std::time::Duration;

use crate::reply::smaller;
use crate::{BoxFuture, Refusal, Rollover};

/// Where the bytes of an upload go, in order.
///
/// Dropping a sink without [`Sink::finish`] means the transfer failed: nothing of it may stay
/// visible.
pub trait Sink: Send + 'static {
    /// Stores the next bytes. While this runs the client is held back by withheld ACKs.
    ///
    /// # Errors
    /// A refusal ends the transfer with an ERROR.
    fn write(&mut self, data: Bytes) -> BoxFuture<'_, Result<(), Refusal>>;

    /// Makes the upload durable and visible. The client's last block is acknowledged only when
    /// this succeeds, so success on its side means stored.
    ///
    /// # Errors
    /// A refusal ends the transfer with an ERROR.
    fn finish(self: Box<Self>) -> BoxFuture<'static, Result<(), Refusal>>;
}

/// The answer to a write request: "send it".
pub struct Accept {
    pub(crate) sink: Box<dyn Sink>,
    pub(crate) size_max: Option<u64>,
    pub(crate) blksize_max: Option<u16>,
    pub(crate) windowsize_max: Option<u16>,
    pub(crate) rollover: Option<Rollover>,
    pub(crate) resend_min: Option<Duration>,
    pub(crate) options: bool,
    pub(crate) labels: Vec<(String, String)>,
}

impl Accept {
    /// Takes the upload into `sink`.
    pub fn into(sink: impl Sink) -> Self {
        Self {
            sink: Box::new(sink),
            size_max: None,
            blksize_max: None,
            windowsize_max: None,
            rollover: None,
            resend_min: None,
            options: true,
            labels: Vec::new(),
        }
    }

    /// The sink, for tests and for what stands around it.
    #[must_use]
    pub fn into_sink(self) -> Box<dyn Sink> {
        self.sink
    }

    /// Puts something around the sink: a digest, a count, a copy to somewhere else. Caps and labels
    /// stay, which makes it fit for layers.
    ///
    /// ```
    /// use bootwire::{Accept, BoxFuture, Refusal, Sink};
    /// use bytes::Bytes;
    ///
    /// /// Lets nothing pass but text.
    /// struct TextOnly(Box<dyn Sink>);
    ///
    /// impl Sink for TextOnly {
    ///     fn write(&mut self, data: Bytes) -> BoxFuture<'_, Result<(), Refusal>> {
    ///         match data.contains(&0) {
    ///             true => Box::pin(async { Err(Refusal::denied().text("Text only")) }),
    ///             false => self.0.write(data),
    ///         }
    ///     }
    ///
    ///     fn finish(self: Box<Self>) -> BoxFuture<'static, Result<(), Refusal>> {
    ///         self.0.finish()
    ///     }
    /// }
    ///
    /// fn text_only(accept: Accept) -> Accept {
    ///     accept.map_sink(TextOnly)
    /// }
    /// ```
    #[must_use]
    pub fn map_sink<K: Sink>(self, around: impl FnOnce(Box<dyn Sink>) -> K) -> Self {
        Self {
            sink: Box::new(around(self.sink)),
            ..self
        }
    }

    /// Ends the transfer with "disk full" once more than `bytes` have arrived, or at once if the
    /// client says so by `tsize`.
    #[must_use]
    pub const fn size_max(mut self, bytes: u64) -> Self {
        self.size_max = Some(bytes);
        self
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
}

impl std::fmt::Debug for Accept {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Accept")
            .field("size_max", &self.size_max)
            .finish_non_exhaustive()
    }
}
