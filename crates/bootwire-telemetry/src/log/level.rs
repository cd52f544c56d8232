//! Which transfers get a line.

use bootwire::{Outcome, TransferRecord};

use super::is_search;

/// Which transfers get a line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Level {
    /// What went wrong.
    Quiet,
    /// That, and what was transferred. Not what a boot loader only tries: files that it does
    /// without, and questions for a size.
    #[default]
    Normal,
    /// Each one, however often the same goes wrong.
    All,
}

impl Level {
    /// Whether this transfer gets a line.
    #[must_use]
    pub fn shows(self, record: &TransferRecord) -> bool {
        match (self, record.outcome) {
            (Self::All, _) => true,
            (_, Outcome::Probe) => false,
            (Self::Quiet, Outcome::Complete) => false,
            (_, Outcome::NotFound) => !is_search(record),
            _ => true,
        }
    }

    /// Whether errors of one kind are counted after the first few.
    pub(super) const fn sums_up(self) -> bool {
        !matches!(self, Self::All)
    }
}
