//! An inventory in SQLite, and what can go wrong with it.

use std::path::{Path, PathBuf};

use bootwire_render::inventory::sql::{Imported, SqlError, Sqlite};
use bootwire_render::inventory::{LookupKey, Machine};

use crate::{File, MachinesError, access};

/// Machines in an SQLite file.
#[derive(Debug)]
pub struct Database {
    sqlite: Sqlite,
    path: PathBuf,
}

/// Root writes to a database through no link of another user: the directory may be that user's.
fn expect_no_trap(path: &Path) -> Result<(), MachinesError> {
    use std::os::unix::fs::MetadataExt;

    let is_trap = rustix::process::geteuid().is_root()
        && std::fs::symlink_metadata(path)
            .is_ok_and(|found| found.is_symlink() && found.uid() != 0);
    if is_trap {
        return Err(MachinesError::Inventory(format!(
            "{} is a link of another user, which root does not follow: name the file that it leads \
             to",
            path.display()
        )));
    }
    Ok(())
}

impl Database {
    /// Opens the database; makes it, and its directory, if `make` says so.
    ///
    /// # Errors
    /// If it cannot be opened, with what keeps this user from it.
    pub async fn open(path: &Path, make: bool) -> Result<Self, MachinesError> {
        expect_no_trap(path)?;
        if make {
            let directory = path
                .parent()
                .filter(|parent| !parent.as_os_str().is_empty());
            if let Some(directory) = directory {
                std::fs::create_dir_all(directory).map_err(|error| {
                    let shown = directory.display();
                    MachinesError::Inventory(format!("cannot make {shown}: {error}"))
                })?;
            }
        } else if let Some(why) = access::denied(path) {
            return Err(MachinesError::Inventory(why));
        } else if !path.exists() {
            return Err(MachinesError::Inventory(format!(
                "{} does not exist: add or import machines to create it",
                path.display()
            )));
        }
        let opened = Sqlite::open(path).await;
        let sqlite = opened.map_err(|error| access::explained(path, &error))?;
        Ok(Self {
            sqlite,
            path: path.to_owned(),
        })
    }

    /// Finishes what is under way, and closes it.
    pub async fn close(self) {
        self.sqlite.close().await;
    }

    /// Machines in the order in which they were added, without the first `skip`: as many as are read at a
    /// time. None is left when it is empty.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub async fn list(&self, skip: u32) -> Result<Vec<Machine>, MachinesError> {
        let listed = self.sqlite.list(skip, u32::MAX).await;
        listed.map_err(|error| self.failed(&error))
    }

    /// Adds a machine.
    ///
    /// # Errors
    /// If one of its keys belongs to another machine, or it has none; if the database cannot be written.
    pub async fn add(&self, machine: &Machine) -> Result<(), MachinesError> {
        match self.sqlite.add(machine).await {
            Ok(()) => Ok(()),
            Err(error) => Err(self.refused("the new machine", error).await),
        }
    }

    /// Adds machines, all or none; how many are new.
    ///
    /// # Errors
    /// As [`Database::add`].
    pub async fn add_all(&self, machines: &[Machine]) -> Result<usize, MachinesError> {
        match self.sqlite.add_all(machines).await {
            Ok(imported) => Ok(imported.added),
            Err(error) => Err(self.refused("a machine", error).await),
        }
    }

    /// Whether there is a machine with one of these keys.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub async fn has_any(&self, machine: &Machine) -> Result<bool, MachinesError> {
        for key in machine.keys() {
            let found = self.sqlite.get(&key).await;
            if found.map_err(|error| self.failed(&error))?.is_some() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The machine that a word names, and the key that does: a hardware address, UUID, address, host name
    /// or serial number.
    ///
    /// # Errors
    /// [`MachinesError::NotFound`]; if the database cannot be read.
    pub async fn find(&self, word: &str) -> Result<(LookupKey, Machine), MachinesError> {
        for key in LookupKey::candidates(word) {
            let found = self.sqlite.get(&key).await;
            if let Some(machine) = found.map_err(|error| self.failed(&error))? {
                return Ok((key, machine));
            }
        }
        Err(missing(word))
    }

    /// Changes the machine that a word names.
    ///
    /// # Errors
    /// As [`Database::find`]; if another machine has a key that it would get.
    pub async fn change(
        &self,
        word: &str,
        change: impl FnOnce(&mut Machine) + Send,
    ) -> Result<(), MachinesError> {
        let (key, _) = self.find(word).await?;
        match self.sqlite.change(&key, change).await {
            Ok(true) => Ok(()),
            // Somebody else was faster.
            Ok(false) => Err(missing(word)),
            Err(error) => Err(self.refused(&key.to_string(), error).await),
        }
    }

    /// Removes all machines that are named, or none if one is not there.
    ///
    /// # Errors
    /// As [`Database::find`]; if the database cannot be written.
    pub async fn remove(&self, words: &[String]) -> Result<(), MachinesError> {
        let mut keys = Vec::new();
        for word in words {
            keys.push(self.find(word).await?.0);
        }
        for key in &keys {
            let removed = self.sqlite.remove(key).await;
            removed.map_err(|error| self.failed(&error))?;
        }
        Ok(())
    }

    /// Adds the machines of a file, all or none. With `replace` they take the place of those that have a
    /// key in common with them.
    ///
    /// # Errors
    /// If a key belongs to another machine; if the database cannot be written.
    pub async fn import(&self, machines: &File, replace: bool) -> Result<Imported, MachinesError> {
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
                Err(MachinesError::Refused(format!(
                    "{who} has {key}, which {whose} has already: {help}"
                )))
            }
            Err(error) => Err(self.failed(&error)),
        }
    }

    /// Why a machine was not written.
    async fn refused(&self, who: &str, error: SqlError) -> MachinesError {
        match error {
            SqlError::Taken(key) => {
                let whose = self.owner(&key).await;
                MachinesError::Refused(format!(
                    "{who} cannot have {key}, which {whose} has already"
                ))
            }
            SqlError::NoKey => MachinesError::Refused(format!(
                "{who} needs a mac, uuid, serial, ip or hostname to be found by"
            )),
            error => self.failed(&error),
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

    fn failed(&self, error: &SqlError) -> MachinesError {
        access::explained(&self.path, error)
    }
}

fn missing(word: &str) -> MachinesError {
    MachinesError::NotFound(format!(
        "no machine has {word:?} as its mac, uuid, ip, hostname or serial"
    ))
}
