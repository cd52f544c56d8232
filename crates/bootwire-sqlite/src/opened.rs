//! Connections to one file.
//!
//! SQLite keeps what is not yet in a database in files beside it, which it finds by their names. So
//! connections to a file that was replaced must not live beside connections to the new one, and what the
//! old one left beside it must not be taken for the new one's.

use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use sqlx::sqlite::{
    SqliteAutoVacuum, SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqlitePool,
    SqlitePoolOptions, SqliteSynchronous,
};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, Row};

use crate::place::Place;
use crate::{Error, Layout};

/// Connections that read.
pub const READERS: u32 = 4;
/// How often a file is opened while others take each other's place.
const TRIES: usize = 3;
/// What SQLite keeps beside a file.
const BESIDE: [&str; 2] = ["-wal", "-shm"];

#[derive(Clone, Debug)]
pub(crate) struct Opened {
    pub(crate) readers: SqlitePool,
    /// One connection: SQLite has one writer at a time, and those who wait here wait in order. `None`
    /// where nothing is to be written.
    pub(crate) writer: Option<SqlitePool>,
    pub(crate) place: Place,
    /// What it keeps beside it.
    beside: Vec<(PathBuf, Place)>,
}

impl Opened {
    /// Opens a file to write to it; makes it if that is wanted.
    pub(crate) async fn open(path: &Path, layout: &Layout, make: bool) -> Result<Self, Error> {
        for _ in 0..TRIES {
            let opened = Self::connect(path, layout, make).await?;
            if Place::of(path).ok().flatten() == Some(opened.place) {
                return Ok(opened);
            }
            opened.close().await;
        }
        Err(Error::Restless)
    }

    async fn connect(path: &Path, layout: &Layout, make: bool) -> Result<Self, Error> {
        if make {
            create(path, layout.mode);
        }
        let options = options(path, layout)
            .create_if_missing(make)
            .journal_mode(SqliteJournalMode::Wal)
            // A crash of the machine may cost the last seconds, and damages nothing.
            .synchronous(SqliteSynchronous::Normal)
            .auto_vacuum(SqliteAutoVacuum::Incremental)
            .pragma("journal_size_limit", "16777216");
        let writer = pool(1, layout).connect_with(options.clone()).await?;
        prepare(&mut *writer.acquire().await?, layout.steps).await?;
        let place = Place::of(path).ok().flatten();
        let place = place.ok_or_else(|| Error::Gone(path.to_owned()))?;
        let reading = options.create_if_missing(false).pragma("query_only", "on");
        // All at once: one that is opened later could be to another file.
        let readers = pool(READERS, layout)
            .min_connections(READERS)
            .connect_with(reading)
            .await?;
        let beside = BESIDE.map(|suffix| {
            let name = with_suffix(path, suffix);
            let place = Place::of(&name).ok().flatten()?;
            Some((name, place))
        });
        Ok(Self {
            readers,
            writer: Some(writer),
            place,
            beside: beside.into_iter().flatten().collect(),
        })
    }

    /// Opens a file that is there to read it, as it is.
    pub(crate) async fn read(path: &Path, layout: &Layout) -> Result<Self, Error> {
        let options = options(path, layout)
            .read_only(true)
            .create_if_missing(false);
        let readers = pool(READERS, layout).connect_with(options).await?;
        let place = Place::of(path).ok().flatten();
        Ok(Self {
            readers,
            writer: None,
            place: place.ok_or_else(|| Error::Gone(path.to_owned()))?,
            beside: Vec::new(),
        })
    }

    pub(crate) async fn close(&self) {
        self.readers.close().await;
        if let Some(writer) = &self.writer {
            writer.close().await;
        }
    }

    /// Closes a file that is at its place no longer. What is only beside it goes into it first, as far as
    /// the disk lets it: whoever kept the file wants all of it.
    pub(crate) async fn leave(&self) {
        if let Some(writer) = &self.writer {
            let _ = sqlx::query("PRAGMA wal_checkpoint(TRUNCATE)")
                .execute(writer)
                .await;
        }
        self.close().await;
    }

    /// Takes away what the file, which is at its place no longer, left there: what is in it belongs to no
    /// other.
    pub(crate) fn sweep(&self) -> io::Result<()> {
        for (name, place) in &self.beside {
            if Place::of(name)? == Some(*place) {
                std::fs::remove_file(name)?;
            }
        }
        Ok(())
    }
}

fn options(path: &Path, layout: &Layout) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(path)
        .busy_timeout(layout.patience)
        .disable_statement_logging()
}

