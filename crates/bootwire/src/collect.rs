//! Answers taken whole, without a server: for tests, and for layers that look into them.

use std::io;

use bytes::{Bytes, BytesMut};

use crate::{Accept, Reason, Refusal, Reply, Source};

/// Bytes given to a sink at a time, as the server does.
const PIECE: usize = 64 << 10;

impl Reply {
    /// The content as a stream, whatever it is made of: memory, a file, a source. The
    /// [terms](crate::Terms) are gone.
    #[must_use]
    pub fn into_source(self) -> Box<dyn Source> {
        self.content.into_source()
    }

    /// The whole content, read to its end.
    ///
    /// ```
    /// use bootwire::Reply;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), bootwire::Refusal> {
    /// let reply = Reply::stream(&b"bit by bit"[..]);
    /// assert_eq!(reply.collect(1 << 20).await?, "bit by bit");
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// What ends the transfer where a server sends it: the source fails, or it is not as long as it
    /// said. "Too large" if there are more than `max` bytes.
    pub async fn collect(self, max: usize) -> Result<Bytes, Refusal> {
        let mut source = self.into_source();
        let size = source.size();
        let mut content = BytesMut::new();
        loop {
            let piece = source.next().await.map_err(Refusal::of_source)?;
            if piece.is_empty() {
                break;
            }
            if piece.len() > max - content.len() {
                return Err(Refusal::new(Reason::TooLarge)
                    .because(format_args!("the content has more than {max} bytes")));
            }
            content.extend_from_slice(&piece);
        }
        match size {
            Some(size) if size != content.len() as u64 => Err(Refusal::origin().because(
                format_args!("the source had {} bytes, not {size}", content.len()),
            )),
            _ => Ok(content.freeze()),
        }
    }
}

impl Accept {
    /// Stores `content` as if a client had sent it: into the sink piece by piece, then to its end.
    ///
    /// ```
    /// use bootwire::{Accept, BoxFuture, Reason, Refusal, Sink};
    /// use bytes::Bytes;
    ///
    /// /// Forgets everything.
    /// struct Nowhere;
    ///
    /// impl Sink for Nowhere {
    ///     fn write(&mut self, _data: Bytes) -> BoxFuture<'_, Result<(), Refusal>> {
    ///         Box::pin(async { Ok(()) })
    ///     }
    ///
    ///     fn finish(self: Box<Self>) -> BoxFuture<'static, Result<(), Refusal>> {
    ///         Box::pin(async { Ok(()) })
    ///     }
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let accept = || Accept::into(Nowhere).size_max(5);
    /// assert!(accept().store("hello").await.is_ok());
    /// let refused = accept().store("hello, world").await.unwrap_err();
    /// assert_eq!(refused.reason(), Reason::TooLarge);
    /// # }
    /// ```
    ///
    /// # Errors
    /// What the client would be told: the sink's refusal, or "too large" beyond
    /// [`Accept::size_max`].
    pub async fn store(self, content: impl Into<Bytes>) -> Result<(), Refusal> {
        let (mut sink, mut content) = (self.sink, content.into());
        if self.size_max.is_some_and(|max| content.len() as u64 > max) {
            return Err(Refusal::oversized());
        }
        while !content.is_empty() {
            let piece = content.split_to(content.len().min(PIECE));
            sink.write(piece).await?;
        }
        sink.finish().await
    }
}

impl Refusal {
    /// An upload is larger than its answer takes.
    pub(crate) fn oversized() -> Self {
        Self::new(Reason::TooLarge)
            .text("File too large for this server")
            .because("the upload exceeds its size limit")
    }

    /// What the failure of a source tells its client: the refusal it was made of, if a source knows
    /// better what went wrong.
    pub(crate) fn of_source(error: io::Error) -> Self {
        error
            .downcast()
            .unwrap_or_else(|error| Self::origin().because(error))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;
    use crate::file::OpenFile;
    use crate::{BoxFuture, Sink};

    /// Gives pieces, then fails or ends.
    struct Pieces(Vec<io::Result<&'static str>>, Option<u64>);

    impl Source for Pieces {
        fn size(&self) -> Option<u64> {
            self.1
        }

        fn next(&mut self) -> BoxFuture<'_, io::Result<Bytes>> {
            let next = match self.0.is_empty() {
                true => Ok(Bytes::new()),
                false => self.0.remove(0).map(Bytes::from),
            };
            Box::pin(std::future::ready(next))
        }
    }

    #[tokio::test]
    async fn content_of_every_kind_is_collected() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "from a file").unwrap();
        let file = || OpenFile::new(file.reopen().unwrap()).unwrap();
        for (reply, expected) in [
            (Reply::text("text"), "text"),
            (Reply::empty(), ""),
            (Reply::file(file()), "from a file"),
            (Reply::stream(&b"streamed"[..]), "streamed"),
            (Reply::sized_stream(&b"sized"[..], 5), "sized"),
            (Reply::source(Pieces(vec![Ok("a"), Ok("b")], None)), "ab"),
        ] {
            assert_eq!(reply.collect(100).await.unwrap(), expected);
        }
        assert_eq!(Reply::file(file()).into_source().size(), Some(11));
    }

    #[tokio::test]
    async fn what_fails_a_transfer_fails_the_collection() {
        let busy = || io::Error::other(Refusal::busy());
        for (pieces, size, reason) in [
            (vec![Ok("a"), Err(busy())], None, Reason::Busy),
            (vec![Err(io::Error::other("gone"))], None, Reason::Origin),
            (vec![Ok("abc")], Some(4), Reason::Origin),
            (vec![Ok("abc"), Ok("de")], Some(4), Reason::Origin),
            (vec![Ok("abc"), Ok("def")], None, Reason::TooLarge),
        ] {
            let refused = Reply::source(Pieces(pieces, size)).collect(5).await;
            assert_eq!(refused.unwrap_err().reason(), reason);
        }
        assert_eq!(Reply::text("12345").collect(5).await.unwrap(), "12345");
    }

    #[tokio::test]
    async fn an_upload_reaches_its_sink_in_order_and_is_finished_once() {
        #[derive(Clone, Default)]
        struct Notes(Arc<Mutex<Vec<usize>>>);
        impl Sink for Notes {
            fn write(&mut self, data: Bytes) -> BoxFuture<'_, Result<(), Refusal>> {
                self.0.lock().unwrap().push(data.len());
                Box::pin(std::future::ready(Ok(())))
            }
            fn finish(self: Box<Self>) -> BoxFuture<'static, Result<(), Refusal>> {
                self.0.lock().unwrap().push(0);
                Box::pin(std::future::ready(Ok(())))
            }
        }
        let notes = Notes::default();
        let stored = Accept::into(notes.clone()).store(vec![7; PIECE + 1]).await;
        assert_eq!(stored, Ok(()));
        assert_eq!(*notes.0.lock().unwrap(), [PIECE, 1, 0]);
    }
}
