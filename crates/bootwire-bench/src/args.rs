//! What a run is to do, as the flags of `bootwire bench` say it.

use std::net::IpAddr;
use std::num::{NonZeroU32, NonZeroU64};
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use bootwire::amount::{self, parse_time_within};
use bootwire::client::{ParseTargetError, Target};
use ipnet::IpNet;

use super::faults::{Faults, Share};

/// How long a run is that has no other end.
const DEFAULT_DURATION: Duration = Duration::from_secs(10);

/// What a run is to do: the flags of `bootwire bench`, where their texts and defaults are.
#[derive(Debug, clap::Parser)]
#[command(after_help = "Examples:
  bootwire bench tftp://10.0.0.1/vmlinuz --clients 64
      64 clients fetch a file over and over, for ten seconds
  bootwire bench 10.0.0.1:vmlinuz --expect /srv/tftp/vmlinuz --blksize 1468 --windowsize 16
      check every byte against a local copy, with windows of 16 blocks
  bootwire bench 10.0.0.1:grub.cfg=8 10.0.0.1:vmlinuz=1 --clients 200 --think 50ms
      a mix: eight small files to one large one, with pauses of 50 ms
  bootwire bench 10.0.0.1:{shimx64.efi,grubx64.efi,vmlinuz} --sequence --rounds 1 \\
      --clients 5000 --ramp 5s
      5000 machines boot within five seconds, each once
  bootwire bench 10.0.0.1:up/{client}.cfg --write --size 64K --clients 32 --transfers 10000
      uploads, each client to a name of its own
  bootwire bench 10.0.0.1:vmlinuz --clients 50 --loss 1 --duplicate 1 --delay 5 --vanish 2
      bad clients on a bad network; --seed repeats a run
  taskset -c 1 bootwire bench tftp://127.0.0.1:6969/x -c 5000 --source 127.1.0.0/16
      on one machine: a core for the load, another for the server, and many addresses

In a name, {client} stands for the number of the client, {transfer} for the number of its
transfer, {mac} for an address of its own, like 02-00-00-00-00-2a.

Each client has a port of its own, and another one for each of its transfers, as RFC 1350 has it
(see --keep-ports; those with an address each share ports, see --source). A read is compared with
the file expected block by block, as it arrives: with --expect, or else with a copy fetched before
the clock starts. An upload's byte at offset N is N modulo 251.

Goodput counts the bytes that arrived in order, also those of transfers that did not complete.
Times to the first byte and in total are those of completed transfers.

Ctrl-C ends the run and reports what was measured so far. The report goes to standard output.

Exit codes:
  0  nothing failed
  1  a transfer failed, or nothing was transferred at all, or the run could not begin
  2  the command line is wrong
  7  a local file cannot be read")]
