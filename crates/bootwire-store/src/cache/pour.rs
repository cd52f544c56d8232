//! Bytes from an origin into a file, at the pace they come.

use std::fs::File;
use std::io;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::time::{Instant, timeout};

use super::chunks::{Sum, Summing};
use super::share::{SILENT_MAX, Share};
use super::storage::Storage;
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
    /// For how long nothing has come.
    silent: Duration,
    share: Share,
    /// What was read and not asked for yet.
    left: Bytes,
    /// Bytes to be read and thrown away.
    skip: u64,
}

impl Paced {
    /// Watches `body`, of which the first `skip` bytes are not wanted.
    pub(crate) fn new(body: Box<dyn Body>, share: Share, stall: Duration, skip: u64) -> Self {
        Self {
            body,
            silent: Duration::ZERO,
            share,
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

    /// Gives back what was read: it comes again.
    pub(crate) fn unread(&mut self, start: &Bytes) {
        self.left = [&start[..], &self.left[..]].concat().into();
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
            self.silent += begun.elapsed();
            if self.silent >= SILENT_MAX {
                self.share.give_back();
            }
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
            self.silent = Duration::ZERO;
            // Not counted as waiting: the origin is not to blame.
            self.share.hold().await?;
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
    storage: Arc<dyn Storage>,
    /// Up to here the bytes are in the file.
    at: u64,
    end: u64,
    /// What has come and is not in the file.
    block: Vec<u8>,
    summing: Option<Summing>,
}

impl Writer {
    pub(crate) fn new(file: &Arc<File>, storage: &Arc<dyn Storage>, range: Range<u64>) -> Self {
        Self {
            file: Arc::clone(file),
            storage: Arc::clone(storage),
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

    /// Bytes that still have to come from the origin.
    pub(crate) fn to_come(&self) -> u64 {
        self.end - self.position()
    }

    /// Bytes that are not in the file, whether they have come or not.
    pub(crate) fn missing(&self) -> u64 {
        #[cfg(test)]
        if self.storage.forgets_the_tail() {
            return self.to_come();
        }
        self.end - self.at
    }

    /// Writes what has come.
    async fn flush(&mut self) -> io::Result<()> {
        if self.block.is_empty() {
            return Ok(());
        }
        let (file, at) = (Arc::clone(&self.file), self.at);
        let storage = Arc::clone(&self.storage);
        let block = std::mem::take(&mut self.block);
        let summing = self.summing.take();
        let mut summing =
            summing.ok_or_else(|| io::Error::other("a write to the cache was given up"))?;
        let write = move || {
            let written = storage.write_all_at(&file, &block, at);
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
        let flushed = self.settle(arrived).await;
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
        while self.to_come() > 0 {
            let max = self.to_come();
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

    /// Writes what has come.
    pub(crate) async fn settle(&mut self, arrived: &(dyn Fn(u64) + Send + Sync)) -> io::Result<()> {
        let flushed = self.flush().await;
        arrived(self.at);
        flushed
    }

    /// The sum of everything written.
    pub(crate) fn finish(self) -> io::Result<Sum> {
        #[cfg(test)]
        let forgotten = self.storage.forgets_the_tail();
        #[cfg(not(test))]
        let forgotten = false;
        if !self.block.is_empty() && !forgotten {
            return Err(io::Error::other("not all of it was written to the cache"));
        }
        let summing = self.summing.map(Summing::finish);
        summing.ok_or_else(|| io::Error::other("a write to the cache failed"))
    }
}
