//! The cache directory: what is in it, and room for more. It knows no origin.
//!
//! ```text
//! <dir>/lock                                one process at a time
//! <dir>/salt                                the key of hashes, see `salt`
//! <dir>/objects/<origin>/<object>-<id>.data  the bytes, missing chunks as holes
//! <dir>/objects/<origin>/<object>-<id>.meta  what they are, see `sidecar`
//! <dir>/incoming/                           objects of unknown size on their way
//! ```

mod room;

use std::collections::VecDeque;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use bootwire::Refusal;
use bootwire::file::OpenFile;
use rustix::io::Errno;

pub(crate) use self::room::{Full, Room};
use super::CacheEvent;
use super::chunks::{self, Sum};
use super::data::{Data, Left};
use super::entry::{About, Chunk, Entry, Held, Times};
use super::event::Monitor;
use super::fault::{Fault, is_planted};
use super::index::Index;
use super::key::Key;
use super::pin::Pins;
use super::place::{Look, Place};
use super::salt::Salt;
use super::scan::{scan, unlink};
use super::sidecar::{self, Header};
use super::storage::{Clock, Storage};
use crate::blocking::Blocking;
use crate::origin::Version;

/// Complete objects kept open for the next who asks.
const OPEN_MAX: usize = 256;
/// Locks that the numbers of versions are spread over.
const STRIPES: usize = 64;

/// The cache directory.
pub(crate) struct Disk {
    place: Place,
    pub(super) index: Index,
    pub(super) max: u64,
    pub(super) storage: Arc<dyn Storage>,
    clock: Arc<dyn Clock>,
    blocking: Blocking,
    salt: Salt,
    /// Boots that still need versions which are not current any more.
    pub(super) pins: Pins,
    pub(crate) monitor: Arc<Monitor>,
    spools: AtomicU64,
    /// Complete objects that are kept open, oldest first.
    open: Mutex<VecDeque<Weak<Entry>>>,
    /// Held by who evicts: each removes no more than is needed.
    pub(super) evicting: Mutex<()>,
    /// Held while files of a version are made or removed: its files have the same names each time
    /// it comes.
    files: [Mutex<()>; STRIPES],
    /// How often room was made on a full disk.
    pub(super) reliefs: AtomicU64,
    /// Held while room is made on a full disk, so that all who met the same full disk try again.
    pub(super) relieving: Mutex<()>,
}

