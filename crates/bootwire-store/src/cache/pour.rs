//! Bytes from an origin into a file, at the pace they come.

use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::time::{Instant, timeout};

use super::chunks::{Sum, Summing};
use crate::origin::{Body, OriginError};

/// Bytes written to the file at a time, and then told to those who wait.
const BLOCK: usize = 256 << 10;
/// How long bytes wait for a block to fill up.
const LINGER: Duration = Duration::from_millis(50);
/// A body that brings fewer bytes than this within the stall time does not move.
pub(crate) const PROGRESS_MIN: u64 = 16 << 10;
/// How long the end of a body is waited for when everything has come, so that its connection can
/// be used again.
const END_WITHIN: Duration = Duration::from_millis(100);

/// What ends pouring early.
#[derive(Debug)]
pub(crate) enum Spill {
    /// The origin's fault.
    Origin(OriginError),
    /// The disk's fault.
    Disk(io::Error),
}

impl From<OriginError> for Spill {
    fn from(error: OriginError) -> Self {
        Self::Origin(error)
    }
}

impl From<io::Error> for Spill {
    fn from(error: io::Error) -> Self {
        Self::Disk(error)
    }
}

/// A body that is watched: it must move.
pub(crate) struct Paced {
    body: Box<dyn Body>,
    stall: Duration,
    /// How long was waited for the present stretch, and what it brought. The time that we take to
    /// write does not count.
    waited: Duration,
    moved: u64,
    /// What was read and not asked for yet.
    left: Bytes,
    /// Bytes to be read and thrown away.
    skip: u64,
}

impl Paced {
    /// Watches `body`, of which the first `skip` bytes are not wanted.
    pub(crate) fn new(body: Box<dyn Body>, stall: Duration, skip: u64) -> Self {
        Self {
            body,
            stall,
            waited: Duration::ZERO,
            moved: 0,
            left: Bytes::new(),
            skip,
        }
    }

    /// Skips further bytes.
    pub(crate) fn skip(&mut self, bytes: u64) {
        let at_hand = bytes.min(self.left.len() as u64);
        let _ = self.left.split_to(at_hand as usize);
        self.skip += bytes - at_hand;
    }

    /// At most `max` bytes; none at the end of the body.
    pub(crate) async fn next(&mut self, max: u64) -> Result<Bytes, OriginError> {
        loop {
            if let Some(piece) = self.next_soon(max).await? {
                return Ok(piece);
            }
        }
    }

    /// As [`Paced::next`]; `None` when a while has passed without any.
    async fn next_soon(&mut self, max: u64) -> Result<Option<Bytes>, OriginError> {
        while self.left.is_empty() {
            let left = self.stall.saturating_sub(self.waited);
            let begun = Instant::now();
            let piece = timeout(left.min(LINGER), self.body.next()).await;
            self.waited += begun.elapsed();
            let piece = match piece {
                Ok(piece) => piece?,
                Err(_) if self.waited >= self.stall => {
                    return Err(stalled(self.moved, self.stall));
                }
                Err(_) => return Ok(None),
            };
            self.keep_pace(piece.as_ref())?;
            let Some(mut piece) = piece else {
                return Ok(Some(Bytes::new()));
            };
            let skipped = self.skip.min(piece.len() as u64);
            let _ = piece.split_to(skipped as usize);
            self.skip -= skipped;
            self.left = piece;
        }
        let len = max.min(self.left.len() as u64);
        Ok(Some(self.left.split_to(len as usize)))
    }

    /// Whether the body moves as fast as it must.
    fn keep_pace(&mut self, piece: Option<&Bytes>) -> Result<(), OriginError> {
        self.moved += piece.map_or(0, Bytes::len) as u64;
        if self.waited >= self.stall {
            if self.moved < PROGRESS_MIN && piece.is_some() {
                return Err(stalled(self.moved, self.stall));
            }
            self.waited = Duration::ZERO;
            self.moved = 0;
        }
        Ok(())
    }

    /// Reads the end of a body of which everything was taken.
    pub(crate) async fn end(mut self) {
        // Whether it comes or not, the content is complete.
        let _ = timeout(END_WITHIN, self.body.next()).await;
    }
}

fn stalled(moved: u64, stall: Duration) -> OriginError {
    OriginError::unavailable(format_args!("sent {moved} bytes in {stall:?}: too slow"))
}

/// A part of a file that is being written, from its start on.
pub(crate) struct Writer {
    file: Arc<File>,
    at: u64,
    end: u64,
    block: Vec<u8>,
    summing: Option<Summing>,
}

impl Writer {
    pub(crate) fn new(file: &Arc<File>, range: Range<u64>) -> Self {
        Self {
            file: Arc::clone(file),
            at: range.start,
            end: range.end,
            block: Vec::new(),
            summing: Some(Summing::new()),
        }
    }

    /// The next byte to come.
    pub(crate) fn position(&self) -> u64 {
        self.at + self.block.len() as u64
    }

    /// Bytes still to come.
    pub(crate) fn missing(&self) -> u64 {
        self.end - self.position()
    }

    /// Writes what has come.
    async fn flush(&mut self) -> io::Result<()> {
        if self.block.is_empty() {
            return Ok(());
        }
        let (file, at) = (Arc::clone(&self.file), self.at);
        let block = std::mem::take(&mut self.block);
        let summing = self.summing.take();
        let mut summing =
            summing.ok_or_else(|| io::Error::other("a write to the cache was given up"))?;
        let write = move || {
            let written = file.write_all_at(&block, at);
            if written.is_ok() {
                summing.update(&block);
            }
            (block, summing, written)
        };
        let (mut block, summing, written) = tokio::task::spawn_blocking(write).await?;
        if written.is_ok() {
            self.at += block.len() as u64;
            block.clear();
        }
        // What could not be written is kept for another attempt.
        self.block = block;
        self.summing = Some(summing);
        written
    }

    /// Pours `body` into the file until it is full or the body ends; tells `arrived` up to where
    /// the bytes are in the file.
    pub(crate) async fn pour(
        &mut self,
        body: &mut Paced,
        arrived: &(dyn Fn(u64) + Send + Sync),
    ) -> Result<(), Spill> {
        let result = self.take_all(body, arrived).await;
        // What came before a failure is good.
        let flushed = self.flush().await;
        arrived(self.at);
        result?;
        Ok(flushed?)
    }

    async fn take_all(
        &mut self,
        body: &mut Paced,
        arrived: &(dyn Fn(u64) + Send + Sync),
    ) -> Result<(), Spill> {
        if self.block.len() >= BLOCK {
            self.flush().await?;
        }
        while self.missing() > 0 {
            let max = self.missing();
            let due = match body.next_soon(max).await? {
                Some(piece) if piece.is_empty() => return Ok(()),
                Some(piece) => {
                    self.block.extend_from_slice(&piece);
                    self.block.len() >= BLOCK
                }
                None => !self.block.is_empty(),
            };
            if due {
                self.flush().await?;
                arrived(self.at);
            }
        }
        Ok(())
    }

    /// The sum of everything written.
    pub(crate) fn finish(self) -> io::Result<Sum> {
        let summing = self.summing.map(Summing::finish);
        summing.ok_or_else(|| io::Error::other("a write to the cache failed"))
    }
}
