//! A running server.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::mpsc::SyncSender;
use std::task::Poll;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use bootwire_io::Kernel;

use super::inbox::{Inbox, Message};
use super::observe::{self, Event, Observers};
use super::stats::Counters;
use super::{ServerError, ServerStats, ServerView};
use crate::Outcome;
use crate::router::App;

/// How often it is looked whether all workers live.
const HEALTH_LOOK: Duration = Duration::from_secs(1);
/// How often a drain looks whether the workers are done.
const DRAIN_LOOK: Duration = Duration::from_millis(10);

/// A running server. Dropping the handle stops it at once; [`ServerHandle::drain`] stops it well.
pub struct ServerHandle {
    crew: Crew,
    addresses: Vec<SocketAddr>,
    kernel: Kernel,
    receive_buffer: usize,
    view: ServerView,
}

/// How a drain ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Drained {
    /// Transfers that were running when the drain began and finished by themselves, well or not.
    pub finished: u64,
    /// Transfers that were cut off when the time was up; their clients got an ERROR.
    pub cut_off: u64,
}

/// The threads of a server. Dropping it stops them.
pub(super) struct Crew {
    workers: Vec<(Arc<Inbox>, Option<JoinHandle<()>>)>,
    counters: Vec<Arc<Counters>>,
    observers: Option<Observers>,
}

impl Crew {
    pub(super) const fn new(counters: Vec<Arc<Counters>>, observers: Option<Observers>) -> Self {
        Self {
            workers: Vec::new(),
            counters,
            observers,
        }
    }

    /// Starts a worker's thread.
    pub(super) fn add(
        &mut self,
        inbox: Arc<Inbox>,
        number: usize,
        work: impl FnOnce() + Send + 'static,
    ) -> std::io::Result<()> {
        let thread = std::thread::Builder::new()
            .name(format!("bootwire-{number}"))
            .spawn(work)?;
        self.workers.push((inbox, Some(thread)));
        Ok(())
    }

    pub(super) fn events(&self) -> Option<SyncSender<Event>> {
        self.observers
            .as_ref()
            .map(|observers| observers.events.clone())
    }

    pub(super) fn counters(&self, number: usize) -> Arc<Counters> {
        Arc::clone(&self.counters[number])
    }

    fn tell(&self, message: impl Fn() -> Message) {
        for (inbox, _) in &self.workers {
            inbox.send(message());
        }
    }

    /// Whether a worker has ended, which none does by itself.
    fn is_crippled(&self) -> bool {
        let mut threads = self
            .workers
            .iter()
            .filter_map(|(_, thread)| thread.as_ref());
        threads.any(JoinHandle::is_finished)
    }

    fn is_done(&self) -> bool {
        self.workers
            .iter()
            .all(|(_, thread)| thread.as_ref().is_none_or(JoinHandle::is_finished))
    }
}

impl Drop for Crew {
    fn drop(&mut self) {
        self.tell(|| Message::Stop);
        for (_, thread) in &mut self.workers {
            if let Some(thread) = thread.take() {
                // A worker that panicked has said so on stderr; the others still have to end.
                let _ = thread.join();
            }
        }
        if let Some(observers) = self.observers.take() {
            observers.finish();
        }
    }
}

impl ServerHandle {
    pub(super) fn new(
        crew: Crew,
        addresses: Vec<SocketAddr>,
        kernel: Kernel,
        receive_buffer: usize,
        origin: Instant,
    ) -> Self {
        let inboxes = crew.workers.iter().map(|(inbox, _)| Arc::clone(inbox));
        let view = ServerView::new(
            inboxes.collect(),
            crew.counters.clone(),
            addresses.clone(),
            origin,
        );
        Self {
            crew,
            addresses,
            kernel,
            receive_buffer,
            view,
        }
    }

