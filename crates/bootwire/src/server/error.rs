//! Why a server does not start.

use std::net::{IpAddr, SocketAddr};

/// Why a server could not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServerError {
    /// A listen address could not be read.
    #[error("{address:?} is not a listen address: write {}", listen_like(address))]
    Address {
        /// What was given.
        address: String,
    },
    /// No listen address and no socket was given, or no application.
    #[error("nothing to serve: {0}")]
    Incomplete(&'static str),
    /// The kernel refused a socket.
    #[error("cannot listen on {address}: {source}")]
    Bind {
        /// The address.
        address: SocketAddr,
        /// Why.
        source: std::io::Error,
    },
    /// Settings contradict each other.
    #[error("{0}")]
    Settings(String),
    /// A worker thread died: a bug of the engine. What it printed says where.
    #[error("a worker thread died: standard error says where")]
    Worker,
    /// A thread or the poller could not be made.
    #[error("cannot start the engine: {0}")]
    Engine(#[from] std::io::Error),
}

/// What was probably meant by a listen address that is none.
fn listen_like(text: &str) -> String {
    let host = text.trim_matches(['[', ']']);
    let port = text.strip_prefix(':').unwrap_or(text);
    if let Ok(ip) = host.parse::<IpAddr>() {
        SocketAddr::new(ip, 69).to_string()
    } else if let Ok(port @ 1..) = port.parse::<u16>() {
        format!("[::]:{port} for all addresses, or one of them like 10.0.0.1:{port}")
    } else {
        "an address and a port, like 0.0.0.0:69 or [::]:69".to_owned()
    }
}
