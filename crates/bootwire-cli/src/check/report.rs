//! What was looked at, a line each.

use std::fmt::Display;

use anyhow::anyhow;

use crate::config::Problems;
use crate::exit::Failure;
use crate::{out, size};

/// Prints lines as they come, and counts what failed.
#[derive(Debug, Default)]
pub(super) struct Report {
    failed: u64,
}

impl Report {
    pub(super) fn ok(&mut self, what: &str, told: impl Display) {
        Self::line("ok", what, told);
    }

    pub(super) fn warn(&mut self, what: &str, told: impl Display) {
        Self::line("warning", what, told);
    }

    pub(super) fn fail(&mut self, what: &str, why: impl Display) {
        self.failed += 1;
        Self::line("FAIL", what, why);
    }

    pub(super) fn problems(&mut self, what: &str, problems: &Problems) {
        for problem in &problems.0 {
            self.fail(what, problem);
        }
    }

    fn line(verdict: &str, what: &str, told: impl Display) {
        out::result(&format!("{verdict:<8}{what}: {told}"));
    }

    /// The end of the command.
    pub(super) fn finish(self) -> Result<(), Failure> {
        match self.failed {
            0 => Ok(()),
            count => {
                let problems = size::count(count, "problem", "problems");
                Err(anyhow!("{problems} found").into())
            }
        }
    }
}
