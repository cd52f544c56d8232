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
//!
//! Without the feature `site`, which is on by default, there is [`Config`] and no more.
#![forbid(unsafe_code)]
#![cfg_attr(
    not(feature = "site"),
    expect(dead_code, unused_imports, reason = "the rest is for sites")
)]

#[cfg(feature = "site")]
mod boots;
#[cfg(feature = "site")]
mod check;
mod conditions;
pub mod config;
#[cfg(feature = "site")]
pub mod explain;
#[cfg(feature = "site")]
mod interpreter;
pub mod networks;
pub mod ports;
mod quirks;
pub mod server;
#[cfg(feature = "site")]
mod site;
mod text;
#[cfg(feature = "site")]
pub mod unanswered;

use bootwire::{amount as size, escape as shown};

#[cfg(feature = "site")]
pub use boots::BootsPlace;
#[cfg(feature = "site")]
pub use check::{Finding, Level};
pub use config::{Config, Problem, Problems};
#[cfg(feature = "site")]
pub use site::{
    Exports, InForce, InventoryInForce, KeyInForce, OriginInForce, Requirements, Secrets, Site,
    SiteBuilder,
};

/// Runs the README's example as a test.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

/// And those in the guide.
#[cfg(doctest)]
#[doc = include_str!("../../../docs/how-to/embedding.md")]
struct Guide;
