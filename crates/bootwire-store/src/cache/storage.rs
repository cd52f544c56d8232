//! What the cache stands on: files and a clock. Tests put others beneath it.

use std::fs::{File, FileTimes, Metadata};
use std::io::{self, Read, Write};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::private;

/// The files of objects. Every call blocks on the disk. A test's disk fills up, fails, and loses
/// what was not synced.
pub(crate) trait Storage: Send + Sync + 'static {
    /// Makes a file to read and write, or empties it.
    fn create(&self, path: &Path) -> io::Result<File>;

    /// Opens a file to read it.
    fn open(&self, path: &Path) -> io::Result<File>;

    /// Opens a file to read and write it.
    fn open_to_write(&self, path: &Path) -> io::Result<File>;

    /// Gives a file a size; what it gains is a hole.
    fn set_len(&self, file: &File, size: u64) -> io::Result<()>;

    /// Writes all of `bytes`, or fails with some of them written.
    fn write_all_at(&self, file: &File, bytes: &[u8], at: u64) -> io::Result<()>;

    /// Fills `bytes` from a file, or fails.
    fn read_exact_at(&self, file: &File, bytes: &mut [u8], at: u64) -> io::Result<()>;

    /// What an open file is.
    fn stat(&self, file: &File) -> io::Result<Stat>;

    /// What the file with this name is.
    fn stat_at(&self, path: &Path) -> io::Result<Stat>;

    /// Makes a file that holds `text`, or puts it in its place.
    fn write_text(&self, path: &Path, text: &[u8]) -> io::Result<()>;

    /// Adds to the end of a file that is there.
    fn append(&self, path: &Path, text: &[u8]) -> io::Result<()>;

    /// The first `max` bytes of a file.
    fn read_text(&self, path: &Path, max: u64) -> io::Result<Vec<u8>>;

    /// Notes when a file was last read, in milliseconds since 1970.
    fn note_read(&self, path: &Path, when: u64) -> io::Result<()>;

    /// Notes when a file was last written, or confirmed, in milliseconds since 1970.
    fn note_written(&self, path: &Path, when: u64) -> io::Result<()>;

    /// Gives a file another name, in the place of what has that name.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;

    /// Takes a name away.
    fn remove(&self, path: &Path) -> io::Result<()>;

    /// Takes away a directory with all that is in it, if it is there.
    fn remove_all(&self, dir: &Path) -> io::Result<()>;

    /// What a directory holds.
    fn list(&self, dir: &Path) -> io::Result<Vec<PathBuf>>;

    /// Makes a directory, and those above it, unless it is there.
    fn make_dir(&self, dir: &Path) -> io::Result<()>;

    /// How long work on the disk takes, before it is done and after: it is then run in place, in
    /// virtual time. `None` for a disk that threads wait for.
    #[cfg(test)]
    fn delay(&self) -> Option<[Duration; 2]> {
        None
    }

    /// Whether a test has planted this fault in the cache.
    #[cfg(test)]
    fn planted(&self, _fault: super::fault::Fault) -> bool {
        false
    }
}

/// What is known of a file without reading it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stat {
    pub(crate) size: u64,
    pub(crate) stamp: Stamp,
    /// Milliseconds since 1970.
    pub(crate) modified: u64,
    pub(crate) accessed: u64,
}

/// What changes when somebody writes to a file or puts another in its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stamp {
    pub(crate) device: u64,
    pub(crate) inode: u64,
    pub(crate) size: u64,
    pub(crate) modified: (i64, i64),
}

impl Stat {
    fn of(metadata: &Metadata) -> io::Result<Self> {
        let stamp = Stamp {
            device: metadata.dev(),
            inode: metadata.ino(),
            size: metadata.size(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
        };
        Ok(Self {
            size: metadata.size(),
            stamp,
            modified: millis(metadata.modified()?),
            accessed: millis(metadata.accessed()?),
        })
    }
}

fn since_1970(time: SystemTime) -> Duration {
    time.duration_since(UNIX_EPOCH).unwrap_or_default()
}

fn millis(time: SystemTime) -> u64 {
    u64::try_from(since_1970(time).as_millis()).unwrap_or(u64::MAX)
}

fn time(millis: u64) -> SystemTime {
    let since = UNIX_EPOCH.checked_add(Duration::from_millis(millis));
    since.unwrap_or(UNIX_EPOCH)
}

/// The file system.
pub(crate) struct Files;

impl Storage for Files {
    fn create(&self, path: &Path) -> io::Result<File> {
        private::create(path)
    }

    fn open(&self, path: &Path) -> io::Result<File> {
        File::open(path)
    }

    fn open_to_write(&self, path: &Path) -> io::Result<File> {
        File::options().read(true).write(true).open(path)
    }

    fn set_len(&self, file: &File, size: u64) -> io::Result<()> {
        file.set_len(size)
    }

    fn write_all_at(&self, file: &File, bytes: &[u8], at: u64) -> io::Result<()> {
        file.write_all_at(bytes, at)
    }

    fn read_exact_at(&self, file: &File, bytes: &mut [u8], at: u64) -> io::Result<()> {
        file.read_exact_at(bytes, at)
    }

    fn stat(&self, file: &File) -> io::Result<Stat> {
        Stat::of(&file.metadata()?)
    }

    fn stat_at(&self, path: &Path) -> io::Result<Stat> {
        Stat::of(&std::fs::metadata(path)?)
    }

    fn write_text(&self, path: &Path, text: &[u8]) -> io::Result<()> {
        private::create(path)?.write_all(text)
    }

    fn append(&self, path: &Path, text: &[u8]) -> io::Result<()> {
        // Not created anew: a sidecar without its first line says nothing.
        File::options().append(true).open(path)?.write_all(text)
    }

    fn read_text(&self, path: &Path, max: u64) -> io::Result<Vec<u8>> {
        let mut text = Vec::new();
        File::open(path)?.take(max).read_to_end(&mut text)?;
        Ok(text)
    }

    fn note_read(&self, path: &Path, when: u64) -> io::Result<()> {
        File::open(path)?.set_times(FileTimes::new().set_accessed(time(when)))
    }

    fn note_written(&self, path: &Path, when: u64) -> io::Result<()> {
        let file = File::options().append(true).open(path)?;
        file.set_times(FileTimes::new().set_modified(time(when)))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        std::fs::rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        std::fs::remove_file(path)
    }

    fn remove_all(&self, dir: &Path) -> io::Result<()> {
        match std::fs::remove_dir_all(dir) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<PathBuf>> {
        let entries = std::fs::read_dir(dir)?;
        entries.map(|entry| Ok(entry?.path())).collect()
    }

    fn make_dir(&self, dir: &Path) -> io::Result<()> {
        private::make_dir(dir)
    }
}

/// What time it is.
pub(crate) trait Clock: Send + Sync + 'static {
    /// Nanoseconds since 1970.
    fn nanos(&self) -> u64;

    /// Milliseconds since 1970.
    fn now(&self) -> u64 {
        self.nanos() / 1_000_000
    }
}

/// The system's clock.
pub(crate) struct SystemClock;

impl Clock for SystemClock {
    fn nanos(&self) -> u64 {
        u64::try_from(since_1970(SystemTime::now()).as_nanos()).unwrap_or(u64::MAX)
    }
}
