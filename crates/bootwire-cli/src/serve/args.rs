//! The flags of `bootwire serve`.

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::time::Duration;

use bootwire_store::Links;

use super::budgets;
use super::sandbox;
use crate::networks::Network;
use crate::ports::Ports;
use crate::{size, span};

#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  bootwire serve /srv/tftp
      serve a directory, read-only, on port 69 of all addresses
  bootwire serve . --listen 127.0.0.1:6969
      try it without being root; then: curl tftp://127.0.0.1:6969/FILE
  bootwire serve /srv/tftp --versioned --upload-dir /srv/backups --upload-max 64M
      take configurations of switches as well, and keep old versions
  bootwire serve /srv/tftp --allow 10.0.0.0/8 --allow 203.0.113.0/24
      serve these networks and no others
  bootwire serve /srv/tftp --single-port
      behind NAT, in a container, behind a load balancer
  bootwire serve /srv/tftp --create --user tftp --sandbox require
      take uploads as user tftp, or do not start if the kernel cannot hold the server in

  bootwire serve --config /etc/bootwire/bootwire.toml
      routes, templates, origins and more: see docs/reference/configuration.md, and try it with
      `bootwire check` and `bootwire explain`

Each transfer is one line on standard output; everything else goes to standard error.

SIGTERM or Ctrl-C lets running transfers finish; a second one does not. SIGHUP, or a change of its
files, reads the configuration again: running transfers go on, and one with mistakes changes
nothing.")]
#[group(skip)] // as named as those of its parts
#[command(group(clap::ArgGroup::new("uploads").args(["create", "replace", "versioned"])))]
pub(crate) struct Args {
    /// The directory to serve [default: .]
    #[arg(conflicts_with = "config")]
    dir: Option<PathBuf>,
    /// Serve what this file says instead; flags go over its settings
    #[arg(
        long,
        short,
        value_name = "FILE",
        conflicts_with_all = ["uploads", "links", "case_insensitive", "per_client"]
    )]
    pub(super) config: Option<PathBuf>,

    /// Address and port to listen on; may be repeated [default: [::]:69, IPv6 and IPv4]
    #[arg(long, value_name = "ADDR:PORT", help_heading = "Network")]
    pub(super) listen: Vec<String>,
    /// Answer from the listening port instead of a port for the transfer
    #[arg(long, help_heading = "Network")]
    pub(super) single_port: bool,
    /// Take transfer ports from this range, for a firewall
    #[arg(
        long,
        value_name = "FIRST-LAST",
        conflicts_with = "single_port",
        help_heading = "Network"
    )]
    pub(super) ports: Option<Ports>,
    /// Clients to serve: a network, an address, `private` or `any`; may be repeated
    /// [default: private: loopback, RFC 1918, unique local and link-local addresses]
    #[arg(long, value_name = "NETWORK", help_heading = "Network")]
    pub(super) allow: Vec<Network>,
    /// Largest block to grant, in bytes: 8 to 65464 [default: what the interface carries]
    #[arg(long, value_name = "BYTES", help_heading = "Network",
          value_parser = clap::value_parser!(u16).range(8..=65464))]
    pub(super) blksize_max: Option<u16>,
    /// Largest window to grant, in blocks: 1 to 32767 [default: 64]
    #[arg(long, value_name = "BLOCKS", help_heading = "Network",
          value_parser = clap::value_parser!(u16).range(1..=32767))]
    pub(super) windowsize_max: Option<u16>,
    /// Largest window to grant to a client that has not acknowledged a whole one yet, in blocks
    /// [default: 32]
    #[arg(long, value_name = "BLOCKS", help_heading = "Network",
          value_parser = clap::value_parser!(u16).range(1..=32767))]
    pub(super) windowsize_first: Option<u16>,
    /// Least time before something is sent again, like 200ms [default: 1s or the granted timeout,
    /// 200ms for a window, until the network has proven lossy; then as the round trip allows]
    #[arg(long, value_name = "TIME", value_parser = span::up_to_an_hour, help_heading = "Network")]
    pub(super) resend_min: Option<Duration>,
    /// Grant blocks larger than the interface carries, to travel in fragments
    #[arg(long, help_heading = "Network")]
    pub(super) fragment: bool,

    /// Take uploads of new files
    #[arg(long, help_heading = "Uploads")]
    create: bool,
    /// Take uploads, and let them replace files
    #[arg(long, help_heading = "Uploads")]
    replace: bool,
    /// Take uploads, and keep what they replace under a name with the time
    #[arg(long, help_heading = "Uploads")]
    versioned: bool,
    /// Where uploads go, also below the directory served [default: the directory served]
    #[arg(
        long,
        value_name = "DIR",
        requires = "uploads",
        help_heading = "Uploads"
    )]
    pub(super) upload_dir: Option<PathBuf>,
    /// Largest upload, like 64M or 20GiB
    #[arg(long, value_name = "SIZE", requires = "uploads", default_value = "1GiB",
          value_parser = size::parse, help_heading = "Uploads")]
    pub(super) upload_max: u64,
    /// Space on the disk that uploads leave free, like 1GiB [default: 64MiB, of a small disk a
    /// sixteenth]
    #[arg(long, value_name = "SIZE", requires = "uploads", value_parser = size::parse,
          help_heading = "Uploads")]
    pub(super) keep_free: Option<u64>,
    /// Make the directories an upload's name needs
    #[arg(long, requires = "uploads", help_heading = "Uploads")]
    pub(super) create_dirs: bool,

    /// What symbolic links may do: `beneath` refuses those that leave the directory, `in-root`
    /// resolves absolute ones as if the directory were `/`
    #[arg(
        long,
        value_name = "HOW",
        default_value = "beneath",
        help_heading = "Files"
    )]
    pub(super) links: LinksName,
    /// Find files whatever the case of their name
    #[arg(long, help_heading = "Files")]
    pub(super) case_insensitive: bool,
    /// Look in a subdirectory named like the client's address first
    #[arg(long, help_heading = "Files")]
    pub(super) per_client: bool,

    /// How to log transfers [default: text]
    #[arg(long, value_name = "FORMAT", help_heading = "Running")]
    pub(super) log: Option<LogFormat>,
    /// Log names that boot loaders try and do without, too; JSON always has them
    #[arg(long, help_heading = "Running")]
    pub(super) log_searches: bool,
    /// Worker threads [default: one for each core]
    #[arg(long, value_name = "COUNT", help_heading = "Running",
          value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub(super) workers: Option<u16>,
    /// Most transfers at a time [default: 100000]
    #[arg(long, value_name = "COUNT", help_heading = "Running")]
    pub(super) transfers_max: Option<NonZeroUsize>,
    /// How long a client may be silent before it is given up, like 90s or 2m [default: 60s]
    #[arg(long, value_name = "TIME", value_parser = span::up_to_an_hour, help_heading = "Running")]
    pub(super) give_up: Option<Duration>,
    /// How long running transfers may take to finish on SIGTERM, like 5m [default: 30s]
    #[arg(long, value_name = "TIME", value_parser = span::up_to_a_day, help_heading = "Running")]
    pub(super) drain: Option<Duration>,
    /// Let workers look for packets for so long before they sleep, like 100us, for a host that
    /// boots one machine at a time and has a core to spare; 0s: never [default: up to 50us, while
    /// at most four transfers run and it pays off]
    #[arg(long, value_name = "TIME", value_parser = span::up_to_ten_milliseconds, help_heading = "Running")]
    pub(super) spin: Option<Duration>,
    /// Say more at the start: all networks, routes, paths and what the kernel offers
    #[arg(long, short, help_heading = "Running")]
    pub(super) verbose: bool,
    /// Use only what every Unix has, when a kernel or a driver is in doubt; name each address in
    /// --listen then, as answers leave [::] and 0.0.0.0 from whichever the kernel picks
    #[arg(long, help_heading = "Running")]
    pub(super) portable_io: bool,

    #[command(flatten)]
    pub(super) budgets: budgets::Args,
    #[command(flatten)]
    pub(super) sandbox: sandbox::Args,
}

/// What an upload may do to a file that is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum UploadRule {
    Create,
    Replace,
    Versioned,
}

impl Args {
    /// The directory to serve without a configuration.
    pub(super) fn dir(&self) -> &Path {
        self.dir.as_deref().unwrap_or_else(|| Path::new("."))
    }

    /// The rule for uploads; `None` takes none.
    pub(super) fn upload_rule(&self) -> Option<UploadRule> {
        if self.create {
            Some(UploadRule::Create)
        } else if self.replace {
            Some(UploadRule::Replace)
        } else if self.versioned {
            Some(UploadRule::Versioned)
        } else {
            None
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum LogFormat {
    /// A line in plain words
    Text,
    /// An object with all that is known
    Json,
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
pub(super) enum LinksName {
    Beneath,
    InRoot,
}

impl From<LinksName> for Links {
    fn from(name: LinksName) -> Self {
        match name {
            LinksName::Beneath => Self::Beneath,
            LinksName::InRoot => Self::InRoot,
        }
    }
}