pub(super) fn lock(mutex: &Mutex<()>) -> MutexGuard<'_, ()> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Disk {
    /// Opens a cache directory, made if need be, and looks what is in it. Blocks on the disk.
    pub(crate) fn open(
        dir: &Path,
        max: u64,
        (storage, clock): (Arc<dyn Storage>, Arc<dyn Clock>),
        monitor: Arc<Monitor>,
    ) -> io::Result<Arc<Self>> {
        let (place, salt) = Place::open(dir, &*storage)?;
        let index = scan(&*storage, &place.objects, clock.now())?;
        let disk = Arc::new(Self {
            place,
            index,
            max,
            storage,
            clock,
            blocking: Blocking::new(),
            salt,
            pins: Pins::default(),
            monitor,
            spools: AtomicU64::new(0),
            open: Mutex::default(),
            evicting: Mutex::default(),
            files: std::array::from_fn(|_| Mutex::default()),
            reliefs: AtomicU64::new(0),
            relieving: Mutex::default(),
        });
        // The bound may be lower than last time.
        disk.evict(max);
        Ok(disk)
    }

    /// Runs work that blocks on the disk. It is done even if who asked for it gives up waiting.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Refusal> {
        #[cfg(test)]
        if let Some([before, after]) = self.storage.delay() {
            let task = tokio::spawn(async move {
                tokio::time::sleep(before).await;
                let done = work();
                tokio::time::sleep(after).await;
                done
            });
            return task.await.map_err(|lost| Refusal::internal().because(lost));
        }
        self.blocking.run(move || Ok(work())).await
    }

    /// Milliseconds since 1970.
    pub(crate) fn now(&self) -> u64 {
        self.clock.now()
    }

    pub(crate) const fn clock(&self) -> &Arc<dyn Clock> {
        &self.clock
    }

    /// What is in the cache.
    pub(crate) const fn index(&self) -> &Index {
        &self.index
    }

    /// Makes `entry` the current version.
    pub(crate) fn set_current(&self, entry: &Held) {
        self.index.set_current(entry.entry(), self.now());
    }

    /// The object is no more: what is here stays for those who hold on to it.
    pub(crate) fn unset_current(&self, key: &Key) {
        self.index.unset_current(key, None, self.now());
    }

    /// The origin has another version than `entry`, if any.
    pub(crate) fn is_outdated(&self, entry: &Entry) {
        let about = &entry.about;
        self.index
            .unset_current(&about.key, Some(about.id), self.now());
    }

    /// Removes an entry and its files if `may` lets it go.
    pub(super) fn remove_if(&self, entry: &Arc<Entry>, may: impl FnOnce(&Entry) -> bool) -> bool {
        let _files = self.lock_files(entry.about.id);
        let removed = may(entry) && self.index.remove(entry);
        if removed {
            unlink(&*self.storage, &entry.about.data, &entry.about.meta);
        }
        removed
    }

    fn lock_files(&self, id: u64) -> MutexGuard<'_, ()> {
        lock(&self.files[id as usize % STRIPES])
    }

    /// Removes an entry, whoever reads it: its files are not what they should be, or somebody says
    /// so. `false` if it is gone already. Blocks on the disk.
    pub(crate) fn discard(&self, entry: &Held) -> bool {
        self.remove_if(entry.entry(), |entry| {
            entry.condemn();
            true
        })
    }

    /// What makes hashes of who may fetch.
    pub(crate) const fn salt(&self) -> &Salt {
        &self.salt
    }

    /// What the files are in.
    pub(crate) const fn storage(&self) -> &Arc<dyn Storage> {
        &self.storage
    }

    /// A file or folder cannot be used.
    pub(crate) fn failed(&self, file: &Path, error: &io::Error) -> Refusal {
        self.monitor.disk_failed(file, error);
        let detail = format_args!("the cache cannot use {}: {error}", file.display());
        Refusal::origin().because(detail)
    }

    /// The files of an entry cannot be opened: it is removed, and fetched anew by the next who
    /// asks.
    pub(crate) async fn unreadable(self: &Arc<Self>, entry: &Held, error: &io::Error) -> Refusal {
        // Unless it is only that this process has too many files open.
        let busy = matches!(
            Errno::from_io_error(error),
            Some(Errno::MFILE | Errno::NFILE | Errno::NOMEM)
        );
        if !busy {
            let (disk, entry) = (Arc::clone(self), entry.clone());
            let _ = self.run(move || disk.discard(&entry)).await;
        }
        // Operators purge by hand.
        if error.kind() == io::ErrorKind::NotFound {
            let file = entry.about.data.display();
            return Refusal::busy().because(format_args!("{file} was removed from the cache"));
        }
        self.failed(&entry.about.data, error)
    }

    /// Notices that the directory was replaced, and goes on in the one that is there. Blocks on the
    /// disk.
    fn look(&self) -> io::Result<()> {
        match self.place.look()? {
            Look::Same => return Ok(()),
            Look::Mended => {}
            Look::Replaced => {
                let found = scan(&*self.storage, &self.place.objects, self.now())?;
                self.index.replace(found);
            }
        }
        let dir = self.place.dir.clone();
        self.monitor.tell(&CacheEvent::Replaced { dir });
        Ok(())
    }

    /// What boots need.
    pub(crate) const fn pins(&self) -> &Pins {
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
        let about = self
            .look()
            .and_then(|()| self.about(key, version, size, whole))?;
        self.make(&about, None, &|| {
            let storage = &self.storage;
            storage.set_len(&storage.create(&about.data)?, size)?;
            Ok((vec![None; chunks::count(size)], Arc::default()))
        })
    }

    /// A new version of an object of at most one chunk, or the same version if it is here. Blocks
    /// on the disk.
    pub(crate) fn keep(
        self: &Arc<Self>,
        key: &Key,
        version: &Version,
        bytes: &[u8],
    ) -> io::Result<Held> {
        let size = bytes.len() as u64;
        let about = self
            .look()
            .and_then(|()| self.about(key, version, size, false))?;
        self.make(&about, None, &|| {
            let data = Data::create(&self.storage, &about.data)?;
            data.write_all_at(bytes, 0)?;
            let sums = vec![Some(Sum::of(bytes)); chunks::count(size)];
            Ok((sums, Arc::clone(data.left())))
        })
    }

    /// Makes an entry of a spooled file that is complete, its chunks' `sums` known. Blocks on the
    /// disk.
    pub(crate) fn adopt(
        self: &Arc<Self>,
        key: &Key,
        version: &Version,
        size: u64,
        sums: &[Option<Sum>],
        (spool, room): (&Spool, Room),
    ) -> io::Result<Held> {
        let about = self.about(key, version, size, true)?;
        let old = self.index.by_id(about.id);
        if let Some(old) = old.filter(|old| !old.is_complete()) {
            // Who reads it goes on.
            self.discard(&old);
        }
        self.make(&about, Some(room), &|| {
            if self.storage.stat_at(&spool.path).is_ok() {
                self.storage.rename(&spool.path, &about.data)?;
            }
            Ok((sums.to_vec(), Arc::clone(spool.data.left())))
        })
    }

    fn about(&self, key: &Key, version: &Version, size: u64, whole: bool) -> io::Result<About> {
        let id = if is_planted(&*self.storage, Fault::VersionsMixed) {
            key.id(&Version::default(), size, 0)
        } else {
            key.id(version, size, self.now())
        };
        let folder = self.place.objects.join(key.folder());
        self.storage.make_dir(&folder)?;
        let name = key.file_name(id);
        Ok(About {
            key: key.clone(),
            version: version.clone(),
            size,
            id,
            whole,
            data: folder.join(format!("{name}.data")),
            meta: folder.join(format!("{name}.meta")),
        })
    }

    /// Makes an entry, unless it is here, in `room` if that is made. `data` makes its file, and tells
    /// the sums of the chunks that are in it.
    fn make(
        self: &Arc<Self>,
        about: &About,
        room: Option<Room>,
        data: &dyn Fn() -> io::Result<Made>,
    ) -> io::Result<Held> {
        if let Some(entry) = self.index.by_id(about.id) {
            return Ok(entry);
        }
        let room = room.map_or_else(|| self.room(about.size), Ok);
        let mut room = room?;
        let header = Header::new(&about.key, &about.version, about.size, about.whole);
        self.making_room(|| {
            let _files = self.lock_files(about.id);
            // Somebody else may have been first.
            if let Some(entry) = self.index.by_id(about.id) {
                return Ok(entry);
            }
            let made = data().and_then(|(sums, left)| {
                sidecar::create(&*self.storage, &about.meta, &header, &sums)?;
                Ok((sums, left))
            });
            let (sums, left) =
                made.inspect_err(|_| unlink(&*self.storage, &about.data, &about.meta))?;
            let known = |sum: Option<Sum>| sum.map_or(Chunk::Missing, Chunk::Here);
            let known = sums.into_iter().map(known).collect();
            let times = Times::from(self.now());
            let entry = Held::first(Entry::new(about.clone(), known, times, left));
            // The room's bytes are the entry's now.
            self.index.insert(entry.entry(), room.spend());
            Ok(entry)
        })
    }

    /// A file for an object whose size is not known. Blocks on the disk.
    pub(crate) fn spool(&self) -> io::Result<Spool> {
        self.look()?;
        let number = self.spools.fetch_add(1, Ordering::Relaxed);
        let path = self.place.incoming.join(number.to_string());
        let data = Data::create(&self.storage, &path)?;
        Ok(Spool {
            data: Arc::new(data),
            path,
            storage: Arc::clone(&self.storage),
        })
    }

    /// Opens the whole file of an entry for sending; `None` if it is not complete. Blocks on the
    /// disk.
    pub(crate) fn open_whole(&self, entry: &Held) -> io::Result<Option<Arc<OpenFile>>> {
        if let Some(open) = entry.at_hand(self.now()) {
            return Ok(Some(open));
        }
        let opened = entry.open(&*self.storage, self.now())?;
        if opened.is_some() {
            self.keep_open(entry);
        }
        Ok(opened)
    }

    /// Keeps an object open, and closes the one that was kept for longest if there are too many.
    fn keep_open(&self, entry: &Held) {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.push_back(Arc::downgrade(entry.entry()));
        if open.len() > OPEN_MAX
            && let Some(oldest) = open.pop_front()
            && let Some(oldest) = oldest.upgrade()
        {
            oldest.close();
        }
    }

    /// Chunk `index` of `entry` was written to `data`, and this is its sum. Blocks on the disk.
    pub(crate) fn written(
        &self,
        entry: &Entry,
        index: usize,
        sum: Sum,
        data: &Data,
    ) -> io::Result<()> {
        data.if_untouched(|| entry.set_chunk(index, Chunk::Here(sum)))?;
        sidecar::append(&*self.storage, &entry.about.meta, index, sum)
    }

    /// Whether chunk `index` of `entry` is what its sum says, whoever wrote it. Blocks on the disk.
    pub(crate) fn check(
        &self,
        entry: &Entry,
        index: usize,
        expected: Sum,
        data: &Data,
    ) -> io::Result<bool> {
        let believed = is_planted(&*self.storage, Fault::SumUnchecked);
        let whole = believed || data.sum(chunks::range(index, entry.about.size))? == expected;
        if whole {
            data.if_untouched(|| entry.set_chunk(index, Chunk::Here(expected)))?;
        } else {
            entry.set_chunk(index, Chunk::Missing);
            let file = entry.about.data.clone();
            self.monitor
                .tell(&CacheEvent::Corrupt { file, chunk: index });
        }
        Ok(whole)
    }
}

/// A file that was made: the sums of the chunks that are in it, and how it was left.
type Made = (Vec<Option<Sum>>, Arc<Left>);

/// A file that grows; removed when it is given up.
pub(crate) struct Spool {
    pub(crate) data: Arc<Data>,
    pub(crate) path: PathBuf,
    storage: Arc<dyn Storage>,
}

impl Drop for Spool {
    fn drop(&mut self) {
        // Gone already if it was adopted. One name in a folder of our own: quick enough.
        let _ = self.storage.remove(&self.path);
    }
}
