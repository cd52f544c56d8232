//! Why a server does not start, or ended.

use std::error::Error;
use std::io;

use bootwire::ServerError;
use bootwire_sandbox::SandboxError;
use bootwire_site::{Config, Problems};
use bootwire_telemetry::deliver::EndpointError;

/// Why a server does not start, or ended.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServiceError {
    /// Something that the configuration names cannot be opened.
    #[error(transparent)]
    Config(#[from] Problems),
    /// A setting cannot be done on this host.
    #[error("{place}: {source}")]
    Setting {
        /// Where it is written.
        place: String,
        /// Why, and what to do.
        source: Box<dyn Error + Send + Sync>,
    },
    /// It cannot listen.
    #[error("{0}")]
    Listen(String),
    /// The sandbox cannot be closed as it is asked for.
    #[error(transparent)]
    Sandbox(#[from] SandboxError),
    /// The engine does not start, or one of its threads died.
    #[error(transparent)]
    Server(#[from] ServerError),
    /// An exporter that cannot be told anything.
    #[error(transparent)]
    Exporter(#[from] EndpointError),
    /// Something of it panicked, which is a bug. What it printed says where.
    #[error("a panic, told above")]
    Panic,
    /// The system does not give what every server needs.
    #[error("{what}: {source}")]
    System {
        /// What cannot be done.
        what: &'static str,
        /// Why.
        source: io::Error,
    },
}

impl ServiceError {
    /// What is wrong with a key of the configuration.
    pub(crate) fn setting(
        config: &Config,
        key: &str,
        why: impl Into<Box<dyn Error + Send + Sync>>,
    ) -> Self {
        Self::Setting {
            place: config.place_of(key),
            source: why.into(),
        }
    }

    /// What the system refuses.
    pub(crate) fn system(what: &'static str) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::System { what, source }
    }

    /// Why it cannot listen, and what to do.
    pub(crate) fn listen(error: ServerError) -> Self {
        match error {
            ServerError::Bind { address, source } => {
                Self::Listen(bootwire_netcheck::cannot_listen(address, &source))
            }
            other => Self::Server(other),
        }
    }
}
