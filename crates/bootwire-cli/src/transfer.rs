//! What `get` and `put` share: flags of the transfer, the walk over a host's addresses, signals,
//! and the last line.

use std::io::{self, IsTerminal};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::Context;
use bootwire::Mode;
use bootwire::amount::parse_time_within;
use bootwire::client::{Client, ClientError, DEFAULT_BLKSIZE, DEFAULT_WINDOWSIZE, Summary, Target};

use crate::exit::{Exit, Failure};
use crate::progress::Bar;
use crate::{out, shown, size, task};

#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Transfer")]
pub(crate) struct Options {
    /// Block size to ask for, in bytes: 8 to 65464
    #[arg(long, value_name = "BYTES", default_value_t = DEFAULT_BLKSIZE,
          value_parser = clap::value_parser!(u16).range(8..=65464))]
    blksize: u16,
    /// Window to ask for, in blocks: 1 to 65535
    #[arg(long, value_name = "BLOCKS", default_value_t = DEFAULT_WINDOWSIZE,
          value_parser = clap::value_parser!(u16).range(1..))]
    windowsize: u16,
    /// octet moves bytes as they are, netascii converts line ends [default: octet]
    #[arg(long)]
    mode: Option<ModeName>,
    /// How long to wait for the first answer before asking again
    #[arg(long, value_name = "TIME", default_value = "1s", value_parser = timeout)]
    timeout: Duration,
    /// How often to ask again while nobody answers
    #[arg(long, value_name = "COUNT", default_value_t = 3)]
    retries: u8,
    /// Ask for no options at all: 512-byte blocks, one at a time
    #[arg(long, conflicts_with_all = ["blksize", "windowsize"])]
    no_options: bool,
    /// Say nothing but errors
    #[arg(short, long, conflicts_with = "verbose")]
    quiet: bool,
    /// Say what was agreed and what was lost
    #[arg(short, long)]
    verbose: bool,
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum ModeName {
    Octet,
    Netascii,
}

/// What the option `timeout` can say, and a tenth of a second.
fn timeout(text: &str) -> Result<Duration, String> {
    parse_time_within(text, Duration::from_millis(100)..=Duration::from_secs(255))
}

impl Options {
    fn client(&self, server: SocketAddr, target: &Target, bar: &Bar) -> Client {
        let mode = match self.mode {
            Some(ModeName::Octet) => Mode::Octet,
            Some(ModeName::Netascii) => Mode::Netascii,
            None => target.mode.unwrap_or(Mode::Octet),
        };
        let client = Client::new(server)
            .blksize(self.blksize)
            .windowsize(self.windowsize)
            .mode(mode)
            .timeout(self.timeout)
            .retries(self.retries)
            .on_progress({
                let bar = bar.clone();
                move |progress| bar.show(progress)
            });
        if self.no_options {
            client.without_options()
        } else {
            client
        }
    }

    /// Tries `transfer` with each address of the host until one answers.
    pub(crate) async fn run(
        &self,
        target: &Target,
        mut transfer: impl AsyncFnMut(Client) -> Result<Summary, ClientError>,
    ) -> Result<Summary, Failure> {
        let bar = Bar::new(!self.quiet);
        let addresses = target.addresses().with_context(|| {
            format!(
                "cannot find the host {}",
                shown::word(target.host.as_bytes())
            )
        })?;
        let mut silent = None;
        for server in addresses {
            if self.verbose {
                out::note(&format!("asking {server}"));
            }
            let began = Instant::now();
            let transfer = transfer(self.client(server, target, &bar));
            match bar.while_asking(server, transfer).await {
                Err(
                    error @ (ClientError::TimedOut { answered: false }
                    | ClientError::Refused
                    | ClientError::Network(_)),
                ) => silent = Some((error, server, began.elapsed())),
                result => {
                    bar.clear();
                    return result.map_err(|error| explain(error, target, server, began.elapsed()));
                }
            }
        }
        bar.clear();
        Err(match silent {
            Some((error, server, took)) => explain(error, target, server, took),
            None => Failure::new(Exit::Failed, anyhow::anyhow!("the host has no address")),
        })
    }

