//! Why a demo does not start, or failed.

use std::io;

/// Why a demo does not start, or failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DemoError {
    /// The directory that shall stay has something in it.
    #[error("{0} is not empty: name a new directory, or an empty one, for --keep")]
    NotEmpty(String),
    /// The server does not start, or ended by itself.
    #[error("{0}")]
    Server(String),
    /// The system does not give what it needs.
    #[error("{what}: {source}")]
    System {
        /// What cannot be done.
        what: String,
        /// Why.
        source: io::Error,
    },
}

impl DemoError {
    /// What the system refuses.
    pub(crate) fn system(what: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        let what = what.into();
        move |source| Self::System { what, source }
    }
}
