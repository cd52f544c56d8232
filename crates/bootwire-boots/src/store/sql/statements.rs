//! What is asked of both databases, written once.

use std::sync::Arc;
use std::time::SystemTime;

use sqlx::{AssertSqlSafe, Row};

use super::question::{Question, Value};
use super::{PRUNED_AT_ONCE, StoreError, time};
use crate::Boot;
use crate::store::filter::{
    Filter, Listed, MachineSummary, Machines, Page, canonical, left_behind, names, searched,
};
use crate::times::millis;

/// A boot as its row has it.
struct Columns {
    body: String,
    searched: String,
    kind: Option<&'static str>,
    failed: bool,
}

impl Columns {
    fn of(boot: &Boot) -> Result<Self, StoreError> {
        let body = serde_json::to_string(boot);
        Ok(Self {
            body: body.map_err(|error| StoreError::Database(error.to_string()))?,
            searched: searched(boot),
            kind: boot.verdict.as_ref().map(|verdict| verdict.kind.as_str()),
            failed: boot.is_failure(),
        })
    }
}

/// Reads what is kept. What a newer version wrote and this one does not understand is left out.
fn read<T: serde::de::DeserializeOwned>(body: &str) -> Option<T> {
    serde_json::from_str(body).ok()
}

/// Text that both databases take.
fn clean(text: &str) -> String {
    text.replace('\0', "")
}

/// How a page ends: one row too many says that there are more.
fn page_of<T>(mut items: Vec<T>, page: &Page, key: impl Fn(&T) -> String) -> Listed<T> {
    let has_more = items.len() > page.size();
    items.truncate(page.size());
    let next = items.last().filter(|_| has_more).map(key);
    Listed { items, next }
}

