//! Everything together.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bootwire::{BoxFuture, Server, TransferRecord};
use bootwire_boots::Change;
use tokio::task::JoinSet;

use crate::deliver::EndpointError;
use crate::exporters::{Drops, Exporters, Inbox, Queue};
use crate::happening::Happening;
use crate::hub::Hub;
use crate::metrics::Metrics;
use crate::otlp::{self, KnownBoots, Otlp};
use crate::webhook::Webhook;

/// Records the hub keeps for subscribers that are behind, unless told otherwise.
const HUB_CAPACITY: usize = 8192;

/// How often the metrics hear of a server's counters, where they cannot ask.
const STATS_EVERY: Duration = Duration::from_secs(1);

/// All that tells others what a server does: metrics, a live stream of its records, exporters. Cheap to
/// clone.
///
/// ```no_run
/// use bootwire::{Router, Server};
/// use bootwire_telemetry::Telemetry;
///
/// # async fn example(server: Server) -> Result<(), bootwire::ServerError> {
/// let telemetry = Telemetry::builder().build();
/// let server = telemetry.attach(server);
/// # server.run().await
/// # }
/// ```
#[derive(Clone)]
pub struct Telemetry {
    shared: Arc<Shared>,
}

struct Shared {
    hub: Hub,
    exporters: Exporters,
    metrics: Metrics,
    redact: Option<Redact>,
    queues: Mutex<Vec<Queue<Arc<TransferRecord>>>>,
    feeds: Mutex<Vec<Feed>>,
    boots: Hub<Change>,
    tasks: Mutex<Tasks>,
}

/// Makes of a record another one that may be told; `None` if this one may.
type Redact = Box<dyn Fn(&TransferRecord) -> Option<TransferRecord> + Send + Sync>;

/// An exporter of more than records.
struct Feed {
    queue: Queue<Happening>,
    wants: Box<dyn Fn(&Happening) -> bool + Send + Sync>,
}

/// Exporters that run, and those that do not yet.
#[derive(Default)]
struct Tasks {
    waiting: Vec<BoxFuture<'static, ()>>,
    running: JoinSet<()>,
}

/// How a [`Telemetry`] should be.
#[must_use]
pub struct TelemetryBuilder {
    hub_capacity: usize,
    exporters: Exporters,
    redact: Option<Redact>,
    queues: Vec<Queue<Arc<TransferRecord>>>,
    tasks: Vec<BoxFuture<'static, ()>>,
}

impl TelemetryBuilder {
    /// Records that the hub keeps for subscribers that are behind. Default 8192.
    pub const fn hub_capacity(mut self, records: usize) -> Self {
        self.hub_capacity = records;
        self
    }

    /// Tells others of another record instead, where `redact` makes one: without a secret in a name.
    pub fn redact(
        mut self,
        redact: impl Fn(&TransferRecord) -> Option<TransferRecord> + Send + Sync + 'static,
    ) -> Self {
        self.redact = Some(Box::new(redact));
        self
    }

    /// Passes every record on to `run`, through a queue of at most `capacity` records: `run` takes them
    /// from its inbox, and counts there what it sent and what failed. When the inbox ends, so should
    /// `run`.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// use bootwire_telemetry::Telemetry;
    ///
    /// let telemetry = Telemetry::builder()
    ///     .export("printer", 1000, |mut inbox| async move {
    ///         while let Some(record) = inbox.next().await {
    ///             println!("{} {}", record.path, record.outcome);
    ///             inbox.account().sent(1);
    ///         }
    ///     })
    ///     .build();
    /// assert_eq!(telemetry.drops()[0].name, "printer");
    /// # }
    /// ```
    pub fn export<F>(
        mut self,
        name: &str,
        capacity: usize,
        run: impl FnOnce(Inbox<Arc<TransferRecord>>) -> F,
    ) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let (queue, inbox) = self.exporters.queue(name, capacity);
        self.queues.push(queue);
        self.tasks.push(Box::pin(run(inbox)));
        self
    }

    /// Runs `task` beside the exporters, until [`Telemetry::finish`]: one that is not fed by records.
    pub fn task(mut self, task: impl Future<Output = ()> + Send + 'static) -> Self {
        self.tasks.push(Box::pin(task));
        self
    }

    /// Where exporters are registered, for queues of other things than records.
    pub const fn exporters(&self) -> &Exporters {
        &self.exporters
    }

    /// Makes it. Within a tokio runtime its exporters start; otherwise [`Telemetry::start`] starts them,
    /// and meanwhile their records wait.
    pub fn build(self) -> Telemetry {
        let hub = Hub::new(self.hub_capacity);
        let metrics = Metrics::new(self.exporters.clone(), hub.clone());
        let tasks = Tasks {
            waiting: self.tasks,
            running: JoinSet::new(),
        };
        let telemetry = Telemetry {
            shared: Arc::new(Shared {
                hub,
                exporters: self.exporters,
                metrics,
                redact: self.redact,
                queues: Mutex::new(self.queues),
                feeds: Mutex::default(),
                boots: Hub::new(self.hub_capacity),
                tasks: Mutex::new(tasks),
            }),
        };
        if tokio::runtime::Handle::try_current().is_ok() {
            telemetry.start();
        }
        telemetry
    }
}

