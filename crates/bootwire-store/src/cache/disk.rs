//! The cache directory: what is in it, and room for more.
//!
//! ```text
//! <dir>/lock                                one process at a time
//! <dir>/salt                                the key of hashes, see `salt`
//! <dir>/objects/<origin>/<object>-<id>.data  the bytes, missing chunks as holes
//! <dir>/objects/<origin>/<object>-<id>.meta  what they are, see `sidecar`
//! <dir>/incoming/                           objects of unknown size on their way
//! ```

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use super::amount::Amount;
use super::chunks::{self, Sum};
use super::entry::{Chunk, Description, Entry, now};
use super::held::Held;
use super::index::{Index, Need, footprint, scan, unlink_files};
use super::key::Key;
use super::pin::Pins;
use super::place::{Look, Place};
use super::private;
use super::salt::Salt;
use super::sidecar::{self, Header};
use super::stamp::Stamp;
use super::storage::{Files, Storage};
use super::{CacheEvent, Observer};
use crate::origin::Version;

/// Bytes of the cache that are given up when the disk is full before the cache is.
const RELIEF: u64 = 64 << 20;

/// Whether the disk, or what we may have of it, is full.
pub(crate) fn is_full(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded
    )
}

/// The cache directory.
pub(crate) struct Disk {
    place: Place,
    /// Boots that still need versions which are not current any more.
    pins: Arc<Pins>,
    max: u64,
    index: Mutex<Index>,
    spools: AtomicU64,
    evicted: AtomicU64,
    storage: Arc<dyn Storage>,
    salt: Salt,
    /// How often room was made on a full disk.
    reliefs: AtomicU64,
    /// Held while room is made on a full disk, so that all who met the same full disk try again.
    relieving: Mutex<()>,
    observer: OnceLock<Observer>,
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

/// Room for something that is not there yet. Given back when dropped.
pub(crate) struct Room {
    disk: Arc<Disk>,
    bytes: u64,
}

impl Drop for Room {
    fn drop(&mut self) {
        let mut index = self.disk.lock();
        index.taken -= self.bytes;
        index.promised -= self.bytes;
    }
}

impl Disk {
    /// Opens a cache directory, made if need be, and looks what is in it. Blocks on the disk.
    pub(crate) fn open(dir: &Path, max: u64) -> io::Result<Arc<Self>> {
        Self::open_on(dir, max, Arc::new(Files))
    }

    /// As [`Disk::open`]; objects are written through `storage`.
    pub(crate) fn open_on(
        dir: &Path,
        max: u64,
        storage: Arc<dyn Storage>,
    ) -> io::Result<Arc<Self>> {
        let (place, salt) = Place::open(dir)?;
        let index = scan(&place.objects)?;
        let disk = Arc::new(Self {
            place,
            pins: Arc::default(),
            max,
            index: Mutex::new(index),
            spools: AtomicU64::new(0),
            evicted: AtomicU64::new(0),
            storage,
            salt,
            reliefs: AtomicU64::new(0),
            relieving: Mutex::default(),
            observer: OnceLock::new(),
        });
        // The bound may be lower than last time.
        drop(disk.room(0));
        Ok(disk)
    }

    fn lock(&self) -> MutexGuard<'_, Index> {
        self.index.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Bytes of the current versions of all objects.
    pub(crate) fn current_bytes(&self) -> u64 {
        let index = self.lock();
        let sizes = index.current.values().map(|entry| footprint(entry.size));
        sizes.sum()
    }

    /// Bytes taken, and objects removed to make room.
    pub(crate) fn figures(&self) -> (u64, u64, usize) {
        let index = self.lock();
        let evicted = self.evicted.load(Ordering::Relaxed);
        (index.taken, evicted, index.entries.len())
    }

    /// The current version of an object.
    pub(crate) fn current(&self, key: &Key) -> Option<Held> {
        self.lock().current.get(key).map(Held::new)
    }

    /// All versions.
    #[cfg(test)]
    pub(crate) fn all(&self) -> Vec<Arc<Entry>> {
        self.lock().entries.values().cloned().collect()
    }

    /// The version with this number.
    pub(crate) fn entry(&self, id: u64) -> Option<Held> {
        self.lock().entries.get(&id).map(Held::new)
    }

