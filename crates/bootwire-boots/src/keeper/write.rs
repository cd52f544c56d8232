//! The task that writes to the store.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use super::{Counters, Notes, Shared};
use crate::store::{StoreError, of_change};
use crate::{Boot, Change};

/// Boots that may wait to be written; each is there once, as it is now.
const WAITING_MAX: usize = 20_000;
/// Boots that are written at a time.
const BATCH: usize = 500;
/// How long boots gather before they are written.
const GATHER: Duration = Duration::from_secs(1);
/// How often boots that are on are written, and how many of them: those that are over go first.
const PROGRESS_EVERY: Duration = Duration::from_secs(3);
const PROGRESS: usize = 200;
/// How long a write may take.
const WRITE_MAX: Duration = Duration::from_secs(30);
/// How long to leave a database alone that failed: first, and at most.
const BACK_OFF: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(60));
/// How often room is made.
const PRUNE_EVERY: Duration = Duration::from_secs(600);

/// Boots that wait to be written.
#[derive(Debug, Default)]
pub(super) struct Pending {
    waiting: Mutex<Waiting>,
    closed: AtomicBool,
    news: tokio::sync::Notify,
}

#[derive(Debug, Default)]
struct Waiting {
    boots: HashMap<String, Arc<Boot>>,
    /// Those that are over, in the order in which they came; some may be gone.
    over: VecDeque<String>,
    /// Those that are on.
    on: VecDeque<String>,
    gone: Vec<String>,
    /// What is being written at the moment.
    writing: (Vec<Arc<Boot>>, Vec<String>),
}

/// What no reader of the store sees yet.
#[derive(Debug, Default)]
pub(super) struct Unwritten {
    pub(super) boots: HashMap<String, Arc<Boot>>,
    /// Boots that there are no more.
    pub(super) gone: HashSet<String>,
}

impl Unwritten {
    /// Whether what the store has of a boot is out of date.
    pub(super) fn replaces(&self, id: &str) -> bool {
        self.boots.contains_key(id) || self.gone.contains(id)
    }
}

impl Pending {
    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn push(&self, changes: &[Change], counters: &Counters) {
        if changes.is_empty() {
            return;
        }
        let mut waiting = self.waiting();
        for change in changes {
            let (boot, gone) = of_change(change);
            if let Some(gone) = gone {
                waiting.boots.remove(&gone);
                waiting.gone.push(gone);
            }
            waiting.add(boot);
        }
        let dropped = waiting.make_room();
        counters.unwritten.fetch_add(dropped, Ordering::Relaxed);
        drop(waiting);
        self.news.notify_one();
    }

    pub(super) fn close(&self) {
        self.closed.store(true, Ordering::Relaxed);
        self.news.notify_one();
    }

    fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Relaxed)
    }

    /// Some of them: those that are over, and with `progress` those that are on.
    fn take(&self, progress: bool) -> (Vec<Arc<Boot>>, Vec<String>) {
        let mut waiting = self.waiting();
        let mut boots = Vec::new();
        while boots.len() < BATCH
            && let Some(id) = waiting.over.pop_front()
        {
            boots.extend(waiting.boots.remove(&id));
        }
        let most = if progress { boots.len() + PROGRESS } else { 0 };
        while boots.len() < most
            && let Some(id) = waiting.on.pop_front()
        {
            boots.extend(waiting.boots.remove(&id));
        }
        let gone = std::mem::take(&mut waiting.gone);
        waiting.writing = (boots.clone(), gone.clone());
        // Those who write to one database from several servers write in one order.
        boots.sort_by(|one, other| one.id.cmp(&other.id));
        (boots, gone)
    }

    /// All that was taken is written.
    fn done(&self) {
        self.waiting().writing = Default::default();
    }

    /// What waits to be written, as it is now.
    pub(super) fn unwritten(&self) -> Unwritten {
        let waiting = self.waiting();
        let (boots, gone) = &waiting.writing;
        let boots = boots.iter().map(|boot| (boot.id.clone(), Arc::clone(boot)));
        let mut all: HashMap<_, _> = boots.collect();
        let newer = waiting.boots.iter();
        all.extend(newer.map(|(id, boot)| (id.clone(), Arc::clone(boot))));
        let gone: HashSet<String> = gone.iter().chain(&waiting.gone).cloned().collect();
        drop(waiting);
        all.retain(|id, _| !gone.contains(id));
        Unwritten { boots: all, gone }
    }

    /// What could not be written waits again, unless something newer does.
    fn put_back(&self, boots: Vec<Arc<Boot>>, gone: Vec<String>, counters: &Counters) {
        let mut waiting = self.waiting();
        waiting.writing = Default::default();
        for boot in boots {
            if !waiting.boots.contains_key(&boot.id) {
                waiting.add(boot);
            }
        }
        waiting.gone.extend(gone);
        let dropped = waiting.make_room();
        counters.unwritten.fetch_add(dropped, Ordering::Relaxed);
    }

    fn is_empty(&self) -> bool {
        let waiting = self.waiting();
        waiting.boots.is_empty() && waiting.gone.is_empty()
    }
}

impl Waiting {
    fn add(&mut self, boot: Arc<Boot>) {
        let (id, over) = (boot.id.clone(), boot.over);
        let before = self.boots.insert(id.clone(), boot);
        // Whoever was on and is over now gets in the other line, too.
        let is_in_line = before.is_some_and(|before| before.over == over);
        match over {
            _ if is_in_line => {}
            true => self.over.push_back(id),
            false => self.on.push_back(id),
        }
    }

