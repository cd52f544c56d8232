//! Room in the cache directory: what is promised, and what goes for it.

use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::{Disk, lock};
use crate::cache::amount::Amount;
use crate::cache::entry::Entry;
use crate::cache::fault::{Fault, is_planted};
use crate::cache::index::{Need, footprint};

/// Bytes of the cache that are given up when the disk is full before the cache is.
const RELIEF: u64 = 64 << 20;
/// Whether the disk, or what we may have of it, is full.
pub(crate) fn is_full(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded
    )
}

/// There is no room, and nothing to remove.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the cache is full: {} more do not fit into {}, of which {} are being read and {} are versions \
     that boots keep (pin): raise cache.max",
    Amount(*.need), Amount(*.max), Amount(*.read), Amount(*.pinned)
)]
pub(crate) struct Full {
    need: u64,
    max: u64,
    read: u64,
    pinned: u64,
}

impl From<Full> for io::Error {
    fn from(full: Full) -> Self {
        Self::other(full)
    }
}

impl Full {
    /// Whether this is what is behind `error`.
    pub(crate) fn is_behind(error: &io::Error) -> bool {
        error.get_ref().is_some_and(|error| error.is::<Self>())
    }
}

/// Room for something that is not there yet. Given back when dropped.
pub(crate) struct Room {
    disk: Arc<Disk>,
    bytes: u64,
}

impl Room {
    /// Makes it room for `size` bytes, if it is not. Blocks on the disk.
    pub(crate) fn grow(&mut self, size: u64) -> Result<(), Full> {
        let more = footprint(size).saturating_sub(self.bytes);
        self.disk.promise(more)?;
        self.bytes += more;
        Ok(())
    }

    /// Its bytes are counted elsewhere from now on: tells how many they are.
    pub(super) const fn spend(&mut self) -> u64 {
        std::mem::replace(&mut self.bytes, 0)
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        self.disk.index.give_back(self.bytes);
    }
}

impl Disk {
    /// Room for an object of `size` bytes, made by removing what was not read for longest. Blocks
    /// on the disk.
    pub(crate) fn room(self: &Arc<Self>, size: u64) -> Result<Room, Full> {
        let disk = Arc::clone(self);
        let mut room = Room { disk, bytes: 0 };
        if size > 0 {
            room.grow(size)?;
        }
        Ok(room)
    }

    /// Promises `bytes`.
    fn promise(&self, bytes: u64) -> Result<(), Full> {
        let Some(target) = self.max.checked_sub(bytes) else {
            return Err(self.full(bytes));
        };
        // What was made room for by one may be taken by another.
        while !self.index.promise(bytes, self.max) {
            if self.evict(target) == 0 && !self.index.is_within(target) {
                return Err(self.full(bytes));
            }
        }
        Ok(())
    }

    /// Removes what may go until no more than `target` bytes are taken, what was not read for
    /// longest first; what boots that are under way have read comes last. Tells how many it
    /// removed. Blocks on the disk.
    pub(super) fn evict(&self, target: u64) -> usize {
        let _one = lock(&self.evicting);
        let began = self.pins.oldest(self.now());
        let mut removed = 0;
        for needed in [Need::Not, Need::May] {
            let mut after = None;
            loop {
                let (few, last) = self.index.candidates(after, target);
                for entry in few {
                    if self.index.need(&entry, began) <= needed
                        && !self.index.is_within(target)
                        && self.remove_if(&entry, |entry| self.may_go(entry))
                    {
                        removed += 1;
                    }
                }
                if last.is_none() {
                    break;
                }
                after = last;
            }
        }
        self.monitor.evicted.add(removed as u64);
        removed
    }

    fn may_go(&self, entry: &Entry) -> bool {
        if is_planted(&*self.storage, Fault::HeldEvicted) {
            entry.condemn();
            return true;
        }
        entry.retire()
    }

    /// Why `need` bytes do not fit.
    fn full(&self, need: u64) -> Full {
        let began = self.pins.oldest(self.now());
        let pinned = self.index.all().into_iter();
        let pinned = pinned.filter(|entry| self.index.need(entry, began) == Need::Must);
        let pinned: u64 = pinned.map(|entry| footprint(entry.about.size)).sum();
        Full {
            need,
            max: self.max,
            read: self.index.figures().0.saturating_sub(pinned),
            pinned,
        }
    }

    /// Does what takes space, once more if the disk is full and something can go.
    pub(super) fn making_room<T>(&self, mut make: impl FnMut() -> io::Result<T>) -> io::Result<T> {
        let reliefs = self.reliefs();
        match make() {
            Err(error) if is_full(&error) && self.relieve(reliefs) => make(),
            made => made,
        }
    }

    /// How often room was made on a full disk so far: to be told to [`Disk::relieve`].
    pub(crate) fn reliefs(&self) -> u64 {
        self.reliefs.load(Ordering::Acquire)
    }

    /// Removes some entries nobody reads: the disk is full, whatever the bound says. Tells whether
    /// it is worth another try: anything was removed, now or by somebody else since
    /// [`Disk::reliefs`] was `seen`. Blocks on the disk.
    pub(crate) fn relieve(&self, seen: u64) -> bool {
        let _relieving = lock(&self.relieving);
        if self.reliefs() != seen {
            return true;
        }
        let target = self.index.figures().0.saturating_sub(RELIEF);
        let removed = self.evict(target) > 0;
        if removed {
            self.reliefs.fetch_add(1, Ordering::Release);
        }
        removed
    }

    /// Whether a disk that failed was full and now has room; `seen` as for [`Disk::relieve`].
    pub(crate) async fn relieved(self: &Arc<Self>, error: &io::Error, seen: u64) -> bool {
        let disk = Arc::clone(self);
        is_full(error) && self.run(move || disk.relieve(seen)).await == Ok(true)
    }
}
