//! Look-ups while the disk is at work: they wait for none of it.

use std::collections::HashMap;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use super::gate::Gate;
use crate::cache::chunks::Sum;
use crate::cache::disk::Disk;
use crate::cache::key::Key;
use crate::cache::sidecar::Header;
use crate::cache::storage::{Files, Stat, Storage, SystemClock};
use crate::origin::{ObjectName, Version};

const PER_FOLDER: usize = 1000;
/// Bytes of each object: with its sidecar two blocks.
const SIZE: u64 = 4096;
const FOOTPRINT: u64 = 8192;

/// A cache directory that is there in words only, full, and stops at will.
struct Told {
    texts: HashMap<PathBuf, Vec<u8>>,
    folders: Vec<Vec<PathBuf>>,
    /// Where there is a file for the bytes of all objects.
    bytes: PathBuf,
    removed: AtomicU64,
    gate: Gate,
}

fn key(number: usize) -> Key {
    Key {
        origin: "http://o/".into(),
        access: "".into(),
        object: ObjectName::new(format!("image-{number}").as_bytes()).unwrap(),
    }
}

fn version() -> Version {
    Version {
        etag: Some("\"1\"".to_owned()),
        modified: None,
    }
}

impl Told {
    fn new(dir: &Path, objects: usize) -> Arc<Self> {
        let folders = objects / PER_FOLDER;
        let objects = dir.join("objects");
        let mut texts = HashMap::new();
        let folders = (0..folders).map(|folder| {
            let numbers = folder * PER_FOLDER..(folder + 1) * PER_FOLDER;
            let metas = numbers.map(|number| {
                let key = key(number);
                let header = Header::new(&key, &version(), SIZE, false);
                let id = key.id(&version(), SIZE, 0);
                let path = objects.join(format!("{folder}/x-{id:016x}.meta"));
                let line = serde_json::json!({"chunk": 0, "sha256": Sum::of(b"").to_string()});
                let text = format!("{}\n{line}\n", serde_json::to_string(&header).unwrap());
                texts.insert(path.clone(), text.into_bytes());
                path
            });
            metas.collect()
        });
        let folders = folders.collect();
        let bytes = dir.join("bytes");
        std::fs::write(&bytes, vec![7; SIZE as usize]).unwrap();
        Arc::new(Self {
            texts,
            folders,
            bytes,
            removed: AtomicU64::new(0),
            gate: Gate::default(),
        })
    }

    fn open(self: &Arc<Self>, dir: &Path, max: u64) -> Arc<Disk> {
        let beneath = (Arc::clone(self) as _, Arc::new(SystemClock) as _);
        Disk::open(dir, max, beneath, Arc::default()).unwrap()
    }
}

impl Storage for Told {
    fn create(&self, path: &Path) -> io::Result<File> {
        Files.open(path)
    }

    fn open(&self, _path: &Path) -> io::Result<File> {
        Files.open(&self.bytes)
    }

    fn open_to_write(&self, _path: &Path) -> io::Result<File> {
        Files.open(&self.bytes)
    }

    fn set_len(&self, _file: &File, _size: u64) -> io::Result<()> {
        Ok(())
    }

    fn write_all_at(&self, _file: &File, _bytes: &[u8], _at: u64) -> io::Result<()> {
        Ok(())
    }

    fn read_exact_at(&self, file: &File, bytes: &mut [u8], at: u64) -> io::Result<()> {
        Files.read_exact_at(file, bytes, at)
    }

    fn stat(&self, file: &File) -> io::Result<Stat> {
        Files.stat(file)
    }

    fn stat_at(&self, _path: &Path) -> io::Result<Stat> {
        Files.stat_at(&self.bytes)
    }

    fn write_text(&self, _path: &Path, _text: &[u8]) -> io::Result<()> {
        Ok(())
    }

    fn append(&self, _path: &Path, _text: &[u8]) -> io::Result<()> {
        Ok(())
    }

