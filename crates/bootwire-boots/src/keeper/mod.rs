//! Follows a server and keeps its boots.
//!
//! A thread of its own feeds the [`Tracker`](crate::Tracker), so that neither the server's workers nor
//! other observers wait for a disk; a task writes to the [`Store`]. What is between is bounded, and what
//! does not fit is dropped and counted.

mod changes;
mod follow;
mod latest;
mod layer;
mod write;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, SystemTime};

use bootwire::TransferRecord;
use tokio::sync::broadcast;

pub use changes::Changes;
pub use layer::Reader;

use crate::store::Store;
use crate::tracker::Limits;
use crate::{Boot, Change, Tracker};
use follow::{Event, Follow};
use write::{Pending, Writer};

/// Batches of records that may wait.
const QUEUE: usize = 16_384;
/// Changes that a slow subscriber may be behind.
const BEHIND_MAX: usize = 4096;

/// What was dropped because somebody was too slow.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Drops {
    /// Records that no boot has.
    pub records: u64,
    /// Configurations that were not read.
    pub unread: u64,
    /// Boots that were not written.
    pub unwritten: u64,
    /// How often the database failed.
    pub failed: u64,
    /// Addresses that asked, acknowledged nothing, and made room: a flood of made-up ones does that.
    pub strangers: u64,
}

#[derive(Debug, Default)]
struct Counters {
    records: AtomicU64,
    unread: AtomicU64,
    unwritten: AtomicU64,
    failed: AtomicU64,
    written: AtomicU64,
}

/// Hears lines for the log.
type Notes = Arc<dyn Fn(&str) + Send + Sync>;
/// Hears of changes.
type Listener = Box<dyn Fn(&Change) + Send>;

/// What the thread, the task and their handles share.
struct Shared {
    tracker: Mutex<Tracker>,
    pending: Pending,
    counters: Counters,
    changes: broadcast::Sender<Change>,
    store: Store,
}

impl Shared {
    fn tracker(&self) -> MutexGuard<'_, Tracker> {
        self.tracker.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Boots of a server, followed and kept. Cheap to clone.
///
/// ```no_run
/// use bootwire::{Router, Server};
/// use bootwire_boots::Boots;
/// use bootwire_boots::store::Store;
///
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// let boots = Boots::builder().start(Store::memory(10_000))?;
/// let app = Router::new().read("/motd", async || "Welcome\n").layer(boots.reader());
/// let server = Server::bind("[::]:69").serve(app).observe_batches(boots.observer()).start()?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Boots {
    shared: Arc<Shared>,
    events: SyncSender<Event>,
    work: Arc<Mutex<Option<Work>>>,
}

struct Work {
    thread: JoinHandle<()>,
    writer: tokio::task::JoinHandle<()>,
}

/// How [`Boots`] are followed.
#[must_use]
pub struct BootsBuilder {
    limits: Limits,
    keep: Duration,
    size_max: u64,
    notes: Notes,
    listeners: Vec<Listener>,
}

impl BootsBuilder {
    /// How much is kept in memory, and how long silence may last.
    pub const fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// How long boots are kept. 30 days, unless it is said.
    pub const fn keep(mut self, keep: Duration) -> Self {
        self.keep = keep;
        self
    }

    /// How many bytes the store may take. 1 GiB, unless it is said.
    pub const fn size_max(mut self, bytes: u64) -> Self {
        self.size_max = bytes;
        self
    }

    /// Hears lines for the log: the database fails, or works again.
    pub fn notes(mut self, tell: impl Fn(&str) + Send + Sync + 'static) -> Self {
        self.notes = Arc::new(tell);
        self
    }

    /// Hears of every change, on the thread that makes them: it must wait for nothing. Those who may be
    /// slow [subscribe](Boots::subscribe).
    pub fn on_change(mut self, hear: impl Fn(&Change) + Send + 'static) -> Self {
        self.listeners.push(Box::new(hear));
        self
    }

