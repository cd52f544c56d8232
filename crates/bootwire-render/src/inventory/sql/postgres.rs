//! A query of the operator's against PostgreSQL.

use std::str::FromStr;
use std::time::Duration;

use bootwire::BoxFuture;
use serde_json::Value;
use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions};
use sqlx::{AssertSqlSafe, Row};
use tokio::net::TcpStream;

use super::named::{NAMES, numbered};
use super::{PATIENCE, SqlError};
use crate::identity::Identity;
use crate::inventory::answer::{self, ANSWER_MAX};
use crate::inventory::{Cached, Found, Inventory, InventoryError, Lookup};

/// Connections to one database.
const CONNECTIONS_MAX: u32 = 4;
/// How long it may take to see why there is no connection; with [`PATIENCE`] less than what
/// [`Cached`] waits.
const LOOK: Duration = Duration::from_millis(300);

/// Machines in a PostgreSQL database, found by a query.
///
/// The query has the named parameters `:mac`, `:uuid`, `:serial`, `:ip` and `:hostname`, which are
/// texts or `NULL`, and gives one row at most. Columns called `mac`, `uuid`, `serial`, `ip`,
/// `hostname` and `profile` are what they say; `vars` is a JSON object; all others become variables.
///
/// ```no_run
/// use bootwire_render::inventory::sql::Postgres;
///
/// # fn example() -> Result<(), bootwire_render::inventory::sql::SqlError> {
/// let machines = Postgres::connect(
///     "postgres://bootwire@db.example.com/inventory?sslmode=verify-full",
///     "SELECT mac, hostname, role AS profile, rack FROM hosts WHERE mac = :mac::macaddr",
/// )?
/// .cached();
/// # Ok(())
/// # }
/// ```
///
/// What the server does not answer within 2 s it is told to stop. Answers beyond 1 MiB are refused by
/// the database itself, before they cross the network.
#[derive(Clone, Debug)]
pub struct Postgres {
    pool: PgPool,
    sql: String,
    /// Where it is: a name or address and a port. Of a socket in the file system, nothing.
    place: Option<(String, u16)>,
}

impl Postgres {
    /// Prepares to ask the database at `url` with `query`. Connects when somebody asks: a database
    /// that is down at the start is no reason not to start. Must be called where tokio runs.
    ///
    /// # Errors
    /// If `url` or `query` cannot be understood.
    pub fn connect(url: &str, query: &str) -> Result<Self, SqlError> {
        Self::connect_as(url, None, query)
    }

    /// The same with a password that is not in the URL.
    ///
    /// # Errors
    /// As [`Postgres::connect`].
    pub fn connect_as(url: &str, password: Option<&str>, query: &str) -> Result<Self, SqlError> {
        let limit = PATIENCE.as_millis().to_string();
        let mut options = PgConnectOptions::from_str(url)?;
        if let Some(password) = password {
            options = options.password(password);
        }
        let options = options
            .application_name("bootwire")
            .options([("statement_timeout", limit.as_str())]);
        let host = options.get_host();
        let is_remote = options.get_socket().is_none() && !host.starts_with('/');
        let place = is_remote.then(|| (host.to_owned(), options.get_port()));
        let pool = PgPoolOptions::new()
            .max_connections(CONNECTIONS_MAX)
            .acquire_timeout(PATIENCE)
            .idle_timeout(Duration::from_secs(300))
            .connect_lazy_with(options);
        let query = query.trim().trim_end_matches(';');
        // On lines of its own, so that a comment at its end ends.
        let sql = format!(
            "SELECT octet_length(j) AS size, left(j, {ANSWER_MAX}) AS machine FROM \
             (SELECT row_to_json(q)::text AS j FROM (\n{}\n) q LIMIT 2) r",
            numbered(query)?
        );
        Ok(Self { pool, sql, place })
    }

    /// With a memory for answers, see [`Cached`].
    #[must_use]
    pub fn cached(self) -> Cached<Self> {
        Cached::new(self).at_once(CONNECTIONS_MAX as usize)
    }

    async fn ask(&self, lookup: &Lookup) -> Result<Found, InventoryError> {
        let mut values = NAMES.map(|_| None);
        for (name, value) in lookup.named() {
            if let Some(at) = NAMES.iter().position(|known| *known == name) {
                values[at] = Some(value);
            }
        }
        let mut query = sqlx::query(AssertSqlSafe(self.sql.as_str()));
        for value in values {
            query = query.bind::<Option<String>>(value);
        }
        let rows = match query.fetch_all(&self.pool).await {
            Ok(rows) => rows,
            Err(sqlx::Error::PoolTimedOut) => return Err(self.unreachable().await),
            Err(error) => return Err(refused(&error)),
        };
        let [row] = rows.as_slice() else {
            return match rows.len() {
                0 => Ok(None),
                _ => Err(InventoryError::Senseless(
                    "the query gives more than one machine: order it and add LIMIT 1".to_owned(),
                )),
            };
        };
        let size: i32 = row.try_get("size").map_err(|error| refused(&error))?;
        if usize::try_from(size).map_or(true, |size| size > ANSWER_MAX) {
            return Err(InventoryError::TooLarge(ANSWER_MAX));
        }
        let text: String = row.try_get("machine").map_err(|error| refused(&error))?;
        match serde_json::from_str(&text) {
            Ok(Value::Object(fields)) => Ok(Some(answer::machine(fields)?.into())),
            _ => Err(InventoryError::Senseless("the row is no object".to_owned())),
        }
    }

    /// Why there is no connection. The pool tries again and again and does not tell what it saw.
    async fn unreachable(&self) -> InventoryError {
        let Some((host, port)) = &self.place else {
            return InventoryError::Unreachable(format!(
                "no connection to PostgreSQL within {PATIENCE:?}"
            ));
        };
        let connect = TcpStream::connect((host.as_str(), *port));
        let why = match tokio::time::timeout(LOOK, connect).await {
            Ok(Ok(_)) => "it takes connections and says nothing, or has none to spare".to_owned(),
            Ok(Err(error)) => error.to_string(),
            Err(_) => "no answer".to_owned(),
        };
        InventoryError::Unreachable(format!(
            "no connection to PostgreSQL at {host}:{port} within {PATIENCE:?}: {why}"
        ))
    }
}

fn refused(error: &sqlx::Error) -> InventoryError {
    InventoryError::Unreachable(format!("PostgreSQL: {error}"))
}

impl Inventory for Postgres {
    fn find<'a>(&'a self, who: &'a Identity) -> BoxFuture<'a, Result<Found, InventoryError>> {
        Box::pin(async move { self.ask(&Lookup::of(who)).await })
    }

    /// Runs the query for a machine that does not exist, which shows whether it can be run.
    fn check(&self) -> BoxFuture<'_, Result<String, InventoryError>> {
        Box::pin(async move {
            self.ask(&Lookup::default()).await?;
            Ok("PostgreSQL answers".to_owned())
        })
    }
}
