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
//!
//! | for | see |
//! |---|---|
//! | patterns, conditions, new names | [`router`], [`Router::when`], [`Router::rewrite`] |
//! | what a handler takes | [`Path`], [`State`] and parts of it by [`FromRef`], your own [`FromRequest`] |
//! | what it answers | [`IntoAnswer`], [`Reply`], streams by [`Source`], uploads by [`Sink`] |
//! | errors | [`Refusal`], and [`OrRefuse`] for those of others |
//! | code around handlers | [`router::Layer`], [`Terms`], [`router::Deadline`] |
//! | answers without waiting | [`router::at_hand`], [`Endpoint`] |
//! | files and uploads | [`Dir`] and [`Uploads`] of `bootwire-store` |
//! | images from web servers and buckets, cached | [`HttpOrigin`] and [`ObjectOrigin`] of `bootwire-store` |
//! | text for each machine, inventories, hooks | [`Template`], [`inventory`] and [`hook`] of `bootwire-render` |
//! | records and statistics | [`TransferRecord`], [`ServerStats`]; they serialise with the feature `serde` |
//! | what runs now | [`ServerHandle::view`], [`LiveTransfer`] |
//! | tests | [`Request::builder`], [`router::App::read`], [`Reply::collect`]; a server in virtual time with the feature `testing` |
//! | reading and writing files elsewhere | [`client`] |
//!
//! The repository's `docs/tutorials/framework.md` goes through all of it, step by step, and
//! `docs/how-to/test-your-server.md` through tests.
//!
//! [`Dir`]: ../bootwire_store/struct.Dir.html
//! [`Uploads`]: ../bootwire_store/struct.Uploads.html
//! [`HttpOrigin`]: ../bootwire_store/struct.HttpOrigin.html
//! [`ObjectOrigin`]: ../bootwire_store/struct.ObjectOrigin.html
//! [`Template`]: ../bootwire_render/template/struct.Template.html
//! [`inventory`]: ../bootwire_render/inventory/index.html
//! [`hook`]: ../bootwire_render/hook/index.html
#![forbid(unsafe_code)]

mod accept;
pub mod amount;
mod answer;
mod checkup;
pub mod client;
mod collect;
mod content;
pub mod escape;
pub mod file;
mod glimpse;
mod mac;
mod moment;
mod or_refuse;
mod params;
mod partial_file;
mod path;
mod provenance;
mod record;
mod refusal;
mod reply;
mod request;
pub mod router;
pub mod server;
mod source;
mod stamp;
mod terms;
#[cfg(feature = "testing")]
pub mod testing;
pub mod traceparent;
mod turns;
mod words;

pub use accept::{Accept, Sink};
pub use answer::{Answer, Endpoint, IntoAnswer, IntoRefusal};
pub use bootwire_proto::{ErrorCode, Mode, Op, OptionKind, OptionSet, Rollover, Schedule};
pub use glimpse::Glimpse;
pub use mac::{MacAddr, ParseMacError};
pub use moment::Moment;
pub use or_refuse::OrRefuse;
pub use provenance::{CacheUse, Provenance};
pub use record::{Limit, Outcome, TransferRecord, Waits};
pub use refusal::{Reason, Refusal};
pub use reply::Reply;
pub use request::{Request, RequestBuilder, RequestError};
pub use router::{FromRef, FromRequest, Next, Path, Router, State};
pub use server::{
    Drained, DropReason, DroppedFrom, LivePhase, LiveTransfer, OpenServer, Server, ServerError,
    ServerHandle, ServerStats, ServerView, WorkerLoad,
};
pub use source::Source;
pub use terms::Terms;
pub use turns::{Turn, Turns};

/// A boxed future, as the object-safe traits of this crate return.
pub type BoxFuture<'a, T> = std::pin::Pin<Box<dyn Future<Output = T> + Send + 'a>>;
