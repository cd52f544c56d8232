//! `bootwire top`: a running server in a terminal.

use std::io::IsTerminal;

use anyhow::anyhow;
use bootwire_admin::api::SortOrder;
use bootwire_watch::top::{self, End, TopError};

use crate::exit::{Exit, Failure};
use crate::running::{AdminArgs, failure};
use crate::task;

#[derive(Debug, clap::Args)]
#[command(after_help = "Keys:
  ← →           sort by another column; r turns the order round
  ↑ ↓ PgUp PgDn choose a transfer
  Enter         its machine: boots, verdict, timeline; Esc goes back
  /             filter as you type, by path, address, machine or route; Esc ends it
  ?             all keys
  q, Ctrl-C     quit

Exit codes:
  0  you quit
  2  the command line is wrong, or there is no terminal
  4  the server does not let you in
  5  there is no server
  143  terminated")]
pub(crate) struct Args {
    /// Sort by this column: started, peer, machine, path, progress, size, rate, resent, idle, round-trip
    #[arg(long, value_name = "COLUMN", default_value = "started", value_parser = top::column)]
    sort: SortOrder,
    /// Only transfers with this text in path, address, machine or route
    #[arg(long, value_name = "TEXT", default_value = "")]
    filter: String,
    #[command(flatten)]
    admin: AdminArgs,
}

pub(crate) fn run(args: &Args) -> Result<(), Failure> {
    if !std::io::stdout().is_terminal() || !std::io::stdin().is_terminal() {
        let error = anyhow!("this is no terminal: `bootwire tail` prints lines");
        return Err(Failure::new(Exit::Usage, error));
    }
    let client = args.admin.client()?;
    match task::run(top::run(client, args.sort, &args.filter))? {
        Ok(End::Quit) => Ok(()),
        Ok(End::Terminated) => Err(Failure::silent(Exit::Signal(15))),
        Err(TopError::Client(error)) => Err(failure(error)),
        Err(error) => Err(Failure::failed(error)),
    }
}