impl Telemetry {
    /// How to make one.
    pub fn builder() -> TelemetryBuilder {
        TelemetryBuilder {
            hub_capacity: HUB_CAPACITY,
            exporters: Exporters::default(),
            redact: None,
            queues: Vec::new(),
            tasks: Vec::new(),
        }
    }

    /// Hears of all that `server` does.
    #[must_use]
    pub fn attach(&self, server: Server) -> Server {
        let (records, stats) = (self.clone(), self.clone());
        server
            .observe_batches(move |batch| records.observe(batch))
            .stats_every(STATS_EVERY, move |now| stats.metrics().heard(now))
    }

    /// Hears of these records: what [`Telemetry::attach`] lets a server call.
    pub fn observe(&self, records: &[TransferRecord]) {
        let shared = &*self.shared;
        shared.metrics.observe(records);
        let queues = shared.queues.lock().unwrap_or_else(PoisonError::into_inner);
        let feeds = shared.feeds();
        if queues.is_empty() && feeds.is_empty() && !shared.hub.is_heard() {
            return;
        }
        // One copy for all.
        let records: Vec<_> = records.iter().map(|record| shared.copy(record)).collect();
        for feed in &*feeds {
            let told = records.iter().cloned().map(Happening::Transfer);
            told.for_each(|happening| feed.push(happening));
        }
        drop(feeds);
        for queue in &*queues {
            for record in &records {
                queue.push(Arc::clone(record));
            }
        }
        drop(queues);
        shared.hub.publish(records);
    }

    /// Hears what became of boots: exporters and [`Telemetry::boots`] do.
    pub fn observe_boots(&self, changes: &[Change]) {
        for change in changes {
            if let Change::Ended(boot) = change
                && let Some(verdict) = &boot.verdict
            {
                self.metrics().boot_ended(verdict.kind);
            }
        }
        for feed in &*self.shared.feeds() {
            let told = changes.iter().cloned().map(Happening::Boot);
            told.for_each(|happening| feed.push(happening));
        }
        if self.shared.boots.is_heard() {
            self.shared
                .boots
                .publish(changes.iter().cloned().map(Arc::new));
        }
    }

    /// The live stream of what becomes of boots.
    #[must_use]
    pub fn boots(&self) -> &Hub<Change> {
        &self.shared.boots
    }

    /// Posts to a web server what happens from now on.
    ///
    /// # Errors
    /// If the system's certificates cannot be read.
    pub fn webhook(&self, webhook: Webhook) -> Result<(), EndpointError> {
        let wants = webhook.clone();
        let feed = self.feed("webhook", webhook.queue_len(), move |happening| {
            wants.wants(happening)
        });
        self.run(webhook.run(feed)?);
        Ok(())
    }

    /// Sends metrics and traces to an OpenTelemetry collector from now on.
    ///
    /// # Errors
    /// If the system's certificates cannot be read.
    pub fn otlp(&self, collector: &Otlp) -> Result<(), EndpointError> {
        if collector.sends_traces() {
            let boots = Arc::new(KnownBoots::default());
            let heard = Arc::clone(&boots);
            let offered = move |happening: &Happening| otlp::offered(&heard, happening);
            let feed = self.feed("otlp-traces", Otlp::queue_len(), offered);
            self.run(collector.run_traces(boots, feed)?);
        }
        if collector.sends_metrics() {
            // It hears of nothing but the end.
            let feed = self.feed("otlp-metrics", 1, |_| false);
            self.run(collector.run_metrics(self.metrics().clone(), feed)?);
        }
        Ok(())
    }

    fn feed(
        &self,
        name: &str,
        capacity: usize,
        wants: impl Fn(&Happening) -> bool + Send + Sync + 'static,
    ) -> Inbox<Happening> {
        let (queue, inbox) = self.exporters().queue(name, capacity);
        let wants = Box::new(wants);
        self.shared.feeds().push(Feed { queue, wants });
        inbox
    }

