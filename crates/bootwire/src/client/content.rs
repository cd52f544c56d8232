//! What a put sends: read ahead within a bound, kept until acknowledged.

use std::io;
use std::ops::Range;

use bootwire_proto::{Mode, netascii};
use tokio::io::{AsyncRead, AsyncReadExt};

use super::ClientError;

/// Bytes read in one piece.
const READ_PIECE: usize = 64 << 10;

/// Bytes read ahead of the window.
const READ_AHEAD: u64 = 256 << 10;

/// The bytes from the first one not acknowledged to the last one read.
pub(super) struct Content<R> {
    source: R,
    text: Option<netascii::Encoder>,
    /// Size the caller promised.
    size: Option<u64>,
    /// Bytes of `kept` before this index are acknowledged; they are dropped now and then.
    start: usize,
    /// Position in the content of the byte at `start`.
    base: u64,
    kept: Vec<u8>,
    piece: Vec<u8>,
    ended: bool,
}

impl<R: AsyncRead + Unpin> Content<R> {
    pub(super) fn new(source: R, mode: Mode, size: Option<u64>) -> Self {
        Self {
            source,
            text: (mode == Mode::Netascii).then(netascii::Encoder::default),
            size,
            start: 0,
            base: 0,
            kept: Vec::new(),
            piece: Vec::with_capacity(READ_PIECE),
            ended: false,
        }
    }

    /// The size the caller promised.
    pub(super) const fn size(&self) -> Option<u64> {
        self.size
    }

    /// Position of the first byte that was not read yet, and whether it is the end.
    pub(super) const fn available(&self) -> bootwire_proto::Available {
        bootwire_proto::Available {
            upto: self.base + (self.kept.len() - self.start) as u64,
            end: self.ended,
        }
    }

    /// Whether it is time to read more, so that the window ending at `window_end` is never empty.
    pub(super) const fn wants(&self, window_end: u64) -> bool {
        !self.ended && self.available().upto < window_end.saturating_add(READ_AHEAD)
    }

    /// Reads one piece. Nothing is lost if the future is dropped.
    pub(super) async fn read(&mut self) -> Result<(), ClientError> {
        self.piece.clear();
        let count = (&mut self.source)
            .take(READ_PIECE as u64)
            .read_buf(&mut self.piece)
            .await
            .map_err(ClientError::Local)?;
        match &mut self.text {
            Some(encoder) => encoder.push(&self.piece, &mut self.kept),
            None => self.kept.extend_from_slice(&self.piece),
        }
        self.ended = count == 0;
        let bytes = self.available().upto;
        match self.size {
            Some(expected) if bytes > expected || (self.ended && bytes < expected) => {
                Err(ClientError::SizeMismatch { expected, bytes })
            }
            _ => Ok(()),
        }
    }

    /// The bytes of `range`, which must lie between what is acknowledged and what was read.
    pub(super) fn bytes(&self, range: Range<u64>) -> Result<&[u8], ClientError> {
        let index = |position: u64| {
            let offset = usize::try_from(position.checked_sub(self.base)?).ok()?;
            self.start.checked_add(offset)
        };
        index(range.start)
            .zip(index(range.end))
            .and_then(|(start, end)| self.kept.get(start..end))
            .ok_or_else(|| ClientError::Local(io::Error::other("content no longer at hand")))
    }

    /// Forgets what was acknowledged.
    pub(super) fn release(&mut self, acked: u64) {
        let Ok(offset) = usize::try_from(acked.saturating_sub(self.base)) else {
            return;
        };
        // The ACK of a short or empty last block may count beyond what there is.
        let offset = offset.min(self.kept.len() - self.start);
        self.start += offset;
        self.base += offset as u64;
        if self.start >= READ_PIECE.max(self.kept.len() / 2) {
            self.kept.drain(..self.start);
            self.start = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_is_acknowledged_is_forgotten_and_the_rest_kept() {
        let bytes: Vec<u8> = (0..200_000_u32).map(|index| index as u8).collect();
        let mut content = Content::new(&bytes[..], Mode::Octet, Some(200_000));
        while content.wants(0) {
            content.read().await.unwrap();
        }
        assert_eq!(content.available().upto, 200_000);
        assert!(content.available().end);
        content.release(150_000);
        assert_eq!(content.kept.len(), 50_000);
        assert_eq!(
            content.bytes(150_000..150_010).unwrap(),
            &bytes[150_000..150_010]
        );
        assert!(content.bytes(149_999..150_010).is_err());
        assert!(content.bytes(199_999..200_001).is_err());
        content.release(300_000);
        assert_eq!(content.bytes(200_000..200_000).unwrap(), b"");
    }

    #[tokio::test]
    async fn an_endless_source_is_read_ahead_within_a_bound() {
        let mut content = Content::new(tokio::io::repeat(7), Mode::Octet, None);
        while content.wants(1000) {
            content.read().await.unwrap();
        }
        assert!(content.kept.len() <= 1000 + READ_AHEAD as usize + READ_PIECE);
        assert!(!content.available().end);
    }

    #[tokio::test]
    async fn a_source_that_breaks_its_promise_is_an_error() {
        for promised in [2, 4] {
            let mut content = Content::new(&b"abc"[..], Mode::Octet, Some(promised));
            let mut result = Ok(());
            while result.is_ok() {
                result = content.read().await;
            }
            assert!(matches!(
                result,
                Err(ClientError::SizeMismatch { expected, bytes: 3 }) if expected == promised
            ));
        }
    }

    #[tokio::test]
    async fn text_is_kept_as_it_goes_out() {
        let mut content = Content::new(&b"a\nb\r"[..], Mode::Netascii, None);
        content.read().await.unwrap();
        assert_eq!(content.bytes(0..6).unwrap(), b"a\r\nb\r\0");
    }
}
