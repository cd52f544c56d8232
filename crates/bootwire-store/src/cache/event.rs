//! What an operator should hear of, and what can be counted.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use super::Observer;

/// Something about a cache that no single transfer's record tells. Its text is made for a log.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CacheEvent {
    /// A chunk on the disk is not what was written. It is fetched again.
    Corrupt {
        /// The file.
        file: PathBuf,
        /// The chunk's number, from 0.
        chunk: usize,
    },
    /// There is no room for an object, and nothing that may go. Told once a minute.
    Full {
        /// How much room there is, and what takes it.
        why: String,
    },
    /// The directory, or one within it, was replaced or removed while the cache was open. It goes
    /// on in the one that is there now.
    Replaced {
        /// The cache's directory.
        dir: PathBuf,
    },
    /// The disk cannot be read or written.
    DiskFailed {
        /// The file or folder.
        file: PathBuf,
        /// What the system said.
        error: String,
    },
    /// An origin did not answer, and what the cache has was sent although it may be outdated. Told
    /// once for each time the origin is asked in vain.
    Stale {
        /// The origin.
        origin: String,
        /// The object's name, percent-encoded.
        object: String,
        /// What is wrong with the origin.
        error: String,
    },
}

impl fmt::Display for CacheEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Corrupt { file, chunk } => write!(
                f,
                "chunk {chunk} of {} is corrupt, it is fetched again; look at the disk",
                file.display()
            ),
            Self::Full { why } => f.write_str(why),
            Self::Replaced { dir } => write!(
                f,
                "{} was replaced or removed while it was in use; it is used as it is now",
                dir.display()
            ),
            Self::DiskFailed { file, error } => {
                write!(f, "cannot use {} in the cache: {error}", file.display())
            }
            Self::Stale {
                origin,
                object,
                error,
            } => write!(
                f,
                "{origin}: {error}; {object} is sent from the cache without asking"
            ),
        }
    }
}

/// What happened since the cache was opened, and what it holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
#[non_exhaustive]
pub struct CacheStats {
    /// Requests answered without asking the origin.
    pub hits: u64,
    /// Requests that waited for the origin.
    pub misses: u64,
    /// Requests answered with what may be outdated.
    pub stale: u64,
    /// Times an origin was asked for something.
    pub asked: u64,
    /// Attempts that failed and were made again.
    pub retried: u64,
    /// Bytes that came from origins into the cache.
    pub fetched_bytes: u64,
    /// Bytes the objects on the disk take, those included that are still to come.
    pub disk_bytes: u64,
    /// Bytes the current versions take, those included that are still to come. Where boots are pinned
    /// to a version, old ones of all of them may stand beside these.
    pub current_bytes: u64,
    /// Versions of objects on the disk.
    pub disk_objects: u64,
    /// Versions removed from the disk to make room.
    pub evicted: u64,
    /// Bytes held in memory.
    pub memory_bytes: u64,
}

/// Counts what happens, and tells an observer what an operator should hear of.
#[derive(Default)]
pub(crate) struct Monitor {
    pub(crate) hits: Counter,
    pub(crate) misses: Counter,
    pub(crate) stale: Counter,
    pub(crate) asked: Counter,
    pub(crate) retried: Counter,
    pub(crate) fetched_bytes: Counter,
    pub(crate) evicted: Counter,
    observer: Option<Observer>,
    /// When an operator last heard that there is no room, in milliseconds since 1970.
    told_full: AtomicU64,
}

/// How often an operator hears that there is no room, at most, in milliseconds.
const FULL_EVERY: u64 = 60_000;

/// A number that grows.
#[derive(Default)]
pub(crate) struct Counter(AtomicU64);

impl Counter {
    pub(crate) fn add(&self, more: u64) {
        self.0.fetch_add(more, Ordering::Relaxed);
    }

    pub(crate) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

impl Monitor {
    /// Counts, and tells `observer`.
    pub(crate) fn told_to(observer: Option<Observer>) -> Self {
        Self {
            observer,
            ..Self::default()
        }
    }

    pub(crate) fn tell(&self, event: &CacheEvent) {
        if let Some(observer) = &self.observer {
            observer(event);
        }
    }

    /// There is no room at `now`, and `why`.
    pub(crate) fn full(&self, now: u64, why: &io::Error) {
        let last = self.told_full.load(Ordering::Relaxed);
        if now.saturating_sub(last) >= FULL_EVERY {
            self.told_full.store(now, Ordering::Relaxed);
            let why = why.to_string();
            self.tell(&CacheEvent::Full { why });
        }
    }

    /// A file or folder of the cache cannot be used.
    pub(crate) fn disk_failed(&self, file: &Path, error: &io::Error) {
        self.tell(&CacheEvent::DiskFailed {
            file: file.to_owned(),
            error: error.to_string(),
        });
    }
}