    /// Runs an exporter: at once within tokio, else from [`Telemetry::start`] on.
    fn run(&self, exporter: impl Future<Output = ()> + Send + 'static) {
        self.tasks().waiting.push(Box::pin(exporter));
        if tokio::runtime::Handle::try_current().is_ok() {
            self.start();
        }
    }

    /// Starts the exporters, if they do not run yet.
    ///
    /// # Panics
    /// If called outside of a tokio runtime.
    pub fn start(&self) {
        let mut tasks = self.tasks();
        for task in std::mem::take(&mut tasks.waiting) {
            tasks.running.spawn(task);
        }
    }

    /// Lets the exporters send what they still have, for at most `limit`: to be called when the server has
    /// drained. Records that come later go to no exporter.
    pub async fn finish(&self, limit: Duration) {
        let shared = &self.shared;
        let queues =
            std::mem::take(&mut *shared.queues.lock().unwrap_or_else(PoisonError::into_inner));
        drop(queues);
        shared.feeds().clear();
        let mut running = std::mem::take(&mut self.tasks().running);
        let all = async { while running.join_next().await.is_some() {} };
        // Whoever is not done by then is dropped, and what it had is counted as lost.
        let _ = tokio::time::timeout(limit, all).await;
        running.shutdown().await;
    }

    /// The live stream of records.
    #[must_use]
    pub fn hub(&self) -> &Hub {
        &self.shared.hub
    }

    /// The metrics.
    #[must_use]
    pub fn metrics(&self) -> &Metrics {
        &self.shared.metrics
    }

    /// What each exporter sent and lost.
    #[must_use]
    pub fn drops(&self) -> Vec<Drops> {
        self.shared.exporters.drops()
    }

    /// Where exporters are registered.
    #[must_use]
    pub fn exporters(&self) -> &Exporters {
        &self.shared.exporters
    }

    fn tasks(&self) -> MutexGuard<'_, Tasks> {
        let tasks = &self.shared.tasks;
        tasks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Shared {
    /// A copy of a record that may be told.
    fn copy(&self, record: &TransferRecord) -> Arc<TransferRecord> {
        let redacted = self.redact.as_ref().and_then(|redact| redact(record));
        Arc::new(redacted.unwrap_or_else(|| record.clone()))
    }

    fn feeds(&self) -> MutexGuard<'_, Vec<Feed>> {
        self.feeds.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Feed {
    fn push(&self, happening: Happening) {
        if (self.wants)(&happening) {
            self.queue.push(happening);
        }
    }
}

impl std::fmt::Debug for Telemetry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Telemetry")
            .field("hub", self.hub())
            .field("drops", &self.drops())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use bootwire::Router;
    use bootwire::client::Client;

    use super::*;

    #[tokio::test]
    async fn records_reach_metrics_subscribers_and_exporters() {
        let (told, mut heard) = tokio::sync::mpsc::unbounded_channel();
        let telemetry = Telemetry::builder()
            .export("test", 10, |mut inbox| async move {
                while let Some(record) = inbox.next().await {
                    told.send(record.path.clone()).unwrap();
                    inbox.account().sent(1);
                }
            })
            .build();
        let server =
            Server::bind("127.0.0.1:0").serve(Router::new().read("/motd", async || "hello"));
        let server = telemetry.attach(server).start().unwrap();
        let mut live = telemetry.hub().subscribe();
        let mut content = Vec::new();
        let client = Client::new(server.local_addrs()[0]);
        client.get("motd", &mut content).await.unwrap();
        assert_eq!(live.next().await.unwrap().path, "/motd");
        assert_eq!(heard.recv().await.unwrap(), "/motd");
        server.drain(Duration::from_secs(5)).await;
        telemetry.finish(Duration::from_secs(5)).await;
        assert_eq!(telemetry.drops()[0].sent, 1);
        let metrics = telemetry.metrics().prometheus();
        let line = "bootwire_route_transfers_total{route=\"/motd\",op=\"read\",outcome=\"complete\",\
                    family=\"ipv4\",transport=\"tftp\"} 1";
        assert!(metrics.contains(line), "{metrics}");
    }

    #[tokio::test(start_paused = true)]
    async fn an_exporter_that_never_ends_is_not_waited_for() {
        let telemetry = Telemetry::builder()
            .export("stuck", 10, |inbox| async move {
                let _inbox = inbox;
                std::future::pending::<()>().await;
            })
            .build();
        telemetry.finish(Duration::from_secs(2)).await;
        assert_eq!(telemetry.drops()[0].queued, 0);
    }
}
