//! `bootwire migrate`: what another server is told, as a configuration.
//!
//! `bootwire-migrate` reads and writes; here are the files it is given, and the last look at what comes
//! out.

mod files;

use std::collections::{BTreeSet, VecDeque};
use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow};
use bootwire_migrate::{Kind, Migrated, atftpd, dnsmasq, hooktftp, tftp_hpa};

use crate::config::Config;
use crate::exit::{Exit, Failure};
use crate::out;
use files::{File, read};

/// Where Debian keeps what in.tftpd is told.
const TFTPD_HPA: &str = "/etc/default/tftpd-hpa";
/// Where Debian keeps what atftpd is told.
const ATFTPD: &str = "/etc/default/atftpd";
/// Most files that others include.
const INCLUDED_MAX: usize = 1000;

#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  bootwire migrate tftp-hpa > bootwire.toml
      what /etc/default/tftpd-hpa says, and the map it names
  bootwire migrate tftp-hpa /etc/tftpd.map
      another map
  bootwire migrate tftp-hpa --from /etc/inetd.conf
      the line of inetd
  bootwire migrate tftp-hpa -- -s -c -B 1468 -m /etc/tftpd.map /srv/tftp
      a command line
  bootwire migrate dnsmasq /etc/dnsmasq.conf
      and the files that it includes
  bootwire migrate atftpd
      what /etc/default/atftpd says, and the map of PCRE it names
  bootwire migrate hooktftp /etc/hooktftp.yml

Standard output has the configuration, with a comment for each line it was made of. Standard error
names what is not carried over and what differs. Then try it:

  bootwire check --config bootwire.toml
  bootwire explain --config bootwire.toml 'GET /pxelinux.0' --from 10.0.0.7

Exit codes:
  0  everything is carried over
  1  the old configuration cannot be read
  2  the command line is wrong
  3  there is a configuration, and something is not carried over")]
pub(crate) struct Args {
    #[command(subcommand)]
    server: Server,
}

#[derive(Debug, clap::Subcommand)]
enum Server {
    /// From in.tftpd of tftp-hpa
    TftpHpa {
        /// The map [default: the one that the options name]
        #[arg(value_name = "MAPFILE")]
        map: Option<PathBuf>,
        /// The file with its options: variables as in /etc/default/tftpd-hpa, or inetd.conf
        /// [default: /etc/default/tftpd-hpa, if it is there]
        #[arg(long, value_name = "FILE")]
        from: Option<PathBuf>,
        /// Its options, behind --
        #[arg(last = true, value_name = "OPTION", conflicts_with = "from")]
        options: Vec<String>,
    },
    /// From dnsmasq
    Dnsmasq {
        /// Its configuration
        #[arg(value_name = "CONF", required_unless_present = "options")]
        conf: Option<PathBuf>,
        /// Options of its command line, behind --: --enable-tftp
        #[arg(last = true, value_name = "OPTION")]
        options: Vec<String>,
    },
    /// From atftpd
    Atftpd {
        /// The map of PCRE [default: the one that the options name]
        #[arg(value_name = "PCREFILE")]
        map: Option<PathBuf>,
        /// The file with its options: OPTIONS as in /etc/default/atftpd, or inetd.conf
        /// [default: /etc/default/atftpd, if it is there]
        #[arg(long, value_name = "FILE")]
        from: Option<PathBuf>,
        /// Its options, behind --
        #[arg(last = true, value_name = "OPTION", conflicts_with = "from")]
        options: Vec<String>,
    },
    /// From hooktftp
    Hooktftp {
        /// Its configuration
        #[arg(value_name = "YML")]
        yml: PathBuf,
    },
}

pub(crate) fn run(args: &Args) -> Result<(), Failure> {
    let migrated = match &args.server {
        Server::TftpHpa { map, from, options } => tftp_hpa(map.clone(), from.clone(), options)?,
        Server::Dnsmasq { conf, options } => dnsmasq(conf.as_deref(), options)?,
        Server::Atftpd { map, from, options } => atftpd(map.clone(), from.clone(), options)?,
        Server::Hooktftp { yml } => {
            hooktftp::migrate(read(yml)?.source()).map_err(|why| anyhow!(why))?
        }
    };
    out::bytes(migrated.text().as_bytes());
    let mut is_whole = migrated.is_whole();
    for finding in migrated.findings() {
        match finding.kind {
            Kind::Lost => out::note(&format!("problem: not carried over: {finding}")),
            Kind::Differs => out::note(&format!("differs: {finding}")),
            Kind::Needless => {}
        }
    }
    if let Err(problems) = looked_at(&migrated)? {
        is_whole = false;
        out::note(&format!("problem: not carried over: {problems}"));
    }
    if is_whole {
        return Ok(());
    }
    let error = anyhow!("not everything is carried over: see above");
    Err(Failure::new(Exit::Incomplete, error))
}

