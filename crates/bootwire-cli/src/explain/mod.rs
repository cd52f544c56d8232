//! `bootwire explain`: what a client would get, and why.
//!
//! [`question`] makes a request of the command line; the site follows it.

mod question;
#[cfg(test)]
mod tests;

use std::ffi::OsString;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;

use anyhow::{Context, anyhow};

use bootwire_site::Site;
use bootwire_site::config::{self, Config};
use bootwire_site::explain::{Account, Outcome};

use crate::exit::{Exit, Failure};
use crate::{out, task};

#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  bootwire explain 'GET /grub/grub.cfg-01-52-54-00-12-34-56' --from 10.0.0.7
      which route takes it and why, who the machine is, what it gets
  bootwire explain /images/vmlinuz --from 10.0.0.7 --option tsize=0 --option blksize=1468
      and which options it is granted
  bootwire explain /boot/menu.ipxe --from 10.0.0.7 --run
      ask hooks and origins for real
  bootwire explain 'PUT /backups/router1.cfg' --from 10.0.0.1
      an upload
  bootwire explain '/\\xffboot' --from 10.0.0.7
      a name that is not UTF-8, as the log shows it

No server is needed, and none is asked: the configuration is read, and the request follows the
same routes as it would in a server. Files are read as the server's user reads them: run it as
root, if that is who starts the server.

Exit codes:
  0  the client would get content, or may upload
  1  the configuration has mistakes, or cannot be read
  2  the command line is wrong
  3  the client would be told: file not found
  4  it would be denied, or would get no answer
  6  it would get another error")]
pub(crate) struct Args {
    /// The request: 'GET /path', 'PUT /path', or a path alone
    #[arg(value_name = "REQUEST")]
    request: OsString,
    /// The client's address [default: this host, 127.0.0.1 or ::1]
    #[arg(long, value_name = "ADDR")]
    from: Option<IpAddr>,
    /// The server's address that it asks [default: not known]
    #[arg(long, value_name = "ADDR")]
    to: Option<IpAddr>,
    /// The network interface it comes in on, by name
    #[arg(long, value_name = "NAME")]
    interface: Option<String>,
    /// An option it sends, like tsize=0; may be repeated
    #[arg(long = "option", value_name = "NAME=VALUE", value_parser = question::option)]
    options: Vec<(String, String)>,
    /// The configuration [default: /etc/bootwire/bootwire.toml]
    #[arg(long, short, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Ask hooks and origins for real: programs run, services get requests
    #[arg(long)]
    run: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(args: &Args) -> Result<(), Failure> {
    let path = args
        .config
        .clone()
        .unwrap_or_else(|| config::DEFAULT.into());
    let config = Config::load(&path)
        .and_then(Config::with_routes)
        .map_err(|problems| anyhow!("{problems}"))?;
    let question = args.question(&config)?;
    let stand_in = bootwire_service::stand_in(&config).map_err(Failure::failed)?;
    for warning in stand_in.problems.iter().chain(&stand_in.warnings) {
        out::note(&format!("warning: {warning}"));
    }
    let account = task::run_on_two(async {
        let site = Site::builder().look(config, args.run).await;
        let site = site.map_err(|problems| anyhow!("{problems}"))?;
        anyhow::Ok(site.explain(&question, args.run).await)
    })??;
    if args.json {
        out::result(&serde_json::to_string_pretty(&account).context("cannot write JSON")?);
    } else {
        out::result(account.to_string().trim_end());
    }
    verdict(&account)
}

impl Args {
    fn question(&self, config: &Config) -> anyhow::Result<bootwire::Request> {
        let here = match self.to {
            Some(IpAddr::V6(_)) => IpAddr::V6(Ipv6Addr::LOCALHOST),
            _ => IpAddr::V4(Ipv4Addr::LOCALHOST),
        };
        let from = self.from.unwrap_or(here);
        let to = self
            .to
            .unwrap_or_else(|| bootwire_site::explain::listens_on(config, from));
        let interface = self
            .interface
            .as_deref()
            .map_or(Ok(0), question::interface)?;
        question::request(
            &self.request,
            from,
            (SocketAddr::new(to, 69), interface),
            &self.options,
        )
    }
}

/// What a script is told.
fn verdict(account: &Account) -> Result<(), Failure> {
    if !account.served {
        let error = anyhow!("this client gets no answer: it is not in a network of allow");
        return Err(Failure::new(Exit::Denied, error));
    }
    match &account.outcome {
        Outcome::Content { .. } | Outcome::Upload { .. } | Outcome::NotAsked { .. } => Ok(()),
        Outcome::Refused { code, text, .. } => {
            let exit = match code {
                1 => Exit::NotFound,
                2 | 6 => Exit::Denied,
                _ => Exit::Remote,
            };
            Err(Failure::new(
                exit,
                anyhow!("the client gets ERROR {code}: {text}"),
            ))
        }
    }
}
