//! Boots in databases: the same tables and the same questions in SQLite and PostgreSQL.

mod postgres;
mod question;
mod schema;
mod sqlite;
mod statements;

pub use postgres::Postgres;
pub use sqlite::Sqlite;

use std::time::{Duration, SystemTime};

use super::StoreError;

/// How long a question waits for a connection, or for another's write to finish.
const PATIENCE: Duration = Duration::from_secs(5);

/// How many boots go at a time when room is made: a long transaction would keep others out.
const PRUNED_AT_ONCE: i64 = 500;

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        match bootwire_sqlite::is_damage(&error) {
            true => Self::Damaged(error.to_string()),
            false => Self::Database(error.to_string()),
        }
    }
}

impl From<bootwire_sqlite::Error> for StoreError {
    fn from(error: bootwire_sqlite::Error) -> Self {
        use bootwire_sqlite::Error;

        match error {
            Error::Newer(version) => Self::Newer(version),
            Error::Database(error) => error.into(),
            Error::Aside(_) => Self::Damaged(error.to_string()),
            error => Self::Database(error.to_string()),
        }
    }
}

fn time(millis: i64) -> SystemTime {
    let since = Duration::from_millis(u64::try_from(millis).unwrap_or_default());
    crate::times::after(SystemTime::UNIX_EPOCH, since)
}
