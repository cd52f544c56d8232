//! What happens from now on.
//!
//! The server tells it, if it can be asked; else the database is looked at each second.

use std::collections::HashMap;
use std::time::{Duration, SystemTime};

use bootwire_admin::Client;
use bootwire_admin::api::{self, BootsQuery, EventsQuery};
use bootwire_admin::client::{ClientError, Event};
use bootwire_boots::Boot;
use bootwire_boots::store::{Filter, Page, Store};

use super::Args;
use crate::exit::Failure;
use crate::out;
use crate::running::failure;

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

/// What of a boot was shown.
type Shown = (bool, Option<String>, u64);

/// Shows boots as they change, until somebody stops it.
pub(super) async fn follow(
    args: &Args,
    store: &Store,
    filter: Filter,
    shown: &[Boot],
) -> Result<(), Failure> {
    let follow = Follow {
        args,
        known: shown
            .iter()
            .map(|boot| (boot.id.clone(), state(boot)))
            .collect(),
    };
    let follow = async {
        match args.source.server(&args.admin).await {
            Some(server) => follow.hear(&server, store, &filter).await,
            None => follow.ask(store, filter).await,
        }
    };
    tokio::select! {
        _ = tokio::signal::ctrl_c() => Ok(()),
        done = follow => done,
    }
}

struct Follow<'a> {
    args: &'a Args,
    /// How boots stood when they were looked at last.
    known: HashMap<String, Shown>,
}

impl Follow<'_> {
    /// Hears of boots from the server. While it has gone, the database is asked now and then.
    async fn hear(
        mut self,
        server: &Client,
        store: &Store,
        filter: &Filter,
    ) -> Result<(), Failure> {
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
            let heard = self.hear_while_it_runs(server, &mut query).await;
            // From anything else it comes back.
            if let Err(error @ ClientError::Problem(_)) = heard {
                return Err(failure(error));
            }
            tokio::time::sleep(AGAIN).await;
        }
    }

    async fn hear_while_it_runs(
        &mut self,
        server: &Client,
        query: &mut EventsQuery,
    ) -> Result<(), ClientError> {
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
            } else {
                self.news(server, &boot).await?;
            }
        }
        loop {
            match events.next().await? {
                None | Some(Event::Bye) => return Ok(()),
                Some(Event::Boot(boot)) => self.news(server, &boot).await?,
                Some(Event::Lag(_)) => out::note("some were missed: more happened than was read"),
                Some(_) => {}
            }
            if let Some(id) = events.last_id() {
                query.last_event_id = Some(id.to_owned());
            }
        }
    }

    /// Shows a boot that the server told of, if there is something new to it.
    async fn news(&mut self, server: &Client, told: &api::Boot) -> Result<(), ClientError> {
        let is_news = self.is_news(&told.id, summary(told));
        let is_wanted = !self.args.failed || told.state == api::BootState::Failed;
        if !(is_news && is_wanted) {
            return Ok(());
        }
        let detail = match server.boot(&told.id).await {
            Ok(found) => found.detail,
            // It became part of another one.
            Err(ClientError::Problem(_)) => return Ok(()),
            Err(error) => return Err(error),
        };
        // Of another version it may be more than is understood here.
        if let Ok(boot) = serde_json::from_value::<Boot>(detail) {
            let _ = self.args.tell(&boot);
        }
        Ok(())
    }

    /// Asks the database.
    async fn ask(mut self, store: &Store, mut filter: Filter) -> Result<(), Failure> {
        let mut failures = 0;
        // What was there before and not shown is no news.
        let mut is_first = true;
        loop {
            tokio::time::sleep(EVERY).await;
            filter.since = SystemTime::now().checked_sub(BACK);
            // Those that are on are shown too: whether they fail is not known yet.
            let listed = match store.list(&filter, &Page::first(1000)).await {
                Ok(listed) => listed.items,
                Err(error) if failures >= PATIENCE => return Err(super::failed(&error)),
                Err(error) => {
                    if failures == 0 {
                        out::note(&format!("cannot read boots at the moment: {error}"));
                    }
                    failures += 1;
                    continue;
                }
            };
            failures = 0;
            for boot in listed.iter().rev() {
                let is_old = is_first && boot.over && !self.known.contains_key(&boot.id);
                let is_news = self.is_news(&boot.id, state(boot));
                if is_news && !is_old {
                    self.args.tell(boot)?;
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
            Some(before) if self.args.json => before != now,
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
