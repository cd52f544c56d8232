//! Whom the service tells what it does.

use std::fmt;
use std::sync::Arc;

type Tell = Arc<dyn Fn(&str) + Send + Sync>;

/// Takes lines for whoever runs the server.
#[derive(Clone)]
pub(crate) struct Notes {
    pub(crate) note: Tell,
    pub(crate) complaint: Tell,
}

impl Default for Notes {
    fn default() -> Self {
        let nobody: Tell = Arc::new(|_| {});
        Self {
            note: Arc::clone(&nobody),
            complaint: nobody,
        }
    }
}

impl fmt::Debug for Notes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Notes").finish_non_exhaustive()
    }
}

impl Notes {
    /// What the server does, and warnings.
    pub(crate) fn note(&self, line: &str) {
        (self.note)(line);
    }

    /// What it cannot do.
    pub(crate) fn complain(&self, line: &str) {
        (self.complaint)(line);
    }

    /// For those who tell something themselves.
    pub(crate) fn taker(&self) -> impl Fn(&str) + Send + Sync + use<> {
        let note = Arc::clone(&self.note);
        move |line: &str| note(line)
    }
}
