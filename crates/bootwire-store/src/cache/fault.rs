//! Faults that tests plant in the cache, to show that the simulation finds them.

use super::storage::Storage;

/// A fault that is not there unless a test plants it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// Bytes that came and could not be written count as written: zeros on a full disk.
    TailForgotten,
    /// A part is taken whatever version it is of.
    VersionUnchecked,
    /// What an earlier process wrote is believed without its sum.
    SumUnchecked,
    /// A sidecar's first line is believed although the file's name says otherwise.
    HeaderBelieved,
    /// An entry is evicted although somebody holds it.
    HeldEvicted,
    /// Versions of the same size are one entry.
    VersionsMixed,
    /// A file that is kept open is not looked at again.
    NotLookedAt,
    /// Who else writes to a file that fills up is not noticed.
    MeddlingMissed,
    /// An object that went while it was opened is not looked for again.
    OpenedOnce,
    /// Each reader has the object fetched for itself.
    FetchedTwice,
}

/// Whether a test has planted `fault` in the cache that stands on `storage`.
#[cfg(test)]
pub(super) fn is_planted(storage: &dyn Storage, fault: Fault) -> bool {
    storage.planted(fault)
}

/// Never: this is no test.
#[cfg(not(test))]
pub(super) const fn is_planted(_storage: &dyn Storage, _fault: Fault) -> bool {
    false
}
