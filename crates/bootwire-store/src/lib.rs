//! Where the bytes of a Bootwire server come from and go to: [`Dir`] serves a directory,
//! [`Uploads`] takes what clients send. Both are endpoints, so either is a route by itself:
//!
//! ```no_run
//! use bootwire_store::{Dir, Links, OpenError, Uploads};
//!
//! # fn example() -> Result<(), OpenError> {
//! let files = Dir::open("/srv/tftp")?.links(Links::InRoot).case_insensitive(true);
//! let backups = Uploads::into("/srv/backups")?.versioned().size_max(16 << 20);
//! # let _ = (files, backups);
//! # Ok(())
//! # }
//! ```
//!
//! # Staying inside
//!
//! A TFTP client is anyone who can send a datagram, so a name it sends is resolved by the kernel
//! beneath a directory that is held open (`openat2` with `RESOLVE_BENEATH` or `RESOLVE_IN_ROOT`,
//! and never through the magic links of `/proc`). No text is compared and no path is checked
//! first and opened later: a link that is changed meanwhile cannot lead out either. Where
//! `openat2` is missing (Linux before 5.6, some containers) the path is walked component by
//! component and every symbolic link is refused; [`Dir::describe`] says which it is.
//!
//! What is found must be a regular file. That is looked up before the file is opened, so asking
//! for a FIFO or a device neither blocks the server nor touches the device.
//!
//! # Origins
//!
//! With the features `http` and `object` content may come from web servers and buckets, through a
//! cache on the disk: `HttpOrigin::new(url)?.cached(&cache)` is an endpoint too.
//!
//! # The file system
//!
//! The file system is only ever touched on tokio's blocking threads, by a bounded number of
//! threads for each directory: a dead NFS server delays those who ask for its files, nobody else.
#![forbid(unsafe_code)]

mod beneath;
mod blocking;
#[cfg(feature = "cache")]
mod cache;
mod dir;
mod directory;
mod errno;
mod kept;
mod name;
mod name_from;
#[cfg(feature = "cache")]
pub mod origin;
mod uploads;

pub use beneath::{Links, OpenError};
#[cfg(feature = "cache")]
pub use cache::{Cache, CacheBuilder, CacheEvent, CacheStats, Cached, Purged};
pub use dir::{ClientName, Dir, Fallback};
pub use directory::DirEvent;
pub use name_from::NameFrom;
#[cfg(feature = "object")]
pub use origin::ObjectOrigin;
#[cfg(feature = "http")]
pub use origin::{HttpOrigin, Secret};
pub use uploads::{Stored, Uploads};

/// Runs the README's example as a test.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

/// The one in the guide to origins.
#[cfg(all(doctest, feature = "http", feature = "object"))]
#[doc = include_str!("../../../docs/reference/origins.md")]
struct Origins;

/// And the one in the README of the whole project.
#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
struct ProjectReadme;
