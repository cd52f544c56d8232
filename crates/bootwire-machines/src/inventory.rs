//! What knows machines, and those that booted and that it does not know.

use std::path::{Path, PathBuf};

use bootwire_boots::store::{MachineSummary, Machines, Page, Store};
use bootwire_render::inventory::Machine;
use bootwire_site::{Config, Site};

use crate::{Database, MachinesError, append};

/// What knows machines.
#[derive(Debug)]
pub enum Inventory {
    /// A database that can be edited.
    Own(Database),
    /// Anything else that a configuration names, with the file that machines can be added to.
    Other(Box<Site>, Option<PathBuf>),
    /// Nothing does.
    None,
}

/// Whether a word is one of a machine's keys.
#[must_use]
pub fn answers_to(machine: &MachineSummary, word: &str) -> bool {
    let keys = &machine.keys;
    let mac = word
        .parse::<bootwire::MacAddr>()
        .ok()
        .map(|mac| mac.to_string());
    let ip = word.parse().ok();
    let texts = [&keys.name, &keys.uuid, &keys.serial, &keys.hostname];
    let is_text = texts
        .into_iter()
        .flatten()
        .any(|key| key.eq_ignore_ascii_case(word));
    is_text
        || machine.machine.eq_ignore_ascii_case(word)
        || (mac.is_some() && keys.mac == mac)
        || (ip.is_some() && keys.ip == ip)
}

/// What the inventory is to know of a machine. Its address counts only where there is nothing better:
/// DHCP may give it another one tomorrow.
#[must_use]
pub fn entry(summary: &MachineSummary, profile: Option<&str>) -> Machine {
    let keys = &summary.keys;
    Machine {
        mac: keys.mac.as_ref().and_then(|mac| mac.parse().ok()),
        uuid: keys.uuid.as_ref().and_then(|uuid| uuid.parse().ok()),
        serial: keys.serial.clone(),
        hostname: keys.hostname.clone().or_else(|| keys.name.clone()),
        ip: keys.ip.filter(|_| keys.is_address_only()),
        profile: profile.map(str::to_owned),
        ..Machine::default()
    }
}

impl Inventory {
    /// The inventory of a configuration. A database that is not there yet is made if machines are to be
    /// added.
    ///
    /// # Errors
    /// If it cannot be opened.
    pub async fn open(config: Config, adds: bool) -> Result<Self, MachinesError> {
        match config.database() {
            Some(file) if !file.exists() && !adds => Ok(Self::None),
            Some(file) => Ok(Self::Own(Database::open(&file, true).await?)),
            None => {
                let site = Box::pin(Site::builder().look(config, true)).await;
                let site = site.map_err(|problems| MachinesError::File(problems.to_string()))?;
                let file = site.config().machine_file();
                Ok(Self::Other(Box::new(site), file))
            }
        }
    }

    /// The machines that booted and that it does not know.
    ///
    /// # Errors
    /// If boots cannot be read, or it cannot be asked.
    pub async fn strangers(
        &self,
        boots: &Store,
        wanted: &Machines,
    ) -> Result<Vec<MachineSummary>, MachinesError> {
        let mut page = Page::first(1000);
        let mut strangers = Vec::new();
        loop {
            let listed = boots.machines(wanted, &page).await;
            let listed = listed
                .map_err(|error| MachinesError::Inventory(format!("cannot read boots: {error}")))?;
            for machine in listed.items {
                if !self.has(&machine).await? {
                    strangers.push(machine);
                }
            }
            match listed.next {
                Some(next) => page.after = Some(next),
                None => return Ok(strangers),
            }
        }
    }

    /// Adds machines, all or none: how many are new, and the file they are in, if it is one that somebody
    /// may edit.
    ///
    /// # Errors
    /// If a key belongs to another machine; if it is edited at its source, or there is none.
    pub async fn add(&self, machines: &[Machine]) -> Result<(usize, Option<&Path>), MachinesError> {
        let why = match self {
            Self::Own(database) => return Ok((database.add_all(machines).await?, None)),
            Self::Other(_, Some(file)) => {
                append(file, machines)?;
                return Ok((machines.len(), Some(file)));
            }
            Self::Other(_, None) => {
                "this inventory is edited at its source: --json prints what is known of the machines"
            }
            Self::None => {
                "there is no inventory to add to: name one with --database, or in [inventory] of the \
                 configuration"
            }
        };
        Err(MachinesError::Inventory(why.to_owned()))
    }

    /// Closes it.
    pub async fn close(self) {
        if let Self::Own(database) = self {
            database.close().await;
        }
    }

    async fn has(&self, machine: &MachineSummary) -> Result<bool, MachinesError> {
        match self {
            Self::None => Ok(false),
            Self::Own(database) => database.has_any(&entry(machine, None)).await,
            Self::Other(site, _) => {
                let found = site.find_machine(&machine.keys.identity()).await;
                let found = found.map_err(|error| {
                    MachinesError::Inventory(format!("the inventory fails: {error}"))
                })?;
                Ok(found.is_some())
            }
        }
    }
}
