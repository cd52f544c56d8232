//! `bootwire check`: whether a configuration will do, and whether a server is well.

mod report;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use bootwire::amount::parse_time_within;
use bootwire_netcheck as netcheck;
use bootwire_site::{Level, Site};

use crate::config::{self, Config};
use crate::exit::Failure;
use crate::running::AdminArgs;
use crate::task;
use report::Report;

/// How long the admin API may take: what it says is an extra.
const ADMIN_WITHIN: Duration = Duration::from_secs(2);

#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  bootwire check --config /etc/bootwire/bootwire.toml
      before a restart or a reload: is it right, and is everything within reach?
  bootwire check --offline --config bootwire.toml
      everything that needs no network: for a build server
  bootwire check --live
      does the server that runs here answer? For a container's health check; it leaves no record
  bootwire check --live --via 10.0.0.9
      what becomes of packets on the way: NAT, firewalls, answers from another address.
      Run it where clients are; on the server it looks at the host as well

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
    server: Option<SocketAddr>,
    /// With --live: ask at this address too, as clients do: ADDR, HOST, with :PORT if not 69
    #[arg(long, value_name = "ADDRESS", requires = "live")]
    via: Option<String>,
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
    task::run_on_two(async {
        if args.live {
            args.look_at_server(&mut report).await;
        } else if let Some(config) = config {
            let listen = listens(&config).map(str::to_owned);
            let mut site = Site::builder();
            if let Some(executable) = bootwire_service::executable(&config) {
                site = site.executable(executable);
            }
            match site.look(config, !args.offline).await {
                Ok(site) => site.check(|finding| report.finding(finding)).await,
                Err(problems) => report.problems("configuration", &problems),
            }
            if !args.offline {
                look_at_host(listen.as_deref(), &mut report);
            }
        }
    })?;
    report.finish()
}

/// What this host does to the server that listens there.
fn look_at_host(listen: Option<&str>, report: &mut Report) {
    for finding in netcheck::hindrances(listen) {
        report.tell(Level::Warning, "host", finding);
    }
}

impl Args {
    fn path(&self) -> PathBuf {
        self.config
            .clone()
            .unwrap_or_else(|| config::DEFAULT.into())
    }

    /// Without --via one line, if all is well.
    async fn look_at_server(&self, report: &mut Report) {
        let has_config = self.config.is_some() || self.path().exists();
        let configured = match has_config && self.server.is_none() {
            true => match Config::load(&self.path()) {
                Ok(config) => Some(config),
                Err(problems) => return report.problems("configuration", &problems),
            },
            false => None,
        };
        let server = match (self.server, &configured) {
            (Some(server), _) => Some(server),
            (None, Some(config)) => match netcheck::reachable(listens(config)) {
                Ok(server) => Some(server),
                Err(why) => return report.fail("server", why),
            },
            // Elsewhere than where the server runs.
            (None, None) if self.via.is_some() => None,
            // A server without a configuration listens on port 69.
            (None, None) => Some(netcheck::DEFAULT),
        };
        if let Some(server) = server {
            match &self.get {
                Some(path) => match netcheck::fetch(server, path, self.within).await {
                    Ok(told) => report.ok("server", told),
                    Err(why) => report.fail("server", why),
                },
                None => self.ask(report, "server", server).await,
            }
            if self.server.is_none() && self.config.is_none() {
                ask_admin(report).await;
            }
        }
        let Some(via) = &self.via else {
            return;
        };
        match netcheck::resolve(via).await {
            Ok(via) => self.ask(report, "network", via).await,
            Err(why) => report.fail("network", why),
        }
        if server.is_some_and(|server| server.ip().is_loopback()) || configured.is_some() {
            look_at_host(configured.as_ref().and_then(listens), report);
        }
    }

    /// Asks a server whether it is well, and tells what was found.
    async fn ask(&self, report: &mut Report, what: &str, server: SocketAddr) {
        match netcheck::ask(server, self.within).await {
            Ok(found) => found.iter().for_each(|found| report.found(what, found)),
            Err(error) => report.fail(what, format_args!("{server}: {error}")),
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
        match bootwire_service::stand_in(&config) {
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
            Err(why) => report.fail("user", why),
        }
        Some(config)
    }
}

/// The first address of a configuration, as written.
fn listens(config: &Config) -> Option<&str> {
    let listen = config.document.listen.as_ref()?;
    listen.0.first().map(String::as_str)
}

/// What this host's server says of itself, if it is to be asked: that it goes down, or needs the
/// operator. What is well is not told.
async fn ask_admin(report: &mut Report) {
    // Whoever may not ask learns what TFTP has shown.
    let Ok(client) = AdminArgs::default().client() else {
        return;
    };
    let Ok(Ok(status)) = tokio::time::timeout(ADMIN_WITHIN, client.status()).await else {
        return;
    };
    if !status.ready {
        report.fail("server", "it takes no more requests: it is told to end");
    }
    for problem in &status.problems {
        report.warn("server", problem);
    }
}