    fn read_text(&self, path: &Path, _max: u64) -> io::Result<Vec<u8>> {
        self.gate.pass();
        let text = self.texts.get(path).cloned();
        text.ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn note_read(&self, _path: &Path, _when: u64) -> io::Result<()> {
        Ok(())
    }

    fn note_written(&self, _path: &Path, _when: u64) -> io::Result<()> {
        Ok(())
    }

    fn rename(&self, _from: &Path, _to: &Path) -> io::Result<()> {
        Ok(())
    }

    fn remove(&self, _path: &Path) -> io::Result<()> {
        self.gate.pass();
        self.removed.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    fn remove_all(&self, _dir: &Path) -> io::Result<()> {
        Ok(())
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<PathBuf>> {
        let folder = dir.file_name().and_then(|name| name.to_str());
        match folder.and_then(|name| name.parse::<usize>().ok()) {
            Some(folder) => Ok(self.folders[folder].clone()),
            None => Ok((0..self.folders.len())
                .map(|folder| dir.join(folder.to_string()))
                .collect()),
        }
    }

    fn make_dir(&self, _dir: &Path) -> io::Result<()> {
        Ok(())
    }
}

/// Opens some objects, so that they are at hand.
fn at_hand(disk: &Disk, numbers: impl Iterator<Item = usize>) -> Vec<Key> {
    let keys: Vec<_> = numbers.map(key).collect();
    for key in &keys {
        let held = disk.index().current(key).unwrap();
        let data = held.open_to_fill(disk.storage()).unwrap();
        disk.written(&held, 0, Sum::of(b""), &data).unwrap();
        assert!(disk.open_whole(&held).unwrap().is_some());
    }
    keys
}

fn look_up(disk: &Disk, key: &Key) -> bool {
    let entry = disk.index().at_once(key);
    entry.is_some_and(|entry| entry.at_hand(disk.now()).is_some())
}

/// Whether all are at hand. On a busy machine it may be time to look at a file's name again.
fn all_at_hand(disk: &Disk, keys: &[Key]) -> bool {
    keys.iter().all(|key| {
        (0..100).any(|_| {
            let held = disk.index().current(key).unwrap();
            disk.open_whole(&held).unwrap().is_some() && look_up(disk, key)
        })
    })
}

/// The disk stands still in the middle of an eviction, and then in the middle of a scan.
#[test]
fn a_look_up_waits_for_no_eviction_and_no_scan() {
    const OBJECTS: usize = 20_000;
    const TAKEN: u64 = OBJECTS as u64 * FOOTPRINT;
    let dir = tempfile::tempdir().unwrap();
    let told = Told::new(dir.path(), OBJECTS);
    let disk = told.open(dir.path(), TAKEN);
    let (taken, objects) = disk.index().figures();
    assert_eq!((taken, objects), (TAKEN, OBJECTS));
    let keys = at_hand(&disk, OBJECTS - 100..OBJECTS);
    std::thread::scope(|scope| {
        told.gate.set(true);
        let evicting = scope.spawn(|| disk.room(1000 * FOOTPRINT).is_ok());
        told.gate.met();
        assert!(all_at_hand(&disk, &keys), "an eviction");
        assert!(!evicting.is_finished());
        told.gate.set(false);
        assert!(evicting.join().unwrap());
        assert!(disk.index().figures().0 <= TAKEN);
        assert!(told.removed.load(Ordering::Relaxed) >= 2000);
        assert!(all_at_hand(&disk, &keys), "were just used");

        // Somebody puts another directory there: what is in it is looked for.
        std::fs::remove_file(dir.path().join("lock")).unwrap();
        // It is looked at once a second.
        std::thread::sleep(Duration::from_millis(1100));
        at_hand(&disk, OBJECTS - 100..OBJECTS);
        told.gate.set(true);
        let scanning = scope.spawn(|| disk.spool().is_ok());
        told.gate.met();
        assert!(all_at_hand(&disk, &keys), "a scan");
        assert!(!scanning.is_finished());
        told.gate.set(false);
        let _ = scanning.join().unwrap();
    });
    assert_eq!(disk.index().figures().1, OBJECTS, "found anew");
}

/// How often this thread has waited for something, rather than be kept from the processor.
fn waits() -> u64 {
    let status = std::fs::read_to_string("/proc/thread-self/status").unwrap();
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"));
    line.unwrap().trim().parse().unwrap()
}

/// The processor's time of this thread. What others take from it on a machine with few cores, which
/// is milliseconds at a time, does not count; what it waits for shows in [`waits`].
fn busy() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::try_from(time).unwrap()
}

/// How long they take: run it alone, in a release build, on a machine with nothing else to do.
///
/// `cargo nextest run --release -p bootwire-store --run-ignored only slowest_look_up --no-capture`
#[test]
#[ignore = "measures time"]
fn the_slowest_look_up_takes_less_than_a_millisecond() {
    const OBJECTS: usize = 100_000;
    const TAKEN: u64 = OBJECTS as u64 * FOOTPRINT;
    let dir = tempfile::tempdir().unwrap();
    let told = Told::new(dir.path(), OBJECTS);
    let disk = told.open(dir.path(), TAKEN);
    let keys = at_hand(&disk, OBJECTS - 100..OBJECTS);
    let over = AtomicBool::new(false);
    let mut times = Vec::new();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !over.load(Ordering::Relaxed) {
                drop(told.open(&dir.path().join("other"), TAKEN));
            }
        });
        scope.spawn(|| {
            // Kept, so that each has to make room.
            let rooms = (0..80).map(|_| disk.room(1000 * FOOTPRINT));
            assert!(rooms.collect::<Result<Vec<_>, _>>().is_ok());
            over.store(true, Ordering::Relaxed);
        });
        let before = waits();
        while !over.load(Ordering::Relaxed) {
            for key in &keys {
                let begun = busy();
                look_up(&disk, key);
                times.push(busy() - begun);
            }
        }
        // Whatever a busy machine does to the times: a page that is not there may be waited for,
        // the disk's work is not.
        let waited = waits() - before;
        assert!(waited <= 10, "waited {waited} times");
    });
    times.sort();
    let of = |part: f64| times[(times.len() as f64 * part) as usize];
    let slowest = times[times.len() - 1];
    println!(
        "{} look-ups: median {:?}, 99.9 % {:?}, slowest {slowest:?}; {} files removed",
        times.len(),
        of(0.5),
        of(0.999),
        told.removed.load(Ordering::Relaxed),
    );
    assert!(slowest < Duration::from_millis(1), "{slowest:?}");
}