    /// The version of an object that was current at `time`, if it is still here; what an origin
    /// says is believed for `ttl` milliseconds.
    pub(crate) fn current_at(&self, key: &Key, time: u64, ttl: u64) -> Option<Held> {
        let index = self.lock();
        if let Some(current) = index.current.get(key)
            && current.was_current(time, ttl)
        {
            return Some(Held::new(current));
        }
        let mut entries = index.entries.values();
        entries
            .find(|entry| entry.key == *key && entry.was_current(time, ttl))
            .map(Held::new)
    }

    /// Makes `entry` the current version.
    pub(crate) fn set_current(&self, entry: &Arc<Entry>) {
        let mut index = self.lock();
        if !index.entries.contains_key(&entry.id) {
            return;
        }
        entry.reinstated();
        let old = index.current.insert(entry.key.clone(), Arc::clone(entry));
        if let Some(old) = old
            && old.id != entry.id
        {
            old.replaced();
        }
    }

    /// The object is no more, or its version is not known: what is here stays for those who hold
    /// on to it.
    pub(crate) fn unset_current(&self, key: &Key) {
        if let Some(old) = self.lock().current.remove(key) {
            old.replaced();
        }
    }

    /// Room for an object of `size` bytes, made by removing what was not read for longest. Blocks
    /// on the disk.
    pub(crate) fn room(self: &Arc<Self>, size: u64) -> Result<Room, Full> {
        let bytes = if size == 0 { 0 } else { footprint(size) };
        let mut index = self.lock();
        let target = self.max.saturating_sub(bytes);
        let removed = self.evict(&mut index, target);
        let full = if index.taken.saturating_add(bytes) > self.max {
            Some(self.full(&index, bytes))
        } else {
            index.taken += bytes;
            index.promised += bytes;
            None
        };
        drop(index);
        self.unlink_all(&removed);
        match full {
            Some(full) => Err(full),
            None => {
                let disk = Arc::clone(self);
                Ok(Room { disk, bytes })
            }
        }
    }

    /// Takes out what may go until no more than `target` bytes are taken, what was not read for
    /// longest first; what boots that are under way have read comes last.
    fn evict(&self, index: &mut Index, target: u64) -> Vec<Arc<Entry>> {
        let mut removed = Vec::new();
        if index.taken <= target {
            return removed;
        }
        let began = self.pins.oldest();
        let mut candidates: Vec<_> = index
            .entries
            .values()
            .filter_map(|entry| {
                let needed = index.need(entry, began);
                (needed != Need::Must).then(|| (needed, entry.used(), Arc::clone(entry)))
            })
            .collect();
        candidates.sort_unstable_by_key(|(needed, used, _)| (*needed, *used));
        for (_, _, entry) in candidates {
            if index.taken <= target {
                break;
            }
            if entry.retire() {
                index.remove(&entry);
                removed.push(entry);
            }
        }
        removed
    }

    fn unlink_all(&self, removed: &[Arc<Entry>]) {
        self.evicted
            .fetch_add(removed.len() as u64, Ordering::Relaxed);
        for entry in removed {
            unlink(entry);
        }
    }

    /// Why `need` bytes do not fit.
    fn full(&self, index: &Index, need: u64) -> Full {
        let began = self.pins.oldest();
        let pinned = index.entries.values();
        let pinned = pinned.filter(|entry| index.need(entry, began) == Need::Must);
        let pinned: u64 = pinned.map(|entry| footprint(entry.size)).sum();
        Full {
            need,
            max: self.max,
            read: index.taken.saturating_sub(pinned),
            pinned,
        }
    }

    /// Does what takes space, once more if the disk is full and something can go.
    fn making_room<T>(&self, make: impl Fn() -> io::Result<T>) -> io::Result<T> {
        let reliefs = self.reliefs();
        match make() {
            Err(error) if is_full(&error) && self.relieve(reliefs) => make(),
            made => made,
        }
    }

    /// What makes hashes of who may fetch.
    pub(crate) const fn salt(&self) -> &Salt {
        &self.salt
    }

    /// How objects are written.
    pub(crate) const fn storage(&self) -> &Arc<dyn Storage> {
        &self.storage
    }