    /// The addresses it listens on, in the order given, with the ports the kernel chose.
    #[must_use]
    pub fn local_addrs(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// What the I/O engine uses on this kernel, for the log.
    #[must_use]
    pub fn engine(&self) -> String {
        self.kernel.to_string()
    }

    /// The receive buffer of its listening sockets, in bytes, the smallest if they differ. Less than
    /// [`Server::RECEIVE_BUFFER`] if the system gives no more: then packets of many clients at once may
    /// be lost, which [`ServerStats::kernel_drops`] counts.
    ///
    /// [`Server::RECEIVE_BUFFER`]: crate::Server::RECEIVE_BUFFER
    #[must_use]
    pub const fn receive_buffer(&self) -> usize {
        self.receive_buffer
    }

    /// Number of worker threads.
    #[must_use]
    pub fn workers(&self) -> usize {
        self.crew.workers.len()
    }

    /// Answers requests with `app` from now on: those that reach a worker after it has heard of it,
    /// within a moment. Transfers that run go on with what they were given.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use bootwire::{Router, Server};
    ///
    /// let server = Server::bind("127.0.0.1:0").serve(Router::new()).start()?;
    /// server.serve(Router::new().read("/motd", async || "hello"));
    /// # Ok(())
    /// # }
    /// ```
    pub fn serve(&self, app: impl Into<App>) {
        let app = app.into();
        self.crew.tell(|| Message::Serve(app.clone()));
    }

    /// Statistics now.
    #[must_use]
    pub fn stats(&self) -> ServerStats {
        observe::sum(&self.crew.counters)
    }

    /// A look at the server that can be given away: to whatever shows what runs, and counts.
    #[must_use]
    pub fn view(&self) -> ServerView {
        self.view.clone()
    }

    /// Resolves when a worker thread has died, which only a bug of the engine can cause (the
    /// others go on, and its clients start over with them). A service should end then, to be
    /// started again whole.
    pub async fn failed(&self) {
        while !self.crew.is_crippled() {
            tokio::time::sleep(HEALTH_LOOK).await;
        }
    }

    /// Runs the server that `start` gives until `shutdown` resolves, then drains for at most 30 s.
    ///
    /// Futures that wait for a signal catch it from their first poll on. That comes before the
    /// ports are open: whoever sees them open may end the server well.
    pub(super) async fn run_until(
        start: impl FnOnce() -> Result<Self, ServerError>,
        shutdown: impl Future<Output = ()>,
    ) -> Result<(), ServerError> {
        let mut shutdown = std::pin::pin!(shutdown);
        let over =
            std::future::poll_fn(|context| Poll::Ready(shutdown.as_mut().poll(context).is_ready()))
                .await;
        let server = start()?;
        let ended = if over {
            Ok(())
        } else {
            server.ended(shutdown).await
        };
        server.drain(Duration::from_secs(30)).await;
        ended
    }

    /// Waits for `shutdown`, or for the end of a worker.
    async fn ended(
        &self,
        mut shutdown: std::pin::Pin<&mut impl Future<Output = ()>>,
    ) -> Result<(), ServerError> {
        let mut failed = Box::pin(self.failed());
        std::future::poll_fn(|context| {
            if shutdown.as_mut().poll(context).is_ready() {
                return Poll::Ready(Ok(()));
            }
            failed
                .as_mut()
                .poll(context)
                .map(|()| Err(ServerError::Worker))
        })
        .await
    }

    /// Stops accepting requests, lets running transfers finish for at most `limit`, then stops.
    /// Every record has reached the observers when it returns.
    pub async fn drain(self, limit: Duration) -> Drained {
        let before = ended(&self.stats());
        self.crew.tell(|| Message::Drain);
        let end = Instant::now() + limit;
        while !self.crew.is_done() && Instant::now() < end {
            tokio::time::sleep(DRAIN_LOOK).await;
        }
        let finished = ended(&self.stats()) - before;
        let cut_off = self.stats().active;
        // Joining threads blocks, if only for a moment.
        let _ = tokio::task::spawn_blocking(move || drop(self.crew)).await;
        Drained { finished, cut_off }
    }
}

/// Transfers that have ended, however.
fn ended(stats: &ServerStats) -> u64 {
    Outcome::ALL
        .iter()
        .map(|&outcome| stats.ended(outcome))
        .sum()
}
