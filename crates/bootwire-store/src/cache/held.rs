//! Entries that stay while somebody is about to open them.

use std::ops::Deref;
use std::sync::Arc;

use super::entry::Entry;

/// An entry that is not evicted while this is there. Made under the lock of the index, where
/// entries are evicted: what was found can be opened.
pub(crate) struct Held(Arc<Entry>);

impl Held {
    pub(super) fn new(entry: &Arc<Entry>) -> Self {
        entry.hold();
        Self(Arc::clone(entry))
    }
}

impl Clone for Held {
    fn clone(&self) -> Self {
        Self::new(&self.0)
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.0.let_go();
    }
}

impl Deref for Held {
    type Target = Arc<Entry>;

    fn deref(&self) -> &Arc<Entry> {
        &self.0
    }
}

impl std::fmt::Debug for Held {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}
