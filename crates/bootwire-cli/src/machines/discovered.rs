//! Machines that booted and that no inventory has.

use std::path::Path;
use std::time::{Duration, SystemTime};

use anyhow::{Context, anyhow};
use bootwire_boots::store::{MachineSummary, Machines, Store as Boots};
use bootwire_machines::{Database, Inventory, answers_to, entry};
use bootwire_render::inventory::Machine;
use bootwire_watch::boots::ago;

use super::show::laid_out;
use crate::boots::Source;
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

pub(super) fn run(
    args: &Args,
    database: Option<&Path>,
    config: Option<&Path>,
) -> Result<(), Failure> {
    // An inventory may have work for several threads.
    crate::task::run_on_two(async {
        let source = Source::of(args.boots.clone(), config.map(Path::to_owned));
        let boots = source.open().await?;
        let inventory = open(args, database, config).await?;
        let done = act(args, &boots, &inventory).await;
        boots.close().await;
        inventory.close().await;
        done
    })?
}

async fn act(args: &Args, boots: &Boots, inventory: &Inventory) -> Result<(), Failure> {
    let mut wanted = Machines::default();
    wanted.since = args
        .since
        .and_then(|since| SystemTime::now().checked_sub(since));
    let strangers = inventory.strangers(boots, &wanted).await?;
    if !args.add.is_empty() {
        return add(args, &strangers, inventory).await;
    }
    if args.json {
        let text = serde_json::to_string_pretty(&strangers).context("cannot write JSON")?;
        out::result(&text);
    } else if strangers.is_empty() {
        out::note("the inventory has every machine that booted");
    } else {
        lines(&strangers).iter().for_each(|line| out::result(line));
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
    let (added, place) = inventory.add(&machines).await?;
    let place = place.map_or_else(String::new, |file| format!(" to {}", file.display()));
    out::note(&format!(
        "{} added{place}",
        size::count(added as u64, "machine", "machines")
    ));
    Ok(())
}

/// The inventory that is meant.
async fn open(
    args: &Args,
    database: Option<&Path>,
    config: Option<&Path>,
) -> Result<Inventory, Failure> {
    let adds = !args.add.is_empty();
    if let Some(database) = database {
        return Ok(Inventory::Own(Database::open(database, adds).await?));
    }
    let default = Path::new(config::DEFAULT);
    let path = match config {
        Some(path) => path,
        None if default.exists() => default,
        None => return Ok(Inventory::None),
    };
    let config = Config::load(path).map_err(|problems| Failure::local(anyhow!("{problems}")))?;
    Ok(Inventory::open(config, adds).await?)
}

/// A line for each machine, below the names of the columns.
fn lines(machines: &[MachineSummary]) -> Vec<String> {
    let mut rows = vec![
        ["MACHINE", "IP", "LOADER", "ARCH", "SEEN", "LAST BOOT"]
            .map(str::to_owned)
            .to_vec(),
    ];
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
        .to_vec()
    }));
    laid_out(&rows)
}
