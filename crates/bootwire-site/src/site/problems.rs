//! Gathering what is wrong, so that all of it is told at once.

use std::fmt::Display;

use crate::config::{Config, Problem, Problems};

/// Problems found while a site is opened.
#[derive(Default)]
pub(super) struct Wrong(Vec<Problem>);

impl Wrong {
    /// `what` is wrong with the table called `table`.
    pub(super) fn note(&mut self, config: &Config, table: &str, what: impl Display) {
        self.at(format!("{} [{table}]", config.place_of(table)), what);
    }

    /// `what` is wrong at `place`, a file and line.
    pub(super) fn at(&mut self, place: String, what: impl Display) {
        self.0.push(Problem::new(place, what.to_string()));
    }

    /// The value, or a problem of the table.
    pub(super) fn check<T, E: Display>(
        &mut self,
        config: &Config,
        table: &str,
        result: Result<T, E>,
    ) -> Option<T> {
        result.map_err(|error| self.note(config, table, error)).ok()
    }

    /// Ends here if there are any so far.
    pub(super) fn stop(&mut self) -> Result<(), Problems> {
        if self.0.is_empty() {
            Ok(())
        } else {
            Err(Problems(std::mem::take(&mut self.0)))
        }
    }
}
