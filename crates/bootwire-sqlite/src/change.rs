//! A change of a file: all of it, or nothing.

use std::ops::{Deref, DerefMut};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use sqlx::pool::PoolConnection;
use sqlx::{Sqlite, SqliteConnection};

use crate::Error;

/// A change that nobody else sees before it is [committed](Change::commit), and that is undone if it is
/// not.
///
/// A disk that is full ends a change beneath its connection, which knows nothing of it and could begin no
/// other. So the connection of a change that was not committed is closed, and the next one has its own.
#[derive(Debug)]
pub struct Change {
    connection: PoolConnection<Sqlite>,
    is_over: bool,
    /// When the file is looked at again.
    due: Arc<Mutex<Instant>>,
}

impl Change {
    pub(crate) async fn begin(
        connection: PoolConnection<Sqlite>,
        due: Arc<Mutex<Instant>>,
    ) -> Result<Self, Error> {
        let mut change = Self {
            connection,
            is_over: false,
            due,
        };
        change.say("BEGIN IMMEDIATE").await?;
        Ok(change)
    }

    /// Makes it last.
    ///
    /// # Errors
    /// If SQLite cannot write it. Nothing is changed then.
    pub fn commit(mut self) -> Pin<Box<dyn Future<Output = Result<(), Error>> + Send>> {
        Box::pin(async move {
            self.say("COMMIT").await?;
            self.keep();
            Ok(())
        })
    }

    const fn keep(&mut self) {
        self.is_over = true;
    }

    async fn say(&mut self, what: &'static str) -> Result<(), Error> {
        sqlx::raw_sql(what).execute(&mut *self.connection).await?;
        Ok(())
    }
}

impl Drop for Change {
    fn drop(&mut self) {
        if self.is_over {
            return;
        }
        self.connection.close_on_drop();
        // The next connection is to the file that is there then: which one that is, is looked at first.
        *self.due.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }
}

impl Deref for Change {
    type Target = SqliteConnection;

    fn deref(&self) -> &SqliteConnection {
        &self.connection
    }
}

impl DerefMut for Change {
    fn deref_mut(&mut self) -> &mut SqliteConnection {
        &mut self.connection
    }
}
