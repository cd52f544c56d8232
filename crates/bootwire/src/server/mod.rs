//! Moving the bytes: worker threads, their sockets and transfers.
//!
//! [`Server`] describes and starts, [`OpenServer`] has its sockets but no threads yet,
//! [`ServerHandle`] is the running server. Inside, each worker thread owns its sockets and an
//! `engine::Engine`, the part without I/O; handlers, sources and sinks run on tokio and talk to the
//! worker through its `inbox`.

mod admission;
mod builder;
mod counter;
mod drops;
mod engine;
mod error;
mod experience;
mod handle;
mod host;
mod inbox;
mod lane;
mod late;
mod listen;
mod live;
mod networks;
mod observe;
mod pulse;
mod recent;
mod reports;
mod settings;
#[cfg(feature = "simulation")]
pub mod simulation;
mod small;
mod sockets;
mod spin;
mod start;
mod stats;
mod store;
mod transfer;
mod transfers;
mod view;
mod watching;
mod wheel;
mod worker;

pub use self::builder::Server;
pub use self::error::ServerError;
pub use self::handle::{Drained, ServerHandle};
pub use self::live::{LivePhase, LiveTransfer};
#[cfg(feature = "testing")]
pub(crate) use self::observe::Observer;
pub use self::start::OpenServer;
pub use self::stats::{DropReason, DroppedFrom, ServerStats};
pub use self::view::{ServerView, WorkerLoad};
