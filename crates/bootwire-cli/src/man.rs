//! `bootwire man`.

use std::path::PathBuf;

use anyhow::Context;
use clap::Command;
use clap_mangen::Man;

use crate::exit::Failure;
use crate::out;

#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  bootwire man | man -l -
  bootwire man /usr/local/share/man/man1")]
pub(crate) struct Args {
    /// Where to write bootwire.1, bootwire-serve.1 and so on
    dir: Option<PathBuf>,
}

pub(crate) fn run(args: &Args, program: Command) -> Result<(), Failure> {
    for (name, page) in pages(program)? {
        match &args.dir {
            None => out::bytes(&page),
            Some(dir) => {
                let path = dir.join(name);
                std::fs::write(&path, page)
                    .with_context(|| format!("cannot write {}", path.display()))
                    .map_err(Failure::local)?;
            }
        }
    }
    Ok(())
}

/// The pages and their file names: one for the program, one for each subcommand and theirs.
fn pages(mut program: Command) -> anyhow::Result<Vec<(String, Vec<u8>)>> {
    program.build();
    let mut commands = vec![program];
    let mut at = 0;
    while let Some(command) = commands.get(at) {
        let below: Vec<_> = command.get_subcommands().cloned().collect();
        at += 1;
        commands.splice(at..at, below);
    }
    let page = |command| {
        let page = Man::new(command);
        let mut text = Vec::new();
        page.render(&mut text)
            .context("cannot make the manual page")?;
        Ok((page.get_filename(), text))
    };
    commands.into_iter().map(page).collect()
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;
    use crate::cli::Cli;

    #[test]
    fn every_subcommand_has_its_page() {
        let pages = pages(Cli::command()).unwrap();
        let names: Vec<_> = pages.into_iter().map(|(name, _)| name).collect();
        assert_eq!(
            names,
            [
                "bootwire.1",
                "bootwire-demo.1",
                "bootwire-serve.1",
                "bootwire-check.1",
                "bootwire-explain.1",
                "bootwire-get.1",
                "bootwire-put.1",
                "bootwire-bench.1",
                "bootwire-boots.1",
                "bootwire-top.1",
                "bootwire-tail.1",
                "bootwire-machines.1",
                "bootwire-machines-add.1",
                "bootwire-machines-list.1",
                "bootwire-machines-show.1",
                "bootwire-machines-set.1",
                "bootwire-machines-remove.1",
                "bootwire-machines-import.1",
                "bootwire-machines-discovered.1",
                "bootwire-migrate.1",
                "bootwire-migrate-tftp-hpa.1",
                "bootwire-migrate-dnsmasq.1",
                "bootwire-migrate-atftpd.1",
                "bootwire-migrate-hooktftp.1",
                "bootwire-telemetry.1",
                "bootwire-telemetry-dashboards.1",
                "bootwire-telemetry-alerts.1",
                "bootwire-schema.1",
                "bootwire-completions.1",
                "bootwire-man.1"
            ]
        );
    }
}
