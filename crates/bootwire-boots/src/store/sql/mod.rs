//! Boots in databases: the same tables and the same questions in SQLite and PostgreSQL.

mod file;
mod postgres;
mod question;
mod schema;
mod sqlite;
mod statements;

pub use postgres::Postgres;
pub use sqlite::Sqlite;

use std::time::{Duration, SystemTime};

use super::StoreError;
use crate::times::since_epoch;

/// How long a question waits for a connection, or for another's write to finish.
const PATIENCE: Duration = Duration::from_secs(5);

/// How many boots go at a time when room is made: a long transaction would keep others out.
const PRUNED_AT_ONCE: i64 = 500;

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        let code = match &error {
            sqlx::Error::Database(database) => database.code().map(std::borrow::Cow::into_owned),
            _ => None,
        };
        // SQLITE_CORRUPT and SQLITE_NOTADB; the higher bits say more.
        let is_damaged = code
            .as_deref()
            .and_then(|code| code.parse::<u32>().ok())
            .is_some_and(|code| matches!(code & 0xff, 11 | 26));
        let is_sqlite = !matches!(&error, sqlx::Error::Database(database)
            if database.try_downcast_ref::<sqlx::postgres::PgDatabaseError>().is_some());
        match is_damaged && is_sqlite {
            true => Self::Damaged(error.to_string()),
            false => Self::Database(error.to_string()),
        }
    }
}

/// Milliseconds since 1970.
fn millis(time: SystemTime) -> i64 {
    i64::try_from(since_epoch(time).as_millis()).unwrap_or(i64::MAX)
}

fn time(millis: i64) -> SystemTime {
    let since = Duration::from_millis(u64::try_from(millis).unwrap_or_default());
    crate::times::after(SystemTime::UNIX_EPOCH, since)
}
