//! What the record is told of an answer from the cache.

use bootwire::{CacheUse, Refusal, Reply};

use super::entry::Held;
use super::memory::Small;
use super::opened::Opened;
use crate::origin::Version;

/// What the record calls it.
pub(super) const KIND: &str = "origin";

/// A reply with all of its content in the cache, whatever it was before.
pub(super) fn here(reply: Reply, version: &Version, cache: CacheUse) -> Reply {
    let reply = reply.answered_by(KIND).cache(cache);
    match version.etag.as_deref().or(version.modified.as_deref()) {
        Some(version) => reply.version(version),
        None => reply,
    }
}

/// Why there is no reply, as it was remembered (a hit) or found out.
pub(super) fn refused(refusal: Refusal, cache: CacheUse) -> Refusal {
    refusal.answered_by(KIND).cache(cache)
}

/// What the cache knew when a request came.
pub(super) struct Before {
    /// The version in memory.
    pub(super) small: Option<u64>,
    /// When it came, in milliseconds since 1970.
    pub(super) began: u64,
    /// Whether it was remembered that the object cannot be had.
    pub(super) refused: bool,
}

impl Before {
    /// How the cache served what was refused.
    pub(super) const fn refusal(&self) -> CacheUse {
        if self.refused {
            CacheUse::Hit
        } else {
            CacheUse::Miss
        }
    }

    /// The reply for what was opened.
    pub(super) fn reply(&self, opened: Opened) -> Reply {
        let (version, cache) = match &opened {
            Opened::Small(small) => (small.version.clone(), self.of_small(small)),
            Opened::Whole(held, _) => (
                held.about.version.clone(),
                self.of_stored(held, CacheUse::Hit),
            ),
            Opened::Filling(filler, _) => {
                let held = &filler.entry;
                (
                    held.about.version.clone(),
                    self.of_stored(held, CacheUse::Partial),
                )
            }
        };
        here(Reply::from(opened), &version, cache)
    }

    fn of_small(&self, small: &Small) -> CacheUse {
        if self.small == Some(small.id) {
            CacheUse::Hit
        } else {
            CacheUse::Miss
        }
    }

    /// A version that was there before is used as `before`.
    fn of_stored(&self, held: &Held, before: CacheUse) -> CacheUse {
        if held.since() < self.began {
            before
        } else {
            CacheUse::Miss
        }
    }
}
