//! The file of a path, opened anew when another has taken its place.
//!
//! What is asked of it comes in boxes: all that sqlx does is compiled here, once, and not in each program
//! that has a database.

use std::io;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use sqlx::Sqlite;
use sqlx::pool::PoolConnection;
use tokio::sync::RwLock;

use crate::change::Change;
use crate::opened::{self, Opened};
use crate::place::Place;
use crate::{Error, Layout};

/// How often the file is looked at, when somebody asks.
const INTERVAL: Duration = Duration::from_secs(1);

type Boxed<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;
type Observer = Arc<dyn Fn(&Event<'_>) + Send + Sync>;

/// What happened to a file while it was open.
#[derive(Debug)]
#[non_exhaustive]
pub enum Event<'a> {
    /// Another took its place, and is used from now on.
    Replaced,
    /// It is gone, and no other is made.
    Gone,
    /// Another took its place, and cannot be used.
    Unusable(&'a Error),
    /// Another took its place, and what the old one left beside it cannot be removed.
    Leftover(&'a io::Error),
}

/// An SQLite file that others may replace, remove or damage. It is looked at when somebody asks something
/// of it and a second has passed.
pub struct File {
    path: PathBuf,
    layout: Layout,
    writes: bool,
    opened: RwLock<Option<Opened>>,
    /// When to look at the file again.
    due: Arc<Mutex<Instant>>,
    observer: Mutex<Option<Observer>>,
}

impl File {
    /// Opens a file to write to it; makes it if it is not there.
    ///
    /// # Errors
    /// If it cannot be opened, is no database, or was made by a newer program.
    pub fn open(path: &Path, layout: Layout) -> Boxed<'_, Result<Self, Error>> {
        Box::pin(async move {
            let opened = Opened::open(path, &layout, true).await?;
            Ok(Self::new(path, layout, opened))
        })
    }

    /// Opens a file that is there to read it, as it is. Others that take its place are not noticed.
    ///
    /// # Errors
    /// If it cannot be opened, or is no database.
    pub fn read(path: &Path, layout: Layout) -> Boxed<'_, Result<Self, Error>> {
        Box::pin(async move {
            let opened = Opened::read(path, &layout).await?;
            Ok(Self::new(path, layout, opened))
        })
    }

    fn new(path: &Path, layout: Layout, opened: Opened) -> Self {
        Self {
            path: path.to_owned(),
            layout,
            writes: opened.writer.is_some(),
            opened: RwLock::new(Some(opened)),
            due: Arc::new(Mutex::new(Instant::now() + INTERVAL)),
            observer: Mutex::default(),
        }
    }

    /// Its path.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Tells `observer` when another file took this one's place, and what came of it: each time it looks.
    pub fn observe(&self, observer: impl Fn(&Event<'_>) + Send + Sync + 'static) {
        *lock(&self.observer) = Some(Arc::new(observer));
    }

    /// A connection to read by.
    ///
    /// # Errors
    /// If there is none within the [patience](Layout::patience), or no file.
    pub fn reader(&self) -> Boxed<'_, Result<PoolConnection<Sqlite>, Error>> {
        Box::pin(async move { Ok(self.now().await?.readers.acquire().await?) })
    }

    /// The connection to write by. Who has it keeps others from writing.
    ///
    /// # Errors
    /// As [`File::reader`]; if the file was opened to be read.
    pub fn writer(&self) -> Boxed<'_, Result<PoolConnection<Sqlite>, Error>> {
        Box::pin(async move {
            let writer = self.now().await?.writer.ok_or(Error::ReadOnly)?;
            Ok(writer.acquire().await?)
        })
    }

    /// A change that nobody else sees before it is committed.
    ///
    /// # Errors
    /// As [`File::writer`].
    pub fn change(&self) -> Boxed<'_, Result<Change, Error>> {
        Box::pin(async move { Change::begin(self.writer().await?, Arc::clone(&self.due)).await })
    }

    /// The file that is at the path now, as of a second ago at most.
    async fn now(&self) -> Result<Opened, Error> {
        if self.writes && self.is_due() {
            self.look_again(self.layout.renews).await?;
        }
        let opened = self.opened.read().await;
        opened.clone().ok_or_else(|| Error::Gone(self.path.clone()))
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

    /// Looks which file is at the path, and opens it if it is another. Makes one that is gone, if that is
    /// wanted.
    ///
    /// # Errors
    /// As [`File::open`].
    pub fn look(&self, make: bool) -> Boxed<'_, Result<(), Error>> {
        Box::pin(self.look_again(make))
    }

    async fn look_again(&self, make: bool) -> Result<(), Error> {
        let path = self.path.clone();
        let here = tokio::task::spawn_blocking(move || Place::of(&path)).await;
        let Ok(Ok(here)) = here else {
            // It cannot be seen at the moment; what is open serves on.
            return Ok(());
        };
        let is_same = |opened: &Option<Opened>| {
            opened.as_ref().map(|opened| opened.place) == here && here.is_some()
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
                self.tell(&Event::Leftover(&error));
                *opened = Some(old);
                let path = self.path.clone();
                return Err(Error::Leftover { path, error });
            }
        }
        if here.is_none() && !make {
            self.tell(&Event::Gone);
            return Err(Error::Gone(self.path.clone()));
        }
        match Opened::open(&self.path, &self.layout, make).await {
            Ok(new) => {
                *opened = Some(new);
                self.tell(&Event::Replaced);
                Ok(())
            }
            Err(error) => {
                self.tell(&Event::Unusable(&error));
                Err(error)
            }
        }
    }

    /// The file is damaged: it is [put aside](crate::set_aside), and a new one made. Where the old one is
    /// now.
    ///
    /// # Errors
    /// If it cannot be put aside, or no other made.
    pub fn renew(&self) -> Boxed<'_, Result<PathBuf, Error>> {
        Box::pin(async move {
            let mut opened = self.opened.write().await;
            if let Some(old) = opened.take() {
                old.close().await;
            }
            let aside = opened::set_aside(&self.path)?;
            *opened = Some(Opened::open(&self.path, &self.layout, true).await?);
            Ok(aside)
        })
    }

    /// Finishes what is under way, and closes it. It is not opened again.
    pub fn close(&self) -> Boxed<'_, ()> {
        Box::pin(async move {
            if let Some(opened) = &*self.opened.read().await {
                opened.close().await;
            }
        })
    }

    fn tell(&self, event: &Event<'_>) {
        let observer = lock(&self.observer).clone();
        if let Some(observer) = observer {
            observer(event);
        }
    }
}

