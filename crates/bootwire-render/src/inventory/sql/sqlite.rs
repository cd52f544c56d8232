//! The database beside the server: one file, no other service.

mod schema;

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bootwire::BoxFuture;
use bootwire_sqlite::{Event, File};
use serde_json::Value;
use sqlx::Row;
use sqlx::sqlite::{SqliteConnection, SqliteRow};

use super::SqlError;
use crate::identity::Identity;
use crate::inventory::{
    Cached, Found, Inventory, InventoryError, Lookup, LookupKey, Machine, answer,
};
use crate::reload::Problem;

/// Machines listed at a time, at most.
const LIST_MAX: u32 = 10_000;

/// Machines in an SQLite file. Cheap to clone.
///
/// The file is in WAL mode: readers never wait for the writer, and `bootwire machines` may edit while
/// the server runs. Writes of one process go one after the other, and each is whole or not at all.
///
/// When another file takes its place, by `mv` say, or when it is removed, that is noticed when somebody
/// asks and a second has passed: the new file is opened, and nothing of the old one is told any more.
/// While there is none, questions fail.
///
/// ```no_run
/// use bootwire_render::inventory::Machine;
/// use bootwire_render::inventory::sql::Sqlite;
///
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// let machines = Sqlite::open("/var/lib/bootwire/machines.db").await?;
/// machines
///     .add(&Machine {
///         mac: Some("52:54:00:12:34:56".parse()?),
///         profile: Some("worker".to_owned()),
///         ..Machine::default()
///     })
///     .await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Sqlite {
    file: Arc<File>,
}

/// What [`Sqlite::import`] or [`Sqlite::add_all`] did. Machines that were there just so are neither.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Imported {
    /// Machines that are new.
    pub added: usize,
    /// Machines that were known otherwise and are now as imported.
    pub changed: usize,
}

impl Sqlite {
    /// Opens the file, and makes it if it is not there.
    ///
    /// # Errors
    /// If it cannot be opened, is no database, or one of a newer version.
    pub async fn open(path: impl AsRef<Path>) -> Result<Self, SqlError> {
        Ok(Self {
            file: Arc::new(File::open(path.as_ref(), schema::LAYOUT).await?),
        })
    }

    /// Has `report` told when another file has taken this one's place, and what came of it.
    #[must_use]
    pub fn report(self, report: impl Fn(&Problem) + Send + Sync + 'static) -> Self {
        let place = self.file.path().display().to_string();
        // What was said last is not said again, unless all was well in between.
        let said = Mutex::new(String::new());
        self.file.observe(move |event| {
            let what = told(event);
            let mut said = said.lock().unwrap_or_else(PoisonError::into_inner);
            if *said != what {
                report(&Problem::new(&place, &what));
            }
            *said = match event {
                Event::Replaced => String::new(),
                _ => what,
            };
        });
        self
    }

    /// Looks now which file is there. One that is gone is made anew, without machines.
    ///
    /// # Errors
    /// As [`Sqlite::open`].
    pub async fn reload(&self) -> Result<(), SqlError> {
        Ok(self.file.look(true).await?)
    }

    /// With a memory for answers: those about known machines serve for 2 s, so that what
    /// `bootwire machines` changes is soon seen.
    #[must_use]
    pub fn cached(self) -> Cached<Self> {
        Cached::new(self)
            .at_once(bootwire_sqlite::READERS as usize)
            .fresh_for(Duration::from_secs(2))
            .absent_for(Duration::from_secs(1))
    }

    /// Adds a machine.
    ///
    /// # Errors
    /// [`SqlError::Taken`] if another machine has one of its keys, [`SqlError::NoKey`] if it has none.
    pub async fn add(&self, machine: &Machine) -> Result<(), SqlError> {
        let mut change = self.file.change().await?;
        insert(&mut change, machine).await?;
        Ok(change.commit().await?)
    }

    /// Adds machines, all or none; those that are there already, just so, are left alone.
    ///
    /// # Errors
    /// As [`Sqlite::add`]; nothing is changed then.
    pub async fn add_all(&self, machines: &[Machine]) -> Result<Imported, SqlError> {
        self.write_all(machines, false).await
    }