fn pool(connections: u32, layout: &Layout) -> SqlitePoolOptions {
    SqlitePoolOptions::new()
        .max_connections(connections)
        .acquire_timeout(layout.patience)
        // They stay: a new one could be to another file.
        .idle_timeout(None)
        .max_lifetime(None)
        .test_before_acquire(false)
}

/// Makes a file that is not there, for those alone who may read it.
fn create(path: &Path, mode: u32) {
    use std::os::unix::fs::OpenOptionsExt;

    let mut options = std::fs::OpenOptions::new();
    // What is wrong is told when it is opened.
    let _ = options.write(true).create_new(true).mode(mode).open(path);
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(suffix);
    PathBuf::from(name)
}

/// Makes the tables, or those of an older version newer.
async fn prepare(connection: &mut SqliteConnection, steps: &[&'static str]) -> Result<(), Error> {
    if made(connection, steps).await? == steps.len() {
        return Ok(());
    }
    // All or none. Others may do the same: who comes second finds it done.
    let mut change = connection.begin_with("BEGIN IMMEDIATE").await?;
    let done = made(&mut change, steps).await?;
    for step in steps.iter().skip(done) {
        sqlx::raw_sql(*step).execute(&mut *change).await?;
    }
    let version = format!("PRAGMA user_version = {}", steps.len());
    sqlx::raw_sql(AssertSqlSafe(version))
        .execute(&mut *change)
        .await?;
    Ok(change.commit().await?)
}

/// How many of the steps were made.
async fn made(connection: &mut SqliteConnection, steps: &[&str]) -> Result<usize, Error> {
    let row = sqlx::query("PRAGMA user_version")
        .fetch_one(connection)
        .await?;
    let version: i64 = row.try_get(0)?;
    match usize::try_from(version) {
        Ok(made) if made <= steps.len() => Ok(made),
        _ => Err(Error::Newer(version)),
    }
}

/// Gives a damaged file another name, `NAME.damaged-TIME`, and takes away what is beside it. Where it is
/// now.
///
/// # Errors
/// [`Error::Aside`] if it cannot be renamed.
pub fn set_aside(path: &Path) -> Result<PathBuf, Error> {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    let seconds = since.unwrap_or_default().as_secs();
    let aside = with_suffix(path, &format!(".damaged-{seconds}"));
    std::fs::rename(path, &aside).map_err(Error::Aside)?;
    for suffix in BESIDE {
        let _ = std::fs::remove_file(with_suffix(path, suffix));
    }
    Ok(aside)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const LAYOUT: Layout = Layout {
        steps: &[
            "CREATE TABLE one (a TEXT); CREATE TABLE two (b TEXT);",
            "ALTER TABLE one ADD COLUMN c TEXT;",
        ],
        patience: Duration::from_secs(20),
        mode: 0o640,
        renews: true,
    };

    async fn connection(path: &Path) -> SqliteConnection {
        let options = options(path, &LAYOUT).create_if_missing(true);
        options.connect().await.unwrap()
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn programs_that_make_the_same_tables_do_not_get_in_each_others_way() {
        for _ in 0..20 {
            let dir = tempfile::tempdir().unwrap();
            let path = dir.path().join("a.db");
            let (mut one, mut other) = (connection(&path).await, connection(&path).await);
            let (first, second) = tokio::join!(
                prepare(&mut one, LAYOUT.steps),
                prepare(&mut other, LAYOUT.steps)
            );
            assert!(first.is_ok() && second.is_ok(), "{first:?} {second:?}");
            sqlx::query("SELECT a, c FROM one")
                .fetch_all(&mut other)
                .await
                .unwrap();
        }
    }

    #[tokio::test]
    async fn older_tables_become_newer_and_newer_ones_are_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.db");
        let mut database = connection(&path).await;
        prepare(&mut database, &LAYOUT.steps[..1]).await.unwrap();
        sqlx::query("INSERT INTO one (a) VALUES ('kept')")
            .execute(&mut database)
            .await
            .unwrap();
        prepare(&mut database, LAYOUT.steps).await.unwrap();
        let row = sqlx::query("SELECT a, c FROM one").fetch_one(&mut database);
        let kept: String = row.await.unwrap().try_get(0).unwrap();
        assert_eq!(kept, "kept");
        let older = prepare(&mut database, &LAYOUT.steps[..1]).await;
        assert!(matches!(older, Err(Error::Newer(2))), "{older:?}");
    }
}
