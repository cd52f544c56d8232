//! The SQLite file that is open, and what happens when it is gone, replaced or damaged.
//!
//! SQLite keeps what is not yet in a database in files beside it, which it finds by their names. What
//! a file left there that is gone must not be taken for the new one's.

use std::ffi::OsString;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use sqlx::sqlite::{
    SqliteAutoVacuum, SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions,
    SqliteSynchronous,
};
use sqlx::{ConnectOptions, Row, SqliteConnection};
use tokio::sync::{Mutex, RwLock};

use super::schema::{STEPS, VERSION};
use super::{PATIENCE, StoreError};
use crate::times::since_epoch;

/// Connections that read.
const READERS_MAX: u32 = 4;
/// How often the file is looked at.
const INTERVAL: Duration = Duration::from_secs(1);

/// Connections to one file.
#[derive(Clone, Debug)]
pub(super) struct Opened {
    pub(super) readers: SqlitePool,
    /// One connection: SQLite has one writer at a time. None where nothing is to be written.
    pub(super) writer: Option<SqlitePool>,
    place: Option<Place>,
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
            Ok(found) => Ok(Some(Self {
                device: found.dev(),
                inode: found.ino(),
            })),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }
}

/// The file of a path, opened anew when it has to be.
#[derive(Debug)]
pub(super) struct File {
    path: PathBuf,
    writes: bool,
    opened: RwLock<Option<Opened>>,
    looked: Mutex<Instant>,
}

impl File {
    /// Opens a file to write to it; makes it if it is not there.
    pub(super) async fn open(path: &Path) -> Result<Self, StoreError> {
        let opened = match connect(path).await {
            Err(StoreError::Damaged(_)) => {
                set_aside(path)?;
                connect(path).await?
            }
            opened => opened?,
        };
        Ok(Self::new(path, true, opened))
    }

    /// Opens a file that is there to read it.
    pub(super) async fn read(path: &Path) -> Result<Self, StoreError> {
        let options = options(path).read_only(true).create_if_missing(false);
        let readers = pool(READERS_MAX).connect_with(options).await?;
        let opened = Opened {
            place: Place::of(path).ok().flatten(),
            readers,
            writer: None,
            beside: Vec::new(),
        };
        Ok(Self::new(path, false, opened))
    }

    fn new(path: &Path, writes: bool, opened: Opened) -> Self {
        Self {
            path: path.to_owned(),
            writes,
            opened: RwLock::new(Some(opened)),
            looked: Mutex::new(Instant::now()),
        }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// The file that is at the path now, as of a second ago at most. One that is gone is made anew.
    pub(super) async fn now(&self) -> Result<Opened, StoreError> {
        if self.writes && self.is_due().await {
            self.look().await?;
        }
        let opened = self.opened.read().await.clone();
        match opened {
            Some(opened) => Ok(opened),
            None => {
                self.look().await?;
                let opened = self.opened.read().await.clone();
                opened.ok_or_else(|| StoreError::Database("closed".to_owned()))
            }
        }
    }

    async fn is_due(&self) -> bool {
        let mut looked = self.looked.lock().await;
        let is_due = looked.elapsed() >= INTERVAL;
        if is_due {
            *looked = Instant::now();
        }
        is_due
    }

    /// Opens what is at the path if it is not what is open.
    async fn look(&self) -> Result<(), StoreError> {
        // It cannot be seen at the moment: what is open serves on.
        let Ok(here) = Place::of(&self.path) else {
            return Ok(());
        };
        let is_same = |opened: &Option<Opened>| {
            opened
                .as_ref()
                .is_some_and(|opened| opened.place == here && here.is_some())
        };
        if is_same(&*self.opened.read().await) {
            return Ok(());
        }
        let mut opened = self.opened.write().await;
        if is_same(&opened) {
            return Ok(());
        }
        if let Some(old) = opened.take() {
            old.close().await;
            old.sweep();
        }
        *opened = Some(connect(&self.path).await?);
        Ok(())
    }

    /// The file is damaged: it is put aside, and a new one made. Where the old one is now.
    pub(super) async fn renew(&self) -> Result<PathBuf, StoreError> {
        let mut opened = self.opened.write().await;
        if let Some(old) = opened.take() {
            old.close().await;
        }
        let aside = set_aside(&self.path)?;
        *opened = Some(connect(&self.path).await?);
        Ok(aside)
    }

    pub(super) async fn close(&self) {
        let opened = self.opened.read().await.clone();
        if let Some(opened) = opened {
            opened.close().await;
        }
    }
}

impl Opened {
    async fn close(&self) {
        self.readers.close().await;
        if let Some(writer) = &self.writer {
            writer.close().await;
        }
    }

