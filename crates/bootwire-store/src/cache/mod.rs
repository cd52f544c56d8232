//! Objects of origins, kept on the disk and in memory, in four parts.
//!
//! ```text
//!               Cached         an endpoint: which version a client gets (`find`), open for sending
//!             /    |    \
//!       Source   Fills   Disk  passive: what is here, its sums, room for more
//!         |        |       |
//!         |        |       +-- Storage, Clock: the file system and the time, or simulated ones
//!         |        +-- one question for each object, one filler for each version
//!         +-- an origin, how long it may take, how much may be on its way
//! ```
//!
//! | word | what it is |
//! |---|---|
//! | object | what an origin names; a [`Key`](key::Key) says which of which origin |
//! | version | one content of an object. [`Entry`](entry::Entry): a version on the disk, in two files; [`Small`](memory::Small): one in memory |
//! | [`Held`](entry::Held) | an entry that is not evicted while somebody has this |
//! | [`Sendable`](sendable::Sendable) | a version that can be sent: small or stored |
//! | chunk | what is fetched, summed and remembered at a time: 4 MiB |
//! | [`Data`](data::Data), [`Left`](data::Left) | a file that is open to be filled, and how this process left it, so that other writers are noticed |
//! | question | what an origin is asked about an object; who asks meanwhile waits for the same answer |
//! | [`Filler`](filler::Filler) | fetches what is missing of an entry, for all who read it |
//! | [`Intake`](intake::Intake) | makes a version of an origin's first answer |
//! | [`Paced`](paced::Paced), [`Writer`](writer::Writer) | a body that has to move, and the part of a file it goes to |
//! | [`Share`](share::Share) | a body's part of what an origin may have on its way |
//! | [`Index`](index::Index) | what is here, by name and by use; who asks never waits for who evicts |
//! | [`Room`](disk::Room) | bytes of the directory's bound, promised to what is on its way |
//! | [`Place`](place::Place) | the directory as it was opened, locked |
//! | [`Pins`](pin::Pins) | boots, and the versions they began with |

mod amount;
mod cached;
mod chunks;
mod data;
mod disk;
mod entry;
mod event;
mod fault;
mod fetch;
mod filler;
mod fills;
mod find;
mod index;
mod intake;
mod key;
mod memory;
mod opened;
mod paced;
mod pin;
mod place;
mod private;
mod purge;
mod questions;
mod said;
mod salt;
mod scan;
mod sendable;
mod share;
mod sidecar;
mod source;
mod storage;
#[cfg(test)]
mod tests;
mod writer;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

pub use self::cached::Cached;
use self::disk::Disk;
use self::event::Monitor;
pub use self::event::{CacheEvent, CacheStats};
use self::fills::Fills;
use self::memory::Memory;
pub use self::purge::Purged;
use self::storage::{Files, SystemClock};

/// Bytes on the disk, unless told otherwise.
const DISK_MAX: u64 = 20 << 30;
/// Bytes in memory, unless told otherwise.
const MEMORY_MAX: u64 = 64 << 20;

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
/// To purge an object, call [`Cached::purge`]; or remove its files, while nobody uses the directory or
/// while somebody does: who reads it goes on reading, and once it is closed it is fetched again.
#[derive(Clone)]
pub struct Cache {
    disk: Arc<Disk>,
    memory: Arc<Memory>,
    fills: Arc<Fills>,
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
        let monitor = Monitor::told_to(self.observer);
        let opening = tokio::task::spawn_blocking(move || {
            let beneath = (Arc::new(Files) as _, Arc::new(SystemClock) as _);
            Disk::open(&dir, max, beneath, Arc::new(monitor)).map_err(|error| {
                io::Error::new(error.kind(), format!("cache {}: {error}", dir.display()))
            })
        });
        let disk = opening.await.map_err(io::Error::other)??;
        Ok(Cache::on(disk, self.memory_max))
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

    fn on(disk: Arc<Disk>, memory_max: u64) -> Self {
        Self {
            disk,
            memory: Arc::new(Memory::new(memory_max)),
            fills: Arc::default(),
        }
    }

    /// What happened so far.
    #[must_use]
    pub fn stats(&self) -> CacheStats {
        let (index, monitor) = (self.disk.index(), &self.disk.monitor);
        let (disk_bytes, objects) = index.figures();
        CacheStats {
            hits: monitor.hits.get(),
            misses: monitor.misses.get(),
            stale: monitor.stale.get(),
            asked: monitor.asked.get(),
            retried: monitor.retried.get(),
            fetched_bytes: monitor.fetched_bytes.get(),
            disk_bytes,
            disk_objects: objects as u64,
            current_bytes: index.current_bytes(),
            evicted: monitor.evicted.get(),
            memory_bytes: self.memory.weight(),
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
