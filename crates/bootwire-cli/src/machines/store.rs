//! The database, and what can go wrong with it.

use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow};
use bootwire_render::inventory::sql::{Imported, SqlError, Sqlite};
use bootwire_render::inventory::{LookupKey, Machine};

use super::access;
use super::fields::Change;
use super::import::Machines;
use crate::config::{self, Config};
use crate::exit::{Exit, Failure};

/// Which database is meant.
pub(super) fn database(database: Option<&Path>, config: Option<&Path>) -> Result<PathBuf, Failure> {
    if let Some(database) = database {
        return Ok(database.to_owned());
    }
    let default = Path::new(config::DEFAULT);
    let path = match config {
        Some(path) => path,
        None if default.exists() => default,
        None => {
            return Err(anyhow!(
                "which database? Name it with --database, or the configuration that names it with \
                 --config ({} is not there)",
                config::DEFAULT
            )
            .into());
        }
    };
    let config = Config::load(path).map_err(|problems| Failure::local(anyhow!("{problems}")))?;
    match config.database() {
        Some(file) => Ok(file),
        None => Err(anyhow!(
            "{} has no sqlite in its [inventory]: edit other inventories at their source",
            path.display()
        )
        .into()),
    }
}

/// The database.
pub(super) struct Store {
    sqlite: Sqlite,
    path: PathBuf,
}

/// Root writes to a database through no link of another user: the directory may be that user's.
fn expect_no_trap(path: &Path) -> Result<(), Failure> {
    use std::os::unix::fs::MetadataExt;

    let is_trap = rustix::process::geteuid().is_root()
        && std::fs::symlink_metadata(path)
            .is_ok_and(|found| found.is_symlink() && found.uid() != 0);
    if is_trap {
        return Err(anyhow!(
            "{} is a link of another user, which root does not follow: name the file that it leads \
             to",
            path.display()
        )
        .into());
    }
    Ok(())
}

impl Store {
    /// Opens the database; makes it, and its directory, if `make` says so.
    pub(super) async fn open(path: &Path, make: bool) -> Result<Self, Failure> {
        expect_no_trap(path)?;
        if make {
            let directory = path
                .parent()
                .filter(|parent| !parent.as_os_str().is_empty());
            if let Some(directory) = directory {
                std::fs::create_dir_all(directory)
                    .with_context(|| format!("cannot make {}", directory.display()))?;
            }
        } else if let Some(why) = access::denied(path) {
            return Err(anyhow!(why).into());
        } else if !path.exists() {
            return Err(anyhow!(
                "{} does not exist: add or import machines to create it",
                path.display()
            )
            .into());
        }
        let opened = Sqlite::open(path).await;
        let sqlite = opened.map_err(|error| access::explained(path, error))?;
        Ok(Self {
            sqlite,
            path: path.to_owned(),
        })
    }

    pub(super) async fn close(self) {
        self.sqlite.close().await;
    }

    /// Machines in the order in which they were added.
    pub(super) async fn list(&self, skip: u32) -> Result<Vec<Machine>, Failure> {
        let listed = self.sqlite.list(skip, u32::MAX).await;
        listed.map_err(|error| self.failed(error))
    }

    pub(super) async fn add(&self, machine: &Machine) -> Result<(), Failure> {
        match self.sqlite.add(machine).await {
            Ok(()) => Ok(()),
            Err(error) => Err(self.refused("the new machine", error).await),
        }
    }

    /// Adds machines, all or none; how many are new.
    pub(super) async fn add_all(&self, machines: &[Machine]) -> Result<usize, Failure> {
        match self.sqlite.add_all(machines).await {
            Ok(imported) => Ok(imported.added),
            Err(error) => Err(self.refused("a machine", error).await),
        }
    }

    /// Whether there is a machine with one of these keys.
    pub(super) async fn has_any(&self, machine: &Machine) -> Result<bool, Failure> {
        for key in machine.keys() {
            let found = self.sqlite.get(&key).await;
            if found.map_err(|error| self.failed(error))?.is_some() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The machine that a word names.
    pub(super) async fn find(&self, word: &str) -> Result<Machine, Failure> {
        Ok(self.key(word).await?.1)
    }

    /// The machine that a word names, and the key that does.
    async fn key(&self, word: &str) -> Result<(LookupKey, Machine), Failure> {
        for key in LookupKey::candidates(word) {
            let found = self.sqlite.get(&key).await;
            if let Some(machine) = found.map_err(|error| self.failed(error))? {
                return Ok((key, machine));
            }
        }
        Err(missing(word))
    }

    pub(super) async fn change(&self, word: &str, change: &Change) -> Result<(), Failure> {
        let (key, machine) = self.key(word).await?;
        if let Some(name) = change.unknown(&machine) {
            return Err(anyhow!("{key} has no variable {name:?} to unset").into());
        }
        match self
            .sqlite
            .change(&key, |machine| change.apply(machine))
            .await
        {
            Ok(true) => Ok(()),
            // Somebody else was faster.
            Ok(false) => Err(missing(word)),
            Err(error) => Err(self.refused(&key.to_string(), error).await),
        }
    }

    /// Removes all machines that are named, or none if one is not there.
    pub(super) async fn remove(&self, words: &[String]) -> Result<(), Failure> {
        let mut keys = Vec::new();
        for word in words {
            keys.push(self.key(word).await?.0);
        }
        for key in &keys {
            let removed = self.sqlite.remove(key).await;
            removed.map_err(|error| self.failed(error))?;
        }
        Ok(())
    }

    pub(super) async fn import(
        &self,
        machines: &Machines,
        replace: bool,
    ) -> Result<Imported, Failure> {
        let imported = if replace {
            self.sqlite.import(machines).await
        } else {
            self.sqlite.add_all(machines).await
        };
        match imported {
            Ok(imported) => Ok(imported),
            Err(SqlError::Taken(key)) => {
                let whose = self.owner(&key).await;
                let help = if replace {
                    "one machine cannot replace two: remove one of them"
                } else {
                    "--replace replaces it"
                };
                let who = machines.named(&key);
                Err(anyhow!("{who} has {key}, which {whose} has already: {help}").into())
            }
            Err(error) => Err(self.failed(error)),
        }
    }

    /// Why a machine was not written.
    async fn refused(&self, who: &str, error: SqlError) -> Failure {
        match error {
            SqlError::Taken(key) => {
                let whose = self.owner(&key).await;
                anyhow!("{who} cannot have {key}, which {whose} has already").into()
            }
            SqlError::NoKey => {
                anyhow!("{who} needs a mac, uuid, serial, ip or hostname to be found by").into()
            }
            error => self.failed(error),
        }
    }

    /// The machine that has a key, by another one if it can be told.
    async fn owner(&self, key: &LookupKey) -> String {
        let owner = self.sqlite.get(key).await.ok().flatten();
        let keys = owner.map(|machine| machine.keys()).unwrap_or_default();
        let other = keys.into_iter().find(|other| other != key);
        other.map_or_else(
            || "another machine".to_owned(),
            |other| format!("the machine with {other}"),
        )
    }

    fn failed(&self, error: SqlError) -> Failure {
        access::explained(&self.path, error).into()
    }
}

fn missing(word: &str) -> Failure {
    Failure::new(
        Exit::NotFound,
        anyhow!("no machine has {word:?} as its mac, uuid, ip, hostname or serial"),
    )
}
