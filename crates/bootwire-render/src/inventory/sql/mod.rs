//! Machines in databases.

mod named;
mod postgres;
mod sqlite;

pub use postgres::Postgres;
pub use sqlite::{Imported, Sqlite};

use std::time::Duration;

use super::{InventoryError, LookupKey};

/// How long a question waits for a connection, or for another's write to finish.
const PATIENCE: Duration = Duration::from_secs(2);

/// Why a database did not do as told.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SqlError {
    /// What the database says.
    #[error("{0}")]
    Database(String),
    /// A machine cannot be added: another has this key.
    #[error("{0} belongs to another machine")]
    Taken(LookupKey),
    /// A machine without any key cannot be found again.
    #[error("a machine needs a mac, uuid, serial, ip or hostname")]
    NoKey,
    /// The file was made by a newer Bootwire.
    #[error("the database has schema {0}, made by a newer version")]
    Newer(i64),
    /// The query of the configuration cannot be used.
    #[error("query: {0}")]
    Query(String),
    /// What is stored makes no sense.
    #[error("{0}")]
    Senseless(InventoryError),
}

impl From<sqlx::Error> for SqlError {
    fn from(error: sqlx::Error) -> Self {
        Self::Database(error.to_string())
    }
}

impl From<bootwire_sqlite::Error> for SqlError {
    fn from(error: bootwire_sqlite::Error) -> Self {
        match error {
            bootwire_sqlite::Error::Newer(version) => Self::Newer(version),
            error => Self::Database(error.to_string()),
        }
    }
}

impl From<SqlError> for InventoryError {
    fn from(error: SqlError) -> Self {
        match error {
            SqlError::Senseless(error) => error,
            error => Self::Unreachable(error.to_string()),
        }
    }
}