    /// The last line: always if asked for, else where somebody looks.
    pub(crate) fn conclude(&self, verb: &str, name: &[u8], done: &Summary) {
        if self.verbose {
            out::note(&details(done));
        }
        if self.verbose || (!self.quiet && io::stderr().is_terminal()) {
            out::note(&format!("{verb} {}: {}", shown::word(name), amount(done)));
        }
    }
}

/// Runs `transfer` until it ends or a signal comes. Dropping it tells the server and removes what
/// is unfinished.
pub(crate) fn until_signal(
    transfer: impl Future<Output = Result<(), Failure>>,
) -> Result<(), Failure> {
    task::run(async {
        let ended = task::ending()?;
        tokio::select! {
            result = transfer => result,
            signal = ended => {
                let what = if signal == 2 { "interrupted" } else { "terminated" };
                Err(Failure::new(Exit::Signal(signal), anyhow::anyhow!(what)))
            }
        }
    })?
}

/// What went wrong, and where nobody answers, what to look at.
fn explain(error: ClientError, target: &Target, server: SocketAddr, took: Duration) -> Failure {
    let exit = Exit::of(&error);
    let place = match &error {
        ClientError::TimedOut { .. } | ClientError::Network(_) | ClientError::Refused => {
            format!("{target} ({server})")
        }
        _ => target.to_string(),
    };
    let port = server.port();
    match error {
        ClientError::TimedOut { answered: false } => {
            let what = format!("{place}: no answer within {} s", took.as_secs().max(1));
            Failure::new(exit, anyhow::anyhow!(what))
                .with_help(format!(
                    "Does a TFTP server run there, on UDP port {port}? On it: ss -ulpn"
                ))
                .with_help(
                    "Does it serve this machine's network? Bootwire: --allow, allow; tftp-hpa: \
                     hosts.allow",
                )
                .with_help(format!(
                    "Do firewalls let UDP through, to port {port} and from the port the answer \
                     comes from, which is another one?"
                ))
        }
        ClientError::Refused => Failure::new(exit, anyhow::Error::new(error).context(place))
            .with_help(format!(
                "Does the server run, and on UDP port {port}? On it: ss -ulpn"
            ))
            .with_help("A firewall that rejects packets says the same."),
        // Whoever closed the pipe knows.
        ClientError::Local(error) if error.kind() == io::ErrorKind::BrokenPipe => {
            Failure::silent(exit)
        }
        error => Failure::new(exit, anyhow::Error::new(error).context(place)),
    }
}

/// `123 bytes in 1.2 s (94.3 MB/s), 3 blocks resent`.
fn amount(done: &Summary) -> String {
    let mut parts = vec![size::moved(done.bytes, done.duration)];
    if done.blocks_resent > 0 {
        parts.push(format!(
            "{} resent",
            size::count(done.blocks_resent, "block", "blocks")
        ));
    }
    parts.join(", ")
}

/// What was agreed, and how the network was.
fn details(done: &Summary) -> String {
    let mut parts = vec![
        format!("blksize {}", done.blksize),
        format!("windowsize {}", done.windowsize),
    ];
    if let Some(tsize) = done.tsize {
        parts.push(format!("tsize {tsize}"));
    }
    if done.options_refused {
        parts.push("the server granted no options".to_owned());
    }
    if let Some(round_trip) = done.round_trip {
        parts.push(format!("round trip {}", size::span(round_trip)));
    }
    if done.timeouts > 0 {
        parts.push(size::count(done.timeouts.into(), "timeout", "timeouts"));
    }
    if done.last_ack_missing {
        parts.push("the last block was never confirmed".to_owned());
    }
    parts.join(", ")
}
