//! Boots in PostgreSQL, for several servers.

use std::str::FromStr;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use sqlx::postgres::{PgConnectOptions, PgConnection, PgPool, PgPoolOptions};
use sqlx::{Connection, Row};
use tokio::sync::OnceCell;

use super::schema::{STEPS, VERSION};
use super::statements::postgres as statements;
use super::{PATIENCE, StoreError};
use crate::Boot;
use crate::store::filter::{Filter, Listed, MachineSummary, Machines, Page};

/// Connections to the database.
const CONNECTIONS_MAX: u32 = 4;
/// What a transaction that changes the schema locks: a number that nobody else uses.
const LOCK: i64 = 0x626f_6f74_7769_7265;

/// Boots in a PostgreSQL database, which several servers may share. Cheap to clone.
///
/// Its tables are called `bootwire_…`; they are made, and made newer, by whoever connects first.
#[derive(Clone, Debug)]
pub struct Postgres {
    pool: PgPool,
    place: String,
    prepared: Arc<OnceCell<()>>,
}

impl Postgres {
    /// Prepares to use the database at `url`. Connects when there is something to write or to ask: a
    /// database that is down at the start is no reason not to start. Must be called where tokio runs.
    ///
    /// # Errors
    /// If `url` cannot be understood.
    pub fn connect(url: &str) -> Result<Self, StoreError> {
        Self::connect_as(url, None)
    }

    /// The same with a password that is not in the URL.
    ///
    /// # Errors
    /// If `url` cannot be understood.
    pub fn connect_as(url: &str, password: Option<&str>) -> Result<Self, StoreError> {
        let limit = PATIENCE.as_millis().to_string();
        // What is wrong with it is said without it: there may be a password.
        let options = PgConnectOptions::from_str(url).map_err(|_| {
            StoreError::Database("not a URL like postgres://USER@HOST/DATABASE".to_owned())
        })?;
        let options = match password {
            Some(password) => options.password(password),
            None => options,
        };
        let options = options
            .application_name("bootwire boots")
            .options([("statement_timeout", limit.as_str())]);
        let database = options.get_database().unwrap_or_default();
        let place = format!(
            "postgres://{}:{}/{database}",
            options.get_host(),
            options.get_port()
        );
        let pool = PgPoolOptions::new()
            .max_connections(CONNECTIONS_MAX)
            .acquire_timeout(PATIENCE)
            .idle_timeout(Duration::from_secs(300))
            .connect_lazy_with(options);
        Ok(Self {
            pool,
            place,
            prepared: Arc::default(),
        })
    }

    pub(in crate::store) fn place(&self) -> String {
        self.place.clone()
    }

    async fn connection(&self) -> Result<sqlx::pool::PoolConnection<sqlx::Postgres>, StoreError> {
        let mut connection = self.pool.acquire().await?;
        let prepare = prepare(&mut connection);
        self.prepared.get_or_try_init(|| prepare).await?;
        Ok(connection)
    }

    pub(in crate::store) async fn put(
        &self,
        boots: &[Arc<Boot>],
        gone: &[String],
    ) -> Result<(), StoreError> {
        let mut connection = self.connection().await?;
        let mut change = connection.begin().await?;
        statements::put(&mut change, boots, gone).await?;
        Ok(change.commit().await?)
    }

    pub(in crate::store) async fn list(
        &self,
        filter: &Filter,
        page: &Page,
    ) -> Result<Listed<Boot>, StoreError> {
        statements::list(&mut *self.connection().await?, filter, page).await
    }

    pub(in crate::store) async fn get(&self, id: &str) -> Result<Option<Boot>, StoreError> {
        statements::get(&mut *self.connection().await?, id).await
    }

    pub(in crate::store) async fn machines(
        &self,
        filter: &Machines,
        page: &Page,
    ) -> Result<Listed<MachineSummary>, StoreError> {
        statements::machines(&mut *self.connection().await?, filter, page).await
    }

    pub(in crate::store) async fn machine(
        &self,
        word: &str,
    ) -> Result<Option<MachineSummary>, StoreError> {
        statements::machine(&mut *self.connection().await?, word).await
    }

    pub(in crate::store) async fn prune(
        &self,
        before: SystemTime,
        size_max: u64,
    ) -> Result<u64, StoreError> {
        let mut connection = self.connection().await?;
        let mut gone = 0;
        loop {
            match statements::prune_old(&mut connection, before).await? {
                0 => break,
                count => gone += count,
            }
        }
        while size(&mut connection).await? > size_max {
            match statements::prune_oldest(&mut connection).await? {
                0 => break,
                count => gone += count,
            }
        }
        if gone > 0 {
            statements::prune_machines(&mut connection).await?;
        }
        Ok(gone)
    }

    pub(in crate::store) async fn interrupted(
        &self,
        before: SystemTime,
    ) -> Result<u64, StoreError> {
        let mut connection = self.connection().await?;
        let mut all = 0;
        loop {
            let mut change = connection.begin().await?;
            let count = statements::interrupted(&mut change, before).await?;
            change.commit().await?;
            all += count;
            if count == 0 {
                return Ok(all);
            }
        }
    }

    pub(in crate::store) async fn close(&self) {
        self.pool.close().await;
    }
}

/// Bytes that boots take, by what their rows say.
async fn size(connection: &mut PgConnection) -> Result<u64, StoreError> {
    let sum = "SELECT CAST(coalesce(sum(size), 0) AS BIGINT) FROM bootwire_boots";
    let row = sqlx::query(sum).fetch_one(connection).await?;
    let size: i64 = row.try_get(0)?;
    Ok(u64::try_from(size).unwrap_or_default())
}

/// Makes the tables, or those of an older version newer. Others who do the same wait.
async fn prepare(connection: &mut PgConnection) -> Result<(), StoreError> {
    let mut change = connection.begin().await?;
    sqlx::query("SELECT pg_advisory_xact_lock($1)")
        .bind(LOCK)
        .execute(&mut *change)
        .await?;
    sqlx::raw_sql("CREATE TABLE IF NOT EXISTS bootwire_schema (version BIGINT NOT NULL)")
        .execute(&mut *change)
        .await?;
    let row = sqlx::query("SELECT version FROM bootwire_schema")
        .fetch_optional(&mut *change)
        .await?;
    let version: Option<i64> = row.map(|row| row.try_get(0)).transpose()?;
    let version = version.unwrap_or_default();
    if version > VERSION {
        return Err(StoreError::Newer(version));
    }
    if version < VERSION {
        let done = usize::try_from(version).unwrap_or_default();
        for step in STEPS.iter().skip(done) {
            sqlx::raw_sql(*step).execute(&mut *change).await?;
        }
        sqlx::raw_sql("DELETE FROM bootwire_schema")
            .execute(&mut *change)
            .await?;
        sqlx::query("INSERT INTO bootwire_schema (version) VALUES ($1)")
            .bind(VERSION)
            .execute(&mut *change)
            .await?;
    }
    Ok(change.commit().await?)
}
