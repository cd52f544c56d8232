//! One version of one object on the disk.

use std::fs::{File, FileTimes};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError, Weak};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use bootwire::file::{OpenFile, PartialFile};

use super::Cached;
use super::chunks::Sum;
use super::filler::Filler;
use super::key::Key;
use super::sidecar;
use super::stamp::Stamp;
use crate::origin::Version;

/// How long a file is kept open before it is opened again: its name may be gone, or lead to
/// another file.
const KEEP_OPEN: Duration = Duration::from_secs(30);
/// How long a file is served before its name is looked at again: somebody may have written to it.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// How often the time of the last use is written to the disk, at most.
const NOTE_USE_EVERY: Duration = Duration::from_secs(60);

/// One version of one object on the disk: where its bytes are, and which of them.
///
/// It holds no descriptor by itself; the files are opened when somebody reads.
pub(crate) struct Entry {
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
    times: Times,
    /// How many are about to open it.
    holders: AtomicUsize,
    /// Whether machines keep the version they began with.
    for_boots: AtomicBool,
    state: Mutex<State>,
}

/// Milliseconds since 1970.
struct Times {
    /// When the origin last said that this is the current version.
    checked: AtomicU64,
    used: AtomicU64,
    /// When the use was last written to the disk.
    noted: AtomicU64,
    /// When it became the current version, and when it ceased to be; `u64::MAX` if it has not.
    since: u64,
    until: AtomicU64,
}

struct State {
    chunks: Box<[Chunk]>,
    /// Removed from the cache: its files are gone, or about to be.
    gone: bool,
    filler: Weak<Filler>,
    /// Kept open for the next who asks, once it is complete.
    kept: Option<KeptOpen>,
    /// The file as this process left it or checked it.
    stamp: Option<Stamp>,
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
    /// Written by an earlier process. True if the sum is.
    Claimed(Sum),
    /// Written or checked by this process: good while the file is as it was left.
    Here(Sum),
}

/// An entry open for reading.
pub(crate) enum Opened {
    /// All of it is here: a file like any other.
    Whole(Arc<OpenFile>),
    /// The rest comes as it is read.
    Filling(Arc<PartialFile>),
}

pub(crate) fn now() -> u64 {
    millis(SystemTime::now())
}

pub(crate) fn millis(time: SystemTime) -> u64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// What an entry is made of.
pub(crate) struct Description {
    pub(crate) key: Key,
    pub(crate) version: Version,
    pub(crate) size: u64,
    pub(crate) id: u64,
    pub(crate) whole: bool,
    pub(crate) data: PathBuf,
    pub(crate) meta: PathBuf,
    pub(crate) chunks: Vec<Chunk>,
    pub(crate) checked: u64,
    pub(crate) used: u64,
    pub(crate) since: u64,
    /// The file, if what is said of its chunks is known to be true.
    pub(crate) stamp: Option<Stamp>,
}

