//! A configuration that changes while it is served.

use std::sync::Arc;

use bootwire::{BoxFuture, ServerHandle};

use super::opening::Opening;
use super::{Open, Site};
use crate::config::{Config, Problem, Problems, model};

/// What a running server cannot change.
pub(super) struct Fixed {
    /// Keys, and their values as they are written.
    keys: Vec<(String, Option<String>)>,
    otlp: model::Otlp,
    webhook: Vec<model::Webhook>,
}

impl Fixed {
    pub(super) fn of(config: &Config) -> Self {
        let webhooks = config.document.webhook.iter();
        Self {
            keys: config.fixed(),
            otlp: config.document.otlp.clone(),
            // Where they stand does not matter.
            webhook: webhooks.map(|webhook| webhook.value.clone()).collect(),
        }
    }
}

impl Site {
    /// Waits until the files of the configuration have changed, and are still.
    pub async fn changed(&mut self) {
        self.watch.changed().await;
    }

    /// Waits until nobody writes to the files any more, to read them because somebody says so.
    pub async fn still(&mut self) {
        self.watch.still().await;
    }

    /// Reads the configuration again, as it was read before, and opens what it says. What has not
    /// changed stays open: the cache, databases, answers of inventories. Gives lines for the log: what
    /// is served now that was not, warnings, problems, settings that wait for a restart.
    ///
    /// [`Site::app`] is another application then: hand it to [`ServerHandle::serve`].
    ///
    /// # Errors
    /// All problems at once. Nothing has changed then.
    pub async fn reload(&mut self) -> Result<Vec<String>, Problems> {
        self.reload_if(|_| Ok(())).await
    }

    /// The same if the program accepts the new configuration, before anything is opened.
    ///
    /// # Errors
    /// All problems at once, those of `accept` too. Nothing has changed then.
    pub async fn reload_if(
        &mut self,
        accept: impl FnOnce(&Config) -> Result<(), Problems>,
    ) -> Result<Vec<String>, Problems> {
        let config = self.read_again().await?;
        accept(&config)?;
        self.take_over(config).await
    }

    /// Opens another configuration, which is the one in force from then on.
    fn take_over(&mut self, config: Config) -> BoxFuture<'_, Result<Vec<String>, Problems>> {
        Box::pin(self.replace(config))
    }

    async fn replace(&mut self, config: Config) -> Result<Vec<String>, Problems> {
        let mut opening = Opening::new(&config, self.purpose, &self.notes);
        opening.expect_within_reach(self.executable.as_deref())?;
        let (open, resources) = Open::new(opening, &self.resources, &self.compose).await?;
        // Of a hundred routes those count that are not as they were.
        let before = self.describe();
        let mut lines = open.describe(&config);
        lines.retain(|line| !before.contains(line));
        let warnings = config.warnings.iter();
        lines.extend(warnings.map(|warning| format!("warning: {warning}")));
        let problems = open.problems();
        lines.extend(problems.iter().map(|problem| format!("problem: {problem}")));
        let waiting = self.waiting(&config);
        if !waiting.is_empty() {
            let keys = waiting.join(", ");
            lines.push(format!(
                "warning: {keys} changed: restart the server to apply"
            ));
        }
        self.watch.follow(&config);
        self.config = Arc::new(config);
        self.open = Arc::new(open);
        self.resources = resources;
        Ok(lines)
    }

    /// Reloads whenever the files change, and has `server` serve what they say; if they have mistakes
    /// everything stays as it is, and [notes](super::SiteBuilder::notes) tell why. Never ends.
    pub async fn follow(&mut self, server: &ServerHandle) -> std::convert::Infallible {
        loop {
            self.changed().await;
            match self.reload().await {
                Ok(lines) => {
                    server.serve(self.app());
                    self.prefetch();
                    let (location, summary) = (&self.config.location, self.summary());
                    self.notes
                        .tell(format_args!("reloaded {location}: {summary}"));
                    lines.iter().for_each(|line| self.notes.tell(line));
                }
                Err(problems) => {
                    problems
                        .0
                        .iter()
                        .for_each(|problem| self.notes.tell(problem));
                    self.notes.tell(format_args!(
                        "{} not reloaded: the server keeps the configuration it had",
                        self.config.location
                    ));
                }
            }
        }
    }

    /// The keys that a running server cannot change and that are not as they were at first.
    fn waiting(&self, new: &Config) -> Vec<String> {
        let new = Fixed::of(new);
        let both = self.fixed.keys.iter().zip(new.keys);
        let changed = both.filter(|(old, new)| *old != new);
        let keys = changed.map(|(_, (key, _))| key);
        let tables = [
            ("otlp", self.fixed.otlp != new.otlp),
            ("webhook", self.fixed.webhook != new.webhook),
        ];
        let tables = tables.into_iter().filter(|(_, changed)| *changed);
        keys.chain(tables.map(|(table, _)| table.to_owned()))
            .collect()
    }

    async fn read_again(&self) -> Result<Config, Problems> {
        let layers = self.config.layers.clone();
        // The file may be on a network that does not answer.
        let loaded = tokio::task::spawn_blocking(move || layers.read()).await;
        let new = match loaded {
            Ok(loaded) => loaded?,
            Err(lost) => {
                let place = self.config.location.to_string();
                return Err(Problem::new(place, lost.to_string()).into());
            }
        };
        let emptied = new.emptied_since(&self.config).map(|file| {
            let what = "the file is empty, and was not before: if that is meant, remove it or write \
                        a comment into it";
            Problem::new(new.location.show(file), what)
        });
        let emptied: Vec<_> = emptied.collect();
        if !emptied.is_empty() {
            return Err(Problems(emptied));
        }
        if self.config.routes.is_empty() {
            Ok(new)
        } else {
            new.with_routes()
        }
    }
}
