//! Numbers: what Prometheus, StatsD and OpenTelemetry are told, and what is made of them.
//!
//! [`list`] has every metric. [`Metrics`] counts, and gives all numbers as a [`Snapshot`] or as text for
//! Prometheus; [`serve`] and [`Statsd`] send it. [`dashboards`], [`alerts`] and [`page`] are made from the
//! same list, so they name nothing that is not there.
//!
//! Labels are bounded: no name of a file, no address and no machine is one. A server has as many series
//! for 50,000 machines as for one that does the same.

pub mod alerts;
pub mod dashboards;
mod exposition;
mod kind;
pub mod list;
mod listener;
pub mod page;
mod process;
mod promql;
mod server;
mod snapshot;
mod statsd;
mod tally;
#[cfg(test)]
mod tests;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use bootwire::{ServerStats, ServerView, TransferRecord};
use bootwire_boots::VerdictKind;

pub use exposition::Scrape;
pub use kind::{Kind, Label, Metric, Unit};
pub use listener::serve;
pub use server::{CacheFigures, Source};
pub use snapshot::{Family, Histogram, Series, Snapshot, Value};
pub use statsd::{Statsd, Tags};

use crate::exporters::Exporters;
use crate::hub::Hub;
use process::Process;
use snapshot::Sheet;
use tally::Tally;

/// The metrics of a server. Cheap to clone.
///
/// Made by [`Telemetry`](crate::Telemetry), which lets it hear of records. At each scrape it asks the
/// server for its counters, if [`Metrics::watch`] told it whom to ask; without that, counters are up to
/// a second old.
#[derive(Clone)]
pub struct Metrics {
    shared: Arc<Shared>,
}

struct Shared {
    started: SystemTime,
    exporters: Exporters,
    hub: Hub,
    process: Process,
    tally: Mutex<Tally>,
    sources: Mutex<Sources>,
}

/// Where numbers come from that are not added up here.
#[derive(Default)]
struct Sources {
    /// The counters that were heard of last.
    heard: ServerStats,
    server: Option<Arc<dyn Source>>,
    cache: Option<Arc<dyn Fn() -> Option<CacheFigures> + Send + Sync>>,
}

impl Metrics {
    pub(crate) fn new(exporters: Exporters, hub: Hub) -> Self {
        Self {
            shared: Arc::new(Shared {
                started: SystemTime::now(),
                exporters,
                hub,
                process: Process::new(),
                tally: Mutex::default(),
                sources: Mutex::default(),
            }),
        }
    }

    /// Adds these records.
    pub(crate) fn observe(&self, records: &[TransferRecord]) {
        let mut tally = held(&self.shared.tally);
        records.iter().for_each(|record| tally.add(record));
    }

    /// Counts a boot that ended with this verdict.
    pub fn boot_ended(&self, verdict: VerdictKind) {
        held(&self.shared.tally).add_boot(verdict);
    }

    /// Counts addresses that acknowledged nothing and made room among boots.
    pub fn boot_strangers(&self, count: u64) {
        held(&self.shared.tally).add_boot_strangers(count);
    }

    /// These are the server's counters now.
    pub(crate) fn heard(&self, stats: &ServerStats) {
        self.sources().heard.clone_from(stats);
    }

    /// Asks a running server for its counters at each scrape.
    pub fn watch(&self, server: ServerView) {
        self.watch_source(server::Watched::new(server));
    }

    /// Asks `source` for counters at each scrape: for servers that this program only knows from afar.
    pub fn watch_source(&self, source: impl Source) {
        self.sources().server = Some(Arc::new(source));
    }

    /// Asks `figures` at each scrape what the cache of origins holds; `None` where there is no cache.
    pub fn cache(&self, figures: impl Fn() -> Option<CacheFigures> + Send + Sync + 'static) {
        self.sources().cache = Some(Arc::new(figures));
    }

    /// Bytes of memory that this process takes, mapped files among them; `None` where the kernel does
    /// not say. A sandbox that was closed after these metrics were made does not hide it.
    #[must_use]
    pub fn process_memory(&self) -> Option<u64> {
        self.shared.process.memory().map(|(all, _)| all)
    }

    /// All numbers now.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        let shared = &*self.shared;
        let mut sheet = Sheet::default();
        let (heard, source, cache) = {
            let sources = self.sources();
            let (server, cache) = (sources.server.clone(), sources.cache.clone());
            (sources.heard.clone(), server, cache)
        };
        // Asked without the lock: it is their time.
        match source {
            Some(source) => server::write(&source.stats(), &source.worker_load(), &mut sheet),
            None => server::write(&heard, &[], &mut sheet),
        }
        held(&shared.tally).write(&mut sheet);
        if let Some(figures) = cache.and_then(|cache| cache()) {
            figures.write(&mut sheet);
        }
        server::write_exporters(&shared.exporters.drops(), &shared.hub, &mut sheet);
        shared.process.write(shared.started, &mut sheet);
        Snapshot {
            started: shared.started,
            taken: SystemTime::now(),
            families: sheet.families(list::ALL),
        }
    }

    fn sources(&self) -> MutexGuard<'_, Sources> {
        held(&self.shared.sources)
    }
}

impl std::fmt::Debug for Metrics {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Metrics")
            .field("started", &self.shared.started)
            .finish_non_exhaustive()
    }
}

/// Nothing is left half done by a panic under these locks.
fn held<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
