//! What is known of the machine that asks.
//!
//! An [`Inventory`] finds a [`Machine`] by what an [`Identity`] has, in the order hardware address,
//! UUID, serial number, address, host name: the first key that finds a machine decides. Sources:
//!
//! | source | feature | answers from |
//! |---|---|---|
//! | [`Files`] | `yaml` for YAML | memory |
//! | `sql::Sqlite` | `sql` | a file beside the server, edited by `bootwire machines` |
//! | `sql::Postgres` | `sql` | a query of yours |
//! | `http::HttpApi` | `http` | JSON such as NetBox's |
//!
//! [`Cached`] stands in front of the slow ones: it remembers answers, asks once for all who wait,
//! and serves old answers while the source is down.

#[cfg(any(feature = "http", feature = "sql"))]
mod answer;
mod cached;
mod files;
#[cfg(feature = "http")]
pub mod http;
mod machine;
#[cfg(feature = "sql")]
pub mod sql;

use std::sync::Arc;
use std::time::Duration;

use bootwire::{BoxFuture, Refusal};

pub use cached::Cached;
pub use files::{FileError, Files, Format, parse_machines};
pub use machine::{Lookup, LookupKey, Machine};

use crate::identity::Identity;

/// What an inventory says of a machine: `None` if it does not know it.
pub type Found = Option<Arc<Machine>>;

/// A source of machines.
pub trait Inventory: Send + Sync + 'static {
    /// Finds the machine that `who` is.
    ///
    /// # Errors
    /// If the source does not answer, or not in a way that can be used. Not to know a machine is no
    /// error.
    fn find<'a>(&'a self, who: &'a Identity) -> BoxFuture<'a, Result<Found, InventoryError>>;

    /// The same, if it can be told without waiting for anything.
    fn at_hand(&self, who: &Identity) -> Option<Found> {
        let _ = who;
        None
    }

    /// Asks the source whether it works: one line for the operator.
    ///
    /// # Errors
    /// As [`Inventory::find`].
    fn check(&self) -> BoxFuture<'_, Result<String, InventoryError>>;
}

impl<I: Inventory + ?Sized> Inventory for Arc<I> {
    fn find<'a>(&'a self, who: &'a Identity) -> BoxFuture<'a, Result<Found, InventoryError>> {
        (**self).find(who)
    }

    fn at_hand(&self, who: &Identity) -> Option<Found> {
        (**self).at_hand(who)
    }

    fn check(&self) -> BoxFuture<'_, Result<String, InventoryError>> {
        (**self).check()
    }
}

/// Why an inventory has no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InventoryError {
    /// The source cannot be reached, or refuses.
    #[error("inventory: {0}")]
    Unreachable(String),
    /// No answer in time.
    #[error("inventory: no answer within {0:?}")]
    Late(Duration),
    /// More than is taken.
    #[error("inventory: the answer is larger than {0} bytes")]
    TooLarge(usize),
    /// The answer makes no sense.
    #[error("inventory: {0}")]
    Senseless(String),
    /// Too many questions wait already, or its turn did not come in time. The client is told nothing,
    /// so that it asks again.
    #[error("inventory: too many questions wait for an answer")]
    Busy,
}

/// The client may ask again: all of these pass, or are the operator's to mend.
impl From<InventoryError> for Refusal {
    fn from(error: InventoryError) -> Self {
        let refusal = match error {
            InventoryError::Busy => Self::busy().silent(),
            _ => Self::origin().text("Inventory not available, try again"),
        };
        refusal.because(error)
    }
}
