//! Taking an upload.

use bytes::Bytes;

use crate::provenance::Carried;
use crate::{BoxFuture, Refusal, Terms};

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

/// The answer to a write request: "send it", and the [`Terms`] on which it is taken.
pub struct Accept {
    pub(crate) sink: Box<dyn Sink>,
    pub(crate) size_max: Option<u64>,
    pub(crate) terms: Terms,
    pub(crate) provenance: Carried,
}

impl Accept {
    /// Takes the upload into `sink`.
    pub fn into(sink: impl Sink) -> Self {
        Self {
            sink: Box::new(sink),
            size_max: None,
            terms: Terms::new(),
            provenance: Carried::nothing(),
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
}

impl std::fmt::Debug for Accept {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Accept")
            .field("size_max", &self.size_max)
            .finish_non_exhaustive()
    }
}
