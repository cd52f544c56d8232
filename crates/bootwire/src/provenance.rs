//! Where an answer comes from, as whoever gives it says.

mod saying;

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use crate::words::words;

words! {
    /// How a cache served an answer.
    pub enum CacheUse {
        /// All of it was in the cache.
        Hit = "hit",
        /// It was fetched.
        Miss = "miss",
        /// A part of it was in the cache, or on its way there for others.
        Partial = "partial",
        /// The cache was not asked, or could not keep it.
        Bypass = "bypass",
    }
}

/// What an answer tells of itself for the transfer's record. A [`Reply`](crate::Reply), an [`Accept`](crate::Accept) and a
/// [`Refusal`](crate::Refusal) carry it; nothing of it reaches the client.
///
/// ```
/// use bootwire::{CacheUse, Reply};
///
/// let reply = Reply::text("default linux\n").answered_by("menu").version("v12").cache(CacheUse::Hit);
/// assert_eq!(reply.provenance().answer.as_deref(), Some("menu"));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Provenance {
    /// What kind of answer it is, in one word, such as `dir`.
    pub answer: Option<Cow<'static, str>>,
    /// The machine it was given to, as in [`TransferRecord::machine`](crate::TransferRecord::machine).
    pub machine: Option<Arc<str>>,
    /// Which version of the content it is. Of a file the server knows it.
    pub version: Option<Arc<str>>,
    /// How a cache served it.
    pub cache: Option<CacheUse>,
}

impl Provenance {
    pub(crate) const fn new() -> Self {
        Self {
            answer: None,
            machine: None,
            version: None,
            cache: None,
        }
    }
}

/// A [`Provenance`] on its way with an answer, which is moved many times: behind a pointer, so that
/// answers are small.
#[derive(Clone, Debug, Default)]
pub(crate) struct Carried(Option<Box<Provenance>>);

impl Carried {
    /// Nothing is said yet.
    pub(crate) const fn nothing() -> Self {
        Self(None)
    }

    pub(crate) const fn is_nothing(&self) -> bool {
        self.0.is_none()
    }

    pub(crate) const fn get(&self) -> &Provenance {
        static NOTHING: Provenance = Provenance::new();
        match &self.0 {
            Some(provenance) => provenance,
            None => &NOTHING,
        }
    }

    pub(crate) fn get_mut(&mut self) -> &mut Provenance {
        self.0.get_or_insert_default()
    }
}

/// Size and time of a file, which tell its versions apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FileVersion {
    pub(crate) size: u64,
    /// Seconds and nanoseconds since 1970.
    pub(crate) modified: (i64, i64),
}

/// Such as `1048576@2026-11-30T12:00:00.123456Z`.
impl fmt::Display for FileVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (seconds, nanos) = self.modified;
        let time = u64::try_from(seconds)
            .ok()
            .zip(u32::try_from(nanos).ok())
            .and_then(|(seconds, nanos)| {
                SystemTime::UNIX_EPOCH.checked_add(Duration::new(seconds, nanos))
            })
            // The year 9999 is the last one that can be written so.
            .filter(|time| *time < SystemTime::UNIX_EPOCH + Duration::from_secs(253_402_300_800));
        match time {
            Some(time) => write!(
                f,
                "{}@{}",
                self.size,
                humantime::format_rfc3339_micros(time)
            ),
            None => write!(f, "{}@{seconds}", self.size),
        }
    }
}

/// What was said of an answer when it was given.
#[derive(Clone, Debug, Default)]
pub(crate) struct Said {
    pub(crate) provenance: Carried,
    /// Of content in a file.
    pub(crate) file: Option<FileVersion>,
    pub(crate) labels: Vec<(String, String)>,
}

impl Said {
    /// Whether it is nothing at all.
    pub(crate) const fn is_nothing(&self) -> bool {
        self.provenance.is_nothing() && self.file.is_none() && self.labels.is_empty()
    }

    /// The version of the content.
    pub(crate) fn version(&self) -> Option<String> {
        match &self.provenance.get().version {
            Some(version) => Some((**version).to_owned()),
            None => self.file.map(|file| file.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Refusal;

    #[test]
    fn a_file_s_version_is_its_size_and_time() {
        let version = |modified| FileVersion { size: 10, modified }.to_string();
        assert_eq!(
            version((1_800_000_000, 123_456_789)),
            "10@2027-01-15T08:00:00.123456Z"
        );
        assert_eq!(version((-1, 0)), "10@-1");
        assert_eq!(version((i64::MAX, 0)), format!("10@{}", i64::MAX));
    }

    #[test]
    fn what_is_said_last_is_heard_and_nothing_of_it_makes_refusals_differ() {
        let refusal = Refusal::not_found().answered_by("dir").answered_by("try");
        assert_eq!(refusal.provenance().answer.as_deref(), Some("try"));
        assert_eq!(refusal, Refusal::not_found());
        for cache in CacheUse::ALL {
            assert_eq!(CacheUse::from_word(cache.as_str()), Some(cache));
        }
    }
}
