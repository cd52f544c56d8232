//! What is in the cache, and finding it again after a restart.

use std::collections::HashMap;
use std::io;
use std::path::Path;
use std::sync::Arc;

use super::chunks::{self, Sum};
use super::entry::{Chunk, Description, Entry, millis};
use super::key::Key;
use super::sidecar;
use crate::origin::ObjectName;

/// Blocks of a file system, for counting.
const BLOCK: u64 = 4096;
/// Bytes of a sidecar's line, at most.
const LINE: u64 = 96;

/// Bytes an object takes in the cache, the missing ones included.
pub(super) fn footprint(size: u64) -> u64 {
    let lines = chunks::count(size) as u64 * LINE;
    size.checked_next_multiple_of(BLOCK)
        .unwrap_or(u64::MAX)
        .saturating_add((BLOCK / 2 + lines).next_multiple_of(BLOCK))
}

/// What is in the cache.
#[derive(Default)]
pub(super) struct Index {
    /// The current version of each object.
    pub(super) current: HashMap<Key, Arc<Entry>>,
    /// All versions, by number.
    pub(super) entries: HashMap<u64, Arc<Entry>>,
    /// Bytes taken, promised ones included.
    pub(super) taken: u64,
    /// Bytes promised to objects that are on their way.
    pub(super) promised: u64,
}

/// How much boots that are under way need a version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Need {
    /// Nobody does.
    Not,
    /// One may have read it: it can be fetched again for as long as it is current.
    May,
    /// It cannot be had from its origin any more, and a boot may have begun with it.
    Must,
}

impl Index {
    /// Takes an entry out; `false` if it is not in.
    pub(super) fn remove(&mut self, entry: &Arc<Entry>) -> bool {
        let held = self.entries.get(&entry.id);
        if !held.is_some_and(|held| Arc::ptr_eq(held, entry)) {
            return false;
        }
        self.entries.remove(&entry.id);
        self.taken -= footprint(entry.size);
        if let Some(current) = self.current.get(&entry.key)
            && current.id == entry.id
        {
            self.current.remove(&entry.key);
        }
        true
    }

    /// How much boots need `entry`, the oldest of which `began` then.
    pub(super) fn need(&self, entry: &Entry, began: Option<u64>) -> Need {
        let Some(began) = began.filter(|_| entry.is_for_boots()) else {
            return Need::Not;
        };
        let current = self.current.get(&entry.key);
        let current = current.is_some_and(|current| current.id == entry.id);
        match current {
            true if entry.used() >= began => Need::May,
            false if entry.was_current_after(began) => Need::Must,
            _ => Need::Not,
        }
    }

    /// Takes in what an earlier process has left.
    fn admit(&mut self, entry: Arc<Entry>) {
        self.taken += footprint(entry.size);
        let newer = self
            .current
            .get(&entry.key)
            .is_none_or(|current| current.checked() < entry.checked());
        if newer {
            if let Some(old) = self.current.insert(entry.key.clone(), Arc::clone(&entry)) {
                old.replaced();
            }
        } else {
            entry.replaced();
        }
        self.entries.insert(entry.id, entry);
    }
}

pub(super) fn unlink_files(data: &Path, meta: &Path) {
    // The data last: without its sidecar it is removed at the next start anyway.
    let _ = std::fs::remove_file(meta);
    let _ = std::fs::remove_file(data);
}

/// Looks what is in the cache. Files that make no sense are removed; what is not the cache's is
/// left alone.
pub(super) fn scan(objects: &Path) -> io::Result<Index> {
    let mut index = Index::default();
    for folder in std::fs::read_dir(objects)? {
        let folder = folder?.path();
        let Ok(files) = std::fs::read_dir(&folder) else {
            continue;
        };
        for file in files {
            let path = file?.path();
            match path.extension().and_then(|suffix| suffix.to_str()) {
                Some("meta") => match load(&path) {
                    Ok(entry) => index.admit(entry),
                    Err(_) => unlink_files(&path.with_extension("data"), &path),
                },
                Some("data") if !path.with_extension("meta").exists() => {
                    let _ = std::fs::remove_file(&path);
                }
                _ => {}
            }
        }
    }
    Ok(index)
}

/// Reads what a sidecar says of the file beside it.
fn load(meta: &Path) -> io::Result<Arc<Entry>> {
    let nonsense = || io::Error::from(io::ErrorKind::InvalidData);
    let (header, sums) = sidecar::read(meta)?;
    let stem = meta.file_stem().and_then(|stem| stem.to_str());
    let id = stem
        .and_then(|stem| stem.rsplit_once('-'))
        .ok_or_else(nonsense)?;
    let id = u64::from_str_radix(id.1, 16).map_err(|_| nonsense())?;
    let data = meta.with_extension("data");
    let metadata = std::fs::metadata(&data)?;
    let version = header.version();
    let missing = sums.iter().any(Option::is_none);
    if metadata.len() != header.size || (missing && !version.is_known()) {
        return Err(nonsense());
    }
    let claimed = |sum: Option<Sum>| sum.map_or(Chunk::Missing, Chunk::Claimed);
    Ok(Entry::new(Description {
        key: Key {
            origin: header.origin.as_str().into(),
            access: header.access.as_str().into(),
            object: ObjectName::from_encoded(&header.object),
        },
        version,
        size: header.size,
        id,
        whole: header.whole,
        chunks: sums.into_iter().map(claimed).collect(),
        checked: millis(std::fs::metadata(meta)?.modified()?),
        used: millis(metadata.accessed()?),
        since: 0,
        stamp: None,
        data,
        meta: meta.to_owned(),
    }))
}
