//! Objects of origins, kept on the disk and in memory.

mod amount;
mod cached;
mod chunks;
#[cfg(test)]
mod crowd;
mod disk;
mod entry;
mod event;
mod fetch;
mod filler;
mod flight;
#[cfg(test)]
mod full_disk;
mod held;
mod index;
mod key;
mod lookup;
mod memory;
mod pin;
mod place;
mod pour;
mod private;
mod salt;
mod share;
mod sidecar;
mod stamp;
mod storage;
mod take;

use std::collections::VecDeque;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};

pub use self::cached::Cached;
use self::disk::Disk;
use self::entry::Entry;
use self::event::Counts;
pub use self::event::{CacheEvent, CacheStats};
use self::flight::Flights;
use self::key::Key;
use self::lookup::Found;
use self::memory::Memory;
use self::pin::Pins;
use crate::blocking::Blocking;

/// Bytes on the disk, unless told otherwise.
const DISK_MAX: u64 = 20 << 30;
/// Bytes in memory, unless told otherwise.
const MEMORY_MAX: u64 = 64 << 20;
/// Complete objects kept open for the next who asks.
const OPEN_MAX: usize = 256;

type Observer = Arc<dyn Fn(&CacheEvent) + Send + Sync>;

/// A cache for the objects of any number of origins: one directory, one bound. Cheap to clone.
///
/// See [`Cached`] for what is kept how long. A directory belongs to one process at a time; the next
/// finds everything there. [`Cache::stats`] counts.
///
/// # What an operator finds in the directory
///
/// ```text
/// objects/repo.example.com_boot/vmlinuz-6.1-0a1b2c3d4e5f6789.data   the bytes; missing parts are holes
/// objects/repo.example.com_boot/vmlinuz-6.1-0a1b2c3d4e5f6789.meta   text: URL, ETag, size, a SHA-256
///                                                                  for each 4 MiB that are here
/// ```
///
/// To purge an object, stop the server and remove its files, or remove them while it runs: who
/// reads it goes on reading, and once it is closed it is fetched again.
#[derive(Clone)]
pub struct Cache {
    disk: Arc<Disk>,
    memory: Arc<Memory>,
    pins: Arc<Pins>,
    flights: Arc<Flights<Key, Found>>,
    blocking: Blocking,
    counts: Arc<Counts>,
    /// Complete objects that are kept open, oldest first.
    open: Arc<Mutex<VecDeque<Weak<Entry>>>>,
    observer: Option<Observer>,
    /// When an operator last heard that there is no room, in milliseconds since 1970.
    told_full: Arc<AtomicU64>,
}

/// How a cache should be.
pub struct CacheBuilder {
    dir: PathBuf,
    disk_max: u64,
    memory_max: u64,
    observer: Option<Observer>,
}

impl CacheBuilder {
    /// Most bytes on the disk, objects that are on their way included. What was not read for
    /// longest makes room; what is being read never does, so a cache that is too small answers
    /// "busy". Default 20 GiB.
    #[must_use]
    pub const fn max(mut self, bytes: u64) -> Self {
        self.disk_max = bytes;
        self
    }

    /// Most bytes in memory, for objects of at most 64 KiB and for what is known to be missing.
    /// Default 64 MiB.
    #[must_use]
    pub const fn memory_max(mut self, bytes: u64) -> Self {
        self.memory_max = bytes;
        self
    }

    /// Calls `observer` for what an operator should hear of. It must not block.
    #[must_use]
    pub fn observe(mut self, observer: impl Fn(&CacheEvent) + Send + Sync + 'static) -> Self {
        self.observer = Some(Arc::new(observer));
        self
    }

    /// Opens the directory, made if need be.
    ///
    /// # Errors
    /// If it cannot be read or written, or another process uses it.
    pub async fn open(self) -> io::Result<Cache> {
        let (dir, max) = (self.dir, self.disk_max);
        let opening = tokio::task::spawn_blocking(move || {
            Disk::open(&dir, max).map_err(|error| {
                io::Error::new(error.kind(), format!("cache {}: {error}", dir.display()))
            })
        });
        let disk = opening.await.map_err(io::Error::other)??;
        Ok(Cache::on(disk, self.memory_max, self.observer))
    }
}

impl std::fmt::Debug for CacheBuilder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CacheBuilder")
            .field("dir", &self.dir)
            .field("max", &self.disk_max)
            .field("memory_max", &self.memory_max)
            .finish_non_exhaustive()
    }
}

impl Cache {
    /// A cache in `dir`, to be [opened](CacheBuilder::open).
    pub fn builder(dir: impl AsRef<Path>) -> CacheBuilder {
        CacheBuilder {
            dir: dir.as_ref().to_owned(),
            disk_max: DISK_MAX,
            memory_max: MEMORY_MAX,
            observer: None,
        }
    }

    fn on(disk: Arc<Disk>, memory_max: u64, observer: Option<Observer>) -> Self {
        if let Some(observer) = &observer {
            disk.observed_by(Arc::clone(observer));
        }
        Self {
            memory: Arc::new(Memory::new(memory_max)),
            pins: Arc::clone(disk.pins()),
            disk,
            flights: Arc::default(),
            blocking: Blocking::new(),
            counts: Arc::default(),
            open: Arc::default(),
            observer,
            told_full: Arc::default(),
        }
    }

    /// What happened so far.
    #[must_use]
    pub fn stats(&self) -> CacheStats {
        let counts = &self.counts;
        let (disk_bytes, evicted, objects) = self.disk.figures();
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        CacheStats {
            hits: read(&counts.hits),
            misses: read(&counts.misses),
            stale: read(&counts.stale),
            asked: read(&counts.asked),
            retried: read(&counts.retried),
            fetched_bytes: read(&counts.fetched_bytes),
            disk_bytes,
            disk_objects: objects as u64,
            current_bytes: self.disk.current_bytes(),
            evicted,
            memory_bytes: self.memory.weight(),
        }
    }

    fn tell(&self, event: &CacheEvent) {
        if let Some(observer) = &self.observer {
            observer(event);
        }
    }

    fn count(&self, counter: impl FnOnce(&Counts) -> &AtomicU64) {
        self.add(counter, 1);
    }

    fn add(&self, counter: impl FnOnce(&Counts) -> &AtomicU64, value: u64) {
        counter(&self.counts).fetch_add(value, Ordering::Relaxed);
    }

    /// Keeps an object open, and closes the one that was kept for longest if there are too many.
    fn keep_open(&self, entry: &Arc<Entry>) {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.push_back(Arc::downgrade(entry));
        if open.len() > OPEN_MAX
            && let Some(oldest) = open.pop_front()
            && let Some(oldest) = oldest.upgrade()
        {
            oldest.close();
        }
    }
}

impl std::fmt::Debug for Cache {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Cache")
            .field("stats", &self.stats())
            .finish_non_exhaustive()
    }
}
