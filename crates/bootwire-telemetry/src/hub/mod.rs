//! A live stream: of records, or of anything else, to any number of subscribers.
//!
//! Who publishes never waits. The hub keeps the latest items, as many as it was made for; a subscriber
//! that is further behind has lost the older ones and is told how many.

mod subscription;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bootwire::TransferRecord;
use tokio::sync::watch;

pub use subscription::{Interrupted, Subscription};

/// A live stream to many subscribers. Cheap to clone.
///
/// ```
/// use std::sync::Arc;
///
/// use bootwire_telemetry::Hub;
/// use bootwire_telemetry::hub::Interrupted;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let hub = Hub::new(2);
/// let mut slow = hub.subscribe();
/// for word in ["one", "two", "three"] {
///     hub.publish([Arc::new(word)]);
/// }
/// assert!(matches!(slow.next().await, Err(Interrupted::Lagged(1))));
/// assert_eq!(*slow.next().await.unwrap(), "two");
/// # }
/// ```
pub struct Hub<T = TransferRecord> {
    ring: Arc<Mutex<Ring<T>>>,
    /// The number of the item that comes next. Dropped with the last hub, which ends subscriptions.
    next: watch::Sender<u64>,
    lost: Arc<AtomicU64>,
}

/// The latest items.
struct Ring<T> {
    capacity: usize,
    /// The number of the first one.
    first: u64,
    items: VecDeque<Arc<T>>,
}

impl<T> Hub<T> {
    /// A hub that keeps the latest `capacity` items, at least one, for those who are behind.
    #[must_use]
    pub fn new(capacity: usize) -> Self {
        let ring = Ring {
            capacity: capacity.max(1),
            first: 0,
            items: VecDeque::new(),
        };
        Self {
            ring: Arc::new(Mutex::new(ring)),
            next: watch::Sender::new(0),
            lost: Arc::default(),
        }
    }

    /// Hears of all that is published from now on.
    #[must_use]
    pub fn subscribe(&self) -> Subscription<T> {
        let ring = lock(&self.ring);
        let mut news = self.next.subscribe();
        let at = ring.next();
        news.mark_unchanged();
        Subscription::new(Arc::clone(&self.ring), news, at, Arc::clone(&self.lost))
    }

    /// Whether anybody listens. If not, items need not be made.
    #[must_use]
    pub fn is_heard(&self) -> bool {
        self.next.receiver_count() > 0
    }

    /// How many listen.
    #[must_use]
    pub fn subscribers(&self) -> usize {
        self.next.receiver_count()
    }

    /// Items that subscribers lost because they were too slow, over all of them.
    #[must_use]
    pub fn lost(&self) -> u64 {
        self.lost.load(Ordering::Relaxed)
    }

    /// Gives these to all who listen. Does not wait.
    pub fn publish(&self, items: impl IntoIterator<Item = Arc<T>>) {
        let mut ring = lock(&self.ring);
        if !self.is_heard() {
            ring.first = ring.next();
            ring.items = VecDeque::new();
            return;
        }
        let before = ring.next();
        items.into_iter().for_each(|item| ring.push(item));
        let next = ring.next();
        drop(ring);
        if next != before {
            // Nobody may listen any more; then nobody minds.
            self.next.send_replace(next);
        }
    }
}

impl Hub {
    /// What a server is to call for its records, see [`bootwire::Server::observe_batches`]. Where nobody
    /// listens it costs next to nothing.
    ///
    /// ```
    /// use bootwire::{Router, Server};
    /// use bootwire_telemetry::Hub;
    ///
    /// let hub = Hub::new(1024);
    /// let server = Server::bind("[::]:69")
    ///     .serve(Router::new())
    ///     .observe_batches(hub.observer());
    /// ```
    pub fn observer(&self) -> impl Fn(&[TransferRecord]) + Send + Sync + use<> {
        let hub = self.clone();
        move |records| {
            if hub.is_heard() {
                hub.publish(records.iter().cloned().map(Arc::new));
            }
        }
    }
}

impl<T> Ring<T> {
    /// The number of the item that comes next.
    fn next(&self) -> u64 {
        self.first + self.items.len() as u64
    }

    fn push(&mut self, item: Arc<T>) {
        if self.items.len() == self.capacity {
            self.items.pop_front();
            self.first += 1;
        }
        self.items.push_back(item);
    }

    /// Up to `max` items from number `at` on; `Err` if there are none so old any more.
    fn from(&self, at: u64, max: usize) -> Result<Vec<Arc<T>>, u64> {
        let missing = self.first.saturating_sub(at);
        if missing > 0 {
            return Err(missing);
        }
        // What lies in a ring fits into memory.
        let skipped = (at - self.first) as usize;
        Ok(self.items.iter().skip(skipped).take(max).cloned().collect())
    }
}

impl<T> Clone for Hub<T> {
    fn clone(&self) -> Self {
        Self {
            ring: Arc::clone(&self.ring),
            next: self.next.clone(),
            lost: Arc::clone(&self.lost),
        }
    }
}

impl<T> std::fmt::Debug for Hub<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Hub")
            .field("subscribers", &self.subscribers())
            .field("lost", &self.lost())
            .finish_non_exhaustive()
    }
}

/// Nothing is left half done by a panic under this lock.
fn lock<T>(ring: &Mutex<Ring<T>>) -> MutexGuard<'_, Ring<T>> {
    ring.lock().unwrap_or_else(PoisonError::into_inner)
}
