//! A disk that fills up at any byte: what is served as complete is what the origin has.

use std::collections::VecDeque;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::{Arc, Mutex, Weak};

use bootwire::BoxFuture;
use bytes::Bytes;

use super::chunks::{self, CHUNK, Sum};
use super::disk::Disk;
use super::entry::Chunk;
use super::key::Key;
use super::storage::Storage;
use super::{Cache, Cached};
use crate::origin::{Ask, Body, Content, Got, ObjectName, Origin, OriginError, Version};

/// Numbers from a seed.
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % bound
    }
}

/// A disk with room for some bytes, and some more each time the cache makes room.
struct Small {
    state: Mutex<(Dice, u64, u64)>,
    cache: Mutex<Weak<Disk>>,
    planted: bool,
}

impl Small {
    fn new(seed: u64, planted: bool) -> Arc<Self> {
        let mut dice = Dice(seed);
        let left = dice.below(CHUNK);
        Arc::new(Self {
            state: Mutex::new((dice, left, 0)),
            cache: Mutex::default(),
            planted,
        })
    }
}

impl Storage for Small {
    fn write_all_at(&self, file: &File, bytes: &[u8], at: u64) -> io::Result<()> {
        let cache = self.cache.lock().unwrap().upgrade();
        let reliefs = cache.map_or(0, |disk| disk.reliefs());
        let mut state = self.state.lock().unwrap();
        let (dice, left, seen) = &mut *state;
        if reliefs != *seen {
            *seen = reliefs;
            *left += 1 + dice.below(CHUNK);
        }
        let fits = (*left).min(bytes.len() as u64);
        *left -= fits;
        file.write_all_at(&bytes[..fits as usize], at)?;
        if fits < bytes.len() as u64 {
            return Err(io::ErrorKind::StorageFull.into());
        }
        Ok(())
    }

    fn forgets_the_tail(&self) -> bool {
        self.planted
    }
}

/// An origin in memory. It sends pieces of any length.
struct Shelf {
    /// What is sent for each name, as ranges, in one go, or without a length.
    objects: Vec<Vec<u8>>,
    dice: Mutex<Dice>,
}

impl Body for VecDeque<Bytes> {
    fn next(&mut self) -> BoxFuture<'_, Result<Option<Bytes>, OriginError>> {
        Box::pin(std::future::ready(Ok(self.pop_front())))
    }
}

impl Shelf {
    fn new(seed: u64) -> Arc<Self> {
        let mut dice = Dice(seed ^ 0x5eed);
        let mut object = |number: u64| {
            let size = CHUNK / 2 + dice.below(2 * CHUNK);
            // No zeros, and no two places alike: each piece has its number.
            let piece: Vec<u8> = (1..=255).cycle().take(60_000).collect();
            let mut content = piece.repeat((size / 60_000 + 1) as usize);
            for (at, piece) in content.chunks_mut(60_000).enumerate() {
                piece[..8].copy_from_slice(&(!(at as u64) ^ number).to_be_bytes());
            }
            content.truncate(size as usize);
            content
        };
        Arc::new(Self {
            objects: (0..4).map(&mut object).collect(),
            dice: Mutex::new(dice),
        })
    }

    fn content(&self, name: &str) -> &[u8] {
        &self.objects[name.parse::<usize>().unwrap()]
    }
}

impl Origin for Shelf {
    fn name(&self) -> &str {
        "http://shelf/"
    }

    fn get<'a>(
        &'a self,
        object: &'a ObjectName,
        ask: &'a Ask,
    ) -> BoxFuture<'a, Result<Got, OriginError>> {
        let content = self.content(object.as_str());
        let size = content.len() as u64;
        let (parts, known, sized) = match object.as_str() {
            "2" => (false, false, true),
            "3" => (false, true, false),
            _ => (true, true, true),
        };
        let range = match &ask.range {
            Some(range) if parts => range.start..range.end.min(size),
            _ => 0..size,
        };
        let mut dice = self.dice.lock().unwrap();
        let mut pieces = VecDeque::new();
        let mut at = range.start;
        while at < range.end {
            let len = (1 + dice.below(300_000)).min(range.end - at);
            pieces.push_back(Bytes::copy_from_slice(
                &content[at as usize..(at + len) as usize],
            ));
            at += len;
        }
        let got = Got::Content(Content {
            version: Version {
                etag: known.then(|| "\"1\"".to_owned()),
                modified: None,
            },
            size: sized.then_some(size),
            start: range.start,
            end: sized.then_some(range.end),
            body: Box::new(pieces),
        });
        Box::pin(std::future::ready(Ok(got)))
    }
}

/// What came of the objects of one seed.
#[derive(Debug, Default, PartialEq, Eq)]
struct Outcome {
    complete: usize,
    refused: usize,
    reliefs: u64,
    /// Chunks that are said to be here and are not what the origin has.
    wrong: usize,
}

