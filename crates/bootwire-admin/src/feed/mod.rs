//! What happens, kept for those who ask and those who follow.
//!
//! | part | holds |
//! |---|---|
//! | [`news`] | the last records and changes of boots, numbered: who follows has a number, not a queue |
//! | [`live`] | the transfers that run, looked at when somebody wants them, and what changed each second |
//! | [`history`] | the last minutes, second by second |
//! | [`filter`] | which records somebody wants |
//!
//! Nothing here grows with the number of followers: whoever is too slow finds that his number has
//! gone, and is told how much he missed.

pub(crate) mod filter;
pub(crate) mod history;
pub(crate) mod live;
pub(crate) mod news;

use std::sync::{Arc, Mutex, PoisonError};

use bootwire::ServerStats;
use tokio::sync::Notify;

use crate::api;
use crate::sources::Live;
use history::History;
use live::{Looks, Ticks};
use news::News;

/// All of it.
pub(crate) struct Feed {
    /// This run of the server.
    pub(crate) instance: String,
    pub(crate) news: Mutex<News>,
    pub(crate) looks: Looks,
    pub(crate) ticks: Mutex<Ticks>,
    pub(crate) history: Mutex<History>,
    stats: Mutex<Option<(u64, Arc<str>)>>,
    /// Something of the above changed.
    pub(crate) changed: Notify,
}

impl Feed {
    pub(crate) fn new(instance: String) -> Self {
        Self {
            instance,
            news: Mutex::default(),
            looks: Looks::default(),
            ticks: Mutex::default(),
            history: Mutex::default(),
            stats: Mutex::default(),
            changed: Notify::new(),
        }
    }

    /// Adds to the news.
    pub(crate) fn tell(&self, news: impl IntoIterator<Item = news::Item>) {
        let mut kept = lock(&self.news);
        news.into_iter().for_each(|item| kept.add(item));
        drop(kept);
        self.changed.notify_waiters();
    }

    /// A second has passed.
    pub(crate) async fn tick(&self, live: &dyn Live, exporters: Vec<api::ExporterDrops>) {
        let stats = live.stats();
        let lost = exporters.iter().map(|one| one.dropped + one.failed).sum();
        let sample = lock(&self.history).add(&stats, lost);
        let event = api::StatsEvent {
            sample,
            counts: counts(&stats),
            load: live.load(),
            exporters,
        };
        let text = event_text("stats", None, &event);
        self.keep_stats(text);
        let is_followed = lock(&self.ticks).is_followed();
        if is_followed {
            let looked = self.looks.look(live).await;
            lock(&self.ticks).add(&looked);
        }
        self.changed.notify_waiters();
    }

    fn keep_stats(&self, text: Arc<str>) {
        let mut latest = lock(&self.stats);
        let number = latest.as_ref().map_or(1, |(number, _)| number + 1);
        *latest = Some((number, text));
    }

    /// The latest statistics as an event, if they are newer than number `seen`.
    pub(crate) fn stats_since(&self, seen: u64) -> Option<(u64, Arc<str>)> {
        let latest = lock(&self.stats);
        latest
            .as_ref()
            .filter(|(number, _)| *number > seen)
            .cloned()
    }
}

/// Counts by name.
pub(crate) fn counts(stats: &ServerStats) -> api::Counts {
    stats
        .iter()
        .map(|(name, count)| (name.to_owned(), count))
        .collect()
}

/// An event as it goes out. JSON has no line ends in it.
pub(crate) fn event_text(name: &str, id: Option<&str>, data: &impl serde::Serialize) -> Arc<str> {
    // Numbers, texts and lists: nothing of it can fail to be written.
    let data = serde_json::to_string(data).unwrap_or_default();
    match id {
        Some(id) => format!("event: {name}\nid: {id}\ndata: {data}\n\n").into(),
        None => format!("event: {name}\ndata: {data}\n\n").into(),
    }
}

/// What is behind a lock is whole at every step, so a panic elsewhere cannot have spoilt it.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
