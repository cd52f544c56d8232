//! A dynamic TFTP server framework: every answer is your code.
//!
//! ```no_run
//! use bootwire::{Path, Router, Server};
//!
//! async fn grub_config(Path(mac): Path<bootwire::MacAddr>) -> String {
//!     format!("set default=0\n# made for {mac}\n")
//! }
//!
//! # async fn example() -> Result<(), bootwire::ServerError> {
//! let app = Router::new().read("/grub/grub.cfg-01-{mac}", grub_config);
//! Server::bind("[::]:69").serve(app).run().await
//! # }
//! ```
//!
//! A [`Router`] picks a handler for each request; the handler, an async function, answers with a
//! [`Reply`] (reads), an [`Accept`] (writes) or a [`Refusal`]; the [`Server`] moves the bytes, and
//! one [`TransferRecord`] says what happened. Read those five types first.
#![forbid(unsafe_code)]

mod accept;
pub mod amount;
mod answer;
pub mod client;
mod collect;
mod content;
pub mod escape;
pub mod file;
mod mac;
mod moment;
mod or_refuse;
mod partial;
mod path;
mod record;
mod refusal;
mod reply;
mod request;
mod request_builder;
pub mod router;
pub mod server;
mod source;
mod terms;
#[cfg(feature = "testing")]
pub mod testing;
mod turns;

pub use accept::{Accept, Sink};
pub use answer::{Answer, Endpoint, IntoAnswer, IntoRefusal};
pub use bootwire_proto::{ErrorCode, Mode, Op, Rollover, Schedule};
pub use mac::{MacAddr, ParseMacError};
pub use moment::Moment;
pub use or_refuse::OrRefuse;
pub use record::{Outcome, TransferRecord};
pub use refusal::{Reason, Refusal};
pub use reply::Reply;
pub use request::Request;
pub use request_builder::{RequestBuilder, RequestError};
pub use router::{FromRef, FromRequest, Next, Path, Router, State};
pub use server::{
    Drained, DropReason, DroppedFrom, OpenServer, Server, ServerError, ServerHandle, ServerStats,
};
pub use source::Source;
pub use terms::Terms;
pub use turns::{Turn, Turns};

/// A boxed future, as the object-safe traits of this crate return.
pub type BoxFuture<'a, T> = std::pin::Pin<Box<dyn Future<Output = T> + Send + 'a>>;