macro_rules! statements {
    ($(#[$doc:meta])* $module:ident, $database:ty, $connection:ty) => {
        $(#[$doc])*
        pub(super) mod $module {
            use super::*;

            /// Writes boots; within a transaction.
            pub(in super::super) async fn put(
                connection: &mut $connection,
                boots: &[Arc<Boot>],
                gone: &[String],
            ) -> Result<(), StoreError> {
                for id in gone {
                    for sql in [
                        "DELETE FROM bootwire_boots WHERE id = $1",
                        "DELETE FROM bootwire_machines WHERE boot = $1",
                    ] {
                        sqlx::query::<$database>(sql)
                            .bind(id)
                            .execute(&mut *connection)
                            .await?;
                    }
                }
                for boot in boots {
                    put_one(connection, boot).await?;
                }
                Ok(())
            }

            async fn put_one(
                connection: &mut $connection,
                boot: &Boot,
            ) -> Result<(), StoreError> {
                let row = Columns::of(boot)?;
                let machine = clean(&boot.machine);
                let before = sqlx::query::<$database>(
                    "SELECT machine FROM bootwire_boots WHERE id = $1",
                )
                .bind(&boot.id)
                .fetch_optional(&mut *connection)
                .await?;
                let before: Option<String> =
                    before.map(|row| row.try_get(0)).transpose()?;
                if let Some(before) = before.filter(|before| *before != machine) {
                    // It goes by a better name now.
                    sqlx::query::<$database>(
                        "DELETE FROM bootwire_machines WHERE machine = $1 AND boot = $2",
                    )
                    .bind(&before)
                    .bind(&boot.id)
                    .execute(&mut *connection)
                    .await?;
                    put_back(connection, &before, &boot.id).await?;
                }
                let size = row.body.len() + row.searched.len() + 300;
                sqlx::query::<$database>(
                    "INSERT INTO bootwire_boots \
                     (id, machine, started, last, over, failed, kind, searched, size, body) \
                     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) \
                     ON CONFLICT (id) DO UPDATE SET machine = excluded.machine, \
                     started = excluded.started, last = excluded.last, over = excluded.over, \
                     failed = excluded.failed, kind = excluded.kind, searched = excluded.searched, \
                     size = excluded.size, body = excluded.body",
                )
                .bind(&boot.id)
                .bind(&machine)
                .bind(millis(boot.started))
                .bind(millis(boot.last))
                .bind(i64::from(boot.over))
                .bind(i64::from(row.failed))
                .bind(row.kind)
                .bind(&row.searched)
                .bind(i64::try_from(size).unwrap_or(i64::MAX))
                .bind(&row.body)
                .execute(&mut *connection)
                .await?;
                put_machine(connection, boot, &machine, &row).await
            }

            /// A boot turned out to be another machine's: this one's last boot is the one before.
            async fn put_back(
                connection: &mut $connection,
                machine: &str,
                boot: &str,
            ) -> Result<(), StoreError> {
                let row = sqlx::query::<$database>(
                    "SELECT body FROM bootwire_boots WHERE machine = $1 AND id <> $2 \
                     ORDER BY id DESC LIMIT 1",
                )
                .bind(machine)
                .bind(boot)
                .fetch_optional(&mut *connection)
                .await?;
                let body: Option<String> = row.map(|row| row.try_get(0)).transpose()?;
                match body.and_then(|body| read::<Boot>(&body)) {
                    Some(before) => {
                        put_machine(connection, &before, machine, &Columns::of(&before)?).await
                    }
                    None => Ok(()),
                }
            }

            async fn put_machine(
                connection: &mut $connection,
                boot: &Boot,
                machine: &str,
                row: &Columns,
            ) -> Result<(), StoreError> {
                let known = sqlx::query::<$database>(
                    "SELECT first_seen, boot FROM bootwire_machines WHERE machine = $1",
                )
                .bind(machine)
                .fetch_optional(&mut *connection)
                .await?;
                let mut first = boot.started;
                if let Some(known) = known {
                    let last: String = known.try_get(1)?;
                    if last > boot.id {
                        // A late word about an earlier boot.
                        return Ok(());
                    }
                    first = first.min(time(known.try_get(0)?));
                }
                let summary = MachineSummary::of(boot, first);
                let body = serde_json::to_string(&summary);
                let body = body.map_err(|error| StoreError::Database(error.to_string()))?;
                sqlx::query::<$database>(
                    "INSERT INTO bootwire_machines \
                     (machine, boot, first_seen, last_seen, failed, searched, body) \
                     VALUES ($1, $2, $3, $4, $5, $6, $7) \
                     ON CONFLICT (machine) DO UPDATE SET boot = excluded.boot, \
                     first_seen = excluded.first_seen, last_seen = excluded.last_seen, \
                     failed = excluded.failed, searched = excluded.searched, body = excluded.body",
                )
                .bind(machine)
                .bind(&boot.id)
                .bind(millis(first))
                .bind(millis(boot.last))
                .bind(i64::from(row.failed))
                .bind(&row.searched)
                .bind(&body)
                .execute(&mut *connection)
                .await?;
                for word in names(&boot.machine, &boot.keys) {
                    sqlx::query::<$database>(
                        "INSERT INTO bootwire_keys (word, machine) VALUES ($1, $2) \
                         ON CONFLICT (word) DO UPDATE SET machine = excluded.machine",
                    )
                    .bind(clean(&word).to_ascii_lowercase())
                    .bind(machine)
                    .execute(&mut *connection)
                    .await?;
                }
                Ok(())
            }

            async fn rows(
                connection: &mut $connection,
                question: Question,
            ) -> Result<Vec<<$database as sqlx::Database>::Row>, StoreError> {
                let mut query = sqlx::query::<$database>(AssertSqlSafe(question.sql));
                for value in question.values {
                    query = match value {
                        Value::Text(text) => query.bind(text),
                        Value::Number(number) => query.bind(number),
                    };
                }
                Ok(query.fetch_all(connection).await?)
            }

            /// Machines with the numbers of their boots.
            async fn summaries(
                connection: &mut $connection,
                question: Question,
            ) -> Result<Vec<MachineSummary>, StoreError> {
                let mut found = Vec::new();
                for row in rows(connection, question).await? {
                    let (body, boots): (String, i64) = (row.try_get(0)?, row.try_get(1)?);
                    if let Some(mut machine) = read::<MachineSummary>(&body) {
                        machine.boots = u64::try_from(boots).unwrap_or_default();
                        found.push(machine);
                    }
                }
                Ok(found)
            }

            /// Boots, the newest first.
            pub(in super::super) async fn list(
                connection: &mut $connection,
                filter: &Filter,
                page: &Page,
            ) -> Result<Listed<Boot>, StoreError> {
                let machine = match &filter.machine {
                    Some(word) => Some(named(connection, word).await?),
                    None => None,
                };
                let question = Question::boots(filter, machine.as_deref(), page);
                let mut boots = Vec::new();
                for row in rows(connection, question).await? {
                    let body: String = row.try_get(0)?;
                    boots.extend(read::<Boot>(&body));
                }
                Ok(page_of(boots, page, |boot| boot.id.clone()))
            }

            /// One boot.
            pub(in super::super) async fn get(
                connection: &mut $connection,
                id: &str,
            ) -> Result<Option<Boot>, StoreError> {
                let row = sqlx::query::<$database>(
                    "SELECT body FROM bootwire_boots WHERE id = $1",
                )
                .bind(clean(id))
                .fetch_optional(connection)
                .await?;
                let body: Option<String> = row.map(|row| row.try_get(0)).transpose()?;
                Ok(body.and_then(|body| read(&body)))
            }

            /// The name that a machine with this key goes by.
            async fn named(
                connection: &mut $connection,
                word: &str,
            ) -> Result<String, StoreError> {
                let word = clean(&canonical(word));
                let row = sqlx::query::<$database>(
                    "SELECT machine FROM bootwire_keys WHERE word = $1",
                )
                .bind(word.to_ascii_lowercase())
                .fetch_optional(connection)
                .await?;
                let found = row.map(|row| row.try_get(0)).transpose()?;
                Ok(found.unwrap_or(word))
            }

            /// Machines.
            pub(in super::super) async fn machines(
                connection: &mut $connection,
                filter: &Machines,
                page: &Page,
            ) -> Result<Listed<MachineSummary>, StoreError> {
                let machines = summaries(connection, Question::machines(filter, page)).await?;
                Ok(page_of(machines, page, |one| filter.order.place(one)))
            }

            /// One machine.
            pub(in super::super) async fn machine(
                connection: &mut $connection,
                word: &str,
            ) -> Result<Option<MachineSummary>, StoreError> {
                let name = named(connection, word).await?;
                let found = summaries(connection, Question::machine(name)).await?;
                Ok(found.into_iter().next())
            }

            /// Lets go of some boots that ended before; how many. To be called until it is none.
            pub(in super::super) async fn prune_old(
                connection: &mut $connection,
                before: SystemTime,
            ) -> Result<u64, StoreError> {
                let gone = sqlx::query::<$database>(
                    "DELETE FROM bootwire_boots WHERE id IN (SELECT id FROM bootwire_boots \
                     WHERE last < $1 ORDER BY last LIMIT $2)",
                )
                .bind(millis(before))
                .bind(PRUNED_AT_ONCE)
                .execute(connection)
                .await?;
                Ok(gone.rows_affected())
            }

            /// Lets go of some of the oldest boots; how many.
            pub(in super::super) async fn prune_oldest(
                connection: &mut $connection,
            ) -> Result<u64, StoreError> {
                let gone = sqlx::query::<$database>(
                    "DELETE FROM bootwire_boots WHERE id IN (SELECT id FROM bootwire_boots \
                     ORDER BY id LIMIT $1)",
                )
                .bind(PRUNED_AT_ONCE)
                .execute(connection)
                .await?;
                Ok(gone.rows_affected())
            }

            /// Lets go of machines without boots, and of their keys.
            pub(in super::super) async fn prune_machines(
                connection: &mut $connection,
            ) -> Result<(), StoreError> {
                for sql in [
                    "DELETE FROM bootwire_machines WHERE NOT EXISTS (SELECT 1 FROM bootwire_boots \
                     WHERE bootwire_boots.id = bootwire_machines.boot)",
                    "DELETE FROM bootwire_keys WHERE NOT EXISTS (SELECT 1 FROM bootwire_machines \
                     WHERE bootwire_machines.machine = bootwire_keys.machine)",
                ] {
                    sqlx::query::<$database>(sql)
                        .execute(&mut *connection)
                        .await?;
                }
                Ok(())
            }

            /// Boots that nobody follows any more are over; how many.
            pub(in super::super) async fn interrupted(
                connection: &mut $connection,
                before: SystemTime,
            ) -> Result<u64, StoreError> {
                let rows = sqlx::query::<$database>(
                    "SELECT body FROM bootwire_boots WHERE over = 0 AND last < $1 LIMIT $2",
                )
                .bind(millis(before))
                .bind(PRUNED_AT_ONCE)
                .fetch_all(&mut *connection)
                .await?;
                let mut count = 0;
                for row in rows {
                    let body: String = row.try_get(0)?;
                    if let Some(mut boot) = read::<Boot>(&body) {
                        left_behind(&mut boot);
                        put_one(connection, &boot).await?;
                        count += 1;
                    }
                }
                Ok(count)
            }
        }
    };
}

statements! {
    /// For SQLite.
    sqlite, sqlx::Sqlite, sqlx::SqliteConnection
}
statements! {
    /// For PostgreSQL.
    postgres, sqlx::Postgres, sqlx::PgConnection
}
