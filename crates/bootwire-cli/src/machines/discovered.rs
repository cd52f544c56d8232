//! Machines that booted and that no inventory has.

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use anyhow::{Context, anyhow};
use bootwire_boots::store::{MachineSummary, Machines, Page, Store as Boots};
use bootwire_render::inventory::Machine;
use bootwire_site::Site;

use super::append;
use super::store::{self, Store};
use crate::boots::{Source, ago};
use crate::config::{self, Config};
use crate::exit::{Exit, Failure};
use crate::{out, shown, size};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Add these machines to the inventory, by any of their keys; "all" adds all of them
    #[arg(long, value_name = "MACHINE", num_args = 1..)]
    add: Vec<String>,
    /// The profile of the machines that are added
    #[arg(long, requires = "add")]
    profile: Option<String>,
    /// The name of the machine that is added: of one
    #[arg(long, requires = "add", value_name = "NAME")]
    hostname: Option<String>,
    /// Only machines that were seen within this time, like 1h or 7d
    #[arg(long, value_name = "TIME", value_parser = |text: &str| size::parse_time(text))]
    since: Option<Duration>,
    /// Where boots are kept: a file, or postgres://USER@HOST/DATABASE [default: as the configuration says]
    #[arg(long, value_name = "DATABASE")]
    boots: Option<String>,
    /// As JSON
    #[arg(long)]
    json: bool,
}

/// What knows machines.
enum Inventory {
    /// A database that can be edited.
    Own(Store),
    /// Anything else that the configuration names, with the file that machines can be added to.
    Other(Box<Site>, Option<PathBuf>),
    None,
}

pub(super) fn run(
    args: &Args,
    database: Option<&Path>,
    config: Option<&Path>,
) -> Result<(), Failure> {
    // An inventory may have work for several threads.
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(|error| Failure::new(Exit::Failed, error))?;
    runtime.block_on(crate::task::boxed(async {
        let source = Source::of(args.boots.clone(), config.map(Path::to_owned));
        let boots = source.open().await?;
        let inventory = Inventory::open(args, database, config).await?;
        let done = act(args, &boots, &inventory).await;
        boots.close().await;
        if let Inventory::Own(store) = inventory {
            store.close().await;
        }
        done
    }))
}

async fn act(args: &Args, boots: &Boots, inventory: &Inventory) -> Result<(), Failure> {
    let mut filter = Machines::default();
    let since = args
        .since
        .and_then(|since| SystemTime::now().checked_sub(since));
    filter.since = since;
    let mut page = Page::first(1000);
    let mut strangers = Vec::new();
    loop {
        let listed = boots.machines(&filter, &page).await;
        let listed = listed.map_err(|error| anyhow!("cannot read boots: {error}"))?;
        for machine in listed.items {
            if !inventory.has(&machine).await? {
                strangers.push(machine);
            }
        }
        match listed.next {
            Some(next) => page.after = Some(next),
            None => break,
        }
    }
    if !args.add.is_empty() {
        return add(args, &strangers, inventory).await;
    }
    if args.json {
        let text = serde_json::to_string_pretty(&strangers).context("cannot write JSON")?;
        out::result(&text);
    } else if strangers.is_empty() {
        out::note("the inventory has every machine that booted");
    } else {
        table(&strangers).iter().for_each(|line| out::result(line));
    }
    Ok(())
}