pub struct Args {
    /// What to move: tftp://HOST/PATH or HOST:PATH, the port after the host if it is not 69; several for
    /// a mix; =WEIGHT at the end makes one as many times more frequent
    #[arg(required = true, value_name = "URL[=WEIGHT]")]
    pub files: Vec<Weighted>,
    /// Upload, instead of fetching
    #[arg(long)]
    pub write: bool,
    /// Bytes of each upload, like 64K
    #[arg(long, value_name = "SIZE", default_value = "1MiB", requires = "write",
          value_parser = amount::parse)]
    pub size: u64,

    /// Clients, each with a port of its own
    #[arg(short, long, value_name = "COUNT", default_value = "1",
          value_parser = clap::value_parser!(u32).range(1..=1_000_000), help_heading = "Load")]
    pub clients: u32,
    /// End after this many transfers, of all clients together
    #[arg(short = 'n', long, value_name = "COUNT", help_heading = "Load")]
    pub transfers: Option<NonZeroU64>,
    /// End when each client has made this many transfers, or sequences
    #[arg(long, value_name = "COUNT", help_heading = "Load")]
    pub rounds: Option<NonZeroU64>,
    /// End after this time, and cut off what still runs [default: 10s, without --transfers
    /// and --rounds]
    #[arg(short, long, value_name = "TIME", value_parser = up_to_a_week, help_heading = "Load")]
    pub duration: Option<Duration>,
    /// Each client fetches the files in the order given, like a machine that boots, and starts
    /// over
    #[arg(long, help_heading = "Load")]
    pub sequence: bool,
    /// Pause of a client between two transfers, like 50ms; a number is milliseconds
    #[arg(long, value_name = "TIME", default_value = "0ms", value_parser = or_milliseconds,
          help_heading = "Load")]
    pub think: Duration,
    /// Let the clients begin one after the other, the last one after this time
    #[arg(long, value_name = "TIME", default_value = "0s", value_parser = up_to_a_week,
          help_heading = "Load")]
    pub ramp: Duration,
    /// Let each client keep its port from one transfer to the next: cheaper, but a server may take
    /// the next request for a repeated one
    #[arg(long, help_heading = "Load")]
    pub keep_ports: bool,
    /// Send from this address; from a network, each client takes another address of it: servers
    /// may limit what one address does. With an address for each, clients with small windows share
    /// sockets, and tens of thousands of them need few descriptors
    #[arg(long, value_name = "ADDRESS|NETWORK", value_parser = network, help_heading = "Load")]
    pub source: Option<IpNet>,
    /// Receive windows as one where the kernel joins their blocks (UDP_GRO): loads a server of
    /// large windows with less work here
    #[arg(long, conflicts_with = "write", help_heading = "Load")]
    pub gro: bool,
    /// Threads that drive the clients
    #[arg(long, value_name = "COUNT", default_value_t = 1,
          value_parser = clap::value_parser!(u16).range(1..=256), help_heading = "Load")]
    pub threads: u16,
    /// Use plain calls, one packet at a time, instead of io_uring, epoll and batches
    #[arg(long, conflicts_with = "gro", help_heading = "Load")]
    pub portable_io: bool,

    /// Block size to ask for, in bytes: 8 to 65464; 512 does not ask
    #[arg(long, value_name = "BYTES", default_value_t = 1468,
          value_parser = clap::value_parser!(u16).range(8..=65464), help_heading = "Transfer")]
    pub blksize: u16,
    /// Window to ask for, in blocks: 1 to 65535; 1 does not ask
    #[arg(long, value_name = "BLOCKS", default_value_t = 1,
          value_parser = clap::value_parser!(u16).range(1..), help_heading = "Transfer")]
    pub windowsize: u16,
    /// Ask for no options at all, not even the size: 512-byte blocks, one at a time
    #[arg(long, conflicts_with_all = ["blksize", "windowsize"], help_heading = "Transfer")]
    pub no_options: bool,
    /// How long a silent server is waited for
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = up_to_a_week,
          help_heading = "Transfer")]
    pub give_up: Duration,

    /// The local copy of the file; once for each, in the same order
    #[arg(long, value_name = "FILE", conflicts_with_all = ["write", "no_verify"],
          help_heading = "Content")]
    pub expect: Vec<PathBuf>,
    /// Do not look at the content
    #[arg(long, help_heading = "Content")]
    pub no_verify: bool,
    /// Count "not found" as an answer, not as a failure: boot loaders ask for much that is not
    /// there
    #[arg(long, help_heading = "Content")]
    pub missing_ok: bool,

    /// Packets to lose, in percent, either way
    #[arg(
        long,
        value_name = "PERCENT",
        default_value = "0",
        help_heading = "Faults"
    )]
    pub loss: Share,
    /// Packets to double, in percent, either way
    #[arg(
        long,
        value_name = "PERCENT",
        default_value = "0",
        help_heading = "Faults"
    )]
    pub duplicate: Share,
    /// Packets to delay, in percent, either way
    #[arg(
        long,
        value_name = "PERCENT",
        default_value = "0",
        help_heading = "Faults"
    )]
    pub delay: Share,
    /// Longest of these delays, like 20ms; a number is milliseconds
    #[arg(long, value_name = "TIME", default_value = "20ms", value_parser = or_milliseconds,
          help_heading = "Faults")]
    pub delay_max: Duration,
    /// Transfers the client leaves without a word, in percent
    #[arg(
        long,
        value_name = "PERCENT",
        default_value = "0",
        help_heading = "Faults"
    )]
    pub vanish: Share,
    /// Where chance begins: faults, mix, jitter
    #[arg(
        long,
        value_name = "NUMBER",
        default_value_t = 1,
        help_heading = "Faults"
    )]
    pub seed: u64,

    /// Report as one JSON object
    #[arg(long)]
    pub json: bool,
    /// Show no progress
    #[arg(short, long)]
    pub quiet: bool,
}

