//! `bootwire machines`: edits the inventory in SQLite.

mod discovered;
mod fields;
mod show;

use std::path::{Path, PathBuf};

use anyhow::anyhow;
use bootwire_machines::{Database, File};
use bootwire_render::inventory::Format;
use clap::Subcommand;

use crate::config::{self, Config};
use crate::exit::Failure;
use crate::{out, size, task};
use fields::{Change, Fields};

#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  bootwire machines add --mac 52:54:00:12:34:56 --hostname node-7 --var disk=/dev/vda
  bootwire machines list
  bootwire machines set node-7 --profile worker --var 'slots=[1, 2]'
  bootwire machines set 52:54:00:12:34:56 --unset disk
  bootwire machines import machines.toml --config /etc/bootwire/bootwire.toml
  bootwire machines list --json > backup.json
      which import reads back
  bootwire machines discovered --add 52:54:00:12:34:57 --profile worker
      adds a machine that booted and is not in the inventory

A server that runs sees changes within seconds. A machine is named by its hardware address, UUID,
address, host name or serial number.

Exit codes:
  0  done
  1  the database cannot be used, or a key belongs to another machine; nothing was changed
  2  the command line is wrong
  3  no such machine
  7  a file cannot be read or understood; nothing was changed")]
#[command(subcommand_required = true, arg_required_else_help = true)]
pub(crate) struct Args {
    #[command(subcommand)]
    action: Action,
    /// The database; made if it is missing
    #[arg(long, value_name = "FILE", global = true, conflicts_with = "config")]
    database: Option<PathBuf>,
    /// The configuration that names the database [default: /etc/bootwire/bootwire.toml]
    #[arg(long, short, value_name = "FILE", global = true)]
    config: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Add a machine
    #[command(group(fields::known()))]
    Add(Fields),
    /// List all machines
    List {
        /// As JSON, which import reads back
        #[arg(long)]
        json: bool,
    },
    /// Show what is known of a machine
    Show {
        /// The machine: a hardware address, UUID, address, host name or serial number
        machine: String,
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Change a machine; keys you do not name stay
    #[command(group(fields::known().arg("unset")))]
    Set {
        /// The machine: a hardware address, UUID, address, host name or serial number
        machine: String,
        #[command(flatten)]
        change: Change,
    },
    /// Remove machines: all of them, or none if one is missing
    Remove {
        /// The machines: hardware addresses, UUIDs, addresses, host names or serial numbers
        #[arg(required = true, value_name = "MACHINE")]
        machines: Vec<String>,
    },
    /// Add the machines of an inventory file; all or none
    Import {
        /// The file, `-` for standard input
        file: PathBuf,
        /// How it is written [default: by the end of its name, or what it looks like]
        #[arg(long)]
        format: Option<FormatName>,
        /// Let machines of the file replace those that have a key in common with them
        #[arg(long)]
        replace: bool,
    },
    /// List machines that booted and are not in the inventory, and add them
    Discovered(discovered::Args),
}

pub(crate) fn run(args: &Args) -> Result<(), Failure> {
    if let Action::Discovered(wanted) = &args.action {
        return discovered::run(wanted, args.database.as_deref(), args.config.as_deref());
    }
    let database = database(args.database.as_deref(), args.config.as_deref())?;
    task::run(async {
        // What is wrong with a file is said before a database is made for it.
        let file = match &args.action {
            Action::Import { file, format, .. } => {
                Some(File::read(file, format.map(Format::from))?)
            }
            _ => None,
        };
        let makes = matches!(args.action, Action::Add(_) | Action::Import { .. });
        let database = Database::open(&database, makes).await?;
        let done = act(&args.action, &database, file).await;
        database.close().await;
        done
    })?
}

async fn act(action: &Action, database: &Database, file: Option<File>) -> Result<(), Failure> {
    match action {
        Action::Add(fields) => Ok(database.add(&fields.machine()).await?),
        // It has a database more.
        Action::Discovered(_) => Ok(()),
        Action::List { json } => show::list(database, *json).await,
        Action::Show { machine, json } => show::one(&database.find(machine).await?.1, *json),
        Action::Set { machine, change } => {
            let (key, known) = database.find(machine).await?;
            if let Some(name) = change.unknown(&known) {
                return Err(anyhow!("{key} has no variable {name:?} to unset").into());
            }
            let apply = |machine: &mut _| change.apply(machine);
            Ok(database.change(machine, apply).await?)
        }
        Action::Remove { machines } => Ok(database.remove(machines).await?),
        Action::Import { replace, .. } => {
            let file = file.unwrap_or_default();
            let imported = database.import(&file, *replace).await?;
            let same = file.len() - imported.added - imported.changed;
            let added = size::count(imported.added as u64, "machine", "machines");
            let mut told = vec![format!("{added} added")];
            if imported.changed > 0 {
                told.push(format!("{} replaced", imported.changed));
            }
            if same > 0 {
                told.push(format!("{same} unchanged"));
            }
            out::note(&told.join(", "));
            Ok(())
        }
    }
}

/// A format by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum FormatName {
    Toml,
    Json,
    Yaml,
}

impl From<FormatName> for Format {
    fn from(name: FormatName) -> Self {
        match name {
            FormatName::Toml => Self::Toml,
            FormatName::Json => Self::Json,
            FormatName::Yaml => Self::Yaml,
        }
    }
}

/// Which database is meant.
fn database(database: Option<&Path>, config: Option<&Path>) -> Result<PathBuf, Failure> {
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