impl std::fmt::Debug for File {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("File")
            .field("path", &self.path)
            .finish_non_exhaustive()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use sqlx::AssertSqlSafe;

    use super::*;

    const LAYOUT: Layout = Layout {
        steps: &["CREATE TABLE notes (text TEXT NOT NULL);"],
        patience: Duration::from_secs(20),
        mode: 0o640,
        renews: true,
    };

    async fn write(file: &File, text: &str) -> Result<(), Error> {
        let mut change = file.change().await?;
        sqlx::query("INSERT INTO notes VALUES (?1)")
            .bind(text)
            .execute(&mut *change)
            .await?;
        change.commit().await
    }

    async fn count(file: &File) -> i64 {
        let mut reader = file.reader().await.unwrap();
        let counted = sqlx::query_scalar("SELECT count(*) FROM notes").fetch_one(&mut *reader);
        counted.await.unwrap()
    }

    /// A full disk is one on which a file gets no more pages.
    #[tokio::test(flavor = "multi_thread")]
    async fn a_full_disk_is_written_again_once_there_is_room() {
        let dir = tempfile::tempdir().unwrap();
        let file = File::open(&dir.path().join("a.db"), LAYOUT).await.unwrap();
        write(&file, "before").await.unwrap();
        for _ in 0..3 {
            let limit = |pages: u32| AssertSqlSafe(format!("PRAGMA max_page_count = {pages}"));
            let mut writer = file.writer().await.unwrap();
            sqlx::raw_sql(limit(1)).execute(&mut *writer).await.unwrap();
            drop(writer);
            let large = "x".repeat(1 << 20);
            let full = write(&file, &large).await.unwrap_err().to_string();
            assert!(full.contains("full"), "{full}");
            // There is room again, for the same connection too.
            let mut writer = file.writer().await.unwrap();
            let raised = sqlx::raw_sql(limit(1 << 20)).execute(&mut *writer).await;
            raised.unwrap();
            drop(writer);
            write(&file, "after").await.unwrap();
        }
        assert_eq!(count(&file).await, 4);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_change_that_is_dropped_is_undone_and_in_nobodys_way() {
        let dir = tempfile::tempdir().unwrap();
        let file = File::open(&dir.path().join("a.db"), LAYOUT).await.unwrap();
        for _ in 0..3 {
            let mut change = file.change().await.unwrap();
            let written = sqlx::query("INSERT INTO notes VALUES ('never')").execute(&mut *change);
            written.await.unwrap();
            drop(change);
        }
        write(&file, "kept").await.unwrap();
        assert_eq!(count(&file).await, 1);
    }
}