    /// The machine with this key.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn get(&self, key: &LookupKey) -> Result<Option<Machine>, SqlError> {
        let mut reader = self.file.reader().await?;
        let lookup = Lookup {
            keys: vec![key.clone()],
        };
        Ok(find(&mut reader, &lookup)
            .await?
            .map(|(_, machine)| machine))
    }

    /// Adds a machine, or replaces the one with the first of its keys that is known.
    ///
    /// # Errors
    /// As [`Sqlite::add`].
    pub async fn set(&self, machine: &Machine) -> Result<(), SqlError> {
        self.import(std::slice::from_ref(machine)).await?;
        Ok(())
    }

    /// Changes the machine with this key; whether there is one. Nobody else changes it meanwhile.
    ///
    /// # Errors
    /// As [`Sqlite::add`].
    pub async fn change(
        &self,
        key: &LookupKey,
        edit: impl FnOnce(&mut Machine) + Send,
    ) -> Result<bool, SqlError> {
        let mut change = self.file.change().await?;
        let lookup = Lookup {
            keys: vec![key.clone()],
        };
        let Some((id, mut machine)) = find(&mut change, &lookup).await? else {
            return Ok(false);
        };
        edit(&mut machine);
        replace(&mut change, id, &machine).await?;
        change.commit().await?;
        Ok(true)
    }

    /// Removes the machine with this key; whether there was one.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn remove(&self, key: &LookupKey) -> Result<bool, SqlError> {
        let mut change = self.file.change().await?;
        let lookup = Lookup {
            keys: vec![key.clone()],
        };
        let Some((id, _)) = find(&mut change, &lookup).await? else {
            return Ok(false);
        };
        sqlx::query("DELETE FROM machines WHERE id = ?1")
            .bind(id)
            .execute(&mut *change)
            .await?;
        change.commit().await?;
        Ok(true)
    }

    /// Adds machines, or replaces those with the first of their keys that is known; all or none.
    ///
    /// # Errors
    /// As [`Sqlite::add`]; nothing is changed then.
    pub async fn import(&self, machines: &[Machine]) -> Result<Imported, SqlError> {
        self.write_all(machines, true).await
    }

    fn write_all<'a>(
        &'a self,
        machines: &'a [Machine],
        over: bool,
    ) -> BoxFuture<'a, Result<Imported, SqlError>> {
        Box::pin(self.write(machines, over))
    }

    async fn write(&self, machines: &[Machine], over: bool) -> Result<Imported, SqlError> {
        let mut change = self.file.change().await?;
        let mut imported = Imported::default();
        for machine in machines {
            let lookup = Lookup {
                keys: machine.keys(),
            };
            match find(&mut change, &lookup).await? {
                Some((_, same)) if same == *machine => {}
                Some((id, _)) if over => {
                    replace(&mut change, id, machine).await?;
                    imported.changed += 1;
                }
                _ => {
                    insert(&mut change, machine).await?;
                    imported.added += 1;
                }
            }
        }
        change.commit().await?;
        Ok(imported)
    }

    /// Machines in the order in which they were added, after skipping `skip`: at most `max`, and at
    /// most 10,000.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn list(&self, skip: u32, max: u32) -> Result<Vec<Machine>, SqlError> {
        let rows = sqlx::query("SELECT * FROM machines ORDER BY id LIMIT ?1 OFFSET ?2")
            .bind(max.min(LIST_MAX))
            .bind(skip)
            .fetch_all(&mut *self.file.reader().await?)
            .await?;
        rows.iter().map(machine).collect()
    }

    /// Number of machines.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn count(&self) -> Result<u64, SqlError> {
        let row = sqlx::query("SELECT count(*) AS machines FROM machines")
            .fetch_one(&mut *self.file.reader().await?)
            .await?;
        let count: i64 = row.try_get("machines")?;
        Ok(count.unsigned_abs())
    }

    /// Finishes what is under way and closes the file.
    pub async fn close(self) {
        self.file.close().await;
    }
}