/// Adds those that are named: all, or none.
async fn add(
    args: &Args,
    strangers: &[MachineSummary],
    inventory: &Inventory,
) -> Result<(), Failure> {
    let mut chosen = Vec::new();
    for word in &args.add {
        let known = chosen.len();
        let is_meant = |machine: &&MachineSummary| word == "all" || answers_to(machine, word);
        chosen.extend(strangers.iter().filter(is_meant));
        if chosen.len() == known && word != "all" {
            let what = anyhow!(
                "no machine that booted and is not in the inventory has {word:?} as its mac, uuid, \
                 serial, hostname or address"
            );
            return Err(Failure::new(Exit::NotFound, what));
        }
    }
    chosen.sort_by(|one, other| one.machine.cmp(&other.machine));
    chosen.dedup_by(|one, other| one.machine == other.machine);
    let mut machines: Vec<Machine> = chosen
        .iter()
        .map(|summary| entry(summary, args.profile.as_deref()))
        .collect();
    match (&args.hostname, machines.as_mut_slice()) {
        (None, _) => {}
        (Some(name), [machine]) => machine.hostname = Some(name.clone()),
        (Some(_), several) => {
            let count = size::count(several.len() as u64, "machine", "machines");
            let what = anyhow!("--hostname names one machine, and these are {count}");
            return Err(Failure::new(Exit::Usage, what));
        }
    }
    let (added, place) = match inventory {
        Inventory::Own(store) => (store.add_all(&machines).await?, None),
        Inventory::Other(_, Some(file)) => {
            append::machines(file, &machines)?;
            (machines.len(), Some(file))
        }
        Inventory::Other(_, None) => {
            return Err(anyhow!(
                "this inventory is edited at its source: --json prints what is known of the machines"
            )
            .into());
        }
        Inventory::None => {
            return Err(anyhow!(
                "there is no inventory to add to: name one with --database, or in [inventory] of the \
                 configuration"
            )
            .into());
        }
    };
    let place = place.map_or_else(String::new, |file| format!(" to {}", file.display()));
    out::note(&format!(
        "{} added{place}",
        size::count(added as u64, "machine", "machines")
    ));
    Ok(())
}

/// Whether a word is one of a machine's keys.
fn answers_to(machine: &MachineSummary, word: &str) -> bool {
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
fn entry(summary: &MachineSummary, profile: Option<&str>) -> Machine {
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
    async fn open(
        args: &Args,
        database: Option<&Path>,
        config: Option<&Path>,
    ) -> Result<Self, Failure> {
        if let Some(database) = database {
            let makes = !args.add.is_empty();
            return Ok(Self::Own(Store::open(database, makes).await?));
        }
        let default = Path::new(config::DEFAULT);
        let path = match config {
            Some(path) => path,
            None if default.exists() => default,
            None => return Ok(Self::None),
        };
        let config =
            Config::load(path).map_err(|problems| Failure::local(anyhow!("{problems}")))?;
        match config.database() {
            Some(file) if !file.exists() && args.add.is_empty() => Ok(Self::None),
            Some(_) => {
                let database = store::database(None, Some(path))?;
                Ok(Self::Own(Store::open(&database, true).await?))
            }
            None => {
                let site = Box::pin(Site::builder().look(config, true)).await;
                let site = site.map_err(Failure::local)?;
                let file = site.config().machine_file();
                Ok(Self::Other(Box::new(site), file))
            }
        }
    }

    async fn has(&self, machine: &MachineSummary) -> Result<bool, Failure> {
        match self {
            Self::None => Ok(false),
            Self::Own(store) => store.has_any(&entry(machine, None)).await,
            Self::Other(site, _) => {
                let found = site.find_machine(&machine.keys.identity()).await;
                let found = found.map_err(|error| anyhow!("the inventory fails: {error}"))?;
                Ok(found.is_some())
            }
        }
    }
}

/// A line for each machine, below the names of the columns.
fn table(machines: &[MachineSummary]) -> Vec<String> {
    let mut rows =
        vec![["MACHINE", "IP", "LOADER", "ARCH", "SEEN", "LAST BOOT"].map(str::to_owned)];
    rows.extend(machines.iter().map(|machine| {
        let text = |text: Option<String>| text.unwrap_or_default();
        let word = |word: &str| shown::word(word.as_bytes());
        [
            word(&machine.machine),
            text(machine.keys.ip.map(|ip| ip.to_string())),
            text(machine.loader.as_ref().map(|loader| word(loader))),
            text(machine.arch.map(|arch| arch.to_string())),
            ago(machine.last_seen),
            machine.words.clone().unwrap_or_else(|| "on".to_owned()),
        ]
    }));
    let widths: [usize; 6] = std::array::from_fn(|column| {
        let cells = rows.iter().map(|row| row[column].chars().count());
        cells.max().unwrap_or_default()
    });
    let line = |row: &[String; 6]| {
        let cells = row.iter().zip(widths);
        let cells: Vec<String> = cells
            .map(|(cell, width)| format!("{cell:<width$}"))
            .collect();
        cells.join("  ").trim_end().to_owned()
    };
    rows.iter().map(line).collect()
}
