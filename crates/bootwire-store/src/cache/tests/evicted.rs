//! Objects that make room for others, or are removed, at the moment they are opened. Nobody hears of
//! that.

use std::collections::HashMap;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bootwire::{BoxFuture, Refusal};
use bytes::Bytes;
use tokio::task::{block_in_place, spawn};

use super::gate::Gate;
use crate::cache::disk::Disk;
use crate::cache::fault::Fault;
use crate::cache::opened::Opened;
use crate::cache::storage::{Files, Stat, Storage, SystemClock};
use crate::cache::{Cache, Cached};
use crate::origin::{Ask, Content, Got, ObjectName, Origin, OriginError, Version};

/// Larger than what is kept in memory.
const SIZE: usize = 100_000;
/// Room for two, and not for three.
const ROOM: u64 = 5 * SIZE as u64 / 2;

/// Files, with a gate where one is opened for sending.
struct Gated {
    gate: Gate,
    step: Step,
    planted: Option<Fault>,
}

/// Where an opening is held up.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Step {
    /// Before the file is opened.
    Before,
    /// When it is, and was not looked at yet.
    Within,
}

impl Storage for Gated {
    fn open(&self, path: &Path) -> io::Result<File> {
        if self.step == Step::Before {
            self.gate.pass();
        }
        Files.open(path)
    }

    fn stat(&self, file: &File) -> io::Result<Stat> {
        if self.step == Step::Within {
            self.gate.pass();
        }
        Files.stat(file)
    }

    fn planted(&self, fault: Fault) -> bool {
        self.planted == Some(fault)
    }

    fn create(&self, path: &Path) -> io::Result<File> {
        Files.create(path)
    }

    fn open_to_write(&self, path: &Path) -> io::Result<File> {
        Files.open_to_write(path)
    }

    fn set_len(&self, file: &File, size: u64) -> io::Result<()> {
        Files.set_len(file, size)
    }

    fn write_all_at(&self, file: &File, bytes: &[u8], at: u64) -> io::Result<()> {
        Files.write_all_at(file, bytes, at)
    }

    fn read_exact_at(&self, file: &File, bytes: &mut [u8], at: u64) -> io::Result<()> {
        Files.read_exact_at(file, bytes, at)
    }

    fn stat_at(&self, path: &Path) -> io::Result<Stat> {
        Files.stat_at(path)
    }

    fn write_text(&self, path: &Path, text: &[u8]) -> io::Result<()> {
        Files.write_text(path, text)
    }

    fn append(&self, path: &Path, text: &[u8]) -> io::Result<()> {
        Files.append(path, text)
    }

    fn read_text(&self, path: &Path, max: u64) -> io::Result<Vec<u8>> {
        Files.read_text(path, max)
    }

    fn note_read(&self, path: &Path, when: u64) -> io::Result<()> {
        Files.note_read(path, when)
    }

    fn note_written(&self, path: &Path, when: u64) -> io::Result<()> {
        Files.note_written(path, when)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        Files.rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        Files.remove(path)
    }

    fn remove_all(&self, dir: &Path) -> io::Result<()> {
        Files.remove_all(dir)
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<PathBuf>> {
        Files.list(dir)
    }

    fn make_dir(&self, dir: &Path) -> io::Result<()> {
        Files.make_dir(dir)
    }
}

/// Has every object, and counts how often it is asked for each.
#[derive(Default)]
struct Counting(Mutex<HashMap<String, usize>>);

impl Counting {
    fn asked(&self, name: &str) -> usize {
        self.0.lock().unwrap().get(name).copied().unwrap_or(0)
    }
}

impl Origin for Counting {
    fn name(&self) -> &str {
        "http://counting/"
    }

