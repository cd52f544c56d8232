//! One version of one object on the disk.

use std::io;
use std::ops::Deref;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bootwire::file::OpenFile;
use tokio::time::Instant;

use super::chunks::{self, Sum};
use super::data::{Data, Left};
use super::fault::{Fault, is_planted};
use super::key::Key;
use super::storage::Storage;
use crate::origin::Version;

/// How long a file is kept open before it is opened again: its name may be gone, or lead to
/// another file.
const KEEP_OPEN: Duration = Duration::from_secs(30);
/// How long a file is served before its name is looked at again: somebody may have written to it.
pub(super) const LOOK_EVERY: Duration = Duration::from_secs(1);
/// How often the time of the last use is written to the disk, at most, in milliseconds.
const NOTE_USE_EVERY: u64 = 60_000;
/// The bit of [`Entry::holds`] that says that it was taken out of use.
const GONE: usize = 1 << (usize::BITS - 1);

/// One version of one object on the disk: where its bytes are, and which of them.
///
/// It holds no descriptor by itself; the files are opened when somebody reads.
pub(crate) struct Entry {
    pub(crate) about: About,
    times: Times,
    /// How many hold on to it, and whether it is [`GONE`].
    holds: AtomicUsize,
    /// Whether machines keep the version they began with.
    for_boots: AtomicBool,
    /// Tasks that fetch what is missing.
    tasks: AtomicUsize,
    left: Arc<Left>,
    state: Mutex<State>,
}

/// What a version is.
#[derive(Clone, Debug)]
pub(crate) struct About {
    pub(crate) key: Key,
    pub(crate) version: Version,
    pub(crate) size: u64,
    /// Names this version among all in the cache.
    pub(crate) id: u64,
    /// Whether it can only be fetched from the front to the end in one go: the origin sends no
    /// parts, or nothing tells its versions apart.
    pub(crate) whole: bool,
    pub(crate) data: PathBuf,
    pub(crate) meta: PathBuf,
}

/// Milliseconds since 1970.
pub(crate) struct Times {
    /// When the origin last said that this is the current version.
    checked: AtomicU64,
    used: AtomicU64,
    /// When the use was last written to the disk.
    noted: AtomicU64,
    /// When it became the current version, and when it ceased to be; `u64::MAX` if it has not.
    since: u64,
    until: AtomicU64,
}

impl Times {
    /// Of a version that is new at `now`.
    pub(crate) const fn from(now: u64) -> Self {
        Self {
            checked: AtomicU64::new(now),
            used: AtomicU64::new(now),
            noted: AtomicU64::new(now),
            since: now,
            until: AtomicU64::new(u64::MAX),
        }
    }

    /// Of a version that an earlier process has left.
    pub(crate) const fn left(checked: u64, used: u64) -> Self {
        Self {
            checked: AtomicU64::new(checked),
            used: AtomicU64::new(used),
            noted: AtomicU64::new(used),
            since: 0,
            until: AtomicU64::new(u64::MAX),
        }
    }
}

struct State {
    chunks: Box<[Chunk]>,
    /// Kept open for the next who asks, once it is complete.
    kept: Option<KeptOpen>,
}

struct KeptOpen {
    file: Arc<OpenFile>,
    opened: Instant,
    /// When its name was last looked at.
    looked: Instant,
}

/// What is known of a chunk on the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Chunk {
    /// Not there.
    Missing,
    /// Written by an earlier process, or somebody else has written to the file since. True if the
    /// sum is.
    Claimed(Sum),
    /// Written or summed by this process: good while the file is as it was left.
    Here(Sum),
}

impl Entry {
    pub(crate) fn new(about: About, chunks: Vec<Chunk>, times: Times, left: Arc<Left>) -> Self {
        debug_assert_eq!(chunks.len(), chunks::count(about.size));
        Self {
            about,
            times,
            holds: AtomicUsize::new(0),
            for_boots: AtomicBool::new(false),
            tasks: AtomicUsize::new(0),
            left,
            state: Mutex::new(State {
                chunks: chunks.into(),
                kept: None,
            }),
        }
    }

