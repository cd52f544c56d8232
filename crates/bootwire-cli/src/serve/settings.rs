//! How the server runs: flags over the configuration over defaults.

use std::time::Duration;

use anyhow::{anyhow, bail};
use bootwire::{Schedule, Server};
use ipnet::IpNet;

use super::args::{Args, LogFormat};
use super::budgets;
use super::sandbox::Level;
use crate::config::Config;
use crate::config::model::{Document, Log, SandboxLevel};
use crate::networks::{self, Network};
use crate::ports::Ports;

/// The time running transfers have on SIGTERM.
const DRAIN: Duration = Duration::from_secs(30);
/// The time a client may be silent.
const GIVE_UP: Duration = Duration::from_secs(60);

/// How the server runs, whatever it serves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Settings {
    /// Empty for the default.
    pub(super) listen: Vec<String>,
    single_port: bool,
    pub(super) ports: Option<Ports>,
    pub(super) allow: Vec<Network>,
    /// Whether those are named in the configuration, or would be.
    pub(super) allow_is_key: bool,
    blksize_max: Option<u16>,
    windowsize_max: Option<u16>,
    windowsize_first: Option<u16>,
    resend_min: Option<Duration>,
    fragment: bool,
    portable_io: bool,
    workers: Option<u16>,
    transfers_max: Option<usize>,
    give_up: Duration,
    deadline: Duration,
    spin: Option<Duration>,
    budgets: budgets::Budgets,
    pub(super) drain: Duration,
    pub(super) log: LogFormat,
    pub(super) log_searches: bool,
    pub(super) sandbox: bootwire_sandbox::Wanted,
}

impl Settings {
    /// Those of the command line alone.
    pub(super) fn of_args(args: &Args) -> anyhow::Result<Self> {
        Self::new(args, &Document::default(), Config::DEADLINE, false)
    }

    /// Those of a configuration, and of the command line over it.
    pub(super) fn of_config(args: &Args, config: &Config) -> anyhow::Result<Self> {
        // No route's own deadline shall be cut short.
        let deadline = config.longest_deadline();
        Self::new(args, &config.document, deadline, args.allow.is_empty())
    }

    fn new(
        args: &Args,
        document: &Document,
        deadline: Duration,
        allow_is_key: bool,
    ) -> anyhow::Result<Self> {
        let listen = if args.listen.is_empty() {
            document
                .listen
                .as_ref()
                .map_or_else(Vec::new, |many| many.0.clone())
        } else {
            args.listen.clone()
        };
        let allow = if args.allow.is_empty() {
            let nets = document.allow.iter().flat_map(|many| &many.0);
            nets.map(|net| net.0).collect()
        } else {
            args.allow.clone()
        };
        let ports = match (&args.ports, &document.ports) {
            (Some(ports), _) => Some(ports.clone()),
            (None, Some(text)) => Some(
                text.parse()
                    .map_err(|help| anyhow!("ports = {text:?}: {help}"))?,
            ),
            (None, None) => None,
        };
        let single_port = args.single_port || document.single_port.unwrap_or(false);
        if single_port && ports.is_some() {
            bail!("single_port answers from the listening port: a range of ports contradicts it");
        }
        let time = |time: Option<crate::config::value::Time>| time.map(|time| time.0);
        Ok(Self {
            listen,
            single_port,
            ports,
            allow,
            allow_is_key,
            blksize_max: args.blksize_max.or(document.blksize_max),
            windowsize_max: args.windowsize_max.or(document.windowsize_max),
            windowsize_first: args.windowsize_first.or(document.windowsize_first),
            resend_min: args.resend_min.or(time(document.resend_min)),
            fragment: args.fragment || document.fragment.unwrap_or(false),
            portable_io: args.portable_io,
            workers: args.workers.or(document.workers),
            transfers_max: args
                .transfers_max
                .map(Into::into)
                .or(document.transfers_max),
            give_up: args.give_up.or(time(document.give_up)).unwrap_or(GIVE_UP),
            deadline,
            spin: args.spin.or(time(document.spin)),
            budgets: args.budgets.over(&document.budgets),
            drain: args.drain.or(time(document.drain)).unwrap_or(DRAIN),
            log: args
                .log
                .or(document.log.map(LogFormat::from))
                .unwrap_or(LogFormat::Text),
            log_searches: args.log_searches || document.log_searches.unwrap_or(false),
            sandbox: args.sandbox.over(&document.sandbox)?,
        })
    }

