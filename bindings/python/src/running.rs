//! A server that runs, and the threads it runs on.

use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use bootwire::{Drained, OpenServer, ServerError, ServerHandle, ServerView};
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
    pub(crate) fn start(server: OpenServer, runtime: Runtime) -> Result<Self, ServerError> {
        let entered = runtime.enter();
        let handle = server.start()?;
        drop(entered);
        let (orders, mut inbound) = mpsc::unbounded_channel();
        let end = Arc::<End>::default();
        let (view, engine) = (handle.view(), handle.engine());
        let told = Arc::clone(&end);
        runtime.spawn(async move { told.tell(run(handle, &mut inbound).await) });
        Ok(Self {
            orders,
            end,
            view,
            engine,
            runtime: Some(runtime),
        })
    }

    /// No new requests; the transfers that run have this long.
    pub(crate) fn drain(&self, limit: Duration) {
        // It may have ended by itself.
        let _ = self.orders.send(limit);
    }

    /// Waits for the end. Without the GIL.
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

/// Until it is told to end, or a worker dies.
async fn run(handle: ServerHandle, orders: &mut mpsc::UnboundedReceiver<Duration>) -> Ended {
    let (limit, failed) = tokio::select! {
        limit = orders.recv() => (limit.unwrap_or_default(), false),
        () = handle.failed() => (Duration::ZERO, true),
    };
    // Whoever lost patience says so once more.
    let mut drain = std::pin::pin!(handle.drain(limit));
    let drained = drain.as_mut().await;
    Ended { drained, failed }
}
