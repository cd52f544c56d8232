//! Where objects come from when they are not on this machine's disks.

#[cfg(any(feature = "http", feature = "object"))]
mod access;
mod error;
#[cfg(feature = "http")]
mod http;
mod name;
#[cfg(feature = "object")]
mod object;
#[cfg(feature = "http")]
mod secret;

use std::ops::Range;

use bootwire::BoxFuture;
use bytes::Bytes;

pub use self::error::{InvalidOrigin, OriginError, OriginErrorKind};
#[cfg(feature = "http")]
pub use self::http::HttpOrigin;
pub use self::name::ObjectName;
#[cfg(feature = "object")]
pub use self::object::ObjectOrigin;
#[cfg(feature = "http")]
pub use self::secret::Secret;

/// A place that holds objects: a web server, a bucket.
///
/// `HttpOrigin` and `ObjectOrigin` are origins. Write
/// another for a place that is neither; [`Cached`](crate::Cached) asks it for parts of objects, and
/// sees to retries, timeouts, bounds and coalescing. An origin has nothing of that itself.
pub trait Origin: Send + Sync + 'static {
    /// What log, errors and the cache directory call it. Without secrets. Origins that share a
    /// cache, a name and [`Origin::access`] share their objects.
    fn name(&self) -> &str;

    /// Everything beside the name that decides which objects it has and who may fetch them: a
    /// query, headers, where its token is, authorities, certificates. Origins that differ in this
    /// share nothing. It may hold secrets: a cache keeps no more of it than a hash, with a key of
    /// its own. Default: nothing, as for a place that shows everybody the same.
    fn access(&self) -> Vec<u8> {
        Vec::new()
    }

    /// Whether the origin says that the place itself is not there, where its objects should be: a
    /// reason to look at its path. Many say nothing. Default: it does not.
    fn is_missing(&self) -> BoxFuture<'_, bool> {
        Box::pin(std::future::ready(false))
    }

    /// Begins to read an object. The future ends when the origin has said what it will send; it is
    /// dropped if that takes too long, and so is the body.
    fn get<'a>(
        &'a self,
        object: &'a ObjectName,
        ask: &'a Ask,
    ) -> BoxFuture<'a, Result<Got, OriginError>>;
}

/// What is asked of an origin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ask {
    /// The bytes wanted; all if `None`. The object may end before the range does. An origin that
    /// cannot send parts sends all.
    pub range: Option<Range<u64>>,
    /// Under which condition.
    pub condition: Condition,
}

/// When an origin should send content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Condition {
    /// Always.
    None,
    /// Unless it is this version: then [`Got::Unchanged`].
    Unless(Version),
    /// Only if it is this version: otherwise [`OriginErrorKind::Changed`].
    Only(Version),
}

/// What tells one version of an object from another, as the origin says it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Version {
    /// The ETag, with its quotes.
    pub etag: Option<String>,
    /// The time of the last change, as text in the origin's own form.
    pub modified: Option<String>,
}

impl Version {
    /// Whether the origin says anything by which versions can be told apart.
    #[must_use]
    pub const fn is_known(&self) -> bool {
        self.etag.is_some() || self.modified.is_some()
    }

    /// The ETag, if it vouches for every byte (RFC 9110 section 8.8.3).
    #[must_use]
    pub fn strong_etag(&self) -> Option<&str> {
        self.etag
            .as_deref()
            .filter(|etag| !etag.starts_with("W/") && !etag.starts_with("w/"))
    }

    /// Whether `self` and `other` are the same version, as far as either says. Never for versions
    /// that nothing is known of.
    #[must_use]
    pub fn is(&self, other: &Self) -> bool {
        match (&self.etag, &other.etag) {
            (Some(one), Some(another)) => weak(one) == weak(another),
            (None, None) => self.modified.is_some() && self.modified == other.modified,
            // Servers may leave the ETag out of some answers.
            _ => self.modified.is_some() && self.modified == other.modified,
        }
    }
}

fn weak(etag: &str) -> &str {
    etag.strip_prefix("W/").unwrap_or(etag)
}

/// An origin's answer.
pub enum Got {
    /// The object still is the version of [`Condition::Unless`].
    Unchanged,
    /// Content.
    Content(Content),
}

/// An object, or part of it.
pub struct Content {
    /// The version it is of.
    pub version: Version,
    /// Size of the whole object in bytes, if known.
    pub size: Option<u64>,
    /// The first byte the body holds.
    pub start: u64,
    /// The byte behind the last one the body holds, if known: the size, where the origin sends the
    /// whole object.
    pub end: Option<u64>,
    /// The bytes from `start` on.
    pub body: Box<dyn Body>,
}

impl std::fmt::Debug for Got {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Unchanged => f.write_str("Unchanged"),
            Self::Content(content) => content.fmt(f),
        }
    }
}

impl std::fmt::Debug for Content {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Content")
            .field("version", &self.version)
            .field("size", &self.size)
            .field("start", &self.start)
            .finish_non_exhaustive()
    }
}

/// The bytes of an answer, as they arrive.
pub trait Body: Send + 'static {
    /// The next bytes; `None` is the end. The future may be dropped before it is done, and then
    /// asked for anew: nothing must be lost by that.
    ///
    /// # Errors
    /// Whatever ends it early.
    fn next(&mut self) -> BoxFuture<'_, Result<Option<Bytes>, OriginError>>;
}

/// Bytes at hand are a body.
impl Body for Option<Bytes> {
    fn next(&mut self) -> BoxFuture<'_, Result<Option<Bytes>, OriginError>> {
        Box::pin(std::future::ready(Ok(self.take())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(etag: Option<&str>, modified: Option<&str>) -> Version {
        Version {
            etag: etag.map(str::to_owned),
            modified: modified.map(str::to_owned),
        }
    }

    #[test]
    fn versions_are_told_apart_by_etag_then_by_time() {
        let one = version(Some("\"1\""), Some("Mon"));
        assert!(one.is(&version(Some("\"1\""), Some("Tue"))), "ETag decides");
        assert!(!one.is(&version(Some("\"2\""), Some("Mon"))));
        assert!(one.is(&version(Some("W/\"1\""), None)), "weak comparison");
        assert!(one.is(&version(None, Some("Mon"))));
        assert!(!one.is(&version(None, Some("Tue"))));
        let nothing = version(None, None);
        assert!(!nothing.is(&nothing) && !nothing.is_known());
    }

    #[test]
    fn a_weak_etag_does_not_vouch_for_bytes() {
        assert_eq!(version(Some("W/\"1\""), None).strong_etag(), None);
        assert_eq!(version(Some("\"1\""), None).strong_etag(), Some("\"1\""));
    }
}
