//! Looking at a running server.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tokio::sync::{Mutex, oneshot};

use super::inbox::{Inbox, Message};
use super::live::{LiveTransfer, Sighting, Survey};
use super::observe;
use super::stats::{Counters, ServerStats};

/// A look at a running server: what it counted, its transfers, how busy it is. Made by
/// [`ServerHandle::view`](crate::ServerHandle::view), cheap to clone, and of no influence: it keeps
/// nothing running, and outlives the server.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use bootwire::{Router, Server};
///
/// let server = Server::bind("127.0.0.1:0").serve(Router::new()).start()?;
/// let view = server.view();
/// for transfer in view.transfers(1000).await {
///     println!("{} {}: {} bytes", transfer.peer, transfer.path, transfer.bytes);
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct ServerView {
    seen: Arc<Seen>,
}

struct Seen {
    inboxes: Vec<Arc<Inbox>>,
    counters: Vec<Arc<Counters>>,
    addresses: Vec<SocketAddr>,
    /// When the workers' clock began.
    origin: Instant,
    /// How busy each worker was found, in microseconds: the figure is an estimate, and never to go
    /// back.
    busy: Vec<AtomicU64>,
    /// One looks at the transfers at a time: so what the workers gather has a bound.
    turn: Mutex<()>,
}

/// How busy a worker has been since it started.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct WorkerLoad {
    /// Time in which it had something to do; looking for packets that are not there does not count.
    pub busy: Duration,
    /// Time since the server started.
    pub elapsed: Duration,
}

impl WorkerLoad {
    /// The share of the time since `earlier` in which the worker was busy, from 0 to 1. Near 1 it has
    /// no reserve: packets wait for it.
    #[must_use]
    pub fn since(&self, earlier: &Self) -> f64 {
        let elapsed = self.elapsed.saturating_sub(earlier.elapsed);
        let busy = self.busy.saturating_sub(earlier.busy);
        if elapsed.is_zero() {
            return 0.0;
        }
        (busy.as_secs_f64() / elapsed.as_secs_f64()).min(1.0)
    }
}

impl ServerView {
    pub(super) fn new(
        inboxes: Vec<Arc<Inbox>>,
        counters: Vec<Arc<Counters>>,
        addresses: Vec<SocketAddr>,
        origin: Instant,
    ) -> Self {
        let busy = counters.iter().map(|_| AtomicU64::new(0)).collect();
        Self {
            seen: Arc::new(Seen {
                inboxes,
                counters,
                addresses,
                origin,
                busy,
                turn: Mutex::new(()),
            }),
        }
    }

    /// Statistics now.
    #[must_use]
    pub fn stats(&self) -> ServerStats {
        observe::sum(&self.seen.counters)
    }

    /// The addresses it listens on, in the order given, with the ports the kernel chose.
    #[must_use]
    pub fn local_addrs(&self) -> &[SocketAddr] {
        &self.seen.addresses
    }

    /// Number of worker threads.
    #[must_use]
    pub fn workers(&self) -> usize {
        self.seen.counters.len()
    }

    /// How busy each worker has been since the server started: keep it, and ask later what it was
    /// [`since`](WorkerLoad::since) then.
    #[must_use]
    pub fn load(&self) -> Vec<WorkerLoad> {
        let elapsed = self.seen.origin.elapsed();
        let load = |(counters, found): (&Arc<Counters>, &AtomicU64)| {
            let busy = u64::try_from(counters.pulse.busy(elapsed).as_micros()).unwrap_or(u64::MAX);
            let before = found.fetch_max(busy, Ordering::Relaxed);
            WorkerLoad {
                busy: Duration::from_micros(busy.max(before)).min(elapsed),
                elapsed,
            }
        };
        self.seen
            .counters
            .iter()
            .zip(&self.seen.busy)
            .map(load)
            .collect()
    }

    /// The transfers that run, the oldest first; `max` of them at most, of more than that any. Each is
    /// there as it was when its worker came by: the workers note a few in each of their rounds, so
    /// thousands take some milliseconds and hold up no packet. A server that has stopped has none.
    pub async fn transfers(&self, max: usize) -> Vec<LiveTransfer> {
        let turn = self.seen.turn.lock().await;
        let told = self.look(max);
        let mut seen: Vec<Sighting> = Vec::new();
        for told in told {
            // A worker that has ended has nothing to tell.
            seen.extend(told.await.unwrap_or_default());
        }
        drop(turn);
        seen.sort_unstable_by_key(Sighting::id);
        seen.truncate(max);
        seen.into_iter().map(LiveTransfer::from).collect()
    }

    /// Resolves when every worker has come round once more, mostly within a millisecond. A worker that
    /// hangs never does: tie a watchdog to it. `false` if one has ended.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use bootwire::{Router, Server};
    ///
    /// let server = Server::bind("127.0.0.1:0").serve(Router::new()).start()?;
    /// assert!(server.view().turns().await);
    /// # Ok(())
    /// # }
    /// ```
    pub async fn turns(&self) -> bool {
        let _turn = self.seen.turn.lock().await;
        let mut all = true;
        for told in self.look(0) {
            all &= told.await.is_ok();
        }
        all
    }

    /// Has all workers look at their transfers, at the same time.
    fn look(&self, max: usize) -> Vec<oneshot::Receiver<Vec<Sighting>>> {
        let look = |inbox: &Arc<Inbox>| {
            let (survey, told) = Survey::new(max);
            inbox.send(Message::Look(Box::new(survey)));
            told
        };
        self.seen.inboxes.iter().map(look).collect()
    }
}

impl std::fmt::Debug for ServerView {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ServerView")
            .field("local_addrs", &self.seen.addresses)
            .field("workers", &self.workers())
            .finish_non_exhaustive()
    }
}