    /// Drops the oldest, those that are on first; how many.
    fn make_room(&mut self) -> u64 {
        let mut dropped = 0;
        while self.boots.len() > WAITING_MAX
            && let Some(id) = self.on.pop_front().or_else(|| self.over.pop_front())
        {
            dropped += u64::from(self.boots.remove(&id).is_some());
        }
        // Of those who changed the line, one place is empty.
        let boots = &self.boots;
        for line in [&mut self.on, &mut self.over] {
            if line.len() > 2 * WAITING_MAX {
                line.retain(|id| boots.contains_key(id));
            }
        }
        let too_many = self.gone.len().saturating_sub(WAITING_MAX);
        self.gone.drain(..too_many);
        dropped
    }
}

pub(super) struct Writer {
    pub(super) shared: Arc<Shared>,
    pub(super) keep: Duration,
    pub(super) size_max: u64,
    pub(super) notes: Notes,
}

impl Writer {
    pub(super) async fn run(self) {
        let pending = &self.shared.pending;
        let mut back_off: Option<Duration> = None;
        let mut prune = Instant::now() + GATHER * 10;
        let mut progress = Instant::now();
        loop {
            let wait = back_off.unwrap_or(GATHER);
            if pending.is_empty() {
                // Room is made also when nothing comes.
                let _ = tokio::time::timeout(PRUNE_EVERY, pending.news.notified()).await;
            }
            if !pending.is_closed() {
                let closing = async {
                    while !pending.is_closed() {
                        pending.news.notified().await;
                    }
                };
                let _ = tokio::time::timeout(wait, closing).await;
            }
            let is_time = Instant::now() >= progress || pending.is_closed();
            if is_time {
                progress = Instant::now() + PROGRESS_EVERY;
            }
            let (boots, gone) = pending.take(is_time);
            let is_work = !(boots.is_empty() && gone.is_empty());
            if is_work {
                match self.write(&boots, &gone).await {
                    Ok(()) => {
                        pending.done();
                        let written = &self.shared.counters.written;
                        written.fetch_add(boots.len() as u64, Ordering::Relaxed);
                        if back_off.take().is_some() {
                            (self.notes)("boots are written again");
                        }
                    }
                    Err(error) => {
                        self.shared.counters.failed.fetch_add(1, Ordering::Relaxed);
                        pending.put_back(boots, gone, &self.shared.counters);
                        if back_off.is_none() {
                            let place = self.shared.store.place();
                            (self.notes)(&format!(
                                "boots cannot be written to {place}: {error}; they wait, and the oldest \
                                 are dropped if it takes long"
                            ));
                        }
                        let next = back_off.map_or(BACK_OFF.0, |last| last * 2);
                        back_off = Some(next.min(BACK_OFF.1));
                    }
                }
            }
            if pending.is_closed() && (pending.is_empty() || back_off.is_some()) {
                return;
            }
            if Instant::now() >= prune && back_off.is_none() {
                prune = Instant::now() + PRUNE_EVERY;
                let store = &self.shared.store;
                // What fails now is tried again, and a write will tell what is wrong.
                let _ = store
                    .prune(SystemTime::now(), self.keep, self.size_max)
                    .await;
            }
        }
    }

    async fn write(&self, boots: &[Arc<Boot>], gone: &[String]) -> Result<(), StoreError> {
        let put = self.shared.store.put(boots, gone);
        tokio::time::timeout(WRITE_MAX, put)
            .await
            .unwrap_or(Err(StoreError::Late(WRITE_MAX)))
    }
}

#[cfg(test)]
mod tests {
    use bootwire::{Op, Outcome, TransferRecord};

    use super::*;
    use crate::{Limits, Tracker};

    /// Boots of as many machines, each as it began.
    fn began(count: u32) -> Vec<Change> {
        let limits = Limits {
            machines: usize::MAX,
            memory: usize::MAX,
            ..Limits::default()
        };
        let mut tracker = Tracker::new(limits);
        let mut last = SystemTime::UNIX_EPOCH;
        for number in 0..count {
            let address = std::net::Ipv4Addr::from(0x0a00_0000 + number);
            let mut record = TransferRecord::new(Op::Read, (address, 2070).into(), "/vmlinuz");
            record.outcome = Outcome::Complete;
            last = record.started;
            tracker.record(&record);
        }
        tracker.tick(last)
    }

    #[test]
    fn what_nobody_writes_is_dropped_beyond_a_bound_and_counted() {
        let (pending, counters) = (Pending::default(), Counters::default());
        let most = WAITING_MAX as u32;
        pending.push(&began(most + 5), &counters);
        assert_eq!(counters.unwritten.load(Ordering::Relaxed), 5);
        assert_eq!(pending.unwritten().boots.len(), WAITING_MAX);
        // What could not be written waits on, and is still shown while it is tried.
        let (boots, gone) = pending.take(true);
        assert_eq!(boots.len(), PROGRESS);
        assert_eq!(pending.unwritten().boots.len(), WAITING_MAX);
        pending.put_back(boots, gone, &counters);
        assert_eq!(pending.unwritten().boots.len(), WAITING_MAX);
        assert_eq!(counters.unwritten.load(Ordering::Relaxed), 5);
        let (boots, _) = pending.take(true);
        pending.done();
        assert_eq!(pending.unwritten().boots.len(), WAITING_MAX - boots.len());
    }
}