impl Inventory for Sqlite {
    fn find<'a>(&'a self, who: &'a Identity) -> BoxFuture<'a, Result<Found, InventoryError>> {
        Box::pin(async move {
            let mut reader = self.file.reader().await.map_err(SqlError::from)?;
            let found = find(&mut reader, &Lookup::of(who)).await?;
            Ok(found.map(|(_, machine)| machine.into()))
        })
    }

    fn check(&self) -> BoxFuture<'_, Result<String, InventoryError>> {
        Box::pin(async move { Ok(format!("SQLite, {} machines", self.count().await?)) })
    }
}

/// What an operator hears of the file.
fn told(event: &Event<'_>) -> String {
    let taken = "another file took its place, and";
    match event {
        Event::Replaced => format!("{taken} is used from now on"),
        Event::Unusable(error) => format!("{taken} cannot be used: {error}"),
        Event::Leftover(error) => {
            format!("{taken} what the old one left beside it cannot be removed: {error}")
        }
        _ => {
            "the file is gone; answers come from memory until it is back, or the configuration is \
              reloaded"
                .to_owned()
        }
    }
}

/// The machine with the first of the keys that is known, and its row.
fn find<'a>(
    connection: &'a mut SqliteConnection,
    lookup: &Lookup,
) -> BoxFuture<'a, Result<Option<(i64, Machine)>, SqlError>> {
    let mut query = sqlx::query(schema::FIND);
    for column in schema::KEYS {
        let value = lookup.named().find(|(name, _)| *name == column);
        query = query.bind(value.map(|(_, value)| value));
    }
    Box::pin(async move {
        let Some(row) = query.fetch_optional(connection).await? else {
            return Ok(None);
        };
        Ok(Some((row.try_get("id")?, machine(&row)?)))
    })
}

fn insert<'a>(
    connection: &'a mut SqliteConnection,
    machine: &'a Machine,
) -> BoxFuture<'a, Result<(), SqlError>> {
    Box::pin(write(connection, schema::INSERT, None, machine))
}

fn replace<'a>(
    connection: &'a mut SqliteConnection,
    id: i64,
    machine: &'a Machine,
) -> BoxFuture<'a, Result<(), SqlError>> {
    Box::pin(write(connection, schema::REPLACE, Some(id), machine))
}

async fn write(
    connection: &mut SqliteConnection,
    sql: &'static str,
    id: Option<i64>,
    machine: &Machine,
) -> Result<(), SqlError> {
    let keys = machine.keys();
    if keys.is_empty() {
        return Err(SqlError::NoKey);
    }
    let written = sqlx::query(sql)
        .bind(machine.mac.map(|mac| mac.to_string()))
        .bind(machine.uuid.map(|uuid| uuid.to_string()))
        .bind(machine.serial.as_deref())
        .bind(machine.ip.map(|ip| ip.to_string()))
        .bind(machine.hostname.as_deref())
        .bind(machine.profile.as_deref())
        .bind(Value::Object(machine.vars.clone()).to_string())
        .bind(id)
        .execute(connection)
        .await;
    written
        .map(|_| ())
        .map_err(|error| taken(&error, keys).unwrap_or_else(|| error.into()))
}

/// Whose key it is that another machine has: SQLite names the column.
fn taken(error: &sqlx::Error, keys: Vec<LookupKey>) -> Option<SqlError> {
    let error = error.as_database_error()?;
    if !error.is_unique_violation() {
        return None;
    }
    let column = error.message().rsplit('.').next()?;
    let lookup = Lookup { keys };
    let at = lookup.named().position(|(name, _)| name == column)?;
    Some(SqlError::Taken(lookup.keys[at].clone()))
}

fn machine(row: &SqliteRow) -> Result<Machine, SqlError> {
    let mut fields = serde_json::Map::new();
    for name in schema::KEYS.into_iter().chain(["profile", "vars"]) {
        let value: Option<String> = row.try_get(name)?;
        fields.insert(name.to_owned(), value.into());
    }
    answer::machine(fields).map_err(SqlError::Senseless)
}
