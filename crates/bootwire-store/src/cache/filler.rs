//! Filling an object's file while it is read.

use std::collections::HashMap;
use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};
use std::time::Duration;

use bootwire::file::{Filling, PartialFile};
use bootwire::{BoxFuture, Refusal};
use tokio::sync::Notify;
use tokio::time::Instant;

use super::chunks::{self, CHUNK, Sum, Summing};
use super::entry::{Chunk, Entry};
use super::stamp::Stamp;
use super::{CacheEvent, Cached};
use crate::origin::Body;

/// How long a failure stands before a chunk is asked for again.
const FAILURE_STANDS: Duration = Duration::from_secs(1);
/// Chunks looked at for content without a gap.
const GAP_SEARCH_MAX: usize = 16;
/// Bytes read at a time to check a chunk.
const CHECK_PIECE: usize = 256 << 10;

/// An object's file, open, and the tasks that fill it. It is there for as long as somebody reads
/// the object or a task is at work.
pub(crate) struct Filler {
    pub(super) entry: Arc<Entry>,
    pub(super) source: Cached,
    pub(super) file: Arc<File>,
    /// Bytes of each chunk that are here, from its start on.
    filled: Box<[AtomicU32]>,
    tasks: Mutex<HashMap<usize, Task>>,
    /// The version is no more: nothing can be fetched.
    dead: OnceLock<Refusal>,
    moved: Notify,
    content: Mutex<Weak<PartialFile>>,
    /// For the tasks.
    own: Weak<Self>,
}

/// What is going on with a chunk.
enum Task {
    Running,
    Failed(Refusal, Instant),
}

/// The task of an object that comes in one stream is kept under the number of its first chunk.
const WHOLE: usize = 0;

impl Filler {
    /// Opens the file of `entry` to fill it. Blocks on the disk.
    pub(super) fn new(
        entry: &Arc<Entry>,
        source: &Cached,
        chunks: &[Chunk],
    ) -> io::Result<Arc<Self>> {
        let file = File::options().read(true).write(true).open(&entry.data)?;
        if file.metadata()?.len() != entry.size {
            return Err(io::Error::other("the file in the cache has another size"));
        }
        let filled = |(index, chunk): (usize, &Chunk)| {
            let range = chunks::range(index, entry.size);
            AtomicU32::new(match chunk {
                Chunk::Here(_) => (range.end - range.start) as u32,
                Chunk::Missing | Chunk::Claimed(_) => 0,
            })
        };
        Ok(Arc::new_cyclic(|own| Self {
            entry: Arc::clone(entry),
            source: source.clone(),
            file: Arc::new(file),
            filled: chunks.iter().enumerate().map(filled).collect(),
            tasks: Mutex::default(),
            dead: OnceLock::new(),
            moved: Notify::new(),
            content: Mutex::default(),
            own: own.clone(),
        }))
    }

    /// What is sent to clients: one mapping for all of them. Blocks on the disk.
    pub(super) fn content(self: Arc<Self>) -> io::Result<Arc<PartialFile>> {
        let mut content = self.content.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(content) = content.upgrade() {
            return Ok(content);
        }
        let filling: Arc<dyn Filling> = self.clone();
        let made = PartialFile::new(self.file.try_clone()?, self.entry.size, filling)?;
        *content = Arc::downgrade(&made);
        Ok(made)
    }

    fn tasks(&self) -> MutexGuard<'_, HashMap<usize, Task>> {
        self.tasks.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn task_of(&self, chunk: usize) -> usize {
        if self.entry.whole { WHOLE } else { chunk }
    }

    /// Where chunk `index` goes on.
    pub(super) fn position(&self, index: usize) -> u64 {
        let filled = self.filled.get(index);
        let filled = filled.map_or(0, |filled| filled.load(Ordering::Acquire));
        chunks::range(index, self.entry.size).start + u64::from(filled)
    }

    fn is_full(&self, index: usize) -> bool {
        self.position(index) == chunks::range(index, self.entry.size).end
    }

    /// Everything of chunk `index` before byte `upto` of the object is in the file.
    pub(super) fn arrived(&self, index: usize, upto: u64) {
        let start = chunks::range(index, self.entry.size).start;
        let Some(filled) = self.filled.get(index) else {
            return;
        };
        let now = upto.saturating_sub(start).min(CHUNK) as u32;
        if filled.fetch_max(now, Ordering::AcqRel) < now {
            self.moved.notify_waiters();
        }
    }

    /// Chunk `index` is complete.
    pub(super) fn completed(&self, index: usize) {
        self.arrived(index, chunks::range(index, self.entry.size).end);
    }

    /// Nothing more can be fetched of this version.
    pub(super) fn die(&self, refusal: Refusal) {
        let _ = self.dead.set(refusal);
    }

