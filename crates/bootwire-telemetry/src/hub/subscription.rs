//! One who listens.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use tokio::sync::watch;

use super::{Ring, lock};

/// What one subscriber hears of a [`Hub`](super::Hub). Ends when it is dropped.
pub struct Subscription<T> {
    ring: Arc<Mutex<Ring<T>>>,
    news: watch::Receiver<u64>,
    /// The number of the item to give next.
    at: u64,
    lost: Arc<AtomicU64>,
}

/// Why there is no next item.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Interrupted {
    /// So many items were lost because this subscriber was too slow. The next ones follow.
    #[error("{0} lost: this subscriber was too slow")]
    Lagged(u64),
    /// No more will come: the hub is gone.
    #[error("the stream has ended")]
    Closed,
}

impl<T> Subscription<T> {
    pub(super) const fn new(
        ring: Arc<Mutex<Ring<T>>>,
        news: watch::Receiver<u64>,
        at: u64,
        lost: Arc<AtomicU64>,
    ) -> Self {
        Self {
            ring,
            news,
            at,
            lost,
        }
    }

    /// The next item, once there is one. Nothing is lost if this is dropped before it is ready.
    ///
    /// # Errors
    /// [`Interrupted::Lagged`] says how many were lost; then ask again. [`Interrupted::Closed`] is the end.
    pub async fn next(&mut self) -> Result<Arc<T>, Interrupted> {
        let mut batch = self.batch(1).await?;
        // There is one: `batch` waits for it.
        batch.pop().ok_or(Interrupted::Closed)
    }

    /// The next items, at least one and at most `max`, once there are any. Nothing is lost if this is
    /// dropped before it is ready.
    ///
    /// # Errors
    /// As [`Subscription::next`].
    pub async fn batch(&mut self, max: usize) -> Result<Vec<Arc<T>>, Interrupted> {
        loop {
            self.news.mark_unchanged();
            let found = lock(&self.ring).from(self.at, max.max(1));
            match found {
                Err(missing) => {
                    self.at += missing;
                    self.lost.fetch_add(missing, Ordering::Relaxed);
                    return Err(Interrupted::Lagged(missing));
                }
                Ok(items) if !items.is_empty() => {
                    self.at += items.len() as u64;
                    return Ok(items);
                }
                Ok(_) => {}
            }
            if self.news.changed().await.is_err() {
                return Err(Interrupted::Closed);
            }
        }
    }
}

impl<T> std::fmt::Debug for Subscription<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Subscription")
            .field("at", &self.at)
            .finish_non_exhaustive()
    }
}
