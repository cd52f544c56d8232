//! A bounded queue that is never waited for.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::sync::{Semaphore, mpsc};

use super::Account;

/// The end of a queue to which items are pushed. Cheap to clone; the queue ends with the last of these.
#[derive(Debug)]
pub struct Queue<T> {
    items: mpsc::Sender<T>,
    account: Arc<Account>,
}

/// The end of a queue from which an exporter takes items.
#[derive(Debug)]
pub struct Inbox<T> {
    items: mpsc::Receiver<T>,
    account: Arc<Account>,
}

pub(super) fn new<T>(capacity: usize, account: Arc<Account>) -> (Queue<T>, Inbox<T>) {
    let capacity = capacity.clamp(1, Semaphore::MAX_PERMITS);
    let (sender, items) = mpsc::channel(capacity);
    let queue = Queue {
        items: sender,
        account: Arc::clone(&account),
    };
    (queue, Inbox { items, account })
}

impl<T> Queue<T> {
    /// Adds an item, or drops and counts it if there is no room or nobody takes items any more. Does not
    /// wait. Answers whether it was added.
    pub fn push(&self, item: T) -> bool {
        // Counted before it can be taken, so that the count is never below nothing.
        self.account.queued.fetch_add(1, Ordering::Relaxed);
        let added = self.items.try_send(item).is_ok();
        if !added {
            self.account.queued.fetch_sub(1, Ordering::Relaxed);
            self.account.dropped(1);
        }
        added
    }

    /// The counts of this queue's exporter.
    #[must_use]
    pub const fn account(&self) -> &Arc<Account> {
        &self.account
    }
}

impl<T> Clone for Queue<T> {
    fn clone(&self) -> Self {
        Self {
            items: self.items.clone(),
            account: Arc::clone(&self.account),
        }
    }
}

impl<T> Inbox<T> {
    /// The next item; `None` when no more will come. Nothing is lost if this is dropped before it is
    /// ready.
    pub async fn next(&mut self) -> Option<T> {
        let item = self.items.recv().await?;
        self.took(1);
        Some(item)
    }

    /// The next items, at least one and at most `max`: those that come until there are `max`, or `linger`
    /// has passed since the first. `None` when no more will come.
    pub async fn batch(&mut self, max: usize, linger: Duration) -> Option<Vec<T>> {
        let max = max.max(1);
        let mut batch = vec![self.next().await?];
        let gather = async {
            while batch.len() < max {
                let Some(item) = self.items.recv().await else {
                    return;
                };
                batch.push(item);
            }
        };
        // What was received lies in the batch, whenever this ends.
        let _ = tokio::time::timeout(linger, gather).await;
        self.took(batch.len() - 1);
        Some(batch)
    }

    /// At most `max` items that are there now.
    pub fn take(&mut self, max: usize) -> Vec<T> {
        let mut taken = Vec::new();
        while taken.len() < max {
            let Ok(item) = self.items.try_recv() else {
                break;
            };
            taken.push(item);
        }
        self.took(taken.len());
        taken
    }

    /// Where to count what was sent, and what failed.
    #[must_use]
    pub const fn account(&self) -> &Arc<Account> {
        &self.account
    }

    fn took(&self, count: usize) {
        self.account.queued.fetch_sub(count, Ordering::Relaxed);
    }
}

impl<T> Drop for Inbox<T> {
    fn drop(&mut self) {
        self.items.close();
        // What is left goes nowhere.
        let mut left = 0;
        while self.items.try_recv().is_ok() {
            left += 1;
        }
        self.took(left);
        self.account.dropped(left as u64);
    }
}
