//! Who passes things on to other systems, and what got lost on the way.

mod in_flight;
mod queue;
#[cfg(test)]
mod tests;

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

pub(crate) use in_flight::InFlight;
pub use queue::{Inbox, Queue};

/// All exporters of a server, with what each one lost. Cheap to clone.
///
/// Each has a name, a bounded [`Queue`] or an [`Account`] alone, and is never waited for.
#[derive(Clone, Debug, Default)]
pub struct Exporters {
    entries: Arc<Mutex<Vec<Entry>>>,
}

/// An exporter's name and its counts.
#[derive(Debug)]
struct Entry {
    name: String,
    account: Arc<Account>,
}

/// What became of the items of one exporter.
///
/// An exporter counts what it has [sent](Self::sent) and what [failed](Self::failed) for good; what its
/// queue had no room for is [dropped](Self::dropped).
#[derive(Debug, Default)]
pub struct Account {
    sent: AtomicU64,
    dropped: AtomicU64,
    failed: AtomicU64,
    queued: AtomicUsize,
}

/// What one exporter sent and lost since the server started.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
#[non_exhaustive]
pub struct Drops {
    /// Which exporter.
    pub name: String,
    /// Items that arrived at the other system.
    pub sent: u64,
    /// Items dropped because the queue was full: the other system is too slow.
    pub dropped: u64,
    /// Items that could not be delivered: the other system is dead, or refused them.
    pub failed: u64,
    /// Items that wait now.
    pub queued: u64,
}

impl Exporters {
    /// A queue of at most `capacity` items, at least one, for the exporter `name`: one end to push items
    /// to, one for the exporter to take them from. The name becomes a label of metrics, so it holds
    /// no secrets; a name that is taken already gets a number.
    #[must_use]
    pub fn queue<T>(&self, name: &str, capacity: usize) -> (Queue<T>, Inbox<T>) {
        queue::new(capacity, self.account(name))
    }

    /// Counts for an exporter without a queue.
    #[must_use]
    pub fn account(&self, name: &str) -> Arc<Account> {
        let account = Arc::<Account>::default();
        let mut entries = self.entries();
        let is_taken = |name: &str| entries.iter().any(|entry| entry.name == name);
        let mut own = name.to_owned();
        let mut number = 2_u32;
        while is_taken(&own) {
            own = format!("{name}-{number}");
            number += 1;
        }
        entries.push(Entry {
            name: own,
            account: Arc::clone(&account),
        });
        account
    }

    /// What each exporter sent and lost, in the order in which they came.
    #[must_use]
    pub fn drops(&self) -> Vec<Drops> {
        let entries = self.entries();
        let told = entries.iter().map(|entry| entry.account.told(&entry.name));
        told.collect()
    }

    fn entries(&self) -> MutexGuard<'_, Vec<Entry>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Account {
    /// So many items arrived at the other system.
    pub fn sent(&self, count: u64) {
        self.sent.fetch_add(count, Ordering::Relaxed);
    }

    /// So many items were given up because there was no room for them.
    pub fn dropped(&self, count: u64) {
        self.dropped.fetch_add(count, Ordering::Relaxed);
    }

    /// So many items could not be delivered and are given up.
    pub fn failed(&self, count: u64) {
        self.failed.fetch_add(count, Ordering::Relaxed);
    }

    /// So many of the items that were sent were refused: they failed after all.
    pub(crate) fn refused(&self, count: u64) {
        self.sent.fetch_sub(count, Ordering::Relaxed);
        self.failed(count);
    }

    fn told(&self, name: &str) -> Drops {
        Drops {
            name: name.to_owned(),
            sent: self.sent.load(Ordering::Relaxed),
            dropped: self.dropped.load(Ordering::Relaxed),
            failed: self.failed.load(Ordering::Relaxed),
            queued: self.queued.load(Ordering::Relaxed) as u64,
        }
    }
}

impl Drops {
    /// What was lost, however.
    #[must_use]
    pub const fn lost(&self) -> u64 {
        self.dropped.saturating_add(self.failed)
    }
}
