//! `bootwire boots`: what each machine fetched, and what became of it.

mod source;

use std::io;
use std::time::{Duration, SystemTime};

use anyhow::anyhow;
use bootwire_boots::Boot;
use bootwire_boots::store::{Filter, Page, Store};
use bootwire_watch::boots::{Canvas, Follow, News, ago, line, timeline};
use clap::builder::ValueParser;

use crate::exit::{Exit, Failure};
use crate::running::{AdminArgs, failure};
use crate::{out, size, task};
pub(crate) use source::Source;

#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  bootwire boots                          the last boots, a line each
  bootwire boots --failed --since 1h      what went wrong in the last hour
  bootwire boots 52:54:00:12:34:56        the boots of a machine, step by step
  bootwire boots --follow                 and what happens from now on
  bootwire boots --json | jq .verdict     everything, an object a line

A machine is named as the inventory has it, or by its hardware address, UUID, serial number, host
name or address. Boots are read where the server keeps them ([boots] in its configuration). With
--follow the server tells what happens, if its admin endpoint is in reach; else the database is
asked each second. Times are UTC.

Exit codes:
  0  done
  1  the boots cannot be read
  2  the command line is wrong
  3  nothing is known of this machine")]
pub(crate) struct Args {
    /// The machine; its boots are drawn step by step
    machine: Option<String>,
    /// Only boots that failed
    #[arg(long)]
    failed: bool,
    /// Only boots that began within this time, like 1h or 7d
    #[arg(long, value_name = "TIME", value_parser = ValueParser::new(|text: &str| size::parse_time(text)))]
    since: Option<Duration>,
    /// Most boots to show [default: 20, of a machine 3]
    #[arg(long, short = 'n', value_name = "COUNT", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    limit: Option<u32>,
    /// Go on with what happens from now on
    #[arg(long, short)]
    follow: bool,
    /// An object in JSON for each boot
    #[arg(long)]
    json: bool,
    /// Draw every boot step by step, not only those of a machine
    #[arg(long)]
    steps: bool,
    #[command(flatten)]
    source: Source,
    #[command(flatten)]
    admin: AdminArgs,
}

pub(crate) fn run(args: &Args) -> Result<(), Failure> {
    task::run(async {
        let store = args.source.open().await?;
        let shown = tokio::select! {
            shown = args.show(&store) => shown,
            () = out::reader_has_gone() => Ok(()),
        };
        store.close().await;
        shown
    })?
}

impl Args {
    fn filter(&self) -> Filter {
        let mut filter = Filter::all();
        filter.machine.clone_from(&self.machine);
        filter.failed = self.failed;
        let since = self
            .since
            .and_then(|since| SystemTime::now().checked_sub(since));
        filter.since = since;
        filter
    }

    fn draws(&self) -> bool {
        self.steps || self.machine.is_some()
    }

    async fn show(&self, store: &Store) -> Result<(), Failure> {
        let usual = if self.machine.is_some() { 3 } else { 20 };
        // With a time all of it is meant.
        let usual = if self.since.is_some() { 100_000 } else { usual };
        let limit = self.limit.unwrap_or(usual) as usize;
        let filter = self.filter();
        let mut boots = Vec::new();
        let mut page = Page::first(1000);
        while boots.len() < limit {
            page.limit = u32::try_from((limit - boots.len()).min(1000)).unwrap_or(1000);
            let listed = store
                .list(&filter, &page)
                .await
                .map_err(|error| failed(&error))?;
            boots.extend(listed.items);
            match listed.next {
                Some(next) => page.after = Some(next),
                None => break,
            }
        }
        if let Some(machine) = self.machine.as_ref().filter(|_| boots.is_empty())
            && !self.follow
        {
            return Err(self.nothing_of(store, machine).await);
        }
        if boots.is_empty() && !self.json && !self.follow {
            out::note(self.nothing());
        }
        // The oldest first, as a log has it: the last one is above the prompt.
        boots.reverse();
        if boots.iter().try_for_each(|boot| self.tell(boot)).is_err() {
            // Nobody reads on.
            return Ok(());
        }
        if self.follow {
            return self.follow(store, filter, &boots).await;
        }
        Ok(())
    }

    const fn nothing(&self) -> &'static str {
        match (self.failed, self.since.is_some()) {
            (true, _) => "no boot failed",
            (false, true) => "no machine booted in that time",
            (false, false) => "no machine has booted yet",
        }
    }

    async fn nothing_of(&self, store: &Store, machine: &str) -> Failure {
        match store.machine(machine).await {
            Ok(Some(known)) => {
                let seen = ago(known.last_seen);
                let what = anyhow!("{} has no such boots; it was seen {seen}", known.machine);
                Failure::new(Exit::NotFound, what)
            }
            Ok(None) => Failure::new(
                Exit::NotFound,
                anyhow!(
                    "nothing is known of {machine:?}: no machine with that name, mac, uuid, serial or \
                     address has asked for anything yet"
                ),
            ),
            Err(error) => failed(&error),
        }
    }

    /// Tells what happens from now on, until somebody stops it.
    async fn follow(&self, store: &Store, filter: Filter, shown: &[Boot]) -> Result<(), Failure> {
        let mut follow = Follow::after(shown);
        (follow.failed, follow.each_transfer) = (self.failed, self.json);
        let tell = |news: News<'_>| match news {
            News::Boot(boot) => self.tell(boot),
            News::Note(line) => {
                out::note(line);
                Ok(())
            }
        };
        let ended = task::ending()?;
        let following = async {
            match self.source.server(&self.admin).await {
                Some(server) => follow
                    .hear(&server, store, &filter, tell)
                    .await
                    .map_err(failure),
                None => follow
                    .ask(store, filter, tell)
                    .await
                    .map_err(|error| failed(&error)),
            }
        };
        tokio::select! {
            signal = ended => match signal {
                2 => Ok(()),
                signal => Err(Failure::silent(Exit::Signal(signal))),
            },
            done = following => done,
        }
    }

    /// A boot on the screen.
    fn tell(&self, boot: &Boot) -> io::Result<()> {
        if self.json {
            return out::try_result(&serde_json::to_string(boot)?);
        }
        let canvas = Canvas::of_terminal();
        if self.draws() {
            for line in timeline(boot, &canvas) {
                out::try_result(&line)?;
            }
            return out::try_result("");
        }
        out::try_result(&line(boot, &canvas))
    }
}

fn failed(error: &bootwire_boots::store::StoreError) -> Failure {
    Failure::new(Exit::Failed, anyhow!("cannot read boots: {error}"))
}
