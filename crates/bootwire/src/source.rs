//! Content that arrives bit by bit.

use std::io;

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncReadExt};

use crate::BoxFuture;

/// Content read in order, once: a stream from an HTTP origin, a pipe, a generator.
///
/// The server reads ahead of the client within a bound, keeps what may have to be sent again, and
/// drops the source when the transfer ends. Content that is already in memory or in a file is
/// better given as [`crate::Reply::bytes`] or [`crate::Reply::file`], which move no bytes in user
/// space.
pub trait Source: Send + 'static {
    /// Exact number of bytes, if known. With it clients that ask `tsize` get an answer, which some
    /// firmware insists on. A source that then ends early or late fails the transfer.
    fn size(&self) -> Option<u64> {
        None
    }

    /// Bytes that are read ahead of the client at least; two of its windows, if that is more. Default
    /// 256 KiB. Less saves memory where there are many clients and a piece comes quickly.
    fn read_ahead(&self) -> u64 {
        256 << 10
    }

    /// The next bytes, in pieces of any length; an empty piece is the end.
    ///
    /// # Errors
    /// An error ends the transfer with an ERROR to the client and the outcome `origin_error`,
    /// or as the [`Refusal`](crate::Refusal) in it says, if that is what it was made of.
    fn next(&mut self) -> BoxFuture<'_, io::Result<Bytes>>;
}

impl Source for Box<dyn Source> {
    fn size(&self) -> Option<u64> {
        (**self).size()
    }

    fn read_ahead(&self) -> u64 {
        (**self).read_ahead()
    }

    fn next(&mut self) -> BoxFuture<'_, io::Result<Bytes>> {
        (**self).next()
    }
}

/// Bytes read from `AsyncRead` in one piece, at most.
const READ_PIECE: usize = 64 << 10;

/// An `AsyncRead` as a source.
pub(crate) struct ReadSource<R> {
    reader: R,
    size: Option<u64>,
}

impl<R> ReadSource<R> {
    pub(crate) const fn new(reader: R, size: Option<u64>) -> Self {
        Self { reader, size }
    }
}

impl<R: AsyncRead + Send + Unpin + 'static> Source for ReadSource<R> {
    fn size(&self) -> Option<u64> {
        self.size
    }

    fn next(&mut self) -> BoxFuture<'_, io::Result<Bytes>> {
        Box::pin(async move {
            let mut piece = bytes::BytesMut::with_capacity(READ_PIECE);
            self.reader.read_buf(&mut piece).await?;
            Ok(piece.freeze())
        })
    }
}
