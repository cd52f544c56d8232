//! Filling an object's file while it is read.

use std::collections::HashMap;
use std::io;
use std::ops::Range;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};
use std::time::Duration;

use bootwire::file::{Filling, PartialFile};
use bootwire::{BoxFuture, Refusal};
use tokio::sync::Notify;
use tokio::time::Instant;

use super::chunks::{self, CHUNK};
use super::data::{Data, Meddled};
use super::disk::Disk;
use super::entry::Held;
use super::source::Source;
use crate::origin::Body;

/// How long a failure stands before a chunk is asked for again.
const FAILURE_STANDS: Duration = Duration::from_secs(1);
/// Chunks looked at for content without a gap.
const GAP_SEARCH_MAX: usize = 16;

/// An object's file, open, and the tasks that fill it. It is there for as long as somebody reads
/// the object or a task is at work.
pub(crate) struct Filler {
    pub(super) entry: Held,
    pub(super) disk: Arc<Disk>,
    pub(super) source: Source,
    pub(super) data: Arc<Data>,
    read_ahead: u64,
    /// Bytes of each chunk that are here, from its start on.
    filled: Box<[AtomicU32]>,
    tasks: Mutex<HashMap<usize, Task>>,
    dead: OnceLock<Dead>,
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

/// Why nothing more can be fetched.
struct Dead {
    refusal: Refusal,
    /// Whether not even what is here can be sent: somebody else has written to it.
    spoiled: bool,
}

/// The task of an object that comes in one stream is kept under the number of its first chunk.
const WHOLE: usize = 0;

impl Filler {
    /// Opens the file of `entry` to fill it. Blocks on the disk.
    pub(super) fn open(
        entry: &Held,
        (disk, source): (&Arc<Disk>, &Source),
        read_ahead: u64,
    ) -> io::Result<Arc<Self>> {
        let data = entry.open_to_fill(disk.storage())?;
        let filled = entry.bytes_here().into_iter().map(AtomicU32::new);
        Ok(Arc::new_cyclic(|own| Self {
            entry: entry.clone(),
            disk: Arc::clone(disk),
            source: source.clone(),
            data: Arc::new(data),
            read_ahead,
            filled: filled.collect(),
            tasks: Mutex::default(),
            dead: OnceLock::new(),
            moved: Notify::new(),
            content: Mutex::default(),
            own: own.clone(),
        }))
    }

    /// Somebody else has written to the file. Whose bytes readers have cannot be told; the next
    /// who opens it sums every chunk.
    pub(super) fn spoiled(&self) -> Refusal {
        let file = self.entry.about.data.display();
        let refusal = Refusal::origin().text("File changed, try again");
        let refusal = refusal.because(format_args!("{file}: {Meddled}"));
        self.entry.doubt();
        self.die(refusal.clone(), true);
        refusal
    }

    /// Whether it is at work for `entry`. One that is dead is, until its last task has ended: no
    /// other shall fetch the same meanwhile. Blocks on the disk.
    pub(super) fn fills(&self, entry: &Held) -> bool {
        if self.data.is_meddled_with() && self.dead.get().is_none() {
            self.spoiled();
        }
        let at_work = || self.dead.get().is_none() || self.is_busy();
        Arc::ptr_eq(self.entry.entry(), entry.entry()) && at_work()
    }

    fn is_busy(&self) -> bool {
        let running = |task: &Task| matches!(task, Task::Running);
        self.tasks().values().any(running)
    }

    /// What is sent to clients: one mapping for all of them. Blocks on the disk.
    pub(super) fn content(self: Arc<Self>) -> io::Result<Arc<PartialFile>> {
        let mut content = self.content.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(content) = content.upgrade() {
            return Ok(content);
        }
        let filling: Arc<dyn Filling> = self.clone();
        let made = PartialFile::new(self.data.file()?, self.entry.about.size, filling)?;
        *content = Arc::downgrade(&made);
        Ok(made)
    }

    fn tasks(&self) -> MutexGuard<'_, HashMap<usize, Task>> {
        self.tasks.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn task_of(&self, chunk: usize) -> usize {
        if self.entry.about.whole { WHOLE } else { chunk }
    }

    /// The bytes of chunk `index`.
    pub(super) fn range(&self, index: usize) -> Range<u64> {
        chunks::range(index, self.entry.about.size)
    }

    /// Where chunk `index` goes on.
    fn position(&self, index: usize) -> u64 {
        let filled = self.filled.get(index);
        let filled = filled.map_or(0, |filled| filled.load(Ordering::Acquire));
        self.range(index).start + u64::from(filled)
    }

    fn is_full(&self, index: usize) -> bool {
        self.position(index) == self.range(index).end
    }

    /// Everything of chunk `index` before byte `upto` of the object is in the file.
    pub(super) fn arrived(&self, index: usize, upto: u64) {
        let Some(filled) = self.filled.get(index) else {
            return;
        };
        let now = upto.saturating_sub(self.range(index).start).min(CHUNK) as u32;
        if filled.fetch_max(now, Ordering::AcqRel) < now {
            self.moved.notify_waiters();
        }
    }

    /// Chunk `index` is complete.
    pub(super) fn completed(&self, index: usize) {
        self.arrived(index, self.range(index).end);
    }

    /// Nothing more can be fetched of this version; if it is `spoiled`, nothing can be sent.
    pub(super) fn die(&self, refusal: Refusal, spoiled: bool) {
        let _ = self.dead.set(Dead { refusal, spoiled });
        self.moved.notify_waiters();
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
        self.entry.task_began();
        let guard = Running {
            filler: own,
            number,
            over: false,
        };
        tokio::spawn(guard.run(body));
    }

    /// The failure that keeps chunk `index` away.
    fn failure(&self, index: usize) -> Option<Refusal> {
        if let Some(dead) = self.dead.get() {
            return Some(dead.refusal.clone());
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
        self.entry.touch(self.disk.now());
        let first = chunks::index_of(range.start);
        let ahead = range.end.saturating_add(self.read_ahead);
        let last = chunks::index_of(ahead.min(self.entry.about.size).saturating_sub(1));
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
                self.wait(at..self.range(index).end).await?;
            }
        }
        loop {
            let ended = self.moved.notified();
            tokio::pin!(ended);
            ended.as_mut().enable();
            if !self.is_busy() {
                let spoiled = self.dead.get().filter(|dead| dead.spoiled);
                return spoiled.map_or(Ok(()), |dead| Err(dead.refusal.clone()));
            }
            ended.await;
        }
    }
}

impl Filling for Filler {
    fn here(&self, from: u64) -> u64 {
        if self.dead.get().is_some_and(|dead| dead.spoiled) {
            return from;
        }
        let mut at = from;
        let first = chunks::index_of(from);
        for index in first..(first + GAP_SEARCH_MAX).min(self.filled.len()) {
            let here = self.position(index);
            if here <= at {
                break;
            }
            at = here;
            if here < self.range(index).end {
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
        let all = if self.filler.entry.about.whole {
            0..self.filler.filled.len()
        } else {
            self.number..self.number + 1
        };
        let result = self.filler.fetch(all, body).await;
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
        self.filler.entry.task_ended();
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
