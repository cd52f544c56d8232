//! A running server in a terminal.
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

use std::io;
use std::time::Duration;

use bootwire_admin::Client;
use bootwire_admin::api::SortOrder;
use bootwire_admin::client::ClientError;
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::Instant;

use feed::Feed;
use keys::Wish;
use state::State;
use terminal::Terminal;

/// Least time between two pictures.
const PICTURE: Duration = Duration::from_millis(100);

/// Why there is no view of a server, or no more.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TopError {
    /// The server does not answer, or lets nobody in.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// The terminal, or the system, does not do what it takes.
    #[error("{what}: {source}")]
    System {
        /// What cannot be done.
        what: &'static str,
        /// Why.
        source: io::Error,
    },
}

/// How a view ended that nothing was wrong with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// Somebody quit.
    Quit,
    /// The process was told to end, by SIGTERM.
    Terminated,
}

fn system(what: &'static str) -> impl FnOnce(io::Error) -> TopError {
    move |source| TopError::System { what, source }
}

/// The column that is called so on a command line: `round-trip`.
///
/// # Errors
/// If there is none, with the words that there are.
pub fn column(text: &str) -> Result<SortOrder, String> {
    let found = list::COLUMNS.iter().find(|column| column.word() == text);
    found.map(|column| column.order).ok_or_else(|| {
        let words: Vec<_> = list::COLUMNS.iter().map(list::Column::word).collect();
        format!("write {}", words.join(", "))
    })
}

/// Shows a server until somebody quits. Standard input and output have to be a terminal. At first the
/// transfers are sorted by `sort`, and those are shown that have `filter` in path, address, machine or
/// route.
///
/// # Errors
/// If the server cannot be asked, or the terminal cannot be used. The terminal is as it was.
pub async fn run(client: Client, sort: SortOrder, filter: &str) -> Result<End, TopError> {
    // Before the terminal is touched: what is wrong can be read then.
    let status = client.status().await?;
    let history = client.history().await?;
    let mut state = State::new(client.place().to_owned(), status, history);
    state.sort = sort;
    filter.clone_into(&mut state.filter);
    let mut terminate =
        signal(SignalKind::terminate()).map_err(system("cannot wait for signals"))?;
    let mut terminal = Terminal::new().map_err(system("cannot use the terminal"))?;
    let mut feed = Feed::start(client);
    watch(&mut state, &mut terminal, &mut feed, &mut terminate).await
}

/// Until somebody has seen enough.
async fn watch(
    state: &mut State,
    terminal: &mut Terminal,
    feed: &mut Feed,
    terminate: &mut tokio::signal::unix::Signal,
) -> Result<End, TopError> {
    let mut drawn: Option<Instant> = None;
    loop {
        // Keys are answered at once, news when their time has come.
        let due = drawn.map_or_else(Instant::now, |drawn| drawn + PICTURE);
        let mut at_once = false;
        tokio::select! {
            biased;
            _ = terminate.recv() => return Ok(End::Terminated),
            event = terminal.event() => {
                let Some(event) = event else {
                    return Ok(End::Quit);
                };
                at_once = true;
                match keys::pressed(state, &event) {
                    Wish::Quit => return Ok(End::Quit),
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
                .map_err(system("cannot draw"))?;
            state.drawn();
            drawn = Some(Instant::now());
        }
    }
}
