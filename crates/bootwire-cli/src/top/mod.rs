//! `bootwire top`: a running server in a terminal.
//!
//! | part | does |
//! |---|---|
//! | `state` | what is known, and what is to be seen of it |
//! | `keys` | what keys do to it |
//! | `view`, `list`, `machine` | draw it: the frame, the transfers, one machine |
//! | `text` | how texts and amounts are written |
//! | `terminal` | the terminal, which is as it was in the end |
//! | `feed` | what comes from the server |

mod feed;
mod keys;
mod list;
mod machine;
mod state;
mod terminal;
#[cfg(test)]
mod tests;
mod text;
mod view;

use std::io::IsTerminal;
use std::time::Duration;

use anyhow::{Context, anyhow};
use bootwire_admin::api::SortOrder;
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::Instant;

use crate::exit::{Exit, Failure};
use crate::running::{AdminArgs, failure};
use crate::task;
use feed::Feed;
use keys::Wish;
use state::State;
use terminal::Terminal;

/// Least time between two pictures.
const PICTURE: Duration = Duration::from_millis(100);

#[derive(Debug, clap::Args)]
#[command(after_help = "Keys:
  ← →           sort by another column; r turns the order round
  ↑ ↓ PgUp PgDn choose a transfer
  Enter         its machine: boots, verdict, timeline; Esc goes back
  /             filter as you type, by path, address, machine or route; Esc ends it
  ?             all keys
  q, Ctrl-C     quit

Exit codes:
  0  you quit
  2  the command line is wrong, or there is no terminal
  4  the server does not let you in
  5  there is no server
  143  terminated")]
pub(crate) struct Args {
    /// Sort by this column: started, peer, machine, path, progress, size, rate, resent, idle, round-trip
    #[arg(long, value_name = "COLUMN", default_value = "started", value_parser = column)]
    sort: SortOrder,
    /// Only transfers with this text in path, address, machine or route
    #[arg(long, value_name = "TEXT", default_value = "")]
    filter: String,
    #[command(flatten)]
    admin: AdminArgs,
}

fn column(text: &str) -> Result<SortOrder, String> {
    let found = list::COLUMNS.iter().find(|column| column.word() == text);
    found.map(|column| column.order).ok_or_else(|| {
        let words: Vec<_> = list::COLUMNS.iter().map(list::Column::word).collect();
        format!("write {}", words.join(", "))
    })
}

pub(crate) fn run(args: &Args) -> Result<(), Failure> {
    if !std::io::stdout().is_terminal() || !std::io::stdin().is_terminal() {
        let error = anyhow!("this is no terminal: `bootwire tail` prints lines");
        return Err(Failure::new(Exit::Usage, error));
    }
    let client = args.admin.client()?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("cannot start")?;
    let done = runtime.block_on(task::boxed(async {
        // Before the terminal is touched: what is wrong can be read then.
        let status = client.status().await.map_err(failure)?;
        let history = client.history().await.map_err(failure)?;
        let mut state = State::new(client.place().to_owned(), status, history);
        state.sort = args.sort;
        state.filter.clone_from(&args.filter);
        let mut terminate = signal(SignalKind::terminate()).context("cannot wait for signals")?;
        let mut terminal = Terminal::new().context("cannot use the terminal")?;
        let mut feed = Feed::start(client);
        watch(&mut state, &mut terminal, &mut feed, &mut terminate).await
    }));
    // Requests that are under way are of no use any more.
    runtime.shutdown_background();
    done
}

/// Until somebody has seen enough.
async fn watch(
    state: &mut State,
    terminal: &mut Terminal,
    feed: &mut Feed,
    terminate: &mut tokio::signal::unix::Signal,
) -> Result<(), Failure> {
    let mut drawn: Option<Instant> = None;
    loop {
        // Keys are answered at once, news when their time has come.
        let due = drawn.map_or_else(Instant::now, |drawn| drawn + PICTURE);
        let mut at_once = false;
        tokio::select! {
            biased;
            _ = terminate.recv() => return Err(Failure::silent(Exit::Signal(15))),
            event = terminal.event() => {
                let Some(event) = event else {
                    return Ok(());
                };
                at_once = true;
                match keys::pressed(state, &event) {
                    Wish::Quit => return Ok(()),
                    Wish::Machine(name) => feed.ask(name),
                    Wish::Nothing => {}
                }
            }
            news = feed.next() => {
                state.hear(news);
                // The rest of what is there already.
                while let Some(news) = feed.at_hand() {
                    state.hear(news);
                }
            }
            () = tokio::time::sleep_until(due), if state.is_changed() => at_once = true,
        }
        if at_once || Instant::now() >= due {
            terminal
                .draw(|frame| view::draw(state, frame))
                .context("cannot draw")?;
            state.drawn();
            drawn = Some(Instant::now());
        }
    }
}