    /// When it became the current version, in milliseconds since 1970; 0 if an earlier process left it.
    pub(crate) const fn since(&self) -> u64 {
        self.times.since
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// When the origin last said that this is the current version.
    pub(crate) fn checked(&self) -> u64 {
        self.times.checked.load(Ordering::Relaxed)
    }

    /// The origin says so now, and the disk will hear of it soon.
    pub(crate) fn check(&self, now: u64) {
        self.times.checked.store(now, Ordering::Relaxed);
    }

    /// Writes to the disk when the origin last said so. Blocks on it.
    pub(crate) fn note_check(&self, storage: &dyn Storage) {
        // For the next start; without it the object is only asked for sooner.
        let _ = storage.note_written(&self.about.meta, self.checked());
    }

    pub(crate) fn used(&self) -> u64 {
        self.times.used.load(Ordering::Relaxed)
    }

    /// Somebody reads it.
    pub(crate) fn touch(&self, now: u64) {
        self.times.used.store(now, Ordering::Relaxed);
    }

    /// Writes the time of the last use to the disk, if that is due.
    fn note_use(&self, storage: &dyn Storage) {
        let used = self.used();
        let noted = self.times.noted.load(Ordering::Relaxed);
        if used.saturating_sub(noted) < NOTE_USE_EVERY {
            return;
        }
        self.times.noted.store(used, Ordering::Relaxed);
        // It only decides who goes first when space is needed after a restart.
        let _ = storage.note_read(&self.about.data, used);
    }

    /// Whether this was the current version at `time`, as far as is known: what an origin says is
    /// believed for `ttl` milliseconds.
    pub(crate) fn was_current(&self, time: u64, ttl: u64) -> bool {
        let believed = self.checked().saturating_add(ttl);
        self.times.since <= time
            && time < self.times.until.load(Ordering::Relaxed)
            && time <= believed
    }

    /// Another version took its place.
    pub(crate) fn replaced(&self, now: u64) {
        self.times.until.fetch_min(now, Ordering::Relaxed);
    }

    /// It is the current version again.
    pub(crate) fn reinstated(&self) {
        self.times.until.store(u64::MAX, Ordering::Relaxed);
    }

    /// What is known of each chunk.
    #[cfg(test)]
    pub(crate) fn chunks(&self) -> Box<[Chunk]> {
        self.lock().chunks.clone()
    }

    pub(crate) fn chunk(&self, index: usize) -> Chunk {
        let state = self.lock();
        state.chunks.get(index).copied().unwrap_or(Chunk::Missing)
    }

    /// The bytes of each chunk that are here.
    pub(crate) fn bytes_here(&self) -> Vec<u32> {
        let state = self.lock();
        let here = |(index, chunk): (usize, &Chunk)| {
            let range = chunks::range(index, self.about.size);
            match chunk {
                Chunk::Here(_) => (range.end - range.start) as u32,
                Chunk::Missing | Chunk::Claimed(_) => 0,
            }
        };
        state.chunks.iter().enumerate().map(here).collect()
    }

    /// Says what is known of chunk `index` now.
    pub(crate) fn set_chunk(&self, index: usize, known: Chunk) {
        if let Some(chunk) = self.lock().chunks.get_mut(index) {
            *chunk = known;
        }
    }

    pub(crate) fn is_complete(&self) -> bool {
        let state = self.lock();
        let mut chunks = state.chunks.iter();
        chunks.all(|chunk| matches!(chunk, Chunk::Here(_)))
    }

    /// Somebody else has written to the file: its chunks are only what they claim to be.
    pub(crate) fn doubt(&self) {
        let mut state = self.lock();
        state.kept = None;
        for chunk in &mut state.chunks {
            if let Chunk::Here(sum) = *chunk {
                *chunk = Chunk::Claimed(sum);
            }
        }
    }

    /// A task begins to fetch what is missing.
    pub(super) fn task_began(&self) {
        self.tasks.fetch_add(1, Ordering::AcqRel);
    }

    pub(super) fn task_ended(&self) {
        self.tasks.fetch_sub(1, Ordering::AcqRel);
    }

    /// Whether the origin is sending it just now and nothing tells its versions apart: whoever asks
    /// would have the same sent again.
    pub(super) fn is_coming_nameless(&self) -> bool {
        !self.about.version.is_known() && self.tasks.load(Ordering::Acquire) > 0
    }

    /// A machine was given it that keeps its versions.
    pub(super) fn note_boot(&self) {
        self.for_boots.store(true, Ordering::Relaxed);
    }

    pub(super) fn is_for_boots(&self) -> bool {
        self.for_boots.load(Ordering::Relaxed)
    }

    /// Whether it ceased to be the current version after `time`, if it has.
    pub(super) fn was_current_after(&self, time: u64) -> bool {
        self.times.until.load(Ordering::Relaxed) >= time
    }

    /// The whole file if it is open, without waiting for anything.
    pub(crate) fn at_hand(&self, now: u64) -> Option<Arc<OpenFile>> {
        let state = self.state.try_lock().ok().filter(|_| !self.is_gone())?;
        let kept = state.kept.as_ref()?;
        let known = kept.looked.elapsed() < LOOK_EVERY && kept.opened.elapsed() < KEEP_OPEN;
        known.then(|| {
            self.touch(now);
            Arc::clone(&kept.file)
        })
    }

    /// Opens the whole file for sending; `None` if it is not complete. Blocks on the disk.
    pub(crate) fn open(
        &self,
        storage: &dyn Storage,
        now: u64,
    ) -> io::Result<Option<Arc<OpenFile>>> {
        self.touch(now);
        self.note_use(storage);
        let mut mark = self.left.lock();
        if let Some(kept) = self.at_hand(now) {
            return Ok(Some(kept));
        }
        let trusting = is_planted(storage, Fault::NotLookedAt);
        let seen = trusting || mark.seen.is_some_and(|seen| seen.elapsed() < LOOK_EVERY);
        match mark.stamp {
            None => self.doubt(),
            Some(_) if seen => {}
            Some(stamp) if storage.stat_at(&self.about.data)?.stamp == stamp => {
                mark.seen = Some(Instant::now());
                if let Some(kept) = &mut self.lock().kept {
                    kept.looked = Instant::now();
                }
            }
            Some(_) => {
                mark.doubt();
                self.doubt();
            }
        }
        if !self.is_complete() {
            return Ok(None);
        }
        if let Some(kept) = self.at_hand(now) {
            return Ok(Some(kept));
        }
        let file = storage.open(&self.about.data)?;
        let found = storage.stat(&file)?;
        if found.size != self.about.size {
            return Err(io::Error::other("the file in the cache has another size"));
        }
        if mark.stamp != Some(found.stamp) && !trusting {
            mark.doubt();
            self.doubt();
            return Ok(None);
        }
        let file = OpenFile::new(file)?;
        let kept = KeptOpen {
            file: Arc::clone(&file),
            opened: Instant::now(),
            looked: Instant::now(),
        };
        self.lock().kept = Some(kept);
        Ok(Some(file))
    }

    /// Opens the file to fill it. Blocks on the disk.
    pub(crate) fn open_to_fill(&self, storage: &Arc<dyn Storage>) -> io::Result<Data> {
        let file = storage.open_to_write(&self.about.data)?;
        let doubt = || self.doubt();
        Data::new(file, self.about.size, storage, &self.left, doubt)
    }

    /// Lets go of the open file.
    pub(crate) fn close(&self) {
        self.lock().kept = None;
    }

    /// Takes it out of use for good, unless it is read or held. Whoever finds it finds it gone.
    /// Waits for nothing.
    pub(crate) fn retire(&self) -> bool {
        let Ok(mut state) = self.state.try_lock() else {
            return false;
        };
        let read = |kept: &KeptOpen| Arc::strong_count(&kept.file) > 1;
        if state.kept.as_ref().is_some_and(read) {
            return false;
        }
        let unheld = self
            .holds
            .compare_exchange(0, GONE, Ordering::AcqRel, Ordering::Acquire);
        if unheld.is_ok() {
            state.kept = None;
        }
        unheld.is_ok()
    }

    /// Takes it out of use whoever reads it: its files are not what they should be.
    pub(crate) fn condemn(&self) {
        self.holds.fetch_or(GONE, Ordering::AcqRel);
        self.lock().kept = None;
    }

    /// Whether it was taken out of use.
    pub(crate) fn is_gone(&self) -> bool {
        self.holds.load(Ordering::Acquire) & GONE != 0
    }
}

impl std::fmt::Debug for Entry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.about.fmt(f)
    }
}

/// An entry that is not evicted while this is there.
pub(crate) struct Held(Arc<Entry>);

impl Held {
    /// Holds on to an entry, unless it is gone. Waits for nothing.
    pub(super) fn new(entry: &Arc<Entry>) -> Option<Self> {
        let hold = |holds| (holds & GONE == 0).then_some(holds + 1);
        let held = entry
            .holds
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, hold);
        held.is_ok().then(|| Self(Arc::clone(entry)))
    }

    /// Holds on to an entry that nobody else has yet.
    pub(super) fn first(entry: Entry) -> Self {
        entry.holds.fetch_add(1, Ordering::AcqRel);
        Self(Arc::new(entry))
    }

    /// The entry itself, which may be evicted once nobody holds it.
    pub(super) const fn entry(&self) -> &Arc<Entry> {
        &self.0
    }
}

impl Clone for Held {
    fn clone(&self) -> Self {
        self.0.holds.fetch_add(1, Ordering::AcqRel);
        Self(Arc::clone(&self.0))
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.0.holds.fetch_sub(1, Ordering::AcqRel);
    }
}

impl Deref for Held {
    type Target = Entry;

    fn deref(&self) -> &Entry {
        &self.0
    }
}

impl std::fmt::Debug for Held {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}
