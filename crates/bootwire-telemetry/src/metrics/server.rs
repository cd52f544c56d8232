//! What the server, its cache and its exporters count by themselves.

use std::sync::Mutex;
use std::time::Duration;

use bootwire::{DropReason, Outcome, ServerStats, ServerView, WorkerLoad};
use bootwire_store::CacheStats;

use super::list;
use super::snapshot::{Sheet, Value};
use crate::exporters::Drops;
use crate::hub::Hub;

/// A running server that can be asked for its counters.
pub trait Source: Send + Sync + 'static {
    /// Its counters now.
    fn stats(&self) -> ServerStats;

    /// How busy each worker thread was lately, from 0 to 1; empty if that is not known.
    fn worker_load(&self) -> Vec<f64> {
        Vec::new()
    }
}

impl<F: Fn() -> ServerStats + Send + Sync + 'static> Source for F {
    fn stats(&self) -> ServerStats {
        self()
    }
}

/// A running server, and how busy its workers were when that was asked last.
pub(super) struct Watched {
    view: ServerView,
    load: Mutex<Looks>,
}

/// Looks at the load: shares are taken between two of them.
struct Looks {
    /// What shares are taken from.
    from: Vec<WorkerLoad>,
    /// What they will be taken from, once it is old enough.
    next: Vec<WorkerLoad>,
}

/// Shares of a shorter time say little. Whoever scrapes twice at once gets the same twice.
const LOAD_OVER: Duration = Duration::from_secs(5);

impl Watched {
    pub(super) fn new(view: ServerView) -> Self {
        let load = view.load();
        Self {
            view,
            load: Mutex::new(Looks {
                from: load.clone(),
                next: load,
            }),
        }
    }
}

impl Source for Watched {
    fn stats(&self) -> ServerStats {
        self.view.stats()
    }

    fn worker_load(&self) -> Vec<f64> {
        let now = self.view.load();
        let mut looks = super::held(&self.load);
        let elapsed = |load: &[WorkerLoad]| load.first().map(|first| first.elapsed);
        let age = elapsed(&now).zip(elapsed(&looks.next));
        if age.is_some_and(|(now, then)| now.saturating_sub(then) >= LOAD_OVER) {
            looks.from = std::mem::replace(&mut looks.next, now.clone());
        }
        let both = now.iter().zip(&looks.from);
        both.map(|(now, earlier)| now.since(earlier)).collect()
    }
}

/// What a cache of origins did and holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CacheFigures {
    /// What it counted, and what it holds.
    pub stats: CacheStats,
    /// Bytes that objects may take on the disk.
    pub disk_max: u64,
}

/// Writes a server's counters.
pub(super) fn write(stats: &ServerStats, load: &[f64], sheet: &mut Sheet) {
    sheet.count(&list::TRANSFERS_ACTIVE, stats.active);
    sheet.count(&list::TRANSFERS_UNPROVEN, stats.unproven);
    for (op, count) in [("read", stats.reads), ("write", stats.writes)] {
        sheet.add(&list::REQUESTS_ACCEPTED, [op], Value::Count(count));
    }
    sheet.count(&list::REQUESTS_REPEATED, stats.repeated);
    for reason in DropReason::ALL {
        let count = Value::Count(stats.dropped(reason));
        sheet.add(&list::REQUESTS_UNANSWERED, [reason.as_str()], count);
    }
    let broadcasts = Value::Count(stats.broadcasts);
    sheet.add(&list::REQUESTS_UNANSWERED, ["broadcast"], broadcasts);
    sheet.count(&list::REQUESTS_OVER_LIMIT, stats.over_limit);
    for outcome in Outcome::ALL {
        let count = Value::Count(stats.ended(outcome));
        sheet.add(&list::TRANSFERS_ENDED, [outcome.as_str()], count);
    }
    sheet.count(&list::UNPROVEN_EXPIRED, stats.unproven_expired);
    sheet.count(&list::PACKETS_RECEIVED, stats.packets_in);
    sheet.count(&list::PACKETS_SENT, stats.packets_out);
    sheet.count(&list::PACKETS_MALFORMED, stats.malformed);
    sheet.count(&list::PACKETS_STRAY, stats.strays);
    sheet.count(&list::ERRORS_WITHHELD, stats.errors_withheld);
    sheet.count(&list::CONTENT_SENT, stats.bytes_out);
    sheet.count(&list::CONTENT_RECEIVED, stats.bytes_in);
    sheet.count(&list::BLOCKS_RESENT, stats.blocks_resent);
    sheet.count(&list::KERNEL_DROPS, stats.kernel_drops);
    sheet.count(&list::RECORDS_DROPPED, stats.records_dropped);
    if !load.is_empty() {
        sheet.count(&list::WORKERS, load.len() as u64);
    }
    for (number, &load) in load.iter().enumerate() {
        sheet.add(
            &list::WORKER_LOAD,
            [number.to_string()],
            Value::Number(load),
        );
    }
}

impl CacheFigures {
    pub(super) fn write(&self, sheet: &mut Sheet) {
        let stats = &self.stats;
        for (result, count) in [
            ("hit", stats.hits),
            ("miss", stats.misses),
            ("stale", stats.stale),
        ] {
            sheet.add(&list::CACHE_REQUESTS, [result], Value::Count(count));
        }
        sheet.count(&list::CACHE_OBJECTS, stats.disk_objects);
        sheet.count(&list::CACHE_DISK, stats.disk_bytes);
        sheet.count(&list::CACHE_CURRENT, stats.current_bytes);
        sheet.count(&list::CACHE_DISK_MAX, self.disk_max);
        sheet.count(&list::CACHE_MEMORY, stats.memory_bytes);
        sheet.count(&list::CACHE_EVICTED, stats.evicted);
        sheet.count(&list::ORIGIN_REQUESTS, stats.asked);
        sheet.count(&list::ORIGIN_RETRIES, stats.retried);
        sheet.count(&list::ORIGIN_FETCHED, stats.fetched_bytes);
    }
}

/// Writes what exporters and subscribers lost.
pub(super) fn write_exporters(drops: &[Drops], hub: &Hub, sheet: &mut Sheet) {
    for one in drops {
        for (delivery, count) in [
            ("sent", one.sent),
            ("dropped", one.dropped),
            ("failed", one.failed),
        ] {
            let labels = [one.name.clone(), delivery.to_owned()];
            sheet.add(&list::EXPORTER_ITEMS, labels, Value::Count(count));
        }
        let queued = Value::Count(one.queued);
        sheet.add(&list::EXPORTER_QUEUE, [one.name.clone()], queued);
    }
    sheet.count(&list::SUBSCRIBERS, hub.subscribers() as u64);
    sheet.count(&list::SUBSCRIBER_LOST, hub.lost());
}
