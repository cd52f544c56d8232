//! What was looked at, a line each.

use std::fmt::Display;

use anyhow::anyhow;

use bootwire_netcheck::Found;
use bootwire_site::{Finding, Level};

use crate::config::Problems;
use crate::exit::Failure;
use crate::out::{self, Colour};
use crate::size;

/// Prints lines as they come, and counts what failed.
#[derive(Debug, Default)]
pub(super) struct Report {
    looked: u64,
    failed: u64,
}

impl Report {
    pub(super) fn ok(&mut self, what: &str, told: impl Display) {
        self.line(("ok", Colour::Green), what, told);
    }

    pub(super) fn warn(&mut self, what: &str, told: impl Display) {
        self.line(("warning", Colour::Yellow), what, told);
    }

    pub(super) fn fail(&mut self, what: &str, why: impl Display) {
        self.failed += 1;
        self.line(("FAIL", Colour::Red), what, why);
    }

    /// What the site's own look found.
    pub(super) fn finding(&mut self, finding: &Finding) {
        self.tell(finding.level, &finding.what, &finding.told);
    }

    /// What the way to a server has shown.
    pub(super) fn found(&mut self, what: &str, found: &Found) {
        let level = match found {
            found if found.is_failure() => Level::Failure,
            found if found.is_warning() => Level::Warning,
            _ => Level::Ok,
        };
        self.tell(level, what, found);
    }

    pub(super) fn tell(&mut self, level: Level, what: &str, told: impl Display) {
        match level {
            Level::Ok => self.ok(what, told),
            Level::Warning => self.warn(what, told),
            Level::Failure => self.fail(what, told),
        }
    }

    pub(super) fn problems(&mut self, what: &str, problems: &Problems) {
        for problem in &problems.0 {
            self.fail(what, problem);
        }
    }

    fn line(&mut self, (verdict, colour): (&str, Colour), what: &str, told: impl Display) {
        self.looked += 1;
        let verdict = out::coloured(&format!("{verdict:<8}"), colour);
        out::result(&format!("{verdict}{what}: {told}"));
    }

    /// The end of the command.
    pub(super) fn finish(self) -> Result<(), Failure> {
        match self.failed {
            0 => Ok(()),
            count => {
                let looked = size::count(self.looked, "check", "checks");
                Err(anyhow!("{count} of {looked} failed").into())
            }
        }
    }
}
