//! What is known of machines.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use bootwire::BoxFuture;
use bootwire_render::identity::Identity;
use bootwire_render::inventory::http::{HttpApi, HttpOptions};
use bootwire_render::inventory::sql::{Postgres, Sqlite};
use bootwire_render::inventory::{Cached, Files, Found, Inventory, InventoryError, Machine};

use super::http::{Reaching, options};
use super::opening::Opening;
use crate::config::model;

/// An open inventory.
#[derive(Clone)]
pub(crate) struct Machines {
    pub(crate) inventory: Arc<dyn Inventory>,
    /// If the machines are in files: what tells their mistakes.
    files: Option<Files>,
    /// If they are in a database of our own.
    database: Option<Sqlite>,
    /// One line for the log.
    shown: String,
}

impl std::fmt::Display for Machines {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.shown)
    }
}

impl std::fmt::Debug for Machines {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Machines").field(&self.shown).finish()
    }
}

/// The inventory's settings, with what the files and variables they name held.
#[derive(Clone, PartialEq)]
pub(super) struct InventorySettings {
    table: model::Inventory,
    /// What relative paths begin at.
    base: PathBuf,
    password: Option<String>,
    http: Reaching,
}

/// An inventory and the settings it was opened with.
pub(super) type OpenInventory = (InventorySettings, Machines);

impl InventorySettings {
    fn of(opening: &Opening<'_>) -> Result<Self, String> {
        let config = opening.config;
        let table = config.document.inventory.clone();
        let password = table.password_file.as_ref().map(|file| {
            let file = config.path(file);
            std::fs::read_to_string(&file)
                .map(|text| text.trim_end_matches(['\r', '\n']).to_owned())
                .map_err(|error| format!("cannot read {}: {error}", file.display()))
        });
        Ok(Self {
            base: config.base.clone(),
            password: password.transpose()?,
            http: Reaching::read(
                opening,
                &table.headers,
                table.bearer_file.as_deref(),
                table.bearer_env.as_deref(),
                table.ca.as_deref(),
            )?,
            table,
        })
    }

    fn path(&self, path: &Path) -> PathBuf {
        self.base.join(path)
    }

    async fn open(&self, opening: &Opening<'_>) -> Result<Option<Machines>, String> {
        let table = &self.table;
        if let Some(files) = &table.files {
            let places: Vec<PathBuf> = files.0.iter().map(|place| self.path(place)).collect();
            return open_files(places, opening).await.map(Some);
        }
        let mut own = None;
        let (inventory, shown): (Arc<dyn Inventory>, String) = if let Some(file) = &table.sqlite {
            let file = self.path(file);
            let shown = format!("SQLite, {}", file.display());
            if !opening.serves() && !file.exists() {
                let told = format!("{shown}: missing, the server will make it");
                return Ok(Some(Machines::standing_in(
                    &format!("{shown}, missing so far"),
                    Ok(told),
                )));
            }
            let database = Sqlite::open(&file).await;
            let mut database = database.map_err(|error| format!("{}: {error}", file.display()))?;
            if let Some(tell) = opening.tell("inventory") {
                database = database.report(tell);
            }
            own = Some(database.clone());
            (Arc::new(self.timed(database.cached())), shown)
        } else if let Some(url) = &table.postgres {
            let query = table.query.as_deref().ok_or("postgres needs a query")?;
            let database = Postgres::connect_as(url, self.password.as_deref(), query);
            let database = database.map_err(|error| error.to_string())?;
            (
                Arc::new(self.timed(database.cached())),
                "PostgreSQL".to_owned(),
            )
        } else if let Some(urls) = &table.http {
            let api = self.api(&urls.0, options(&self.http)?)?;
            (Arc::new(self.timed(api.cached())), "an HTTP API".to_owned())
        } else {
            return Ok(None);
        };
        Ok(Some(Machines {
            inventory,
            files: None,
            database: own,
            shown,
        }))
    }

    fn api(&self, urls: &[String], options: HttpOptions) -> Result<HttpApi, String> {
        let table = &self.table;
        let mut api = HttpApi::new(options).map_err(|error| error.to_string())?;
        for url in urls {
            api = api.ask(url).map_err(|error| error.to_string())?;
        }
        if let Some(pointer) = &table.machine {
            api = api.machine(pointer);
        }
        for (name, pointer) in &table.fields {
            api = api.field(name, pointer);
        }
        if let Some(limit) = table.timeout {
            api = api.timeout(limit.0);
        }
        Ok(api)
    }

