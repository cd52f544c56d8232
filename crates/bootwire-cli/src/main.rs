//! The `bootwire` command: a TFTP server and client for people who boot machines.
//!
//! One module a subcommand: [`serve`], [`get`], [`put`], [`bench`], [`completions`], [`man`]. To add
//! a flag, add a field to that command's `Args`: help, completions and man pages follow from it.
#![forbid(unsafe_code)]

mod bench;
mod boots;
mod check;
mod cli;
mod completions;
mod demo;
mod exit;
mod explain;
mod get;
mod machines;
mod man;
mod migrate;
mod out;
mod output;
mod progress;
mod put;
mod running;
mod schema;
mod serve;
mod tail;
mod task;
mod telemetry;
mod top;
mod transfer;

use std::process::ExitCode;

use bootwire::{amount as size, escape as shown};
use bootwire_site::config;
use clap::{CommandFactory, Parser};

use cli::{Cli, Command};

fn main() -> ExitCode {
    let done = match Cli::parse().command {
        Command::Demo(args) => demo::run(&args),
        Command::Serve(args) => serve::run(&args),
        Command::Check(args) => check::run(&args),
        Command::Explain(args) => explain::run(&args),
        Command::Get(args) => get::run(&args),
        Command::Put(args) => put::run(&args),
        Command::Bench(args) => bench::run(&args),
        Command::Boots(args) => boots::run(&args),
        Command::Top(args) => top::run(&args),
        Command::Tail(args) => tail::run(&args),
        Command::Machines(args) => machines::run(&args),
        Command::Migrate(args) => migrate::run(&args),
        Command::Telemetry(args) => telemetry::run(&args),
        Command::Schema(args) => schema::run(&args),
        Command::Completions(args) => completions::run(&args, Cli::command()),
        Command::Man(args) => man::run(&args, Cli::command()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            let told = failure.to_string();
            if !told.is_empty() {
                out::complaint(&told);
            }
            failure.exit.into()
        }
    }
}
