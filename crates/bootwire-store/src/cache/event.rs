//! What an operator should hear of, and what can be counted.

use std::fmt;
use std::path::PathBuf;
use std::sync::atomic::AtomicU64;

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
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
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
    /// Bytes the current versions take, those included that are still to come. Where boots are
    /// [pinned](crate::Cached::pin), old versions of all of them may stand beside these.
    pub current_bytes: u64,
    /// Versions of objects on the disk.
    pub disk_objects: u64,
    /// Versions removed from the disk to make room.
    pub evicted: u64,
    /// Bytes held in memory.
    pub memory_bytes: u64,
}

/// The counters behind [`CacheStats`].
#[derive(Debug, Default)]
pub(crate) struct Counts {
    pub(crate) hits: AtomicU64,
    pub(crate) misses: AtomicU64,
    pub(crate) stale: AtomicU64,
    pub(crate) asked: AtomicU64,
    pub(crate) retried: AtomicU64,
    pub(crate) fetched_bytes: AtomicU64,
}
