//! A disk that fills up, fails, is written to by others, and loses at a crash what was not synced.
//!
//! Names and times are kept here; the bytes are in memory files of the kernel, so that they are
//! mapped as those of real files are.

use std::collections::{BTreeMap, HashMap};
use std::fs::{File, FileTimes};
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard};
use std::time::{Duration, UNIX_EPOCH};

use rustix::fs::{MemfdFlags, memfd_create};
use tokio::time::Instant;

use super::dice::Dice;
use crate::cache::fault::Fault;
use crate::cache::storage::{Clock, Stamp, Stat};

const BLOCK: u64 = 4096;

/// What may go wrong with it.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Weather {
    /// Bytes it has room for, besides those of the bound of the cache.
    pub(super) room: Option<u64>,
    /// In how many of a thousand calls it fails.
    pub(super) failing: u64,
    /// How long a call takes at most, in milliseconds.
    pub(super) slow: u64,
}

/// See the module.
pub(super) struct SimDisk {
    state: Mutex<State>,
    pub(super) planted: Option<Fault>,
}

pub(super) struct State {
    pub(super) dice: Dice,
    pub(super) weather: Weather,
    pub(super) names: BTreeMap<PathBuf, usize>,
    pub(super) nodes: Vec<Node>,
    by_inode: HashMap<u64, usize>,
    /// What was done with names, for a crash to undo.
    pub(super) journal: Vec<Named>,
    /// Calls so far: no two writes leave the same time.
    calls: u64,
    /// The time when the process now running started.
    began: u64,
    since: Option<Instant>,
    /// How far the clock was set since, in milliseconds.
    set: i64,
}

/// A file.
pub(super) struct Node {
    pub(super) file: File,
    pub(super) size: u64,
    /// Blocks that take space.
    blocks: BTreeMap<u64, ()>,
    pub(super) linked: bool,
    modified: (i64, i64),
    /// As others see it, in milliseconds since 1970: it may be set.
    pub(super) shown: u64,
    pub(super) accessed: u64,
    /// Blocks as they were before they were last written without a sync, and the size.
    old: BTreeMap<u64, Vec<u8>>,
    old_size: Option<u64>,
}

pub(super) enum Named {
    Made(PathBuf),
    Removed(PathBuf, usize),
    Moved(PathBuf, PathBuf, Option<usize>),
}

impl State {
    fn now(&self) -> u64 {
        let passed = self.since.map_or(0, |since| since.elapsed().as_millis());
        let now = self.began + passed as u64;
        now.saturating_add_signed(self.set)
    }

    pub(super) fn fails(&mut self) -> io::Result<()> {
        if self.since.is_none() {
            return Err(io::Error::other("this process has ended"));
        }
        self.calls += 1;
        if self.weather.failing > 0 && self.dice.below(1000) < self.weather.failing {
            return Err(io::Error::from_raw_os_error(5));
        }
        Ok(())
    }

    pub(super) fn used(&self) -> u64 {
        let linked = self.nodes.iter().filter(|node| node.linked);
        linked.map(|node| node.blocks.len() as u64 * BLOCK).sum()
    }