/// Fetches all objects at once onto a disk that fills up.
async fn fetch(dir: &Path, seed: u64, planted: bool) -> Outcome {
    let (shelf, small) = (Shelf::new(seed), Small::new(seed, planted));
    let disk = Disk::open_on(dir, 10 << 30, Arc::clone(&small) as Arc<dyn Storage>).unwrap();
    *small.cache.lock().unwrap() = Arc::downgrade(&disk);
    let cache = Cache::on(Arc::clone(&disk), 1 << 20, None);
    let cached = Cached::new(Arc::clone(&shelf) as Arc<dyn Origin>, &cache);
    // What may go: holes, so that it takes no room in the test's own file system.
    let spare = 6 + Dice(seed ^ 0xabc).below(24);
    for number in 0..spare {
        let key = cached.key(&ObjectName::new(format!("spare{number}").as_bytes()).unwrap());
        let version = Version {
            etag: Some("\"0\"".to_owned()),
            modified: None,
        };
        drop(disk.create(&key, &version, 63 << 20, false).unwrap());
    }
    let names = ["0", "1", "2", "3"];
    let fetches = names.map(|name| {
        let cached = cached.clone();
        tokio::spawn(async move { cached.prefetch([name]).await.remove(0).1 })
    });
    let mut outcome = Outcome::default();
    for fetch in fetches {
        match fetch.await.unwrap() {
            Ok(_) => outcome.complete += 1,
            Err(_) => outcome.refused += 1,
        }
    }
    outcome.reliefs = disk.reliefs();
    for name in names {
        let key = cached.key(&ObjectName::new(name.as_bytes()).unwrap());
        outcome.wrong += wrong(&cached, &key, shelf.content(name));
    }
    outcome
}

/// Chunks that the next process would take for good and that are not what the origin has.
fn wrong_later(dir: &Path, seed: u64) -> usize {
    let (shelf, mut wrong) = (Shelf::new(seed), 0);
    let disk = Disk::open(dir, 10 << 30).unwrap();
    let entries = disk.all();
    for name in ["0", "1", "2", "3"] {
        let content = shelf.content(name);
        for entry in entries
            .iter()
            .filter(|entry| entry.key.object.as_str() == name)
        {
            for (index, chunk) in entry.chunks().iter().enumerate() {
                let range = chunks::range(index, entry.size);
                let part = &content[range.start as usize..range.end as usize];
                if let Chunk::Claimed(sum) = chunk
                    && *sum != Sum::of(part)
                {
                    wrong += 1;
                }
            }
        }
    }
    wrong
}

/// Chunks of the object that are said to be here and differ from `content`.
fn wrong(cached: &Cached, key: &Key, content: &[u8]) -> usize {
    let Some(entry) = cached.cache.disk.current(key) else {
        return 0;
    };
    let bytes = std::fs::read(&entry.data).unwrap();
    assert_eq!(bytes.len(), content.len());
    let mut wrong = 0;
    for (index, chunk) in entry.chunks().iter().enumerate() {
        let range = chunks::range(index, entry.size);
        let range = range.start as usize..range.end as usize;
        let here = matches!(chunk, Chunk::Here(_));
        wrong += usize::from(here && bytes[range.clone()] != content[range]);
    }
    wrong
}

fn run(seed: u64, planted: bool) -> Outcome {
    let dir = tempfile::tempdir().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap();
    let mut outcome = runtime.block_on(fetch(dir.path(), seed, planted));
    drop(runtime);
    outcome.wrong += wrong_later(dir.path(), seed);
    outcome
}

const SEEDS: std::ops::Range<u64> = 0..12;

#[test]
fn whatever_is_complete_is_what_the_origin_has() {
    let mut all = Outcome::default();
    for seed in SEEDS {
        let outcome = run(seed, false);
        assert_eq!(outcome.wrong, 0, "seed {seed}: {outcome:?}");
        all.complete += outcome.complete;
        all.refused += outcome.refused;
        all.reliefs += outcome.reliefs;
    }
    // The disk was full, and that was not the end.
    assert!(all.reliefs >= 3 * SEEDS.end, "{all:?}");
    assert!(all.complete > all.refused && all.refused > 0, "{all:?}");
}

/// The fault this is here to find: bytes that came and could not be written counted as written.
#[test]
fn a_tail_that_is_forgotten_is_found() {
    // Which chunk meets the full disk is for the threads to say.
    assert!((0..500).any(|seed| run(seed, true).wrong > 0));
}

/// Several chunks meet a full disk at once, and one of them makes room: all go on.
#[test]
fn room_that_one_has_made_is_there_for_all() {
    let dir = tempfile::tempdir().unwrap();
    let disk = Disk::open(dir.path(), 10 << 30).unwrap();
    let key = Key {
        origin: "http://o/".into(),
        access: "".into(),
        object: ObjectName::new(b"spare").unwrap(),
    };
    drop(
        disk.create(&key, &Version::default(), CHUNK, false)
            .unwrap(),
    );
    let seen = disk.reliefs();
    assert!(disk.relieve(seen), "the first has made room");
    assert!(disk.relieve(seen), "the second met the same full disk");
    assert!(!disk.relieve(disk.reliefs()), "nothing more can go");
}
