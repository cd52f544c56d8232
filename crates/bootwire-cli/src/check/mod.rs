//! `bootwire check`: whether a configuration will do, and whether a server is well.

mod live;
mod report;

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context;
use bootwire_site::Site;

use crate::config::{self, Config};
use crate::exit::Failure;
use crate::{serve, task};
use bootwire::amount::parse_time_within;
use report::Report;

#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  bootwire check --config /etc/bootwire/bootwire.toml
      before a restart or a reload: is it right, and is everything within reach?
  bootwire check --offline --config bootwire.toml
      everything that needs no network: for a build server
  bootwire check --live
      does the server that runs here answer? For a container's health check

It judges files as the server's user: run it as root, if that is who starts the server.
Each line is one check: ok, warning, or FAIL with what to do.

Exit codes:
  0  nothing failed
  1  something failed
  2  the command line is wrong")]
pub(crate) struct Args {
    /// The configuration [default: /etc/bootwire/bootwire.toml]
    #[arg(long, short, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Do not ask origins, databases and services
    #[arg(long)]
    offline: bool,
    /// Check the running server instead, at the address it listens on
    #[arg(long, conflicts_with = "offline")]
    live: bool,
    /// With --live: the server's address, if not the configuration's
    #[arg(long, value_name = "ADDR:PORT", requires = "live")]
    server: Option<std::net::SocketAddr>,
    /// With --live: fetch this file; without it, any answer will do
    #[arg(long, value_name = "PATH", requires = "live")]
    get: Option<String>,
    /// With --live: how long the server may take to answer
    #[arg(long, value_name = "TIME", default_value = "5s", requires = "live",
          value_parser = up_to_a_minute)]
    within: Duration,
}

fn up_to_a_minute(text: &str) -> Result<Duration, String> {
    parse_time_within(text, Duration::from_secs(1)..=Duration::from_secs(60))
}

pub(crate) fn run(args: &Args) -> Result<(), Failure> {
    let mut report = Report::default();
    // Before there are threads: they would remain who they are.
    let config = if args.live {
        None
    } else {
        args.configuration(&mut report)
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .context("cannot start")?;
    runtime.block_on(task::boxed(async {
        if args.live {
            args.look_at_server(&mut report).await;
        } else if let Some(config) = config {
            match Site::builder().look(config, !args.offline).await {
                Ok(site) => site.check(|finding| report.finding(finding)).await,
                Err(problems) => report.problems("configuration", &problems),
            }
        }
    }));
    // A database that does not answer shall not keep the result back.
    runtime.shutdown_background();
    report.finish()
}

impl Args {
    fn path(&self) -> PathBuf {
        self.config
            .clone()
            .unwrap_or_else(|| config::DEFAULT.into())
    }

    async fn look_at_server(&self, report: &mut Report) {
        let server = match self.server {
            Some(server) => server,
            // A server without a configuration listens on port 69.
            None if self.config.is_none() && !self.path().exists() => live::DEFAULT,
            None => match Config::load(&self.path()) {
                Ok(config) => match live::address(&config) {
                    Ok(server) => server,
                    Err(why) => return report.fail("server", why),
                },
                Err(problems) => return report.problems("configuration", &problems),
            },
        };
        match live::ask(server, self.get.as_deref(), self.within).await {
            Ok(told) => report.ok("server", told),
            Err(why) => report.fail("server", why),
        }
    }

    /// The configuration, in the place of the user who serves it; `None` if that already fails.
    fn configuration(&self, report: &mut Report) -> Option<Config> {
        let config = match Config::load(&self.path()).and_then(Config::with_routes) {
            Ok(config) => config,
            Err(problems) => {
                report.problems("configuration", &problems);
                return None;
            }
        };
        match serve::stand_in(&config) {
            Ok(stand_in) => {
                if stand_in.changed {
                    let user = &stand_in.user;
                    report.ok("user", format_args!("{user}, whom the server becomes"));
                }
                stand_in
                    .problems
                    .iter()
                    .for_each(|why| report.fail("user", why));
                stand_in
                    .warnings
                    .iter()
                    .for_each(|why| report.warn("user", why));
            }
            Err(why) => report.fail("user", format_args!("{why:#}")),
        }
        Some(config)
    }
}
