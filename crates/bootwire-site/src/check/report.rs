//! What was looked at, one by one.

use std::fmt::Display;

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Finding {
    /// What it is: `origin images`, `template grub.cfg.j2`.
    pub what: String,
    /// How it is.
    pub level: Level,
    /// What there is to say, and what to do about it.
    pub told: String,
}

/// How something is that was looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// It works.
    Ok,
    /// It works, and is probably not meant so.
    Warning,
    /// It does not work.
    Failure,
}

/// Tells what is found as it is found.
pub(super) struct Report<'a>(&'a mut (dyn FnMut(&Finding) + Send));

impl<'a> Report<'a> {
    pub(super) fn new(tell: &'a mut (dyn FnMut(&Finding) + Send)) -> Self {
        Self(tell)
    }

    pub(super) fn ok(&mut self, what: &str, told: impl Display) {
        self.found(what, Level::Ok, told);
    }

    pub(super) fn warn(&mut self, what: &str, told: impl Display) {
        self.found(what, Level::Warning, told);
    }

    pub(super) fn fail(&mut self, what: &str, why: impl Display) {
        self.found(what, Level::Failure, why);
    }

    fn found(&mut self, what: &str, level: Level, told: impl Display) {
        (self.0)(&Finding {
            what: what.to_owned(),
            level,
            told: told.to_string(),
        });
    }
}
