//! What is served now, for those who look at it while it is served.

use std::path::PathBuf;
use std::sync::Arc;

use bootwire_render::identity::Identity;
use bootwire_store::{Cache, CacheStats, Purged};

use super::cache::CacheSettings;
use super::opening::Notes;
use super::origins::OriginInForce;
use super::routes::OpenRoute;
use super::{Open, Purpose, Site};
use crate::config::Config;
use crate::config::setting::Setting;

/// A configuration as it is served now: made by [`Site::in_force`], cheap to clone, and the same after
/// a reload, which has another. What it names stays open for as long as there is one.
#[derive(Clone)]
pub struct InForce {
    config: Arc<Config>,
    open: Arc<Open>,
    purpose: Purpose,
    notes: Notes,
    cache: Option<(Cache, u64)>,
}

/// A key of the configuration, and its value.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct KeyInForce {
    /// Its name with that of its table.
    pub key: String,
    /// Its value, or what holds without it.
    pub value: Option<String>,
    /// What it is for.
    pub help: &'static str,
    /// Where it is set: `FILE:LINE`, a variable, a flag.
    pub place: Option<String>,
    /// Whether a change takes a restart.
    pub needs_restart: bool,
}

/// Where machines are looked up.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct InventoryInForce {
    /// `sqlite`, `files`, `postgres` or `http`.
    pub kind: &'static str,
    /// The file that new machines go into, else the source in words; without secrets.
    pub place: String,
    /// Whether `bootwire machines discovered --add` can write into it.
    pub editable: bool,
}

impl Site {
    /// What is served now.
    #[must_use]
    pub fn in_force(&self) -> InForce {
        let cache = self.cache().map(|(cache, max)| (cache.clone(), max));
        InForce {
            config: Arc::clone(&self.config),
            open: Arc::clone(&self.open),
            purpose: self.purpose,
            notes: self.notes.clone(),
            cache,
        }
    }
}

impl InForce {
    /// The configuration.
    #[must_use]
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// What is served, in lines for people.
    #[must_use]
    pub fn describe(&self) -> Vec<String> {
        self.open.describe(&self.config)
    }

    /// How much is served, in one line.
    #[must_use]
    pub fn summary(&self) -> String {
        self.open.summary()
    }

    /// What is wrong now with files that are read again while the server runs.
    #[must_use]
    pub fn problems(&self) -> Vec<String> {
        self.open.problems()
    }

    /// Every key of the server. None of them is a secret: secrets are in files and variables of their
    /// own.
    #[must_use]
    pub fn keys(&self) -> Vec<KeyInForce> {
        let document = &self.config.document;
        let key = |(setting, value): (&Setting, Option<String>)| {
            let key = setting.path();
            KeyInForce {
                value: value.or_else(|| setting.default()),
                help: setting.help,
                place: self.config.place_if_set(&key),
                needs_restart: setting.needs_restart,
                key,
            }
        };
        let settings = document.settings();
        settings
            .map(|(setting, value)| key((setting, value.text())))
            .collect()
    }

    /// The cache: its directory, the bytes it may hold, and what it counted. `None` without origins.
    #[must_use]
    pub fn cache(&self) -> Option<(PathBuf, u64, CacheStats)> {
        let (cache, max) = self.cache.as_ref()?;
        Some((CacheSettings::of(&self.config).dir, *max, cache.stats()))
    }

    /// The origins: their names, addresses without secrets, and objects that are fetched beforehand.
    pub fn origins(&self) -> impl Iterator<Item = OriginInForce<'_>> {
        self.open
            .origins
            .all()
            .map(super::origins::OpenOrigin::in_force)
    }

    /// Where machines are looked up; `None` without an inventory.
    #[must_use]
    pub fn inventory(&self) -> Option<InventoryInForce> {
        let table = &self.config.document.inventory;
        let named = |kind: &'static str| Some((kind, self.open.machines.as_ref()?.to_string()));
        let (kind, place) = match (self.config.database(), self.config.machine_file()) {
            (Some(database), _) => ("sqlite", database.display().to_string()),
            (None, Some(file)) => ("files", file.display().to_string()),
            (None, None) if table.files.is_some() => named("files")?,
            (None, None) if table.postgres.is_some() => named("postgres")?,
            (None, None) => named("http")?,
        };
        let editable = self.config.database().is_some() || self.config.machine_file().is_some();
        Some(InventoryInForce {
            kind,
            place,
            editable,
        })
    }

    /// Whether the inventory has this machine; `None` if there is no inventory, or if it does not answer.
    pub async fn has_machine(&self, who: &Identity) -> Option<bool> {
        let machines = self.open.machines.as_ref()?;
        let found = machines.inventory.find(who).await.ok()?;
        Some(found.is_some())
    }

    /// Fetches what the configuration says is to be there before anybody asks, in the background.
    pub fn prefetch(&self) {
        self.open.prefetching.start(&self.open.origins, &self.notes);
    }

    /// Fetches one object before anybody asks, and tells its size.
    ///
    /// # Errors
    /// Why it cannot be had, in words.
    pub async fn prefetch_object(&self, origin: &str, path: &str) -> Result<u64, String> {
        self.origin(origin)?.prefetch_object(path).await
    }

    /// Removes an object from the cache, or all of an origin.
    ///
    /// # Errors
    /// If there is no such origin, or the path names no object.
    pub async fn purge(&self, origin: &str, path: Option<&str>) -> Result<Purged, String> {
        self.origin(origin)?.purge(path).await
    }

    fn origin(&self, name: &str) -> Result<&super::origins::OpenOrigin, String> {
        let none = || {
            let names: Vec<_> = self.origins().map(|origin| origin.name).collect();
            match names.as_slice() {
                [] => "there are no origins".to_owned(),
                names => format!("there is no origin {name:?}, but {}", names.join(", ")),
            }
        };
        self.open.origins.get(name).ok_or_else(none)
    }

    pub(crate) fn parts(&self) -> &Open {
        &self.open
    }

    pub(crate) fn routes(&self) -> &[OpenRoute] {
        &self.open.routes
    }

    /// Whether those who are elsewhere may be asked.
    pub(crate) fn may_ask(&self) -> bool {
        self.purpose.may_ask()
    }
}

impl std::fmt::Debug for InForce {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("InForce")
            .field("config", &self.config)
            .finish_non_exhaustive()
    }
}
