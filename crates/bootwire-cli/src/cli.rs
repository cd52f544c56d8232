//! The command line as a whole.

use clap::{Parser, Subcommand};

use crate::{
    boots, check, completions, demo, explain, get, machines, man, migrate, put, schema, serve,
    tail, telemetry, top,
};

/// A TFTP server and client for people who boot machines.
#[derive(Debug, Parser)]
#[command(
    name = "bootwire",
    version,
    arg_required_else_help = true,
    subcommand_required = true,
    disable_help_subcommand = true,
    after_help = "Examples:
  bootwire demo                               see it at work, without root and without machines
  bootwire serve /srv/tftp                    serve a directory, read-only, on port 69
  bootwire serve . --listen 127.0.0.1:6969    try it without being root
  bootwire boots --failed                     which machines did not boot, why, and what to do
  bootwire top                                watch a running server
  bootwire get tftp://127.0.0.1:6969/hello    fetch a file
  bootwire put notes.txt router1:notes.txt    send one
  bootwire bench router1:notes.txt -c 64      let 64 clients fetch it for ten seconds

`bootwire COMMAND --help` tells more about each."
)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// See it at work: a server, and simulated machines that boot from it
    Demo(demo::Args),
    /// Serve a directory, or what a configuration says
    Serve(serve::Args),
    /// Check a configuration, or a running server
    Check(check::Args),
    /// Show what a client would get, and why
    Explain(explain::Args),
    /// Fetch a file from a TFTP server
    Get(get::Args),
    /// Send a file to a TFTP server
    Put(put::Args),
    /// Load a TFTP server with many clients, and measure it
    Bench(Box<bootwire_bench::Args>),
    /// Show what each machine fetched, what became of it, and what to do
    Boots(boots::Args),
    /// Watch a running server: its transfers, rates and boots
    Top(top::Args),
    /// Follow a running server: each transfer as it ends
    Tail(tail::Args),
    /// Edit the machines of an inventory in SQLite
    Machines(machines::Args),
    /// Write the configuration of another TFTP server as Bootwire's
    Migrate(migrate::Args),
    /// Print dashboards and alert rules for the metrics of a server
    Telemetry(telemetry::Args),
    /// Print the JSON schema of the configuration file
    Schema(schema::Args),
    /// Print a completion script for a shell
    Completions(completions::Args),
    /// Print the manual pages, or write them into a directory
    Man(man::Args),
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        Cli::command().debug_assert();
    }

    /// What is longer is broken where nobody wants it, and the next line begins anew.
    #[test]
    fn examples_and_remarks_fit_a_terminal() {
        fn long(command: &clap::Command, found: &mut Vec<String>) {
            let text = command.get_after_help().map(ToString::to_string);
            let lines = text.iter().flat_map(|text| text.lines());
            let too_long = lines.filter(|line| line.chars().count() > 98);
            found.extend(too_long.map(|line| format!("{}: {line}", command.get_name())));
            command.get_subcommands().for_each(|one| long(one, found));
        }
        let mut found = Vec::new();
        long(&Cli::command(), &mut found);
        assert!(found.is_empty(), "{found:#?}");
    }
}