impl Args {
    pub(crate) fn faults(&self) -> Faults {
        Faults {
            loss: self.loss,
            duplicate: self.duplicate,
            delay: self.delay,
            delay_max: self.delay_max,
        }
    }

    /// The time after which the run is cut off.
    pub(crate) fn time_limit(&self) -> Option<Duration> {
        let endless = self.transfers.is_none() && self.rounds.is_none();
        self.duration.or(endless.then_some(DEFAULT_DURATION))
    }
}

/// A file and how often it is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Weighted {
    /// The file.
    pub target: Target,
    /// How many times as often as one of weight 1.
    pub weight: NonZeroU32,
}

impl FromStr for Weighted {
    type Err = ParseTargetError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let weighted = text
            .rsplit_once('=')
            .and_then(|(target, weight)| Some((target, weight.parse().ok()?)));
        let (target, weight) = weighted.unwrap_or((text, NonZeroU32::MIN));
        Ok(Self {
            target: target.parse()?,
            weight,
        })
    }
}

const SECOND: Duration = Duration::from_secs(1);

fn up_to_a_week(text: &str) -> Result<Duration, String> {
    parse_time_within(text, Duration::ZERO..=604_800 * SECOND)
}

/// Times so short that a number has always been milliseconds.
fn or_milliseconds(text: &str) -> Result<Duration, String> {
    match text.parse() {
        Ok(count) => Ok(Duration::from_millis(count)),
        Err(_) => parse_time_within(text, Duration::ZERO..=86_400 * SECOND),
    }
}

/// A network, or one address.
fn network(text: &str) -> Result<IpNet, String> {
    text.parse::<IpNet>()
        .or_else(|_| text.parse::<IpAddr>().map(IpNet::from))
        .map_err(|_| "write an address, or a network like 10.9.0.0/16".to_owned())
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Line {
        #[command(flatten)]
        args: Args,
    }

    fn parse(words: &[&str]) -> Result<Args, String> {
        Line::try_parse_from([&["bench"], words].concat())
            .map(|line| line.args)
            .map_err(|error| error.to_string())
    }

    #[test]
    fn a_weight_follows_the_last_equals_sign() {
        for (text, path, weight) in [
            ("h:a", &b"a"[..], 1),
            ("h:a=3", b"a", 3),
            ("tftp://h/a=b=12", b"a=b", 12),
            ("tftp://h/a=b", b"a=b", 1),
            ("tftp://h/a%3D3", b"a=3", 1),
        ] {
            let weighted: Weighted = text.parse().unwrap();
            assert_eq!(weighted.target.path, path, "{text}");
            assert_eq!(weighted.weight.get(), weight, "{text}");
        }
        assert!("a=3".parse::<Weighted>().is_err());
    }

    #[test]
    fn a_run_without_an_end_lasts_ten_seconds() {
        let limit = |words: &[&str]| parse(words).unwrap().time_limit();
        assert_eq!(limit(&["h:a"]), Some(DEFAULT_DURATION));
        assert_eq!(limit(&["h:a", "-n", "5"]), None);
        assert_eq!(limit(&["h:a", "--rounds", "5"]), None);
        let both = ["h:a", "-n", "5", "--duration", "0.25"];
        assert_eq!(limit(&both), Some(Duration::from_millis(250)));
    }

    #[test]
    fn a_number_is_milliseconds_where_times_are_short() {
        assert_eq!(or_milliseconds("50"), Ok(Duration::from_millis(50)));
        assert_eq!(or_milliseconds("2s"), Ok(Duration::from_secs(2)));
    }

    #[test]
    fn what_does_not_go_together_is_refused() {
        for words in [
            &["h:a", "--size", "1K"][..],
            &["h:a", "--write", "--expect", "x"],
            &["h:a", "--no-verify", "--expect", "x"],
            &["h:a", "--no-options", "--blksize", "512"],
            &["h:a", "--clients", "0"],
            &["h:a", "--loss", "101"],
            &["h:a", "--duration", "-1"],
            &["h:a", "--source", "here"],
            &[],
        ] {
            assert!(parse(words).is_err(), "{words:?}");
        }
        assert!(parse(&["h:a", "--source", "127.1.0.0/16"]).is_ok());
        assert!(parse(&["h:a", "--source", "::1", "--loss", "1.5"]).is_ok());
    }
}