    pub(super) fn at(&self, path: &Path) -> io::Result<usize> {
        let node = self.names.get(path).copied();
        node.ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    pub(super) fn node(&self, file: &File) -> usize {
        self.by_inode[&file.metadata().unwrap().ino()]
    }

    pub(super) fn make(&mut self, path: &Path) -> usize {
        let file = File::from(memfd_create("bootwire", MemfdFlags::CLOEXEC).unwrap());
        let number = self.nodes.len();
        self.by_inode.insert(file.metadata().unwrap().ino(), number);
        let now = self.now();
        self.nodes.push(Node {
            file,
            size: 0,
            blocks: BTreeMap::new(),
            linked: true,
            modified: (0, 0),
            shown: now,
            accessed: now,
            old: BTreeMap::new(),
            old_size: Some(0),
        });
        self.names.insert(path.to_owned(), number);
        self.journal.push(Named::Made(path.to_owned()));
        self.touch(number);
        number
    }

    pub(super) fn touch(&mut self, number: usize) {
        self.calls += 1;
        let now = self.now();
        let node = &mut self.nodes[number];
        node.modified = (now as i64, self.calls as i64);
        node.shown = now;
        // Files that are open already are told apart by it.
        let unlike = UNIX_EPOCH + Duration::from_millis(now) + Duration::from_nanos(self.calls);
        let times = FileTimes::new().set_modified(unlike);
        node.file.set_times(times).unwrap();
    }

    /// Remembers what a crash brings back.
    fn remember(&mut self, number: usize, from: u64, to: u64) {
        let node = &mut self.nodes[number];
        node.old_size.get_or_insert(node.size);
        for block in from / BLOCK..to.div_ceil(BLOCK) {
            if node.old.contains_key(&block) {
                continue;
            }
            let mut bytes = vec![0; BLOCK as usize];
            let len = node.size.saturating_sub(block * BLOCK).min(BLOCK) as usize;
            let read = node.file.read_exact_at(&mut bytes[..len], block * BLOCK);
            read.unwrap();
            node.old.insert(block, bytes);
        }
    }

    pub(super) fn set_len(&mut self, number: usize, size: u64) {
        let old = self.nodes[number].size;
        self.remember(number, size.min(old), old);
        let node = &mut self.nodes[number];
        node.file.set_len(size).unwrap();
        node.size = size;
        node.blocks.split_off(&size.div_ceil(BLOCK));
        self.touch(number);
    }

    /// Writes as much as there is room for, and tells how much that was.
    fn write(&mut self, number: usize, bytes: &[u8], at: u64) -> io::Result<usize> {
        let mut len = bytes.len() as u64;
        if let Some(room) = self.weather.room {
            let mut left = room.saturating_sub(self.used()) / BLOCK;
            for block in at / BLOCK..(at + len).div_ceil(BLOCK) {
                if self.nodes[number].blocks.contains_key(&block) {
                    continue;
                }
                if left == 0 {
                    len = (block * BLOCK).saturating_sub(at);
                    break;
                }
                left -= 1;
            }
        }
        self.remember(number, at, at + len);
        let node = &mut self.nodes[number];
        node.file.write_all_at(&bytes[..len as usize], at).unwrap();
        node.size = node.size.max(at + len);
        for block in at / BLOCK..(at + len).div_ceil(BLOCK) {
            node.blocks.insert(block, ());
        }
        self.touch(number);
        if len < bytes.len() as u64 {
            return Err(io::ErrorKind::StorageFull.into());
        }
        Ok(bytes.len())
    }

    pub(super) fn write_all(&mut self, number: usize, bytes: &[u8], at: u64) -> io::Result<()> {
        if let Err(error) = self.fails() {
            let part = self.dice.below(bytes.len() as u64 + 1) as usize;
            self.write(number, &bytes[..part], at)?;
            return Err(error);
        }
        self.write(number, bytes, at).map(drop)
    }

    pub(super) fn read(&self, number: usize) -> Vec<u8> {
        let node = &self.nodes[number];
        let mut bytes = vec![0; node.size as usize];
        node.file.read_exact_at(&mut bytes, 0).unwrap();
        bytes
    }

    pub(super) fn unlink(&mut self, path: &Path) -> io::Result<()> {
        let number = self.at(path)?;
        self.names.remove(path);
        self.nodes[number].linked = false;
        self.journal.push(Named::Removed(path.to_owned(), number));
        Ok(())
    }

    pub(super) fn stat(&self, number: usize) -> Stat {
        let node = &self.nodes[number];
        Stat {
            size: node.size,
            stamp: Stamp {
                device: 1,
                inode: number as u64,
                size: node.size,
                modified: node.modified,
            },
            modified: node.shown,
            accessed: node.accessed,
        }
    }
}

impl SimDisk {
    pub(super) fn new(dice: Dice, planted: Option<Fault>) -> Self {
        Self {
            planted,
            state: Mutex::new(State {
                dice,
                weather: Weather::default(),
                names: BTreeMap::new(),
                nodes: Vec::new(),
                by_inode: HashMap::new(),
                journal: Vec::new(),
                calls: 0,
                began: 1_800_000_000_000,
                since: None,
                set: 0,
            }),
        }
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    /// A process begins.
    pub(super) fn begin(&self) {
        self.lock().since = Some(Instant::now());
    }

    /// The process is killed: nothing it still does has an effect. `later` milliseconds pass until
    /// the next begins.
    pub(super) fn end(&self, later: u64) {
        let mut state = self.lock();
        state.began = state.now() + later;
        state.since = None;
        state.set = 0;
    }

    pub(super) fn set_weather(&self, weather: Weather) {
        self.lock().weather = weather;
    }

    /// Somebody sets the clock.
    pub(super) fn set_clock(&self, by: i64) {
        self.lock().set += by;
    }

    /// Bytes that files with a name take.
    pub(super) fn used(&self) -> u64 {
        self.lock().used()
    }

    /// The power fails: each block that was written is there or is not, and of what was done with
    /// names the end is lost.
    pub(super) fn crash(&self) {
        let mut state = self.lock();
        let lost = if state.dice.chance(50) { 0 } else { 8 };
        let kept = state.dice.below(lost + 1).min(lost);
        for _ in 0..kept {
            match state.journal.pop() {
                Some(Named::Made(path)) => {
                    if let Some(number) = state.names.remove(&path) {
                        state.nodes[number].linked = false;
                    }
                }
                Some(Named::Removed(path, number)) => {
                    state.names.insert(path, number);
                    state.nodes[number].linked = true;
                }
                Some(Named::Moved(from, to, replaced)) => {
                    if let Some(number) = state.names.remove(&to) {
                        state.names.insert(from, number);
                    }
                    if let Some(number) = replaced {
                        state.names.insert(to, number);
                        state.nodes[number].linked = true;
                    }
                }
                None => {}
            }
        }
        state.journal.clear();
        let odds = state.dice.pick(&[0, 10, 50, 90, 100]);
        for number in 0..state.nodes.len() {
            let old = std::mem::take(&mut state.nodes[number].old);
            let old_size = state.nodes[number].old_size.take();
            for (block, bytes) in old {
                let at = block * BLOCK;
                let size = state.nodes[number].size;
                if at < size && state.dice.chance(odds) {
                    let len = (size - at).min(BLOCK) as usize;
                    let file = &state.nodes[number].file;
                    file.write_all_at(&bytes[..len], at).unwrap();
                }
            }
            if let Some(size) = old_size
                && state.dice.chance(odds / 2)
            {
                state.nodes[number].file.set_len(size).unwrap();
                state.nodes[number].size = size;
            }
        }
    }

    /// Files of the cache with this suffix.
    pub(super) fn files(&self, suffix: &str) -> Vec<PathBuf> {
        let state = self.lock();
        let ours = |path: &&PathBuf| path.extension().is_some_and(|known| known == suffix);
        state.names.keys().filter(ours).cloned().collect()
    }

    /// Somebody else writes to a file, cuts it, or puts another in its place.
    pub(super) fn meddle(&self, path: &Path, dice: &mut Dice) -> &'static str {
        let mut state = self.lock();
        let Ok(number) = state.at(path) else {
            return "nothing is done to";
        };
        let size = state.nodes[number].size;
        match dice.below(8) {
            0 => {
                state.unlink(path).unwrap();
                "somebody removes"
            }
            1 => {
                state.set_len(number, dice.below(size + 1));
                "somebody cuts"
            }
            2 => {
                let (content, shown) = (state.read(number), state.nodes[number].shown);
                state.unlink(path).unwrap();
                let number = state.make(path);
                let changed: Vec<u8> = content.iter().map(|byte| byte ^ 0x55).collect();
                let _ = state.write(number, &changed, 0);
                state.nodes[number].shown = shown;
                "somebody replaces"
            }
            _ => {
                let at = dice.below(size.max(1));
                let len = (1 + dice.below(5000)).min(size - at.min(size));
                let noise: Vec<u8> = (0..len).map(|_| dice.next() as u8).collect();
                let _ = state.write(number, &noise, at);
                "somebody writes to"
            }
        }
    }

