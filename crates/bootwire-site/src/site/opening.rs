//! Opening a site: what all that is opened is given, and what came of it so far.

use std::fmt::Display;
use std::path::PathBuf;
use std::sync::Arc;

use bootwire_render::Problem as FileProblem;
use bootwire_store::DirEvent;

use crate::config::{Config, Problem, Problems};

/// What a site is opened for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    /// To serve it.
    Serve,
    /// To look at it. The cache is left alone, uploads are not opened; origins are asked, and secrets
    /// read, only to `ask`.
    Look { ask: bool },
}

impl Purpose {
    /// Whether those who are elsewhere may be asked.
    pub(super) fn may_ask(self) -> bool {
        self != Self::Look { ask: false }
    }
}

/// Lines about what happens while a site is open.
#[derive(Clone, Default)]
pub(super) struct Notes(Option<Arc<Tell>>);

/// Hears a line.
type Tell = dyn Fn(&str) + Send + Sync;

impl Notes {
    pub(super) fn new(tell: impl Fn(&str) + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(tell)))
    }

    pub(super) fn tell(&self, line: impl Display) {
        if let Some(tell) = &self.0 {
            tell(&line.to_string());
        }
    }

    /// Tells of what happens to a directory that is served.
    pub(super) fn directory(&self) -> impl Fn(&DirEvent) + Send + Sync + 'static + use<> {
        let notes = self.clone();
        move |event| match event {
            DirEvent::Replaced { .. } | DirEvent::Back { .. } => notes.tell(event),
            _ => notes.tell(format_args!("warning: {event}")),
        }
    }
}

/// A site that is being opened.
pub(super) struct Opening<'a> {
    pub(super) config: &'a Config,
    pub(super) purpose: Purpose,
    pub(super) notes: &'a Notes,
    problems: Vec<Problem>,
}

impl<'a> Opening<'a> {
    pub(super) const fn new(config: &'a Config, purpose: Purpose, notes: &'a Notes) -> Self {
        Self {
            config,
            purpose,
            notes,
            problems: Vec::new(),
        }
    }

    pub(super) fn serves(&self) -> bool {
        self.purpose == Purpose::Serve
    }

    /// Whether files and variables with secrets are read: whoever only looks may not be allowed to,
    /// and needs none of them.
    pub(super) fn reads_secrets(&self) -> bool {
        self.purpose != Purpose::Look { ask: false }
    }

    /// What is told of mistakes in files that are read again; nothing to look at.
    pub(super) fn tell(
        &self,
        what: &'static str,
    ) -> Option<impl Fn(&FileProblem) + Clone + Send + Sync + 'static + use<>> {
        let notes = self.notes.clone();
        let tell = move |problem: &FileProblem| notes.tell(format_args!("{what}: {problem}"));
        self.serves().then_some(tell)
    }

    /// `what` is wrong with the table called `table`.
    pub(super) fn wrong(&mut self, table: &str, what: impl Display) {
        let place = format!("{} [{table}]", self.config.place_of(table));
        self.wrong_at(place, what);
    }

    /// `what` is wrong at `place`, a file and line.
    pub(super) fn wrong_at(&mut self, place: String, what: impl Display) {
        self.problems.push(Problem::new(place, what.to_string()));
    }

    /// Ends here if a sandbox is in the way of what is to be served; see
    /// [`super::SiteBuilder::executable`].
    pub(super) fn expect_within_reach(
        &mut self,
        executable: Option<&[PathBuf]>,
    ) -> Result<(), Problems> {
        if self.serves() {
            let config = self.config;
            let problems = tokio::task::block_in_place(|| config.out_of_reach(executable));
            self.problems.extend(problems);
        }
        self.stop()
    }

    /// The value, or a problem of the table.
    pub(super) fn check<T, E: Display>(&mut self, table: &str, result: Result<T, E>) -> Option<T> {
        result.map_err(|error| self.wrong(table, error)).ok()
    }

    /// Ends here if there are problems so far.
    pub(super) fn stop(&mut self) -> Result<(), Problems> {
        if self.problems.is_empty() {
            Ok(())
        } else {
            Err(Problems(std::mem::take(&mut self.problems)))
        }
    }
}
