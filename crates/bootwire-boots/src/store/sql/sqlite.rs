//! Boots in an SQLite file.

use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;

use bootwire_sqlite::{File, Layout};
use sqlx::{Row, SqliteConnection};

use super::schema::STEPS;
use super::statements::sqlite as statements;
use super::{PATIENCE, StoreError};
use crate::Boot;
use crate::store::filter::{Filter, Listed, MachineSummary, Machines, Page};

const LAYOUT: Layout = Layout {
    steps: &STEPS,
    patience: PATIENCE,
    // Who boots where and when is not everybody's business.
    mode: 0o640,
    renews: true,
};

/// Boots in an SQLite file. Cheap to clone.
///
/// The file is in WAL mode: readers never wait for the writer, and `bootwire boots` may read while the
/// server writes. When it is removed or replaced, the next write makes or takes the new one. A file
/// that is damaged is put aside, as `boots.db.damaged-TIME`.
#[derive(Clone, Debug)]
pub struct Sqlite {
    file: Arc<File>,
}

impl Sqlite {
    /// Opens a file to write to it; makes it if it is not there.
    ///
    /// # Errors
    /// If it cannot be opened, or is of a newer version.
    pub async fn open(path: impl AsRef<Path>) -> Result<Self, StoreError> {
        let path = path.as_ref();
        let opened = match File::open(path, LAYOUT).await.map_err(StoreError::from) {
            Err(StoreError::Damaged(_)) => {
                bootwire_sqlite::set_aside(path)?;
                File::open(path, LAYOUT).await?
            }
            opened => opened?,
        };
        Ok(Self {
            file: Arc::new(opened),
        })
    }

    /// Opens a file that is there, to read it.
    ///
    /// # Errors
    /// If it cannot be opened, or is no database.
    pub async fn read(path: impl AsRef<Path>) -> Result<Self, StoreError> {
        Ok(Self {
            file: Arc::new(File::read(path.as_ref(), LAYOUT).await?),
        })
    }

    /// The file.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.file.path()
    }

    pub(in crate::store) async fn put(
        &self,
        boots: &[Arc<Boot>],
        gone: &[String],
    ) -> Result<(), StoreError> {
        match self.try_put(boots, gone).await {
            Err(StoreError::Damaged(_)) => {
                self.file.renew().await?;
                self.try_put(boots, gone).await
            }
            done => done,
        }
    }

    async fn try_put(&self, boots: &[Arc<Boot>], gone: &[String]) -> Result<(), StoreError> {
        let mut change = self.file.change().await?;
        statements::put(&mut change, boots, gone).await?;
        Ok(change.commit().await?)
    }

    pub(in crate::store) async fn list(
        &self,
        filter: &Filter,
        page: &Page,
    ) -> Result<Listed<Boot>, StoreError> {
        let mut reader = self.file.reader().await?;
        statements::list(&mut reader, filter, page).await
    }

    pub(in crate::store) async fn get(&self, id: &str) -> Result<Option<Boot>, StoreError> {
        let mut reader = self.file.reader().await?;
        statements::get(&mut reader, id).await
    }

    pub(in crate::store) async fn machines(
        &self,
        filter: &Machines,
        page: &Page,
    ) -> Result<Listed<MachineSummary>, StoreError> {
        let mut reader = self.file.reader().await?;
        statements::machines(&mut reader, filter, page).await
    }

    pub(in crate::store) async fn machine(
        &self,
        word: &str,
    ) -> Result<Option<MachineSummary>, StoreError> {
        let mut reader = self.file.reader().await?;
        statements::machine(&mut reader, word).await
    }

    pub(in crate::store) async fn prune(
        &self,
        before: SystemTime,
        size_max: u64,
    ) -> Result<u64, StoreError> {
        let mut gone = 0;
        loop {
            // Each time anew, so that others get their turn.
            let mut writer = self.file.writer().await?;
            match statements::prune_old(&mut writer, before).await? {
                0 => break,
                count => gone += count,
            }
        }
        loop {
            let mut writer = self.file.writer().await?;
            if size(&mut writer).await? <= size_max {
                break;
            }
            match statements::prune_oldest(&mut writer).await? {
                0 => break,
                count => gone += count,
            }
        }
        let mut writer = self.file.writer().await?;
        if gone > 0 {
            statements::prune_machines(&mut writer).await?;
        }
        // Gives space back to the disk, some at a time.
        let vacuum = sqlx::query("PRAGMA incremental_vacuum(4096)").fetch_all(&mut *writer);
        let _ = tokio::time::timeout(PATIENCE, vacuum).await;
        Ok(gone)
    }

    pub(in crate::store) async fn interrupted(
        &self,
        before: SystemTime,
    ) -> Result<u64, StoreError> {
        let mut all = 0;
        loop {
            let mut change = self.file.change().await?;
            let count = statements::interrupted(&mut change, before).await?;
            change.commit().await?;
            all += count;
            if count == 0 {
                return Ok(all);
            }
        }
    }

    pub(in crate::store) async fn close(&self) {
        self.file.close().await;
    }
}

/// Bytes of the file that hold something.
async fn size(connection: &mut SqliteConnection) -> Result<u64, StoreError> {
    let mut numbers = [0_i64; 3];
    for (number, pragma) in numbers.iter_mut().zip([
        "PRAGMA page_count",
        "PRAGMA freelist_count",
        "PRAGMA page_size",
    ]) {
        let row = sqlx::query(pragma).fetch_one(&mut *connection).await?;
        *number = row.try_get(0)?;
    }
    let [pages, free, size] = numbers;
    Ok(u64::try_from((pages - free) * size).unwrap_or_default())
}