impl Entry {
    pub(crate) fn new(description: Description) -> Arc<Self> {
        let Description {
            key,
            version,
            size,
            id,
            whole,
            data,
            meta,
            chunks,
            checked,
            used,
            since,
            stamp,
        } = description;
        Arc::new(Self {
            key,
            version,
            size,
            id,
            whole,
            data,
            meta,
            times: Times {
                checked: AtomicU64::new(checked),
                used: AtomicU64::new(used),
                noted: AtomicU64::new(used),
                since,
                until: AtomicU64::new(u64::MAX),
            },
            holders: AtomicUsize::new(0),
            for_boots: AtomicBool::new(false),
            state: Mutex::new(State {
                chunks: chunks.into(),
                gone: false,
                filler: Weak::new(),
                kept: None,
                stamp,
            }),
        })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// When the origin last said that this is the current version.
    pub(crate) fn checked(&self) -> u64 {
        self.times.checked.load(Ordering::Relaxed)
    }

    /// The origin just said so, and the disk will hear of it soon.
    pub(crate) fn check_now(&self) {
        self.times.checked.store(now(), Ordering::Relaxed);
    }

    /// The origin just said so. Blocks on the disk.
    pub(crate) fn check(&self) {
        self.check_now();
        // For the next start; without it the object is only asked for sooner.
        let times = FileTimes::new().set_modified(SystemTime::now());
        let _ = File::options()
            .append(true)
            .open(&self.meta)
            .and_then(|file| file.set_times(times));
    }

    pub(crate) fn used(&self) -> u64 {
        self.times.used.load(Ordering::Relaxed)
    }

    /// Somebody reads it.
    pub(crate) fn touch(&self) {
        self.times.used.store(now(), Ordering::Relaxed);
    }

    /// Writes the time of the last use to the disk, if that is due.
    fn note_use(&self) {
        let used = self.used();
        let noted = self.times.noted.load(Ordering::Relaxed);
        if used.saturating_sub(noted) < NOTE_USE_EVERY.as_millis() as u64 {
            return;
        }
        self.times.noted.store(used, Ordering::Relaxed);
        let times = FileTimes::new().set_accessed(SystemTime::now());
        // It only decides who goes first when space is needed after a restart.
        let _ = File::open(&self.data).and_then(|file| file.set_times(times));
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
    pub(crate) fn replaced(&self) {
        self.times.until.fetch_min(now(), Ordering::Relaxed);
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

    /// Chunk `index` was checked and is what the sidecar says, in the file as `stamp` has it.
    pub(crate) fn confirmed(&self, index: usize, sum: Sum, stamp: Stamp) {
        let mut state = self.lock();
        state.stamp = Some(stamp);
        if let Some(chunk) = state.chunks.get_mut(index) {
            *chunk = Chunk::Here(sum);
        }
    }

    /// Chunk `index` was written to `file`. Tells the sidecar; blocks on the disk.
    pub(crate) fn written(&self, index: usize, sum: Sum, file: &File) -> io::Result<()> {
        let stamp = Stamp::of(&file.metadata()?);
        self.confirmed(index, sum, stamp);
        sidecar::append(&self.meta, index, sum)
    }

    /// Chunk `index` is not what it should be.
    pub(crate) fn spoiled(&self, index: usize) {
        if let Some(chunk) = self.lock().chunks.get_mut(index) {
            *chunk = Chunk::Missing;
        }
    }

    pub(crate) fn is_complete(&self) -> bool {
        self.lock().is_complete()
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

    pub(super) fn hold(&self) {
        self.holders.fetch_add(1, Ordering::AcqRel);
    }

    pub(super) fn let_go(&self) {
        self.holders.fetch_sub(1, Ordering::AcqRel);
    }

    /// The whole file if it is open, without waiting for anything.
    pub(crate) fn at_hand(&self) -> Option<Arc<OpenFile>> {
        match self.state.try_lock() {
            Ok(state) if !state.gone => state.at_hand(),
            Ok(_) | Err(TryLockError::WouldBlock) => None,
            Err(TryLockError::Poisoned(_)) => None,
        }
    }

    /// Opens it for reading; what is missing will come from `source`. `None` if it is not in the
    /// cache any more. Blocks on the disk; must be called within a tokio runtime.
    pub(crate) fn open(self: &Arc<Self>, source: &Cached) -> io::Result<Option<Opened>> {
        self.touch();
        self.note_use();
        let mut state = self.lock();
        if state.gone {
            return Ok(None);
        }
        if let Some(kept) = state.at_hand() {
            return Ok(Some(Opened::Whole(kept)));
        }
        if state.filler.strong_count() == 0 {
            state.look(&self.data)?;
        }
        if state.is_complete() {
            if let Some(kept) = state.at_hand() {
                return Ok(Some(Opened::Whole(kept)));
            }
            let file = File::open(&self.data)?;
            if file.metadata()?.len() != self.size {
                return Err(io::Error::other("the file in the cache has another size"));
            }
            let file = OpenFile::new(file)?;
            state.kept = Some(KeptOpen {
                file: Arc::clone(&file),
                opened: Instant::now(),
                looked: Instant::now(),
            });
            return Ok(Some(Opened::Whole(file)));
        }
        let filler = match state.filler.upgrade() {
            Some(filler) => filler,
            None => {
                let filler = Filler::new(self, source, &state.chunks)?;
                state.filler = Arc::downgrade(&filler);
                filler
            }
        };
        drop(state);
        Ok(Some(Opened::Filling(filler.content()?)))
    }

    /// The filler that is at work, or a new one. `None` if it is not in the cache any more.
    pub(crate) fn filler(self: &Arc<Self>, source: &Cached) -> io::Result<Option<Arc<Filler>>> {
        let mut state = self.lock();
        if state.gone {
            return Ok(None);
        }
        if let Some(filler) = state.filler.upgrade() {
            return Ok(Some(filler));
        }
        state.look(&self.data)?;
        let filler = Filler::new(self, source, &state.chunks)?;
        state.filler = Arc::downgrade(&filler);
        Ok(Some(filler))
    }

    /// Lets go of the open file.
    pub(crate) fn close(&self) {
        self.lock().kept = None;
    }

    /// Takes it out of use for good, unless it is being opened, read or filled. Whoever holds it
    /// finds it gone. Waits for no disk: the caller holds the index.
    pub(crate) fn retire(&self) -> bool {
        let Ok(mut state) = self.state.try_lock() else {
            return false;
        };
        let read = state.kept.as_ref();
        let read = read.is_some_and(|kept| Arc::strong_count(&kept.file) > 1);
        let held = self.holders.load(Ordering::Acquire) > 0;
        if read || held || state.filler.strong_count() > 0 {
            return false;
        }
        state.gone = true;
        state.kept = None;
        true
    }

    /// Takes it out of use whoever reads it: its files are not what they should be.
    pub(crate) fn condemn(&self) {
        let mut state = self.lock();
        state.gone = true;
        state.kept = None;
    }

    /// Whether it was taken out of use.
    pub(crate) fn is_gone(&self) -> bool {
        self.lock().gone
    }
}

impl State {
    /// The open file, unless it is time to look at its name or to open it again.
    fn at_hand(&self) -> Option<Arc<OpenFile>> {
        let kept = self.kept.as_ref()?;
        let known = kept.looked.elapsed() < LOOK_EVERY && kept.opened.elapsed() < KEEP_OPEN;
        known.then(|| Arc::clone(&kept.file))
    }

    fn is_complete(&self) -> bool {
        let mut chunks = self.chunks.iter();
        chunks.all(|chunk| matches!(chunk, Chunk::Here(_)))
    }

    /// Looks whether the file is as it was left. If not, its chunks are only what they claim to be.
    /// Blocks on the disk.
    fn look(&mut self, data: &Path) -> io::Result<()> {
        let Some(stamp) = self.stamp else {
            return Ok(());
        };
        if Stamp::of(&std::fs::metadata(data)?) == stamp {
            if let Some(kept) = &mut self.kept {
                kept.looked = Instant::now();
            }
            return Ok(());
        }
        self.stamp = None;
        self.kept = None;
        for chunk in &mut self.chunks {
            if let Chunk::Here(sum) = *chunk {
                *chunk = Chunk::Claimed(sum);
            }
        }
        Ok(())
    }
}

impl std::fmt::Debug for Entry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Entry")
            .field("object", &self.key.object)
            .field("version", &self.version)
            .field("size", &self.size)
            .finish_non_exhaustive()
    }
}