    /// Takes away what a file that is gone left beside its place.
    fn sweep(&self) {
        for (name, place) in &self.beside {
            if Place::of(name).ok().flatten() == Some(*place) {
                let _ = std::fs::remove_file(name);
            }
        }
    }
}

fn options(path: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(path)
        .busy_timeout(PATIENCE)
        .disable_statement_logging()
}

fn pool(connections: u32) -> SqlitePoolOptions {
    SqlitePoolOptions::new()
        .max_connections(connections)
        .acquire_timeout(PATIENCE)
        .idle_timeout(None)
        .max_lifetime(None)
        .test_before_acquire(false)
}

/// Makes the file if it is not there: who boots where and when is not everybody's business. What
/// SQLite puts beside it is as readable.
fn make(path: &Path) {
    use std::os::unix::fs::OpenOptionsExt;

    let mut options = std::fs::OpenOptions::new();
    // What is wrong is told when it is opened.
    let _ = options.write(true).create_new(true).mode(0o640).open(path);
}

async fn connect(path: &Path) -> Result<Opened, StoreError> {
    make(path);
    let options = options(path)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        // A crash of the machine may cost the last seconds, and damages nothing.
        .synchronous(SqliteSynchronous::Normal)
        .auto_vacuum(SqliteAutoVacuum::Incremental)
        .pragma("journal_size_limit", "16777216");
    let writer = pool(1).connect_with(options.clone()).await?;
    prepare(&mut *writer.acquire().await?).await?;
    let reading = options.create_if_missing(false).pragma("query_only", "on");
    // All at once: one that is opened later could be to another file.
    let readers = pool(READERS_MAX)
        .min_connections(READERS_MAX)
        .connect_with(reading)
        .await?;
    let beside = ["-wal", "-shm"].map(|suffix| {
        let name = with_suffix(path, suffix);
        let place = Place::of(&name).ok().flatten()?;
        Some((name, place))
    });
    Ok(Opened {
        place: Place::of(path).ok().flatten(),
        readers,
        writer: Some(writer),
        beside: beside.into_iter().flatten().collect(),
    })
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(suffix);
    PathBuf::from(name)
}

/// Makes the tables, or those of an older version newer.
async fn prepare(connection: &mut SqliteConnection) -> Result<(), StoreError> {
    let row = sqlx::query("PRAGMA user_version")
        .fetch_one(&mut *connection)
        .await?;
    let version: i64 = row.try_get(0)?;
    if version > VERSION {
        return Err(StoreError::Newer(version));
    }
    let done = usize::try_from(version).unwrap_or_default();
    for (at, step) in STEPS.iter().enumerate().skip(done) {
        // Each step is whole or not at all.
        let sql = format!(
            "BEGIN IMMEDIATE; {step} PRAGMA user_version = {}; COMMIT;",
            at + 1
        );
        let made = sqlx::raw_sql(sqlx::AssertSqlSafe(sql))
            .execute(&mut *connection)
            .await;
        if let Err(error) = made {
            let _ = sqlx::raw_sql("ROLLBACK").execute(&mut *connection).await;
            return Err(error.into());
        }
    }
    Ok(())
}

/// Gives a damaged file another name, and takes away what is beside it.
fn set_aside(path: &Path) -> Result<PathBuf, StoreError> {
    let seconds = since_epoch(SystemTime::now()).as_secs();
    let aside = with_suffix(path, &format!(".damaged-{seconds}"));
    std::fs::rename(path, &aside)
        .map_err(|error| StoreError::Damaged(format!("and it cannot be put aside: {error}")))?;
    for suffix in ["-wal", "-shm"] {
        let _ = std::fs::remove_file(with_suffix(path, suffix));
    }
    Ok(aside)
}