    /// Starts to fetch what holds chunk `index`, unless it is here or on its way. `body` holds the
    /// object from the chunk's start on, if the origin sends it already.
    pub(super) fn start(&self, index: usize, body: Option<Box<dyn Body>>) {
        if index >= self.filled.len() || self.is_full(index) || self.dead.get().is_some() {
            return;
        }
        let number = self.task_of(index);
        let mut tasks = self.tasks();
        match tasks.get(&number) {
            Some(Task::Running) => return,
            Some(Task::Failed(_, at)) if at.elapsed() < FAILURE_STANDS && body.is_none() => return,
            _ => {}
        }
        let Some(own) = self.own.upgrade() else {
            return;
        };
        tasks.insert(number, Task::Running);
        drop(tasks);
        let guard = Running {
            filler: own,
            number,
            over: false,
        };
        tokio::spawn(guard.run(body));
    }

    /// The failure that keeps chunk `index` away.
    fn failure(&self, index: usize) -> Option<Refusal> {
        if let Some(refusal) = self.dead.get() {
            return Some(refusal.clone());
        }
        match self.tasks().get(&self.task_of(index)) {
            Some(Task::Failed(refusal, at)) if at.elapsed() < FAILURE_STANDS => {
                Some(refusal.clone())
            }
            _ => None,
        }
    }

    /// Waits until byte `range.start` is here, and has the rest of the range fetched, and then as
    /// much again as the origin is read ahead.
    async fn wait(&self, range: Range<u64>) -> Result<(), Refusal> {
        self.entry.touch();
        let first = chunks::index_of(range.start);
        let ahead = range.end.saturating_add(self.source.policy.read_ahead);
        let last = chunks::index_of(ahead.min(self.entry.size).saturating_sub(1));
        loop {
            let moved = self.moved.notified();
            tokio::pin!(moved);
            moved.as_mut().enable();
            let here = self.here(range.start) > range.start;
            if !here && let Some(refusal) = self.failure(first) {
                return Err(refusal);
            }
            for chunk in first..=last {
                self.start(chunk, None);
            }
            if here {
                return Ok(());
            }
            moved.await;
        }
    }

    /// Waits for all of it, and until the tasks that brought it have told the sidecar.
    pub(super) async fn all(&self) -> Result<(), Refusal> {
        for index in 0..self.filled.len() {
            while !self.is_full(index) {
                let at = self.position(index);
                self.wait(at..chunks::range(index, self.entry.size).end)
                    .await?;
            }
        }
        loop {
            let ended = self.moved.notified();
            tokio::pin!(ended);
            ended.as_mut().enable();
            let at_work = |task: &Task| matches!(task, Task::Running);
            if !self.tasks().values().any(at_work) {
                return Ok(());
            }
            ended.await;
        }
    }

    /// Whether chunk `index`, which an earlier process wrote or somebody else may have changed, is what it should be. Blocks on the
    /// disk.
    pub(super) fn check(&self, index: usize, expected: Sum) -> io::Result<bool> {
        let stamp = Stamp::of(&self.file.metadata()?);
        let mut summing = Summing::new();
        let mut piece = vec![0; CHECK_PIECE];
        let range = chunks::range(index, self.entry.size);
        let mut at = range.start;
        while at < range.end {
            let len = (range.end - at).min(CHECK_PIECE as u64) as usize;
            self.file.read_exact_at(&mut piece[..len], at)?;
            summing.update(&piece[..len]);
            at += len as u64;
        }
        let whole = summing.finish() == expected;
        if whole {
            self.entry.confirmed(index, expected, stamp);
        } else {
            self.entry.spoiled(index);
            self.source.cache.tell(&CacheEvent::Corrupt {
                file: self.entry.data.clone(),
                chunk: index,
            });
        }
        Ok(whole)
    }
}

impl Filling for Filler {
    fn here(&self, from: u64) -> u64 {
        let mut at = from;
        let first = chunks::index_of(from);
        for index in first..(first + GAP_SEARCH_MAX).min(self.filled.len()) {
            let here = self.position(index);
            if here <= at {
                break;
            }
            at = here;
            if here < chunks::range(index, self.entry.size).end {
                break;
            }
        }
        at
    }

    fn ready(&self, range: Range<u64>) -> BoxFuture<'_, Result<(), Refusal>> {
        Box::pin(self.wait(range))
    }
}

/// A task at work. Those who wait hear of its end, even if it panics.
struct Running {
    filler: Arc<Filler>,
    number: usize,
    over: bool,
}

impl Running {
    async fn run(mut self, body: Option<Box<dyn Body>>) {
        let result = if self.filler.entry.whole {
            self.filler.fetch_whole(body).await
        } else {
            self.filler.fetch_chunk(self.number, body).await
        };
        self.end(result);
    }

    fn end(&mut self, result: Result<(), Refusal>) {
        self.over = true;
        let mut tasks = self.filler.tasks();
        match result {
            Ok(()) => {
                tasks.remove(&self.number);
            }
            Err(refusal) => {
                tasks.insert(self.number, Task::Failed(refusal, Instant::now()));
            }
        }
        drop(tasks);
        self.filler.moved.notify_waiters();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if !self.over {
            self.end(Err(
                Refusal::internal().because("the task that filled the cache was lost")
            ));
        }
    }
}
