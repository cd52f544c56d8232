//! What happens from now on.
//!
//! The server tells it, if it can be asked; else the database is looked at each second.

use std::collections::HashMap;
use std::io;
use std::time::{Duration, SystemTime};

use bootwire_admin::Client;
use bootwire_admin::api::{self, BootsQuery, EventsQuery};
use bootwire_admin::client::{ClientError, Event};
use bootwire_boots::Boot;
use bootwire_boots::store::{Filter, Page, Store, StoreError};

/// How often the database is asked.
const EVERY: Duration = Duration::from_secs(1);
/// How far back boots may still change.
const BACK: Duration = Duration::from_secs(3600);
/// How often it may fail in a row.
const PATIENCE: u32 = 30;
/// How long after the server has gone it is looked for again.
const AGAIN: Duration = Duration::from_secs(1);
/// Boots whose state is remembered.
const REMEMBERED: usize = 100_000;

/// Told where more happened than was read.
const MISSED: &str = "some were missed: more happened than was read";

/// Why there are no more news.
enum Over {
    /// The server has gone.
    Gone,
    /// Nobody reads them.
    Unread,
}

/// What of a boot was shown.
type Shown = (bool, Option<String>, u64);

/// What there is to tell.
#[derive(Clone, Copy, Debug)]
pub enum News<'a> {
    /// A boot that began, became another, or is over.
    Boot(&'a Boot),
    /// About the boots: that some were missed, that the database cannot be read at the moment.
    Note(&'a str),
}

/// Follows boots: tells those that have news.
#[derive(Debug, Default)]
pub struct Follow {
    /// Whether only those are told that failed. Asking the database, the filter says it.
    pub failed: bool,
    /// Whether each transfer of a boot is news, or only its beginning, its verdict and its end.
    pub each_transfer: bool,
    /// How boots stood when they were looked at last.
    known: HashMap<String, Shown>,
}

impl Follow {
    /// Follows what happens after these boots, which were shown already.
    #[must_use]
    pub fn after(shown: &[Boot]) -> Self {
        let known = shown.iter().map(|boot| (boot.id.clone(), state(boot)));
        Self {
            known: known.collect(),
            ..Self::default()
        }
    }

    /// Hears of boots from the server. While it has gone, the database is asked now and then.
    ///
    /// # Errors
    /// If the server does not let anybody in, or does not understand the question.
    pub async fn hear(
        mut self,
        server: &Client,
        store: &Store,
        filter: &Filter,
        mut tell: impl FnMut(News<'_>) -> io::Result<()>,
    ) -> Result<(), ClientError> {
        // The machine by its name: events have no other.
        let machine = match &filter.machine {
            Some(word) => {
                let known = store.machine(word).await.ok().flatten();
                Some(known.map_or_else(|| word.clone(), |machine| machine.machine))
            }
            None => None,
        };
        let mut query = EventsQuery {
            topics: Some("boots".to_owned()),
            machine,
            ..EventsQuery::default()
        };
        loop {
            match self.hear_while_it_runs(server, &mut query, &mut tell).await {
                Ok(Over::Unread) => return Ok(()),
                Err(error @ ClientError::Problem(_)) => return Err(error),
                // From anything else it comes back.
                Ok(Over::Gone) | Err(_) => {}
            }
            tokio::time::sleep(AGAIN).await;
        }
    }

    async fn hear_while_it_runs(
        &mut self,
        server: &Client,
        query: &mut EventsQuery,
        tell: &mut impl FnMut(News<'_>) -> io::Result<()>,
    ) -> Result<Over, ClientError> {
        let mut events = server.events(query).await?;
        // What happened before it followed, or while it did not.
        let missed = BootsQuery {
            machine: query.machine.clone(),
            since: Some(humantime::format_rfc3339_seconds(SystemTime::now() - BACK).to_string()),
            limit: Some(1000),
            ..BootsQuery::default()
        };
        let is_first = query.last_event_id.is_none();
        for boot in server.boots(&missed).await?.boots.into_iter().rev() {
            let is_old = is_first && boot.state != api::BootState::Running;
            let before = self.known.get(&boot.id).cloned();
            if is_old && before.is_none() {
                self.known.insert(boot.id.clone(), summary(&boot));
            } else if self.is_unread(server, &boot, tell).await? {
                return Ok(Over::Unread);
            }
        }
        loop {
            let is_unread = match events.next().await? {
                None | Some(Event::Bye) => return Ok(Over::Gone),
                Some(Event::Boot(boot)) => self.is_unread(server, &boot, tell).await?,
                Some(Event::Lag(_)) => tell(News::Note(MISSED)).is_err(),
                Some(_) => false,
            };
            if is_unread {
                return Ok(Over::Unread);
            }
            if let Some(id) = events.last_id() {
                query.last_event_id = Some(id.to_owned());
            }
        }
    }

    /// Shows a boot that the server told of, if there is something new to it.
    async fn is_unread(
        &mut self,
        server: &Client,
        told: &api::Boot,
        tell: &mut impl FnMut(News<'_>) -> io::Result<()>,
    ) -> Result<bool, ClientError> {
        let is_news = self.is_news(&told.id, summary(told));
        let is_wanted = !self.failed || told.state == api::BootState::Failed;
        if !(is_news && is_wanted) {
            return Ok(false);
        }
        let detail = match server.boot(&told.id).await {
            Ok(found) => found.detail,
            // It became part of another one.
            Err(ClientError::Problem(_)) => return Ok(false),
            Err(error) => return Err(error),
        };
        // Of another version it may be more than is understood here.
        let boot = serde_json::from_value::<Boot>(detail);
        Ok(boot.is_ok_and(|boot| tell(News::Boot(&boot)).is_err()))
    }

    /// Asks the database.
    pub async fn ask(
        mut self,
        store: &Store,
        mut filter: Filter,
        mut tell: impl FnMut(News<'_>) -> io::Result<()>,
    ) -> Result<(), StoreError> {
        let mut failures = 0;
        // What was there before and not shown is no news.
        let mut is_first = true;
        loop {
            tokio::time::sleep(EVERY).await;
            filter.since = SystemTime::now().checked_sub(BACK);
            // Those that are on are shown too: whether they fail is not known yet.
            let listed = match store.list(&filter, &Page::first(1000)).await {
                Ok(listed) => listed.items,
                Err(error) if failures >= PATIENCE => return Err(error),
                Err(error) => {
                    if failures == 0 {
                        let told = format!("cannot read boots at the moment: {error}");
                        if tell(News::Note(&told)).is_err() {
                            return Ok(());
                        }
                    }
                    failures += 1;
                    continue;
                }
            };
            failures = 0;
            for boot in listed.iter().rev() {
                let is_old = is_first && boot.over && !self.known.contains_key(&boot.id);
                let is_news = self.is_news(&boot.id, state(boot));
                if is_news && !is_old && tell(News::Boot(boot)).is_err() {
                    return Ok(());
                }
            }
            is_first = false;
        }
    }

    /// Whether there is something to show. Progress is for machines that read; people want beginnings
    /// and ends.
    fn is_news(&mut self, id: &str, now: Shown) -> bool {
        if self.known.len() > REMEMBERED {
            self.known.clear();
        }
        let before = self.known.insert(id.to_owned(), now.clone());
        match before {
            None => true,
            Some(before) if self.each_transfer => before != now,
            Some(before) => (before.0, before.1) != (now.0, now.1),
        }
    }
}

fn state(boot: &Boot) -> Shown {
    let kind = boot.verdict.as_ref();
    let kind = kind.map(|verdict| verdict.kind.to_string());
    (boot.over, kind, boot.transfers)
}

fn summary(boot: &api::Boot) -> Shown {
    let kind = boot.verdict.as_ref().map(|verdict| verdict.kind.clone());
    let is_over = boot.state != api::BootState::Running;
    (is_over, kind, boot.transfers)
}
