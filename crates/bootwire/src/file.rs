//! Files opened once and shared by every transfer that reads the same version.

use std::collections::HashMap;
use std::fs::File;
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError, Weak};

pub use crate::partial_file::{Filling, PartialFile};
pub use crate::stamp::Stamp;
pub use bootwire_io::is_local;
use bootwire_io::{MappedRange, Mapping};

use crate::Moment;
use crate::provenance::FileVersion;

/// Bytes brought into memory at a time; readers go on after each.
const STEP: u64 = 1 << 20;
/// How far ahead of its fastest reader a file is brought into memory.
pub(crate) const READ_AHEAD: u64 = 4 << 20;
/// Bytes read from a file at a time where it is not mapped.
pub(crate) const READ_PIECE: u64 = 256 << 10;

/// One version of a regular file, open for sending.
///
/// The version is the file's device, inode, size and modification time as they were when it was
/// opened. Opening the same version twice gives the same descriptor and the same mapping, however
/// many transfers read it. A file that changes under a transfer ends it with an ERROR; replacing a
/// file by `rename` leaves running transfers with the old one.
#[derive(Debug)]
pub struct OpenFile {
    file: File,
    version: Stamp,
    mapping: Option<Mapping>,
    /// Everything before this byte was brought into memory. The worker threads send nothing
    /// beyond it, so that they never wait for the disk.
    populated: AtomicU64,
    population: Mutex<Population>,
    /// The last [`Moment`] at which it was found unchanged; 0 for none.
    unchanged_at: AtomicU64,
}

/// Who brings the file into memory, and who waits for it.
#[derive(Default)]
struct Population {
    running: bool,
    wanted: u64,
    waiting: Vec<Box<dyn FnOnce(io::Result<()>) + Send>>,
}

impl std::fmt::Debug for Population {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Population")
            .field("running", &self.running)
            .field("wanted", &self.wanted)
            .finish_non_exhaustive()
    }
}

/// Files open now, by version. Entries whose file was closed are dropped as the map grows.
static OPEN: LazyLock<Mutex<HashMap<Stamp, Weak<OpenFile>>>> = LazyLock::new(Mutex::default);

