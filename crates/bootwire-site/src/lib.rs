//! Configurations of Bootwire: a file becomes an application that answers TFTP requests.
//!
//! ```no_run
//! use bootwire_site::Site;
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let site = Site::open("/etc/bootwire/bootwire.toml").await?;
//! site.server().run().await?;
//! # Ok(())
//! # }
//! ```
//!
//! A [`Config`] is what files, drop-ins and the environment say. A [`Site`] is that with everything
//! open: it serves, [reloads](Site::reload), [explains](Site::explain) what a client would get, and
//! [checks](Site::check) whether all works. A program adds routes, handlers and layers of its own by
//! [`SiteBuilder::routes`].
#![forbid(unsafe_code)]

mod check;
mod conditions;
pub mod config;
pub mod explain;
pub mod networks;
pub mod ports;
mod quirks;
pub mod server;
mod site;
mod text;
pub mod unanswered;

use bootwire::{amount as size, escape as shown};

pub use check::{Finding, Level};
pub use config::{Config, Problem, Problems};
pub use site::{Requirements, Secrets, Site, SiteBuilder};

/// Runs the README's example as a test.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

/// And those in the guide.
#[cfg(doctest)]
#[doc = include_str!("../../../docs/how-to/embedding.md")]
struct Guide;
