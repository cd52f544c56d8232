//! The file that is open, and what happens when another takes its place.
//!
//! SQLite keeps what is not yet in a database in files beside it, which it finds by their names. So
//! connections to a file that was replaced must not live beside connections to the new one, and what
//! the old one left beside it must not be taken for the new one's.
//!
//! What is asked of the database comes in boxes: all that sqlx does is compiled here, once, and not in
//! each program that has machines in a file.

use std::ffi::OsString;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use bootwire::BoxFuture;
use sqlx::pool::PoolConnection;
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous,
};
use sqlx::{ConnectOptions, Sqlite, Transaction};
use tokio::sync::RwLock;

use super::super::{PATIENCE, SqlError};
use super::{READERS_MAX, schema};
use crate::reload::{Problem, Report};

/// How often the file is looked at, when somebody asks.
const INTERVAL: Duration = Duration::from_secs(1);
/// How often it is opened while others take each other's place.
const TRIES: usize = 3;

/// Connections to one file.
#[derive(Clone, Debug)]
struct Opened {
    readers: SqlitePool,
    /// One connection: SQLite has one writer at a time, and those who wait here wait in order.
    writer: SqlitePool,
    file: Place,
    /// What it keeps beside it.
    beside: Vec<(PathBuf, Place)>,
}

/// A file on a disk, whatever it is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Place {
    device: u64,
    inode: u64,
}

impl Place {
    fn of(path: &Path) -> io::Result<Option<Self>> {
        match std::fs::metadata(path) {
            Ok(metadata) => Ok(Some(Self {
                device: metadata.dev(),
                inode: metadata.ino(),
            })),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }
}

impl Opened {
    /// Opens the file; makes it if that is wanted.
    async fn open(path: &Path, make: bool) -> Result<Self, SqlError> {
        for _ in 0..TRIES {
            let opened = Self::connect(path, make).await?;
            if Place::of(path).ok().flatten() == Some(opened.file) {
                return Ok(opened);
            }
            opened.close().await;
        }
        Err(SqlError::Database(
            "another file takes its place all the time".to_owned(),
        ))
    }

    async fn connect(path: &Path, make: bool) -> Result<Self, SqlError> {
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(make)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Normal)
            .busy_timeout(PATIENCE)
            .disable_statement_logging();
        let writer = pool(1).connect_with(options.clone()).await?;
        schema::prepare(&mut *writer.acquire().await?).await?;
        let file = Place::of(path).ok().flatten().ok_or_else(|| gone(path))?;
        let reading = options.create_if_missing(false).pragma("query_only", "on");
        // All at once: one that is opened later could be to another file.
        let readers = pool(READERS_MAX)
            .min_connections(READERS_MAX)
            .connect_with(reading)
            .await?;
        let beside = ["-wal", "-shm"].map(|suffix| {
            let mut name = OsString::from(path);
            name.push(suffix);
            let name = PathBuf::from(name);
            let place = Place::of(&name).ok().flatten()?;
            Some((name, place))
        });
        Ok(Self {
            readers,
            writer,
            file,
            beside: beside.into_iter().flatten().collect(),
        })
    }

    async fn close(&self) {
        self.readers.close().await;
        self.writer.close().await;
    }

    /// Closes a file that is at its place no longer. What is only beside it goes into it first, as far
    /// as the disk lets it: whoever kept the file wants all of it.
    async fn leave(&self) {
        let _ = sqlx::query("PRAGMA wal_checkpoint(TRUNCATE)")
            .execute(&self.writer)
            .await;
        self.close().await;
    }

    /// Takes away what the file, which is at its place no longer, left there: what is in it belongs to
    /// no other.
    fn sweep(&self) -> io::Result<()> {
        for (name, place) in &self.beside {
            if Place::of(name)? == Some(*place) {
                std::fs::remove_file(name)?;
            }
        }
        Ok(())
    }
}

fn pool(connections: u32) -> SqlitePoolOptions {
    SqlitePoolOptions::new()
        .max_connections(connections)
        .acquire_timeout(PATIENCE)
        // They stay: a new one could be to another file.
        .idle_timeout(None)
        .max_lifetime(None)
        .test_before_acquire(false)
}

fn gone(path: &Path) -> SqlError {
    SqlError::Database(format!("{} is gone", path.display()))
}

