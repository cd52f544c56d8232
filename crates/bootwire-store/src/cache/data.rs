//! Files that fill up, and who else writes to them.

use std::fs::File;
use std::io;
use std::ops::Range;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::time::Instant;

use super::chunks::{Sum, Summing};
use super::fault::{Fault, is_planted};
use super::storage::{Stamp, Storage};

/// Bytes read at a time to sum them.
const PIECE: usize = 256 << 10;

/// Somebody else has written to a file of the cache.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("somebody else has written to it")]
pub(crate) struct Meddled;

impl Meddled {
    /// Whether this is what is behind `error`.
    pub(crate) fn is_behind(error: &io::Error) -> bool {
        error.get_ref().is_some_and(|error| error.is::<Self>())
    }
}

/// How this process left a file. Locked by those who open, write or look at it, all on threads that
/// may wait for the disk.
#[derive(Default)]
pub(crate) struct Left(Mutex<Mark>);

/// See [`Left`].
#[derive(Default)]
pub(super) struct Mark {
    /// The file as it should be; `None` if nothing is said of it yet.
    pub(super) stamp: Option<Stamp>,
    /// When it was last seen so.
    pub(super) seen: Option<Instant>,
    /// How often somebody else has written to it.
    meddled: u64,
}

impl Left {
    pub(super) fn lock(&self) -> MutexGuard<'_, Mark> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Mark {
    /// The file is not as it was left: what was known of it is in doubt, and who has it open to
    /// fill it stops.
    pub(super) fn doubt(&mut self) {
        self.stamp = None;
        self.meddled += 1;
    }
}

/// A file that is open to be filled.
pub(crate) struct Data {
    file: File,
    storage: Arc<dyn Storage>,
    left: Arc<Left>,
    /// What [`Mark::meddled`] was when it was opened.
    meddled: u64,
}

impl Data {
    /// Takes an open file of `size` bytes, which was left so. Calls `doubt` if nothing is said of
    /// it: who else has written to it cannot be told then, only from now on.
    pub(super) fn new(
        file: File,
        size: u64,
        storage: &Arc<dyn Storage>,
        left: &Arc<Left>,
        doubt: impl FnOnce(),
    ) -> io::Result<Self> {
        let mut mark = left.lock();
        let stat = storage.stat(&file)?;
        if stat.size != size {
            return Err(io::Error::other("the file in the cache has another size"));
        }
        if mark.stamp.is_none() {
            doubt();
            mark.stamp = Some(stat.stamp);
        }
        let meddled = mark.meddled;
        drop(mark);
        Ok(Self {
            file,
            storage: Arc::clone(storage),
            left: Arc::clone(left),
            meddled,
        })
    }

    /// Makes a file of unknown size.
    pub(super) fn create(storage: &Arc<dyn Storage>, path: &Path) -> io::Result<Self> {
        let file = storage.create(path)?;
        Self::new(file, 0, storage, &Arc::default(), || ())
    }

    /// Another descriptor of the file.
    pub(super) fn file(&self) -> io::Result<File> {
        self.file.try_clone()
    }

    pub(super) const fn left(&self) -> &Arc<Left> {
        &self.left
    }

    /// Whether it was noticed that somebody else has written to it since it was opened.
    pub(super) fn is_meddled_with(&self) -> bool {
        self.left.lock().meddled != self.meddled
    }

    /// The mark, if the file is as it was left.
    fn untouched(&self) -> io::Result<MutexGuard<'_, Mark>> {
        let mut mark = self.left.lock();
        if mark.meddled == self.meddled {
            let stamp = self.storage.stat(&self.file)?.stamp;
            let missed = is_planted(&*self.storage, Fault::MeddlingMissed);
            if mark.stamp == Some(stamp) || missed {
                return Ok(mark);
            }
            mark.doubt();
        }
        Err(io::Error::other(Meddled))
    }

    /// Writes all of `bytes`, or fails with some of them written, unless somebody else has written
    /// to the file. Blocks on the disk.
    pub(super) fn write_all_at(&self, bytes: &[u8], at: u64) -> io::Result<()> {
        let mut mark = self.untouched()?;
        let written = self.storage.write_all_at(&self.file, bytes, at);
        mark.stamp = Some(self.storage.stat(&self.file)?.stamp);
        written
    }

    /// Does `then` if nobody else has written to the file, and before anybody does of whom we know.
    /// Blocks on the disk.
    pub(super) fn if_untouched<T>(&self, then: impl FnOnce() -> T) -> io::Result<T> {
        let _mark = self.untouched()?;
        Ok(then())
    }

    /// The sum of a part of the file. Blocks on the disk.
    pub(super) fn sum(&self, range: Range<u64>) -> io::Result<Sum> {
        let mut summing = Summing::new();
        let mut piece = vec![0; PIECE];
        let mut at = range.start;
        while at < range.end {
            let len = (range.end - at).min(PIECE as u64) as usize;
            self.storage
                .read_exact_at(&self.file, &mut piece[..len], at)?;
            summing.update(&piece[..len]);
            at += len as u64;
        }
        Ok(summing.finish())
    }
}