    /// How often room was made on a full disk so far: to be told to [`Disk::relieve`].
    pub(crate) fn reliefs(&self) -> u64 {
        self.reliefs.load(Ordering::Acquire)
    }

    /// Removes some entries nobody reads: the disk is full, whatever the bound says. Tells whether
    /// it is worth another try: anything was removed, now or by somebody else since
    /// [`Disk::reliefs`] was `seen`. Blocks on the disk.
    pub(crate) fn relieve(&self, seen: u64) -> bool {
        let relieving = self.relieving.lock();
        let _relieving = relieving.unwrap_or_else(PoisonError::into_inner);
        if self.reliefs() != seen {
            return true;
        }
        let removed = self.remove_some();
        if removed {
            self.reliefs.fetch_add(1, Ordering::Release);
        }
        removed
    }

    fn remove_some(&self) -> bool {
        let mut index = self.lock();
        let target = index.taken.saturating_sub(RELIEF);
        let removed = self.evict(&mut index, target);
        drop(index);
        self.unlink_all(&removed);
        !removed.is_empty()
    }

    /// Notices that the directory was replaced, and goes on in the one that is there. Blocks on the
    /// disk.
    fn look(&self) -> io::Result<()> {
        match self.place.look()? {
            Look::Same => return Ok(()),
            Look::Mended => {}
            Look::Replaced => {
                let mut found = scan(&self.place.objects)?;
                let mut index = self.lock();
                found.taken += index.promised;
                found.promised = index.promised;
                let old = std::mem::replace(&mut *index, found);
                drop(index);
                for entry in old.entries.values() {
                    // Who reads it goes on.
                    entry.condemn();
                }
            }
        }
        if let Some(observer) = self.observer.get() {
            let dir = self.place.dir.clone();
            observer(&CacheEvent::Replaced { dir });
        }
        Ok(())
    }

    /// Who hears of what happens to the directory.
    pub(super) fn observed_by(&self, observer: Observer) {
        let _ = self.observer.set(observer);
    }

    /// What boots need.
    pub(crate) const fn pins(&self) -> &Arc<Pins> {
        &self.pins
    }

    /// The directory of the objects.
    pub(crate) fn objects(&self) -> &Path {
        &self.place.objects
    }

    /// A new version of an object, none of it here yet, or the same version if it is. Blocks on
    /// the disk.
    pub(crate) fn create(
        self: &Arc<Self>,
        key: &Key,
        version: &Version,
        size: u64,
        whole: bool,
    ) -> io::Result<Held> {
        self.look()?;
        let id = key.id(version, size, now());
        if let Some(entry) = self.entry(id)
            && !entry.is_gone()
        {
            return Ok(entry);
        }
        let room = self.room(size).map_err(io::Error::other)?;
        let header = Header::new(key, version, size, whole);
        let (data, meta) = self.place(key, id)?;
        let make = || {
            private::create(&data)?.set_len(size)?;
            sidecar::create(&meta, &header, &[])
        };
        self.making_room(make)
            .inspect_err(|_| unlink_files(&data, &meta))?;
        let chunks = vec![Chunk::Missing; chunks::count(size)];
        let chunks = (chunks, None);
        Ok(self.enter(room, key, version, &header, id, (data, meta), chunks))
    }

    /// A file for an object whose size is not known, and a path to it.
    pub(crate) fn spool(&self) -> io::Result<(File, PathBuf)> {
        self.look()?;
        let number = self.spools.fetch_add(1, Ordering::Relaxed);
        let path = self.place.incoming.join(number.to_string());
        let file = private::options()
            .read(true)
            .write(true)
            .create_new(true)
            .open(&path)?;
        Ok((file, path))
    }