    /// With the times of the table.
    fn timed<I: Inventory>(&self, mut cached: Cached<I>) -> Cached<I> {
        let table = &self.table;
        if let Some(limit) = table.timeout {
            cached = cached.deadline(limit.0);
        }
        if let Some(time) = table.fresh_for {
            cached = cached.fresh_for(time.0);
        }
        if let Some(time) = table.absent_for {
            cached = cached.absent_for(time.0);
        }
        if let Some(time) = table.stale_for {
            cached = cached.stale_for(time.0);
        }
        cached
    }
}

async fn open_files(places: Vec<PathBuf>, opening: &Opening<'_>) -> Result<Machines, String> {
    let names: Vec<String> = places
        .iter()
        .map(|place| place.display().to_string())
        .collect();
    let opened = tokio::task::spawn_blocking(move || Files::open(&places)).await;
    let files = opened
        .map_err(|error| error.to_string())?
        .map_err(|error| error.to_string())?;
    let files = match opening.tell("inventory") {
        Some(tell) => files.report(tell),
        None => files,
    };
    Ok(Machines {
        inventory: Arc::new(files.clone()),
        files: Some(files),
        database: None,
        shown: format!("files, {}", names.join(", ")),
    })
}

/// Stands in for an inventory that is not open, and knows nobody.
struct StandIn(Result<String, InventoryError>);

impl Inventory for StandIn {
    fn find<'a>(&'a self, _who: &'a Identity) -> BoxFuture<'a, Result<Found, InventoryError>> {
        Box::pin(std::future::ready(self.0.clone().map(|_| None)))
    }

    fn check(&self) -> BoxFuture<'_, Result<String, InventoryError>> {
        Box::pin(std::future::ready(self.0.clone()))
    }
}

impl Machines {
    /// Opens what the configuration names; `None` if it names nothing. The `old` inventory, with its
    /// answers, serves on if its settings are the same. Gives what a reload may leave open, too.
    pub(super) async fn open(
        opening: &mut Opening<'_>,
        old: Option<&OpenInventory>,
    ) -> (Option<Self>, Option<OpenInventory>) {
        let settings = InventorySettings::of(opening);
        let opened = match (old, settings) {
            (_, Err(why)) => Err(why),
            (Some((known, machines)), Ok(settings)) if *known == settings => machines
                .look_again()
                .await
                .map(|()| Some((settings, machines.clone()))),
            (_, Ok(settings)) => {
                let opened = settings.open(opening).await;
                opened.map(|machines| Some((settings, machines?)))
            }
        };
        match opened {
            // Whoever only wants an explanation may not be allowed to read everything.
            Err(why) if !opening.serves() => {
                let why = InventoryError::Unreachable(why);
                (Some(Self::standing_in("not open", Err(why))), None)
            }
            opened => {
                let opened = opening.check("inventory", opened).flatten();
                let machines = opened.as_ref().map(|(_, machines)| machines.clone());
                (machines, opened)
            }
        }
    }

    /// Looks whether it is still what it was, before it serves on under another configuration.
    async fn look_again(&self) -> Result<(), String> {
        match &self.database {
            Some(database) => database.reload().await.map_err(|error| error.to_string()),
            None => Ok(()),
        }
    }

    fn standing_in(shown: &str, told: Result<String, InventoryError>) -> Self {
        Self {
            inventory: Arc::new(StandIn(told)),
            files: None,
            database: None,
            shown: shown.to_owned(),
        }
    }

    /// What and where it is.
    pub(crate) fn shown(&self) -> &str {
        &self.shown
    }

    pub(super) fn describe(&self) -> String {
        format!("inventory: {}", self.shown)
    }

    /// What is wrong with its files now.
    pub(super) fn problems(&self) -> Vec<String> {
        let files = self.files.iter();
        files
            .flat_map(Files::problems)
            .map(|problem| format!("inventory: {problem}"))
            .collect()
    }

    /// Asks the source whether it works.
    pub(super) async fn check(&self) -> Result<String, String> {
        let checked = self.inventory.check().await;
        checked.map_err(|error| error.to_string())
    }

    /// Some of the machines, where they can be listed.
    pub(super) async fn some(&self, max: usize) -> Result<Vec<Arc<Machine>>, String> {
        if let Some(files) = &self.files {
            return Ok(files.machines().into_iter().take(max).collect());
        }
        let Some(database) = &self.database else {
            return Err("this inventory cannot list its machines".to_owned());
        };
        let listed = database
            .list(0, u32::try_from(max).unwrap_or(u32::MAX))
            .await;
        let machines = listed.map_err(|error| error.to_string())?;
        Ok(machines.into_iter().map(Arc::new).collect())
    }
}