impl OpenFile {
    /// Takes an open file. Blocks on the disk: call it where blocking is fine, as in
    /// `tokio::task::spawn_blocking`.
    ///
    /// # Errors
    /// `InvalidInput` if it is not a regular file, or what the kernel says.
    pub fn new(file: File) -> io::Result<Arc<Self>> {
        let metadata = file.metadata()?;
        if !metadata.is_file() {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                "not a regular file",
            ));
        }
        let version = Stamp::of(&metadata);
        let open = lock(&OPEN).get(&version).and_then(Weak::upgrade);
        if let Some(open) = open {
            return Ok(open);
        }
        let mappable = version.size() > 0 && bootwire_io::mappable(&file);
        let mapping = mappable
            .then(|| Mapping::new(&file, version.size()))
            .transpose()?;
        let open = Arc::new(Self {
            file,
            version,
            mapping,
            populated: AtomicU64::new(0),
            population: Mutex::default(),
            unchanged_at: AtomicU64::new(0),
        });
        // The first bytes are wanted at once, and small files are then here whole.
        open.populate_step(STEP)?;
        let mut files = lock(&OPEN);
        if files.len() == files.capacity() {
            files.retain(|_, file| file.strong_count() > 0);
        }
        match files.get(&version).and_then(Weak::upgrade) {
            Some(first) => Ok(first),
            None => {
                files.insert(version, Arc::downgrade(&open));
                Ok(open)
            }
        }
    }

    /// The file behind `place` if just this version of it is open already. Opens and reads
    /// nothing, so `place` may be a descriptor that cannot be read (`O_PATH`).
    ///
    /// # Errors
    /// What the kernel says when it is asked for the file's inode.
    pub fn opened(place: &File) -> io::Result<Option<Arc<Self>>> {
        let version = Stamp::of(&place.metadata()?);
        Ok(lock(&OPEN).get(&version).and_then(Weak::upgrade))
    }

    /// Size in bytes.
    #[must_use]
    pub const fn len(&self) -> u64 {
        self.version.size()
    }

    /// Whether it holds nothing.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.version.size() == 0
    }

    /// What the record calls this version.
    pub(crate) const fn version(&self) -> FileVersion {
        FileVersion {
            size: self.version.size(),
            modified: self.version.modified(),
        }
    }

    /// The descriptor.
    pub(crate) const fn file(&self) -> &File {
        &self.file
    }

    /// Whether it is mapped, so that the kernel alone reads it.
    pub(crate) const fn is_mapped(&self) -> bool {
        self.mapping.is_some()
    }

    /// Whether the file still is what it was when it was opened. Asks the file system for the
    /// inode's times, nothing else.
    pub(crate) fn unchanged(&self) -> io::Result<bool> {
        Ok(Stamp::of(&self.file.metadata()?).same_content(&self.version))
    }

    /// As [`OpenFile::unchanged`]. Asks once for all who are content with what was so at `moment`.
    pub(crate) fn unchanged_at(&self, moment: Moment) -> io::Result<bool> {
        if self.unchanged_at.load(Ordering::Relaxed) == moment.number() {
            return Ok(true);
        }
        let unchanged = self.unchanged()?;
        if unchanged {
            self.unchanged_at.store(moment.number(), Ordering::Relaxed);
        }
        Ok(unchanged)
    }

    /// Content in memory: everything before the answer may be sent without waiting for the disk.
    pub(crate) fn populated(&self) -> u64 {
        self.populated.load(Ordering::Acquire)
    }

    /// A part of the content; empty where it is not mapped.
    pub(crate) fn range(&self, range: std::ops::Range<u64>) -> Option<MappedRange<'_>> {
        self.mapping.as_ref().map(|mapping| mapping.range(range))
    }

    /// Asks that everything before `upto` be brought into memory, and calls `done` after some
    /// progress. Returns the work if nobody is at it yet: to be run where blocking is fine.
    pub(crate) fn want(
        self: &Arc<Self>,
        upto: u64,
        done: Box<dyn FnOnce(io::Result<()>) + Send>,
    ) -> Option<impl FnOnce() + Send + 'static> {
        let mut population = lock(&self.population);
        population.wanted = population.wanted.max(upto.min(self.len()));
        population.waiting.push(done);
        if population.running {
            return None;
        }
        population.running = true;
        let file = Arc::clone(self);
        Some(move || file.populate())
    }

    /// Brings the file into memory step by step until nobody wants more.
    fn populate(&self) {
        loop {
            let result = self.populate_step(self.populated() + STEP);
            let mut population = lock(&self.population);
            let failed = result.is_err();
            let finished = failed || self.populated() >= population.wanted;
            if finished {
                population.running = false;
            }
            let waiting = std::mem::take(&mut population.waiting);
            drop(population);
            for done in waiting {
                done(
                    result
                        .as_ref()
                        .map(|&()| ())
                        .map_err(|error| io::Error::new(error.kind(), error.to_string())),
                );
            }
            if finished {
                return;
            }
        }
    }

    fn populate_step(&self, upto: u64) -> io::Result<()> {
        let upto = upto.min(self.len());
        let from = self.populated();
        if let Some(mapping) = &self.mapping
            && from < upto
        {
            mapping.populate(from..upto)?;
        }
        self.populated.fetch_max(upto, Ordering::Release);
        Ok(())
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn the_same_version_is_opened_once_and_a_new_one_apart() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("kernel");
        std::fs::write(&path, vec![1; 3 << 20]).unwrap();
        let first = OpenFile::new(File::open(&path).unwrap()).unwrap();
        let second = OpenFile::new(File::open(&path).unwrap()).unwrap();
        assert!(Arc::ptr_eq(&first, &second));
        assert!(first.unchanged().unwrap());

        let next = dir.path().join("kernel.new");
        std::fs::write(&next, vec![2; 3 << 20]).unwrap();
        std::fs::rename(&next, &path).unwrap();
        let third = OpenFile::new(File::open(&path).unwrap()).unwrap();
        assert!(!Arc::ptr_eq(&first, &third));
        assert!(first.unchanged().unwrap(), "the old version is still whole");
    }

    #[test]
    fn a_file_written_in_place_is_noticed() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("config");
        std::fs::write(&path, "old").unwrap();
        let open = OpenFile::new(File::open(&path).unwrap()).unwrap();
        let mut file = std::fs::OpenOptions::new()
            .append(true)
            .open(&path)
            .unwrap();
        file.write_all(b" and more").unwrap();
        assert!(!open.unchanged().unwrap());
    }

    #[test]
    fn the_file_system_is_asked_once_for_each_moment() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("config");
        std::fs::write(&path, "old").unwrap();
        let open = OpenFile::new(File::open(&path).unwrap()).unwrap();
        let (before, after) = (Moment::now(), Moment::now());
        assert!(open.unchanged_at(before).unwrap());
        std::fs::write(&path, "newer").unwrap();
        assert!(open.unchanged_at(before).unwrap(), "so it was then");
        assert!(!open.unchanged_at(after).unwrap());
        assert!(
            !open.unchanged_at(after).unwrap(),
            "a change is not remembered"
        );
    }

    #[test]
    fn population_runs_once_and_tells_everyone() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("image");
        std::fs::write(&path, vec![7; 5 << 20]).unwrap();
        let open = OpenFile::new(File::open(&path).unwrap()).unwrap();
        assert_eq!(open.populated(), STEP);
        let (told, heard) = std::sync::mpsc::channel();
        let also_told = told.clone();
        let work = open
            .want(
                3 << 20,
                Box::new(move |result| told.send(result.is_ok()).unwrap()),
            )
            .expect("nobody was at it");
        assert!(
            open.want(
                4 << 20,
                Box::new(move |result| also_told.send(result.is_ok()).unwrap())
            )
            .is_none()
        );
        work();
        assert_eq!(heard.iter().collect::<Vec<_>>(), [true, true]);
        assert_eq!(open.populated(), 4 << 20);
    }

    #[test]
    fn directories_are_refused() {
        let dir = tempfile::tempdir().unwrap();
        let error = OpenFile::new(File::open(dir.path()).unwrap()).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
    }
}