    /// Makes an entry of a spooled file that is complete. Blocks on the disk.
    pub(crate) fn adopt(
        self: &Arc<Self>,
        key: &Key,
        version: &Version,
        size: u64,
        sums: &[(usize, Sum)],
        (spool, room): (&Path, Room),
    ) -> io::Result<Held> {
        let id = key.id(version, size, now());
        if let Some(entry) = self.entry(id)
            && !entry.is_gone()
            && entry.is_complete()
        {
            let _ = std::fs::remove_file(spool);
            return Ok(entry);
        }
        let header = Header::new(key, version, size, true);
        let (data, meta) = self.place(key, id)?;
        let make = || {
            if spool.exists() {
                std::fs::rename(spool, &data)?;
            }
            sidecar::create(&meta, &header, sums)
        };
        self.making_room(make)
            .inspect_err(|_| unlink_files(&data, &meta))?;
        let stamp = Stamp::of(&std::fs::metadata(&data)?);
        let mut chunks = vec![Chunk::Missing; chunks::count(size)];
        for &(index, sum) in sums {
            if let Some(chunk) = chunks.get_mut(index) {
                *chunk = Chunk::Here(sum);
            }
        }
        let chunks = (chunks, Some(stamp));
        Ok(self.enter(room, key, version, &header, id, (data, meta), chunks))
    }

    fn place(&self, key: &Key, id: u64) -> io::Result<(PathBuf, PathBuf)> {
        let folder = self.place.objects.join(key.folder());
        private::make_dir(&folder)?;
        let name = key.file_name(id);
        let data = folder.join(format!("{name}.data"));
        let meta = folder.join(format!("{name}.meta"));
        Ok((data, meta))
    }

    #[expect(
        clippy::too_many_arguments,
        reason = "what an entry is made of, in the one place where it is made"
    )]
    fn enter(
        &self,
        room: Room,
        key: &Key,
        version: &Version,
        header: &Header,
        id: u64,
        (data, meta): (PathBuf, PathBuf),
        (chunks, stamp): (Vec<Chunk>, Option<Stamp>),
    ) -> Held {
        let entry = Entry::new(Description {
            key: key.clone(),
            version: version.clone(),
            size: header.size,
            id,
            whole: header.whole,
            data,
            meta,
            chunks,
            checked: now(),
            used: now(),
            since: now(),
            stamp,
        });
        let held = Held::new(&entry);
        let mut index = self.lock();
        index.entries.insert(id, entry);
        index.taken += footprint(header.size);
        drop(index);
        // Its bytes are the entry's now.
        drop(room);
        held
    }

    /// Removes an entry whose files are not what they should be, whoever reads it.
    pub(crate) fn discard(&self, entry: &Arc<Entry>) {
        entry.condemn();
        let removed = self.lock().remove(entry);
        if removed {
            unlink(entry);
        }
    }
}

