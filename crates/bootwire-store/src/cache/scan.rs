//! Finding again after a restart what is in the cache directory.

use std::io;
use std::path::Path;
use std::sync::Arc;

use super::chunks::Sum;
use super::entry::{About, Chunk, Entry, Times};
use super::fault::{Fault, is_planted};
use super::index::Index;
use super::key::Key;
use super::sidecar;
use super::storage::Storage;
use crate::origin::ObjectName;

/// Removes an object's files.
pub(super) fn unlink(storage: &dyn Storage, data: &Path, meta: &Path) {
    // The data last: without its sidecar it is removed at the next start anyway.
    let _ = storage.remove(meta);
    let _ = storage.remove(data);
}

/// Looks what is in the cache. Files that make no sense are removed; what is not the cache's is
/// left alone.
pub(super) fn scan(storage: &dyn Storage, objects: &Path, now: u64) -> io::Result<Index> {
    let index = Index::default();
    for folder in storage.list(objects)? {
        let Ok(files) = storage.list(&folder) else {
            continue;
        };
        for path in files {
            match path.extension().and_then(|suffix| suffix.to_str()) {
                Some("meta") => {
                    let loaded = load(storage, &path).map(Arc::new);
                    if !loaded.is_ok_and(|entry| index.admit(&entry, now)) {
                        unlink(storage, &path.with_extension("data"), &path);
                    }
                }
                Some("data") if storage.stat_at(&path.with_extension("meta")).is_err() => {
                    let _ = storage.remove(&path);
                }
                _ => {}
            }
        }
    }
    Ok(index)
}

/// Reads what a sidecar says of the file beside it.
fn load(storage: &dyn Storage, meta: &Path) -> io::Result<Entry> {
    let nonsense = || io::Error::from(io::ErrorKind::InvalidData);
    let (header, sums) = sidecar::read(storage, meta)?;
    let stem = meta.file_stem().and_then(|stem| stem.to_str());
    let id = stem
        .and_then(|stem| stem.rsplit_once('-'))
        .ok_or_else(nonsense)?;
    let id = u64::from_str_radix(id.1, 16).map_err(|_| nonsense())?;
    let about = About {
        key: Key {
            origin: header.origin.as_str().into(),
            access: header.access.as_str().into(),
            object: ObjectName::from_encoded(&header.object),
        },
        version: header.version(),
        size: header.size,
        id,
        whole: header.whole,
        data: meta.with_extension("data"),
        meta: meta.to_owned(),
    };
    let (known, missing) = (about.version.is_known(), sums.iter().any(Option::is_none));
    // The number is made of all that a header says of a version.
    let same = !known
        || about.key.id(&about.version, about.size, 0) == id
        || is_planted(storage, Fault::HeaderBelieved);
    let found = storage.stat_at(&about.data)?;
    if found.size != about.size || (missing && !known) || !same {
        return Err(nonsense());
    }
    let claimed = |sum: Option<Sum>| sum.map_or(Chunk::Missing, Chunk::Claimed);
    let chunks = sums.into_iter().map(claimed).collect();
    let times = Times::left(storage.stat_at(meta)?.modified, found.accessed);
    Ok(Entry::new(about, chunks, times, Arc::default()))
}