fn tftp_hpa(
    map: Option<PathBuf>,
    from: Option<PathBuf>,
    words: &[String],
) -> Result<Migrated, Failure> {
    let usual = || Some(PathBuf::from(TFTPD_HPA)).filter(|path| path.exists());
    let options = if words.is_empty() {
        match from.or_else(|| usual().filter(|_| map.is_none())) {
            Some(path) => tftp_hpa::Options::of_file(read(&path)?.source()),
            None => tftp_hpa::Options::default(),
        }
    } else {
        tftp_hpa::Options::of_words("command line", words)
    };
    if options.is_empty() && map.is_none() {
        return Err(nothing(
            "its options, behind --, or in a file, with --from; or a map",
        ));
    }
    let map = map.or_else(|| options.map_file().map(PathBuf::from));
    let map = map.map(|path| read(&path)).transpose()?;
    Ok(tftp_hpa::migrate(&options, map.as_ref().map(File::source)))
}

fn atftpd(
    map: Option<PathBuf>,
    from: Option<PathBuf>,
    words: &[String],
) -> Result<Migrated, Failure> {
    let usual = || Some(PathBuf::from(ATFTPD)).filter(|path| path.exists());
    let options = if words.is_empty() {
        match from.or_else(|| usual().filter(|_| map.is_none())) {
            Some(path) => atftpd::Options::of_file(read(&path)?.source()),
            None => atftpd::Options::default(),
        }
    } else {
        atftpd::Options::of_words("command line", words)
    };
    if options.is_empty() && map.is_none() {
        return Err(nothing(
            "its options, behind --, or in a file, with --from; or a map",
        ));
    }
    let map = map.or_else(|| options.map_file().map(PathBuf::from));
    let map = map.map(|path| read(&path)).transpose()?;
    Ok(atftpd::migrate(&options, map.as_ref().map(File::source)))
}

fn dnsmasq(conf: Option<&Path>, words: &[String]) -> Result<Migrated, Failure> {
    let mut config = dnsmasq::Config::default();
    let mut includes = Vec::new();
    if let Some(conf) = conf {
        includes.extend(config.add(read(conf)?.source()));
    }
    includes.extend(config.add_words("command line", words));
    let mut includes: VecDeque<_> = includes.into();
    let mut seen = BTreeSet::new();
    while let Some(include) = includes.pop_front() {
        let paths = match files::included(&include) {
            Ok(paths) => paths,
            Err(why) => {
                config.unread(&include, &why);
                continue;
            }
        };
        for path in paths {
            if seen.len() == INCLUDED_MAX {
                config.unread(&include, "too many files");
                return Ok(dnsmasq::migrate(&config));
            }
            if !seen.insert(path.clone()) {
                continue;
            }
            match read(&path) {
                Ok(file) => includes.extend(config.add(file.source())),
                Err(why) => config.unread(&include, &why.to_string()),
            }
        }
    }
    Ok(dnsmasq::migrate(&config))
}

/// Nothing says what the old server does.
fn nothing(what: &str) -> Failure {
    Failure::new(
        Exit::Usage,
        anyhow!("there is nothing to migrate: name {what}"),
    )
}

/// Whether a server would take the configuration: what it would complain about, line by line.
fn looked_at(migrated: &Migrated) -> Result<Result<(), String>, Failure> {
    let place = tempfile::tempdir().context("cannot make a temporary directory")?;
    let path = place.path().join("bootwire.toml");
    std::fs::write(&path, migrated.text()).context("cannot write a temporary file")?;
    let loaded = Config::load_with(&path, []).and_then(Config::with_routes);
    Ok(loaded.map(|_| ()).map_err(|problems| {
        let here = format!("{}/", place.path().display());
        problems.to_string().replace(&here, "")
    }))
}