/// Removes an entry's files. They may be gone already: operators purge by hand.
fn unlink(entry: &Entry) {
    unlink_files(&entry.data, &entry.meta);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cache::chunks::CHUNK;
    use crate::origin::ObjectName;

    fn key(object: &str) -> Key {
        Key {
            origin: "http://o/".into(),
            access: "".into(),
            object: ObjectName::new(object.as_bytes()).unwrap(),
        }
    }

    fn version(etag: &str) -> Version {
        Version {
            etag: Some(etag.to_owned()),
            modified: None,
        }
    }

    fn names(dir: &Path) -> Vec<String> {
        let files = std::fs::read_dir(dir.join("objects/o")).unwrap();
        let mut names: Vec<_> = files
            .map(|file| file.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn what_was_read_longest_ago_makes_room_and_the_bound_holds() {
        let dir = tempfile::tempdir().unwrap();
        let max = 3 * footprint(CHUNK);
        let disk = Disk::open(dir.path(), max).unwrap();
        let entries: Vec<_> = ["a", "b", "c"]
            .iter()
            .map(|name| {
                let made = disk.create(&key(name), &version("1"), CHUNK, false);
                Arc::clone(&made.unwrap())
            })
            .collect();
        assert_eq!(disk.figures().0, max);
        std::thread::sleep(std::time::Duration::from_millis(2));
        entries[0].touch();
        entries[2].touch();
        disk.create(&key("d"), &version("1"), 100, false).unwrap();
        assert!(entries[1].is_gone() && disk.entry(entries[1].id).is_none());
        assert!(disk.figures().0 <= max);
        assert!(!entries[1].data.exists() && !entries[1].meta.exists());
        assert_eq!(names(dir.path()).len(), 6);
        let full = disk.create(&key("e"), &version("1"), 4 * CHUNK, false);
        assert!(full.unwrap_err().to_string().contains("full"));
    }

    #[test]
    fn an_object_too_large_to_be_true_does_not_fit() {
        let dir = tempfile::tempdir().unwrap();
        let disk = Disk::open(dir.path(), 100 * CHUNK).unwrap();
        for size in [u64::MAX, u64::MAX - 4096, 1 << 60] {
            assert!(disk.create(&key("a"), &version("1"), size, false).is_err());
        }
        assert_eq!(disk.figures(), (0, 0, 0));
    }

    #[test]
    fn room_that_is_not_used_is_given_back() {
        let dir = tempfile::tempdir().unwrap();
        let disk = Disk::open(dir.path(), 10 * CHUNK).unwrap();
        let room = disk.room(8 * CHUNK).unwrap();
        assert!(disk.room(8 * CHUNK).is_err());
        drop(room);
        assert!(disk.room(8 * CHUNK).is_ok());
        assert_eq!(disk.figures().0, 0);
    }

    #[test]
    fn a_restart_finds_what_is_there_and_removes_what_makes_no_sense() {
        let dir = tempfile::tempdir().unwrap();
        let sum = Sum::of(b"x");
        {
            let disk = Disk::open(dir.path(), 100 * CHUNK).unwrap();
            let old = disk.create(&key("a"), &version("1"), CHUNK, false).unwrap();
            let entry = disk
                .create(&key("a"), &version("2"), CHUNK + 1, false)
                .unwrap();
            let file = File::open(&entry.data).unwrap();
            entry.written(1, sum, &file).unwrap();
            std::thread::sleep(std::time::Duration::from_millis(2));
            entry.check();
            let spoiled = disk.create(&key("b"), &version("1"), 5, false).unwrap();
            std::fs::write(&spoiled.meta, "nonsense").unwrap();
            let short = disk.create(&key("c"), &version("1"), 5, false).unwrap();
            std::fs::write(&short.data, "1234").unwrap();
            let orphan = disk.create(&key("d"), &version("1"), 5, false).unwrap();
            std::fs::remove_file(&orphan.meta).unwrap();
            std::fs::write(dir.path().join("objects/o/NOTES.txt"), "mine").unwrap();
            assert!(Disk::open(dir.path(), CHUNK).is_err(), "is locked");
            drop(old);
        }
        let disk = Disk::open(dir.path(), 100 * CHUNK).unwrap();
        let entry = disk.current(&key("a")).unwrap();
        assert_eq!(entry.version, version("2"));
        assert_eq!(*entry.chunks(), [Chunk::Missing, Chunk::Claimed(sum)]);
        assert_eq!(disk.figures().2, 2, "the old version is kept");
        assert_eq!(names(dir.path()).len(), 5, "and the operator's notes");
        assert!(disk.current(&key("b")).is_none());
    }

    #[test]
    fn a_lower_bound_holds_from_the_start() {
        let dir = tempfile::tempdir().unwrap();
        let disk = Disk::open(dir.path(), 100 * CHUNK).unwrap();
        for name in ["a", "b", "c"] {
            disk.create(&key(name), &version("1"), CHUNK, false)
                .unwrap();
        }
        drop(disk);
        let disk = Disk::open(dir.path(), footprint(CHUNK)).unwrap();
        assert_eq!(disk.figures().2, 1);
    }

    #[test]
    fn the_version_of_a_time_past_is_found_while_it_is_here() {
        let dir = tempfile::tempdir().unwrap();
        let disk = Disk::open(dir.path(), 100 * CHUNK).unwrap();
        let pause = || std::thread::sleep(std::time::Duration::from_millis(3));
        let first = disk.create(&key("a"), &version("1"), 5, false).unwrap();
        disk.set_current(&first);
        pause();
        let then = now();
        pause();
        assert!(
            disk.current_at(&key("a"), then, 0).is_none(),
            "the origin was not asked then"
        );
        let second = disk.create(&key("a"), &version("2"), 5, false).unwrap();
        disk.set_current(&second);
        assert_eq!(
            disk.current_at(&key("a"), then, 60_000).unwrap().id,
            first.id
        );
        assert_eq!(
            disk.current_at(&key("a"), now(), 60_000).unwrap().id,
            second.id
        );
        assert!(
            disk.current_at(&key("a"), then - 1_000_000, 60_000)
                .is_none()
        );
    }
}
