//! Bodies that are watched: they must move.

use std::time::Duration;

use bytes::Bytes;
use tokio::time::{Instant, timeout};

use super::chunks::CHUNK;
use super::share::{SILENT_MAX, Share};
use crate::origin::{Body, OriginError};

/// How long bytes wait for a block to fill up.
const LINGER: Duration = Duration::from_millis(50);
/// A body that brings fewer bytes than this, 16 KiB, within the stall time does not move.
pub(crate) const PROGRESS_MIN: u64 = CHUNK / 256;
/// How long the end of a body is waited for when everything has come, so that its connection can
/// be used again.
const END_WITHIN: Duration = Duration::from_millis(100);

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
    pub(crate) async fn next_soon(&mut self, max: u64) -> Result<Option<Bytes>, OriginError> {
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
                Err(_) => {
                    self.keep_pace()?;
                    return Ok(None);
                }
            };
            let Some(mut piece) = piece else {
                return Ok(Some(Bytes::new()));
            };
            self.moved += piece.len() as u64;
            self.keep_pace()?;
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

    /// Whether the body moves as fast as it must, in each stretch anew.
    fn keep_pace(&mut self) -> Result<(), OriginError> {
        if self.waited < self.stall {
            return Ok(());
        }
        if self.moved < PROGRESS_MIN {
            return Err(stalled(self.moved, self.stall));
        }
        self.waited = Duration::ZERO;
        self.moved = 0;
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
