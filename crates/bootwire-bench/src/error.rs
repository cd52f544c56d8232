//! Why a run could not begin, or go on.

use std::io;
use std::path::PathBuf;

use bootwire::client::{ClientError, Target};
use bootwire::escape;
use thiserror::Error;

/// Why there is no [`Report`](crate::Report). Transfers that fail are part of one.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum BenchError {
    /// Neither no local copy is named nor one for each file.
    #[error("{copies} --expect for {files} files: give one for each, in the same order")]
    Copies {
        /// How many copies are named.
        copies: usize,
        /// How many files are asked for.
        files: usize,
    },
    /// A local copy cannot be read.
    #[error("cannot read {}", path.display())]
    Copy {
        /// The copy.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// A file cannot be asked for, or not measured.
    #[error("{target}: {why}")]
    Target {
        /// The file.
        target: Target,
        /// What is wrong with it.
        why: &'static str,
    },
    /// A host has no address.
    #[error("cannot find the host {}", escape::word(host.as_bytes()))]
    Host {
        /// The host.
        host: String,
        /// What the resolver says.
        source: io::Error,
    },
    /// There is no copy to compare with.
    #[error("cannot fetch a copy of {target} to compare with")]
    Fetch {
        /// The file.
        target: Target,
        /// What the client says.
        source: ClientError,
    },
    /// The system lets this process open too few files.
    #[error(
        "{clients} clients need {needed} open files, and this process may have {may}: raise the \
         limit (as root: prlimit --pid $$ --nofile={needed}, or LimitNOFILE= of the service), or \
         use fewer --clients"
    )]
    Descriptors {
        /// Clients wanted.
        clients: u32,
        /// Files they need.
        needed: u64,
        /// Files that may be open.
        may: u64,
    },
    /// The system refuses something else.
    #[error("cannot {what}")]
    System {
        /// What was tried.
        what: String,
        /// What the system says.
        source: io::Error,
    },
    /// A thread ended without a result.
    #[error("a thread ended early")]
    ThreadEnded,
}

impl BenchError {
    pub(crate) fn system(what: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        let what = what.into();
        |source| Self::System { what, source }
    }
}
