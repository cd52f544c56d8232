//! Where boots are kept.
//!
//! [`Store`] is one of three: memory, an SQLite file, a PostgreSQL database (the last two with the feature
//! `store`). All answer the same questions.

mod filter;
mod memory;
#[cfg(feature = "store")]
mod sql;

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use crate::{Boot, Change};

pub use filter::{Filter, Listed, MachineOrder, MachineSummary, Machines, Page};
#[cfg(feature = "store")]
pub use sql::{Postgres, Sqlite};

/// Why a store did not do as told.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// What the database says.
    #[error("{0}")]
    Database(String),
    /// The file is no database, or is damaged.
    #[error("not a database, or a damaged one: {0}")]
    Damaged(String),
    /// It was made by a newer Bootwire.
    #[error("the database has schema {0}, made by a newer version")]
    Newer(i64),
    /// It did not answer in time.
    #[error("no answer within {0:?}")]
    Late(Duration),
}

/// Boots that are kept. Cheap to clone.
///
/// ```
/// use bootwire_boots::store::{Filter, Page, Store};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), bootwire_boots::store::StoreError> {
/// let store = Store::memory(1000);
/// let failed = store.list(&Filter::failed(), &Page::default()).await?;
/// assert!(failed.items.is_empty());
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Store(Kind);

#[derive(Clone, Debug)]
enum Kind {
    Memory(Arc<memory::Memory>),
    #[cfg(feature = "store")]
    Sqlite(Sqlite),
    #[cfg(feature = "store")]
    Postgres(Postgres),
}

/// Does the same with whatever it is.
macro_rules! each {
    ($store:expr, $one:ident => $act:expr) => {
        match &$store.0 {
            Kind::Memory($one) => $act,
            #[cfg(feature = "store")]
            Kind::Sqlite($one) => $act.await,
            #[cfg(feature = "store")]
            Kind::Postgres($one) => $act.await,
        }
    };
}

impl Store {
    /// A store that is gone when the process ends, of at most so many boots.
    #[must_use]
    pub fn memory(boots: usize) -> Self {
        Self(Kind::Memory(Arc::new(memory::Memory::new(boots))))
    }

    /// Where boots are kept, for people; without passwords.
    #[must_use]
    pub fn place(&self) -> String {
        match &self.0 {
            Kind::Memory(_) => "memory".to_owned(),
            #[cfg(feature = "store")]
            Kind::Sqlite(sqlite) => sqlite.path().display().to_string(),
            #[cfg(feature = "store")]
            Kind::Postgres(postgres) => postgres.place(),
        }
    }

    /// Whether it is gone when the process ends.
    #[must_use]
    pub const fn is_memory(&self) -> bool {
        matches!(self.0, Kind::Memory(_))
    }

    /// Keeps boots as they are now, and takes out those that became part of others: all or none.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn put(&self, boots: &[Arc<Boot>], gone: &[String]) -> Result<(), StoreError> {
        each!(self, one => one.put(boots, gone))
    }

    /// Boots, the newest first.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn list(&self, filter: &Filter, page: &Page) -> Result<Listed<Boot>, StoreError> {
        each!(self, one => one.list(filter, page))
    }

    /// One boot.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn get(&self, id: &str) -> Result<Option<Boot>, StoreError> {
        each!(self, one => one.get(id))
    }

    /// Machines, each with its last boot.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn machines(
        &self,
        filter: &Machines,
        page: &Page,
    ) -> Result<Listed<MachineSummary>, StoreError> {
        each!(self, one => one.machines(filter, page))
    }

    /// One machine by its name or any of its keys.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn machine(&self, word: &str) -> Result<Option<MachineSummary>, StoreError> {
        each!(self, one => one.machine(word))
    }

    /// Machines that no inventory has: `is_known` says of each whether one does. A page may be empty
    /// and have a next one.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn discovered(
        &self,
        filter: &Machines,
        page: &Page,
        is_known: impl AsyncFn(&MachineSummary) -> bool,
    ) -> Result<Listed<MachineSummary>, StoreError> {
        let all = self.machines(filter, page).await?;
        let mut strangers = Vec::new();
        for machine in all.items {
            if !is_known(&machine).await {
                strangers.push(machine);
            }
        }
        Ok(Listed {
            items: strangers,
            next: all.next,
        })
    }

    /// Lets go of boots that ended longer than `keep` ago, then of the oldest until the store takes
    /// no more than `size_max` bytes. How many went.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn prune(
        &self,
        now: SystemTime,
        keep: Duration,
        size_max: u64,
    ) -> Result<u64, StoreError> {
        let before = now.checked_sub(keep).unwrap_or(SystemTime::UNIX_EPOCH);
        each!(self, one => one.prune(before, size_max))
    }

    /// Boots that were on when a server stopped without saying so, and that nothing was heard of
    /// since `before`: they are over. How many there were.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn interrupted(&self, before: SystemTime) -> Result<u64, StoreError> {
        each!(self, one => one.interrupted(before))
    }

    /// Whether the database answers.
    ///
    /// # Errors
    /// Why it does not.
    pub async fn check(&self) -> Result<(), StoreError> {
        self.get("").await.map(|_| ())
    }

    /// Closes it: what was written is on the disk.
    pub async fn close(&self) {
        match &self.0 {
            Kind::Memory(_) => {}
            #[cfg(feature = "store")]
            Kind::Sqlite(sqlite) => sqlite.close().await,
            #[cfg(feature = "store")]
            Kind::Postgres(postgres) => postgres.close().await,
        }
    }
}

#[cfg(feature = "store")]
impl From<Sqlite> for Store {
    fn from(sqlite: Sqlite) -> Self {
        Self(Kind::Sqlite(sqlite))
    }
}

#[cfg(feature = "store")]
impl From<Postgres> for Store {
    fn from(postgres: Postgres) -> Self {
        Self(Kind::Postgres(postgres))
    }
}

/// What of a change is to be kept: the boot as it is now, and the one there is no more.
pub(crate) fn of_change(change: &Change) -> (Arc<Boot>, Option<String>) {
    let gone = match change {
        Change::Joined { id, .. } => Some(id.clone()),
        Change::Began(_) | Change::Progress(_) | Change::Ended(_) => None,
    };
    (Arc::clone(change.boot()), gone)
}
