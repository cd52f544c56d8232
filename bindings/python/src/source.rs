//! Content that an object of Python gives.

use std::io;

use bootwire::{BoxFuture, Refusal, Source};
use bytes::Bytes;
use tokio::sync::oneshot;

use crate::held::Share;
use crate::job::{Job, Piece};

/// Bytes asked for at once, and read ahead. Each piece takes one way to a thread of Python and back,
/// which is short beside what a client needs for so much; and there may be thousands of clients.
const WANT: usize = 32 << 10;

/// Content read piece by piece.
pub(crate) struct PythonSource {
    content: Share,
    /// What was read with the answer.
    first: Bytes,
    ended: bool,
    size: Option<u64>,
}

impl PythonSource {
    pub(crate) const fn new(content: Share, first: Bytes, ended: bool, size: Option<u64>) -> Self {
        Self {
            content,
            first,
            ended,
            size,
        }
    }

    async fn read(&mut self) -> io::Result<Bytes> {
        let (tell, told) = oneshot::channel();
        self.content.submit(Job::Read {
            content: self.content.clone(),
            want: WANT,
            tell,
        });
        // Whoever was to read is gone: the interpreter ends.
        let gone = |_| io::Error::other(Refusal::busy().because("nobody reads the content"));
        let Piece { bytes, end } = told.await.map_err(gone)??;
        self.ended = end || bytes.is_empty();
        Ok(bytes)
    }
}

impl Source for PythonSource {
    fn size(&self) -> Option<u64> {
        self.size
    }

    fn read_ahead(&self) -> u64 {
        WANT as u64
    }

    fn next(&mut self) -> BoxFuture<'_, io::Result<Bytes>> {
        if !self.first.is_empty() || self.ended {
            return Box::pin(std::future::ready(Ok(std::mem::take(&mut self.first))));
        }
        Box::pin(self.read())
    }
}

/// Content that was read whole with the answer, and ends with its transfer.
pub(crate) struct Whole {
    bytes: Bytes,
    _content: Share,
}

impl Whole {
    /// The bytes, which hold `content` as long as somebody holds them.
    pub(crate) fn holding(bytes: Bytes, content: Share) -> Bytes {
        Bytes::from_owner(Self {
            bytes,
            _content: content,
        })
    }
}

impl AsRef<[u8]> for Whole {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}