/// The file of a path, opened anew when another has taken its place.
pub(super) struct Current {
    path: PathBuf,
    opened: RwLock<Option<Opened>>,
    /// When to look at the file again.
    due: Mutex<Instant>,
    report: Mutex<Option<Report>>,
    /// What was reported last, so that it is said once.
    said: Mutex<String>,
}

impl Current {
    pub(super) fn open(path: &Path) -> BoxFuture<'_, Result<Self, SqlError>> {
        Box::pin(async move {
            Ok(Self {
                path: path.to_owned(),
                opened: RwLock::new(Some(Opened::open(path, true).await?)),
                due: Mutex::new(Instant::now() + INTERVAL),
                report: Mutex::default(),
                said: Mutex::default(),
            })
        })
    }

    pub(super) fn set_report(&self, report: Report) {
        *lock(&self.report) = Some(report);
    }

    /// The file that is at the path now, as of a second ago at most.
    async fn now(&self) -> Result<Opened, SqlError> {
        if self.is_due() {
            self.look(false).await?;
        }
        let opened = self.opened.read().await;
        opened.clone().ok_or_else(|| gone(&self.path))
    }

    /// A connection to read by.
    pub(super) fn reader(&self) -> BoxFuture<'_, Result<PoolConnection<Sqlite>, SqlError>> {
        Box::pin(async move { Ok(self.now().await?.readers.acquire().await?) })
    }

    /// A change that nobody else sees before it is committed.
    pub(super) fn change(&self) -> BoxFuture<'_, Result<Transaction<'static, Sqlite>, SqlError>> {
        Box::pin(async move {
            Ok(self
                .now()
                .await?
                .writer
                .begin_with("BEGIN IMMEDIATE")
                .await?)
        })
    }

    /// Whether it is time to look; whoever is told so has to do it.
    fn is_due(&self) -> bool {
        let mut due = lock(&self.due);
        let now = Instant::now();
        let is_due = now >= *due;
        if is_due {
            *due = now + INTERVAL;
        }
        is_due
    }

    /// Looks which file is at the path, and opens it if it is another. Makes one that is gone, if that
    /// is wanted.
    pub(super) fn look(&self, make: bool) -> BoxFuture<'_, Result<(), SqlError>> {
        Box::pin(self.look_again(make))
    }

    async fn look_again(&self, make: bool) -> Result<(), SqlError> {
        let path = self.path.clone();
        let here = tokio::task::spawn_blocking(move || Place::of(&path)).await;
        let Ok(Ok(here)) = here else {
            // It cannot be seen at the moment; what is open serves on.
            return Ok(());
        };
        let is_same = |opened: &Option<Opened>| {
            opened.as_ref().map(|opened| opened.file) == here && here.is_some()
        };
        if is_same(&*self.opened.read().await) {
            return Ok(());
        }
        let mut opened = self.opened.write().await;
        if is_same(&opened) {
            return Ok(());
        }
        if let Some(old) = opened.take() {
            old.leave().await;
            if let Err(error) = old.sweep() {
                self.say(&format!(
                    "another file took its place, and what the old one left beside it cannot be removed: {error}"
                ));
                *opened = Some(old);
                return Err(SqlError::Database(format!(
                    "{}: cannot remove what the file before it left: {error}",
                    self.path.display()
                )));
            }
        }
        if here.is_none() && !make {
            self.say("the file is gone; answers come from memory until it is back, or the configuration is reloaded");
            return Err(gone(&self.path));
        }
        match Opened::open(&self.path, make).await {
            Ok(new) => {
                *opened = Some(new);
                self.say("another file took its place, and is used from now on");
                lock(&self.said).clear();
                Ok(())
            }
            Err(error) => {
                self.say(&format!(
                    "another file took its place, and cannot be used: {error}"
                ));
                Err(error)
            }
        }
    }

    fn say(&self, what: &str) {
        let mut said = lock(&self.said);
        if *said == what {
            return;
        }
        what.clone_into(&mut said);
        drop(said);
        let report = lock(&self.report).clone();
        if let Some(report) = report {
            report(&Problem::new(self.path.display(), what));
        }
    }

    pub(super) fn close(&self) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            // What is closed is not opened again.
            if let Some(opened) = &*self.opened.read().await {
                opened.close().await;
            }
        })
    }
}

impl std::fmt::Debug for Current {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Current")
            .field("path", &self.path)
            .finish_non_exhaustive()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
