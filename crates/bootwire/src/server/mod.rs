//! Moving the bytes.
mod builder;
mod handle;
mod stats;
pub use builder::{Server, ServerError};
pub use handle::{Drained, ServerHandle};
pub use stats::ServerStats;