    /// Starts to follow. Must be called where tokio runs.
    ///
    /// # Errors
    /// If the system gives no thread.
    pub fn start(self, store: Store) -> std::io::Result<Boots> {
        let (sender, events) = sync_channel(QUEUE);
        // Different for each process: servers may share a database.
        let seed = seed();
        let shared = Arc::new(Shared {
            tracker: Mutex::new(Tracker::numbered(self.limits, seed)),
            pending: Pending::default(),
            counters: Counters::default(),
            changes: broadcast::channel(BEHIND_MAX).0,
            store,
        });
        let follow = Follow::new(Arc::clone(&shared), events, self.listeners);
        let thread = std::thread::Builder::new()
            .name("bootwire-boots".to_owned())
            .spawn(move || {
                bootwire_io::step_back();
                follow.run();
            })?;
        let writer = Writer {
            shared: Arc::clone(&shared),
            keep: self.keep,
            size_max: self.size_max,
            notes: self.notes,
        };
        let work = Work {
            thread,
            writer: tokio::spawn(writer.run()),
        };
        Ok(Boots {
            shared,
            events: sender,
            work: Arc::new(Mutex::new(Some(work))),
        })
    }
}

fn seed() -> u64 {
    use std::hash::{BuildHasher, Hasher};

    std::collections::hash_map::RandomState::new()
        .build_hasher()
        .finish()
}

impl Boots {
    /// How to follow them.
    pub fn builder() -> BootsBuilder {
        BootsBuilder {
            limits: Limits::default(),
            keep: Duration::from_secs(30 * 24 * 3600),
            size_max: 1 << 30,
            notes: Arc::new(|_| {}),
            listeners: Vec::new(),
        }
    }

    /// An observer for [`Server::observe_batches`](bootwire::Server::observe_batches).
    pub fn observer(&self) -> impl Fn(&[TransferRecord]) + Send + Sync + 'static + use<> {
        let boots = self.clone();
        move |records| boots.observe(records)
    }

    /// Takes records. Waits for nothing.
    pub fn observe(&self, records: &[TransferRecord]) {
        if self
            .events
            .try_send(Event::Records(records.into()))
            .is_err()
        {
            let dropped = &self.shared.counters.records;
            dropped.fetch_add(records.len() as u64, Ordering::Relaxed);
        }
    }

    /// A layer that looks at configurations of boot loaders as they go out, so that it is known what
    /// comes next. It goes around all routes.
    #[must_use]
    pub fn reader(&self) -> Reader {
        Reader::new(self.clone())
    }

    fn served(&self, id: u64, glimpse: layer::Look) {
        if self.events.try_send(Event::Served(id, glimpse)).is_err() {
            self.shared.counters.unread.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Transfers that run now: peer, path, and when each began. It may be told now and then, so that a
    /// boot is not taken for over while a long transfer runs.
    pub fn running(
        &self,
        transfers: impl IntoIterator<Item = (std::net::SocketAddr, String, SystemTime)>,
    ) {
        let transfers = transfers.into_iter().collect();
        // The next time will do as well.
        let _ = self.events.try_send(Event::Running(transfers));
    }

    /// What changes from now on.
    #[must_use]
    pub fn subscribe(&self) -> Changes {
        Changes::new(self.shared.changes.subscribe())
    }

    /// Boots that are not over, those that began last first.
    #[must_use]
    pub fn open(&self) -> Vec<Arc<Boot>> {
        self.shared.tracker().open()
    }

    /// Whether no boot is on.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.shared.tracker().is_idle()
    }

    /// Where they are kept. What happens is there within seconds; [`Boots::list`] and the like have it
    /// at once.
    #[must_use]
    pub fn store(&self) -> &Store {
        &self.shared.store
    }

    /// What was dropped so far.
    #[must_use]
    pub fn drops(&self) -> Drops {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let counters = &self.shared.counters;
        Drops {
            records: read(&counters.records),
            unread: read(&counters.unread),
            unwritten: read(&counters.unwritten),
            failed: read(&counters.failed),
            strangers: self.shared.tracker().strangers_gone(),
        }
    }

    /// How many boots were written so far, each as often as it changed.
    #[must_use]
    pub fn written(&self) -> u64 {
        self.shared.counters.written.load(Ordering::Relaxed)
    }

    /// Ends: boots that are on are interrupted, and everything is written, unless the database takes
    /// longer than `limit`.
    pub async fn close(&self, limit: Duration) {
        let work = self
            .work
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        let Some(work) = work else { return };
        // Blocking is short: the thread only takes what waits.
        let events = self.events.clone();
        let stopped = tokio::task::spawn_blocking(move || {
            let _ = events.send(Event::Stop);
            let _ = work.thread.join();
        });
        let _ = tokio::time::timeout(limit, stopped).await;
        self.shared.pending.close();
        let _ = tokio::time::timeout(limit, work.writer).await;
        let _ = tokio::time::timeout(limit, self.shared.store.close()).await;
    }
}

impl std::fmt::Debug for Boots {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Boots")
            .field("store", &self.shared.store)
            .finish_non_exhaustive()
    }
}
