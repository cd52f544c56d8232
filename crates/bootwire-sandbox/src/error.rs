//! Why the sandbox cannot be what is wanted.

use std::io;

use thiserror::Error;

/// Why the sandbox cannot be what is wanted. The text says what to do.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum SandboxError {
    /// There is no such user or group, or this process cannot become that user.
    #[error("{0}")]
    User(String),
    /// A path cannot be opened or made.
    #[error("cannot {what}")]
    Path {
        /// What was tried, with the path.
        what: String,
        /// What the system says.
        source: io::Error,
    },
    /// File modes keep the server's user from what it is granted.
    #[error("{0}")]
    Denied(String),
    /// Programs would run as root.
    #[error("{0}")]
    Programs(String),
    /// Everything must be given up, and something cannot.
    #[error("{0}")]
    Incomplete(String),
    /// The process has this many threads, and those keep all their rights.
    #[error("the sandbox comes too late: there are {0} threads already")]
    Threads(usize),
}

impl SandboxError {
    /// For `map_err`: what was tried.
    pub(crate) fn path<E: Into<io::Error>>(what: String) -> impl FnOnce(E) -> Self {
        |source| Self::Path {
            what,
            source: source.into(),
        }
    }
}
