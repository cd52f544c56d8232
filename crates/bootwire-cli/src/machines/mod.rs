//! `bootwire machines`: edits the inventory in SQLite.

mod access;
mod append;
mod discovered;
mod fields;
mod import;
mod show;
mod store;

use std::path::PathBuf;

use clap::Subcommand;

use crate::exit::{Exit, Failure};
use crate::{out, size, task};
use fields::{Change, Fields};
use import::FormatName;
use store::Store;

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
    let database = store::database(args.database.as_deref(), args.config.as_deref())?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::new(Exit::Failed, error))?;
    runtime.block_on(task::boxed(async {
        // What is wrong with a file is said before a database is made for it.
        let file = match &args.action {
            Action::Import { file, format, .. } => Some(import::read(file, *format)?),
            _ => None,
        };
        let makes = matches!(args.action, Action::Add(_) | Action::Import { .. });
        let store = Store::open(&database, makes).await?;
        let done = act(&args.action, &store, file).await;
        store.close().await;
        done
    }))
}

async fn act(
    action: &Action,
    store: &Store,
    file: Option<import::Machines>,
) -> Result<(), Failure> {
    match action {
        Action::Add(fields) => store.add(&fields.machine()).await,
        // It has a database more.
        Action::Discovered(_) => Ok(()),
        Action::List { json } => show::list(store, *json).await,
        Action::Show { machine, json } => show::one(&store.find(machine).await?, *json),
        Action::Set { machine, change } => store.change(machine, change).await,
        Action::Remove { machines } => store.remove(machines).await,
        Action::Import { replace, .. } => {
            let file = file.unwrap_or_default();
            let imported = store.import(&file, *replace).await?;
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
