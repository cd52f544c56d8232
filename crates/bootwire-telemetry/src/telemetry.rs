//! Everything together.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bootwire::{BoxFuture, Server, TransferRecord};
use tokio::task::JoinSet;

use crate::exporters::{Drops, Exporters, Inbox, Queue};
use crate::hub::Hub;
use crate::metrics::Metrics;

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
    queues: Mutex<Vec<Queue<Arc<TransferRecord>>>>,
    tasks: Mutex<Tasks>,
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
    queues: Vec<Queue<Arc<TransferRecord>>>,
    tasks: Vec<BoxFuture<'static, ()>>,
}

impl TelemetryBuilder {
    /// Records that the hub keeps for subscribers that are behind. Default 8192.
    pub const fn hub_capacity(mut self, records: usize) -> Self {
        self.hub_capacity = records;
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
                queues: Mutex::new(self.queues),
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
        if queues.is_empty() && !shared.hub.is_heard() {
            return;
        }
        // One copy for all.
        let records: Vec<_> = records.iter().cloned().map(Arc::new).collect();
        for queue in &*queues {
            for record in &records {
                queue.push(Arc::clone(record));
            }
        }
        drop(queues);
        shared.hub.publish(records);
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

    fn tasks(&self) -> std::sync::MutexGuard<'_, Tasks> {
        let tasks = &self.shared.tasks;
        tasks.lock().unwrap_or_else(PoisonError::into_inner)
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
