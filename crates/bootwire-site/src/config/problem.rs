//! What is wrong with a configuration.

use std::fmt;

use super::source::{Place, Sources};

/// Problems listed at once; the rest is a number.
const PROBLEMS_MAX: usize = 100;

/// Something wrong, and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Where: `FILE:LINE`, a flag, or what it is about; empty if that says itself.
    pub place: String,
    /// What, without secrets.
    pub what: String,
}

impl Problem {
    /// What is wrong, and where.
    pub fn new(place: impl Into<String>, what: impl Into<String>) -> Self {
        Self {
            place: place.into(),
            what: what.into(),
        }
    }
}

impl Problem {
    /// Whether it is in a flag of the command line.
    #[must_use]
    pub fn is_in_a_flag(&self) -> bool {
        self.place.starts_with("--")
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.place.as_str() {
            "" => f.write_str(&self.what),
            place => write!(f, "{place}: {}", self.what),
        }
    }
}

/// Everything that is wrong, one a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problems(pub Vec<Problem>);

impl Problems {
    /// Those found, in the order of files and lines; `None` if there are none.
    pub(super) fn of(mut found: Vec<Complaint>, sources: &Sources) -> Option<Self> {
        found.sort_by_key(|found| found.place);
        found.dedup();
        let more = found.len().saturating_sub(PROBLEMS_MAX);
        let shown = found.into_iter().take(PROBLEMS_MAX);
        let mut problems: Vec<_> = shown.map(|found| found.shown(sources)).collect();
        if more > 0 {
            problems.push(Problem::new("and", format!("{more} problems more")));
        }
        (!problems.is_empty()).then_some(Self(problems))
    }
}

impl From<Problem> for Problems {
    fn from(problem: Problem) -> Self {
        Self(vec![problem])
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            problem.fmt(f)?;
        }
        Ok(())
    }
}

impl std::error::Error for Problems {}

/// A problem whose place is not yet in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Complaint {
    pub(super) place: Place,
    pub(super) what: String,
}

impl Complaint {
    pub(super) fn new(place: Place, what: impl Into<String>) -> Self {
        Self {
            place,
            what: what.into(),
        }
    }

    pub(super) fn shown(self, sources: &Sources) -> Problem {
        Problem::new(sources.show(self.place.source, self.place.start), self.what)
    }
}