    /// What a running server cannot change, in words; empty if nothing of that differs.
    pub(super) fn needs_restart(&self, new: &Self) -> Vec<&'static str> {
        let differ = [
            (self.listen != new.listen, "listen"),
            (self.single_port != new.single_port, "single_port"),
            (self.ports != new.ports, "ports"),
            (self.allow != new.allow, "allow"),
            (self.blksize_max != new.blksize_max, "blksize_max"),
            (self.windowsize_max != new.windowsize_max, "windowsize_max"),
            (
                self.windowsize_first != new.windowsize_first,
                "windowsize_first",
            ),
            (self.resend_min != new.resend_min, "resend_min"),
            (self.fragment != new.fragment, "fragment"),
            (self.workers != new.workers, "workers"),
            (self.transfers_max != new.transfers_max, "transfers_max"),
            (self.give_up != new.give_up, "give_up"),
            (self.deadline != new.deadline, "deadline"),
            (self.spin != new.spin, "spin"),
            (self.budgets != new.budgets, "budgets"),
            (self.log != new.log, "log"),
            (self.log_searches != new.log_searches, "log_searches"),
            (self.sandbox != new.sandbox, "sandbox"),
        ];
        differ
            .into_iter()
            .filter_map(|(differs, key)| differs.then_some(key))
            .collect()
    }

    /// Where transfers are answered from, for the start-up lines; empty where it is as everybody
    /// expects.
    pub(super) fn transfer_ports(&self) -> String {
        match &self.ports {
            _ if self.single_port => ", which answers too (single port)".to_owned(),
            Some(ports) => {
                let (first, last) = ports.0.clone().into_inner();
                format!(", transfers on ports {first}-{last}")
            }
            None => String::new(),
        }
    }

    /// The networks served; `None` is everyone.
    pub(super) fn allowed(&self) -> Option<Vec<IpNet>> {
        networks::allowed(&self.allow)
    }

    /// Everything but what is served and who hears of it.
    pub(super) fn server(&self, listen: &[impl AsRef<str>]) -> Server {
        let mut addresses = listen.iter();
        // There is always at least one.
        let first = addresses
            .next()
            .map_or(super::listen::DEFAULT, AsRef::as_ref);
        let mut server = addresses
            .fold(Server::bind(first), |server, address| {
                server.and_bind(address)
            })
            .single_port(self.single_port)
            .fragment(self.fragment)
            .portable_io(self.portable_io)
            .deadline(self.deadline)
            .schedule(Schedule {
                resend_min: self.resend_min,
                give_up: self.give_up,
                ..Schedule::default()
            });
        server = self.budgets.apply(server);
        if let Some(limit) = self.spin {
            server = server.spin(limit);
        }
        if let Some(networks) = self.allowed() {
            server = server.allow(networks);
        }
        if let Some(ports) = &self.ports {
            server = server.ports(ports.0.clone());
        }
        if let Some(bytes) = self.blksize_max {
            server = server.blksize_max(bytes);
        }
        if let Some(blocks) = self.windowsize_max {
            server = server.windowsize_max(blocks);
        }
        if let Some(blocks) = self.windowsize_first {
            server = server.windowsize_first(blocks);
        }
        if let Some(count) = self.workers {
            server = server.workers(count.into());
        }
        if let Some(count) = self.transfers_max {
            server = server.transfers_max(count);
        }
        server
    }
}

impl From<Log> for LogFormat {
    fn from(log: Log) -> Self {
        match log {
            Log::Text => Self::Text,
            Log::Json => Self::Json,
        }
    }
}

impl From<SandboxLevel> for Level {
    fn from(level: SandboxLevel) -> Self {
        match level {
            SandboxLevel::Off => Self::Off,
            SandboxLevel::BestEffort => Self::BestEffort,
            SandboxLevel::Require => Self::Require,
        }
    }
}