    /// Milliseconds since 1970, and calls so far.
    pub(super) fn time(&self) -> (u64, u64) {
        let state = self.lock();
        (state.now(), state.calls)
    }

    /// Somebody brings back the first line of a sidecar from that of another version.
    pub(super) fn mix_up(&self, from: &Path, to: &Path) {
        let mut state = self.lock();
        let (Ok(from), Ok(to)) = (state.at(from), state.at(to)) else {
            return;
        };
        let (other, own) = (state.read(from), state.read(to));
        let line = |text: &[u8]| text.iter().position(|&byte| byte == b'\n');
        let (Some(head), Some(tail)) = (line(&other), line(&own)) else {
            return;
        };
        let mixed = [&other[..head], &own[tail..]].concat();
        state.set_len(to, 0);
        let _ = state.write(to, &mixed, 0);
    }

    /// The stamp of a file, for readers that look whether it was changed.
    pub(super) fn stamp(&self, file: &File) -> Stamp {
        let state = self.lock();
        let number = state.node(file);
        state.stat(number).stamp
    }

    /// The file with this name, for a reader.
    pub(super) fn reader(&self, path: &Path) -> Option<File> {
        let state = self.lock();
        let number = state.at(path).ok()?;
        state.nodes[number].file.try_clone().ok()
    }
}

impl Clock for SimDisk {
    fn nanos(&self) -> u64 {
        self.lock().now() * 1_000_000
    }
}
