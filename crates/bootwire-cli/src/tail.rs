//! `bootwire tail`: what a server does, as it does it.

use bootwire_admin::api::EventsQuery;
use bootwire_watch::tail::{News, Tail};

use crate::exit::{Exit, Failure};
use crate::running::{AdminArgs, failure};
use crate::{out, task};

#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  bootwire tail
      every transfer that ends, as in the log
  bootwire tail --all
      also what boot loaders only try: size probes, and searches that find nothing
  bootwire tail --failed
      those that went wrong; size probes and searches did not
  bootwire tail --machine web1 --json
      what one machine fetched, as JSON, a line each
  bootwire tail --path '/images/*' --peer 10.0.0.0/24
      what a network fetches of the images

It goes on when the server is restarted, and says how many lines it missed if it was too slow.

Exit codes:
  0  the reader of its output has gone, or --count lines were shown
  2  the command line is wrong
  4  the server does not let you in
  5  there is no server
  130, 143  interrupted (Ctrl-C), terminated")]
pub(crate) struct Args {
    /// Only transfers of this machine
    #[arg(long, value_name = "NAME")]
    machine: Option<String>,
    /// Only those of this address or network
    #[arg(long, value_name = "ADDR|NETWORK")]
    peer: Option<String>,
    /// Only paths like this: * stands for anything, ? for a letter
    #[arg(long, value_name = "PATTERN")]
    path: Option<String>,
    /// Only those that ended so: complete, timeout, not_found …; several with commas
    #[arg(long, value_name = "OUTCOME")]
    outcome: Option<String>,
    /// Only those that failed
    #[arg(long)]
    failed: bool,
    /// Also size probes and searches of boot loaders that find nothing; JSON and --outcome have them
    /// anyway
    #[arg(long, short)]
    all: bool,
    /// Only those that this route answered, by its pattern
    #[arg(long, value_name = "PATTERN")]
    route: Option<String>,
    /// Begin with so many of the last ones
    #[arg(long, short = 'n', value_name = "LINES", default_value_t = 10)]
    last: usize,
    /// End after so many lines
    #[arg(long, value_name = "LINES")]
    count: Option<u64>,
    /// Print JSON: the record with all its fields, a line each
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    admin: AdminArgs,
}

pub(crate) fn run(args: &Args) -> Result<(), Failure> {
    let client = args.admin.client()?;
    task::run(async {
        let ended = task::ending()?;
        let mut tail = Tail::new(client);
        tail.wanted = args.wanted();
        (tail.last, tail.count, tail.json) = (args.last, args.count, args.json);
        let tell = |news: News<'_>| match news {
            News::Line(line) => out::try_result(line),
            News::Note(line) => {
                out::note(line);
                Ok(())
            }
        };
        tokio::select! {
            done = tail.run(tell) => done.map_err(failure),
            () = out::reader_has_gone() => Ok(()),
            signal = ended => Err(Failure::silent(Exit::Signal(signal))),
        }
    })?
}

impl Args {
    fn wanted(&self) -> EventsQuery {
        EventsQuery {
            machine: self.machine.clone(),
            peer: self.peer.clone(),
            path: self.path.clone(),
            outcome: self.outcome.clone(),
            failed: self.failed.then_some(true),
            // As the log: what is written for machines is complete.
            quiet: (!(self.all || self.json || self.outcome.is_some())).then_some(true),
            route: self.route.clone(),
            ..EventsQuery::default()
        }
    }
}
