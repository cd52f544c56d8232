//! A server that runs, and the threads it runs on.

use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use bootwire::{BoxFuture, Drained, OpenServer, Outcome, ServerError, ServerHandle, ServerView};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::mpsc;

/// Threads for what waits: handlers' answers, sources, sinks. Python's own threads do the work.
const THREADS_MAX: usize = 4;

/// A server that runs. It ends when this is dropped, or after it was told to.
pub(crate) struct Running {
    orders: mpsc::UnboundedSender<Duration>,
    end: Arc<End>,
    pub(crate) view: ServerView,
    pub(crate) engine: String,
    runtime: Option<Runtime>,
}

/// Has a server do what its configuration says as that changes.
pub(crate) type Follow = Box<dyn FnOnce(&ServerHandle) -> BoxFuture<'_, ()> + Send>;

/// Why a server does not start.
pub(crate) enum StartError {
    Server(ServerError),
    /// All that is wrong with a configuration.
    Site(String),
}

impl From<ServerError> for StartError {
    fn from(error: ServerError) -> Self {
        Self::Server(error)
    }
}

impl From<std::io::Error> for StartError {
    fn from(error: std::io::Error) -> Self {
        Self::Server(ServerError::Engine(error))
    }
}

/// How a server ended.
#[derive(Clone, Copy)]
pub(crate) struct Ended {
    pub(crate) drained: Drained,
    /// Whether a worker died.
    pub(crate) failed: bool,
}

#[derive(Default)]
struct End {
    ended: Mutex<Option<Ended>>,
    told: Condvar,
}

/// What a server runs on.
pub(crate) fn runtime() -> std::io::Result<Runtime> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    Builder::new_multi_thread()
        .worker_threads(cores.min(THREADS_MAX))
        .thread_name("bootwire-wait")
        .enable_all()
        .build()
}

impl Running {
    pub(crate) fn start(server: OpenServer) -> Result<Self, StartError> {
        let runtime = runtime()?;
        let entered = runtime.enter();
        let handle = server.start()?;
        drop(entered);
        Ok(Self::on(runtime, handle, None))
    }

    /// What runs on `runtime`. `follow` is what follows its configuration, if it has one: it never ends.
    pub(crate) fn on(runtime: Runtime, handle: ServerHandle, follow: Option<Follow>) -> Self {
        let (orders, inbound) = mpsc::unbounded_channel();
        let end = Arc::<End>::default();
        let (view, engine) = (handle.view(), handle.engine());
        let told = Arc::clone(&end);
        runtime.spawn(async move { told.tell(Box::pin(run(handle, follow, inbound)).await) });
        Self {
            orders,
            end,
            view,
            engine,
            runtime: Some(runtime),
        }
    }

    /// No new requests; the transfers that run have this long.
    pub(crate) fn drain(&self, limit: Duration) {
        // It may have ended by itself.
        let _ = self.orders.send(limit);
    }

    /// Who waits for the end, without the GIL.
    pub(crate) fn watch(&self) -> Watch {
        Watch(Arc::clone(&self.end))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.drain(Duration::ZERO);
        // Threads that the kernel holds in a dead file system are left behind.
        self.watch().wait(Duration::from_secs(5));
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_timeout(Duration::from_millis(200));
        }
    }
}

/// Who waits for the end of a server.
pub(crate) struct Watch(Arc<End>);

impl Watch {
    /// How it ended, if it does within `limit`.
    pub(crate) fn wait(&self, limit: Duration) -> Option<Ended> {
        let until = Instant::now().checked_add(limit);
        let mut ended = self.0.ended.lock().unwrap_or_else(PoisonError::into_inner);
        while ended.is_none() {
            let left = until.map_or(Duration::MAX, |until| {
                until.saturating_duration_since(Instant::now())
            });
            if left.is_zero() {
                break;
            }
            ended = self
                .0
                .told
                .wait_timeout(ended, left)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
        *ended
    }
}

impl End {
    fn tell(&self, how: Ended) {
        *self.ended.lock().unwrap_or_else(PoisonError::into_inner) = Some(how);
        self.told.notify_all();
    }
}

/// Until it is told to end, or a worker dies. A configuration is followed as its files change.
async fn run(
    handle: ServerHandle,
    follow: Option<Follow>,
    mut orders: mpsc::UnboundedReceiver<Duration>,
) -> Ended {
    let followed = async {
        match follow {
            Some(follow) => follow(&handle).await,
            None => std::future::pending().await,
        }
    };
    let (limit, failed) = tokio::select! {
        limit = orders.recv() => (limit.unwrap_or_default(), false),
        () = handle.failed() => (Duration::ZERO, true),
        () = followed => (Duration::ZERO, true),
    };
    let view = handle.view();
    let before = finished(&view);
    let drain = Box::pin(handle.drain(limit));
    let drained = tokio::select! {
        drained = drain => drained,
        // Told again: no more patience. Dropping the handle cuts off what runs.
        _ = orders.recv() => Drained {
            finished: finished(&view) - before,
            cut_off: view.stats().active,
        },
    };
    Ended { drained, failed }
}

/// Transfers that have ended, however.
fn finished(view: &ServerView) -> u64 {
    let stats = view.stats();
    Outcome::ALL.iter().map(|&how| stats.ended(how)).sum()
}