    fn get<'a>(
        &'a self,
        object: &'a ObjectName,
        _ask: &'a Ask,
    ) -> BoxFuture<'a, Result<Got, OriginError>> {
        let name = object.as_str().to_owned();
        *self.0.lock().unwrap().entry(name).or_default() += 1;
        let content = Content {
            version: Version {
                etag: Some("\"1\"".to_owned()),
                modified: None,
            },
            size: Some(SIZE as u64),
            start: 0,
            end: Some(SIZE as u64),
            body: Box::new(Some(Bytes::from(vec![7; SIZE]))),
        };
        Box::pin(std::future::ready(Ok(Got::Content(content))))
    }
}

/// What happens while an object is opened.
#[derive(Clone, Copy)]
enum Meanwhile {
    /// Others are fetched, for which there is no room beside it.
    Fetch,
    /// Somebody purges it.
    Purge,
}

/// Opens an object that is in the cache, and has `meanwhile` happen at `step` of that. Answers with
/// what came of it, and how often the origin was asked for the object.
async fn opened_while(
    step: Step,
    meanwhile: Meanwhile,
    planted: Option<Fault>,
) -> (Result<Opened, Refusal>, usize) {
    let dir = tempfile::tempdir().unwrap();
    let gate = Gate::default();
    let files = Arc::new(Gated {
        gate,
        step,
        planted,
    });
    let beneath = (Arc::clone(&files) as _, Arc::new(SystemClock) as _);
    let disk = Disk::open(dir.path(), ROOM, beneath, Arc::default()).unwrap();
    let cache = Cache::on(disk, 0);
    let origin = Arc::new(Counting::default());
    let cached = Cached::new(Arc::clone(&origin) as Arc<dyn Origin>, &cache);
    // On a busy machine, too.
    let cached = cached.answer_within(Duration::from_secs(60));
    let fetch = async |name| {
        let fetched = cached.prefetch([name]).await.remove(0).1;
        assert_eq!(fetched, Ok(SIZE as u64), "{name}");
    };
    fetch("object").await;
    assert_eq!(origin.asked("object"), 1);

    files.gate.set(true);
    let opening = {
        let cached = cached.clone();
        let key = cached.source.key(&ObjectName::new(b"object").unwrap());
        spawn(async move { cached.opened(&key, None).await })
    };
    block_in_place(|| files.gate.met());
    match meanwhile {
        Meanwhile::Fetch => {
            // The first time that room is made, the object was used just now; then the others were.
            for name in ["another", "third", "fourth"] {
                fetch(name).await;
            }
            assert_eq!(cache.stats().evicted, 2, "{:?}", cache.stats());
        }
        Meanwhile::Purge => {
            let purged = cached.purge(Some("object")).await.unwrap();
            assert_eq!(purged.objects, 1);
        }
    }
    files.gate.set(false);
    let opened = opening.await.unwrap();
    (opened, origin.asked("object"))
}

/// Who has found an object keeps it from being evicted, although it was not read for longest.
#[tokio::test(flavor = "multi_thread")]
async fn an_object_is_not_evicted_while_it_is_opened() {
    let (opened, asked) = opened_while(Step::Before, Meanwhile::Fetch, None).await;
    assert!(matches!(opened, Ok(Opened::Whole(..))));
    assert_eq!(asked, 1);

    let planted = Some(Fault::HeldEvicted);
    let (_, asked) = opened_while(Step::Before, Meanwhile::Fetch, planted).await;
    assert_eq!(asked, 2, "evicted, and fetched again");
}

/// What is gone all the same is looked for again, and nobody is told to come back.
#[tokio::test(flavor = "multi_thread")]
async fn an_object_that_is_removed_while_it_is_opened_is_fetched_again() {
    for step in [Step::Before, Step::Within] {
        let (opened, asked) = opened_while(step, Meanwhile::Purge, None).await;
        assert!(opened.is_ok(), "{:?}", opened.err());
        assert_eq!(asked, 2);

        let planted = Some(Fault::OpenedOnce);
        let (opened, asked) = opened_while(step, Meanwhile::Purge, planted).await;
        let refusal = opened.err().expect("a refusal");
        assert_eq!(refusal.reason(), Refusal::busy().reason());
        assert_eq!(asked, 1);
    }
}
