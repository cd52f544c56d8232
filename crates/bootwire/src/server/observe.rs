//! The thread on which observers hear of transfers and statistics.

use std::io;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::stats::{Counters, ServerStats};
use crate::TransferRecord;
use crate::record::Ended;

/// Hears of every transfer that ended.
pub(crate) type Observer = Arc<dyn Fn(&[TransferRecord]) + Send + Sync>;

/// Hears of the statistics, again and again.
pub(super) type StatsObserver = Arc<dyn Fn(&ServerStats) + Send + Sync>;

/// Records that may wait for the observers; beyond it they are dropped and counted.
const QUEUE: usize = 65_536;

/// How long the observers' thread lets records gather after it has emptied its queue. Waking a
/// thread for each record would cost the workers more than all the rest of a short transfer.
const GATHER: Duration = Duration::from_millis(20);

/// Records shown to an observer at once, at most.
const BATCH: usize = 64;

/// What the observers' thread is sent.
pub(super) enum Event {
    /// A transfer ended.
    Ended(Box<Ended>),
    /// No more will come.
    End,
}

/// The observers' thread.
pub(super) struct Observers {
    pub(super) events: SyncSender<Event>,
    thread: JoinHandle<()>,
}

impl Observers {
    /// Starts it; `None` if nobody observes.
    pub(super) fn start(
        observers: Vec<Observer>,
        stats_observers: Vec<(Duration, StatsObserver)>,
        counters: Vec<Arc<Counters>>,
    ) -> io::Result<Option<Self>> {
        if observers.is_empty() && stats_observers.is_empty() {
            return Ok(None);
        }
        let (events, inbound) = sync_channel(QUEUE);
        let thread = std::thread::Builder::new()
            .name("bootwire-observe".to_owned())
            .spawn(move || {
                bootwire_io::step_back();
                run(&inbound, &observers, stats_observers, &counters);
            })?;
        Ok(Some(Self { events, thread }))
    }

    /// Returns when everything sent before has been observed. Blocks.
    pub(super) fn finish(self) {
        if self.events.send(Event::End).is_ok() {
            // An observer that panicked has said so on its own.
            let _ = self.thread.join();
        }
    }
}

/// A statistics observer and when it is next due.
struct Due {
    period: Duration,
    at: Instant,
    observer: StatsObserver,
}

fn run(
    events: &Receiver<Event>,
    observers: &[Observer],
    stats_observers: Vec<(Duration, StatsObserver)>,
    counters: &[Arc<Counters>],
) {
    let start = Instant::now();
    let mut dues: Vec<Due> = stats_observers
        .into_iter()
        .map(|(period, observer)| {
            let period = period.max(Duration::from_millis(1));
            Due {
                period,
                at: start + period,
                observer,
            }
        })
        .collect();
    let mut records = Vec::new();
    loop {
        let event = match dues.iter().map(|due| due.at).min() {
            Some(at) => events.recv_timeout(at.saturating_duration_since(Instant::now())),
            None => events.recv().map_err(|_| RecvTimeoutError::Disconnected),
        };
        let mut next = match event {
            Ok(event) => Some(event),
            Err(RecvTimeoutError::Disconnected) => return,
            Err(RecvTimeoutError::Timeout) => None,
        };
        let woken = next.is_some();
        while let Some(event) = next {
            let ends = match event {
                Event::Ended(ended) => {
                    records.push(TransferRecord::from(*ended));
                    false
                }
                Event::End => true,
            };
            next = events.try_recv().ok();
            if ends || next.is_none() || records.len() == BATCH {
                observers
                    .iter()
                    .for_each(|observer| guarded(|| observer(&records)));
                records.clear();
            }
            if ends {
                return;
            }
        }
        if woken {
            std::thread::sleep(GATHER);
        }
        let now = Instant::now();
        for due in dues.iter_mut().filter(|due| due.at <= now) {
            guarded(|| (due.observer)(&sum(counters)));
            due.at = (due.at + due.period).max(now);
        }
    }
}

/// A panicking observer must not silence the others; the panic's message went to stderr.
pub(super) fn guarded(observe: impl FnOnce()) {
    let _ = std::panic::catch_unwind(std::panic::AssertUnwindSafe(observe));
}

/// The counts of all workers together.
pub(super) fn sum(counters: &[Arc<Counters>]) -> ServerStats {
    let mut stats = ServerStats::default();
    for worker in counters {
        worker.add_to(&mut stats);
    }
    stats
}
