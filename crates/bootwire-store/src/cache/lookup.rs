//! Which version of an object to send: what is known, and what the origin says.

use std::sync::Arc;
use std::time::Duration;

use bootwire::{Refusal, Reply};
use rustix::io::Errno;
use tokio::time::timeout;

use super::chunks::CHUNK;
use super::entry::{Entry, Opened, now};
use super::fetch::Patience;
use super::filler::Filler;
use super::held::Held;
use super::key::Key;
use super::memory::{Memo, Small};
use super::{CacheEvent, Cached};
use crate::origin::{Ask, Condition, Got, OriginError, OriginErrorKind, Version};

/// How long an origin may take to confirm what could be sent without it.
const CONFIRM_WITHIN: Duration = Duration::from_secs(2);
/// How long a failure other than "no such object" is remembered.
const FAILURE_TTL: Duration = Duration::from_secs(1);

/// A version of an object that can be sent.
#[derive(Clone)]
pub(super) enum Found {
    /// In memory.
    Small(Arc<Small>),
    /// On the disk, or on its way there.
    Entry(Held),
}

/// What is known without asking the origin.
pub(super) enum Known {
    /// A version, perhaps outdated.
    Found(Found),
    /// That it cannot be had.
    Refused(Refusal),
    /// Nothing.
    Nothing,
}

impl Found {
    /// The number of the version.
    pub(super) fn id(&self) -> u64 {
        match self {
            Self::Small(small) => small.id,
            Self::Entry(entry) => entry.id,
        }
    }

    fn version(&self) -> &Version {
        match self {
            Self::Small(small) => &small.version,
            Self::Entry(entry) => &entry.version,
        }
    }

    pub(super) fn size(&self) -> u64 {
        match self {
            Self::Small(small) => small.bytes.len() as u64,
            Self::Entry(entry) => entry.size,
        }
    }

    fn checked(&self) -> u64 {
        match self {
            Self::Small(small) => small.checked(),
            Self::Entry(entry) => entry.checked(),
        }
    }

    /// Its content, if that is at hand without waiting.
    pub(super) fn at_hand(&self) -> Option<Reply> {
        match self {
            Self::Small(small) => Some(Reply::bytes(small.bytes.clone())),
            Self::Entry(entry) => {
                let open = entry.at_hand()?;
                entry.touch();
                Some(Reply::file(open))
            }
        }
    }

    /// Whether this is `version` with `size` bytes.
    pub(super) fn is(&self, version: &Version, size: Option<u64>) -> bool {
        self.version().is(version) && size.is_none_or(|size| size == self.size())
    }
}

fn age(checked: u64) -> Duration {
    Duration::from_millis(now().saturating_sub(checked))
}

impl Cached {
    pub(super) fn known(&self, key: &Key) -> Known {
        match self.cache.memory.get(key) {
            Some(Memo::Refused(refusal, until)) if now() < until => {
                return Known::Refused((*refusal).clone());
            }
            Some(Memo::Small(small)) => return Known::Found(Found::Small(small)),
            Some(Memo::Refused(..)) | None => {}
        }
        match self.cache.disk.current(key) {
            Some(entry) => Known::Found(Found::Entry(entry)),
            None => Known::Nothing,
        }
    }

    /// The version with this number, if it still can be sent.
    pub(super) fn version(&self, key: &Key, id: u64) -> Option<Found> {
        if let Some(Memo::Small(small)) = self.cache.memory.get(key)
            && small.id == id
        {
            return Some(Found::Small(small));
        }
        let entry = self.cache.disk.entry(id)?;
        (!entry.is_gone()).then_some(Found::Entry(entry))
    }

    pub(super) fn is_fresh(&self, found: &Found) -> bool {
        age(found.checked()) < self.policy.ttl
    }

    fn may_be_stale(&self, found: &Found) -> bool {
        age(found.checked()) < self.policy.max_stale
    }

    /// The current version, as far as that can be told.
    pub(super) async fn find(&self, key: &Key) -> Result<Found, Refusal> {
        match self.known(key) {
            Known::Refused(refusal) => {
                self.cache.count(|counts| &counts.hits);
                return Err(refusal);
            }
            Known::Found(found) if self.is_fresh(&found) => {
                self.cache.count(|counts| &counts.hits);
                return Ok(found);
            }
            Known::Found(found) if self.shared.is_down() && self.may_be_stale(&found) => {
                self.cache.count(|counts| &counts.stale);
                return Ok(found);
            }
            Known::Found(_) | Known::Nothing => {}
        }
        self.cache.count(|counts| &counts.misses);
        let look_up = || {
            let (cached, key) = (self.clone(), key.clone());
            async move { cached.look_up(&key).await }
        };
        self.cache.flights.join(key, look_up).await
    }

    /// Asks the origin.
    async fn look_up(&self, key: &Key) -> Result<Found, Refusal> {
        let known = match self.known(key) {
            Known::Refused(refusal) => return Err(refusal),
            // Another question was answered while this one was made.
            Known::Found(found) if self.is_fresh(&found) => return Ok(found),
            Known::Found(found) => Some(found),
            Known::Nothing => None,
        };
        let version = known.as_ref().map(Found::version);
        let ask = Ask {
            range: Some(0..CHUNK),
            condition: match version {
                Some(version) if version.is_known() => Condition::Unless(version.clone()),
                _ => Condition::None,
            },
        };
        let spare = known.clone().filter(|known| self.may_be_stale(known));
        let turn = self.shared.lookups.turn(self.proven);
        let Ok(turn) = timeout(self.policy.answer_within, turn).await else {
            let detail = "too many objects are being asked for";
            return self.fall_back(key, spare, OriginError::unavailable(detail).into());
        };
        let result = match self.ask_patiently(key, &ask, spare.is_some()).await {
            Ok(Got::Unchanged) => match known {
                Some(known) => {
                    self.shared.came_up();
                    self.confirmed(&known).await;
                    return Ok(known);
                }
                None => Err(OriginError::unusable("said not modified, unasked").into()),
            },
            Ok(Got::Content(content)) => {
                self.shared.came_up();
                if let Some(known) = known.filter(|known| known.is(&content.version, content.size))
                {
                    // It does not know conditions.
                    self.confirmed(&known).await;
                    return Ok(known);
                }
                // What is sent has a share of its own.
                drop(turn);
                self.take(key, content).await
            }
            Err(error) => Err(error.into()),
        };
        result.or_else(|failure| self.fall_back(key, spare, failure))
    }

    /// Asks until there is an answer or time is up; only once if there is something to send without
    /// it.
    async fn ask_patiently(&self, key: &Key, ask: &Ask, spare: bool) -> Result<Got, OriginError> {
        let mut patience = Patience::new(self.policy.answer_within);
        loop {
            let limit = if spare {
                self.policy.answer_within.min(CONFIRM_WITHIN)
            } else {
                patience.left()
            };
            match self.ask(&key.object, ask, limit).await {
                Err(error)
                    if error.kind() == OriginErrorKind::Unavailable
                        && !spare
                        && patience.pause().await =>
                {
                    self.cache.count(|counts| &counts.retried);
                }
                answer => return answer,
            }
        }
    }

    /// The origin says that this is the current version.
    async fn confirmed(&self, found: &Found) {
        match found {
            Found::Small(small) => {
                small.check();
                if let Some(entry) = self.cache.disk.entry(small.id) {
                    self.note_check(entry).await;
                }
            }
            Found::Entry(entry) => self.note_check(entry.clone()).await,
        }
    }

    async fn note_check(&self, entry: Held) {
        let note = move || {
            entry.check();
            Ok(())
        };
        // A disk that fails here shows when the object is read.
        let _ = self.cache.blocking.run(note).await;
    }

    /// What to send if the origin failed.
    fn fall_back(
        &self,
        key: &Key,
        spare: Option<Found>,
        failure: Failure,
    ) -> Result<Found, Refusal> {
        let error = match failure {
            Failure::Origin(error) => error,
            Failure::Here(refusal) => return Err(refusal),
        };
        let named = OriginError::new(error.kind(), format_args!("{}: {error}", key.object));
        let refusal = named.refusal(&key.origin);
        let lasts = match error.kind() {
            OriginErrorKind::NotFound => {
                self.cache.disk.unset_current(key);
                self.policy.negative_ttl
            }
            OriginErrorKind::Denied | OriginErrorKind::TooLarge => FAILURE_TTL,
            OriginErrorKind::Changed | OriginErrorKind::Unusable | OriginErrorKind::Unavailable => {
                if error.kind() == OriginErrorKind::Unavailable {
                    self.shared.went_down();
                }
                if let Some(spare) = spare {
                    self.cache.count(|counts| &counts.stale);
                    self.cache.tell(&CacheEvent::Stale {
                        origin: key.origin.to_string(),
                        object: key.object.to_string(),
                        error: error.to_string(),
                    });
                    return Ok(spare);
                }
                FAILURE_TTL
            }
        };
        let until = now().saturating_add(u64::try_from(lasts.as_millis()).unwrap_or(u64::MAX));
        if lasts.is_zero() {
            self.cache.memory.forget(key);
        } else {
            self.cache.memory.refuse(key, &refusal, until);
        }
        Err(refusal)
    }

    /// Opens a version for sending. `None` if it is not in the cache any more.
    pub(super) async fn open(&self, found: &Found) -> Result<Option<Reply>, Refusal> {
        if let Some(reply) = found.at_hand() {
            return Ok(Some(reply));
        }
        let Found::Entry(entry) = found else {
            return Ok(None);
        };
        let (opening, source) = (entry.clone(), self.clone());
        let opened = move || Ok(opening.open(&source));
        match self.cache.blocking.run(opened).await? {
            Ok(Some(Opened::Whole(open))) => {
                self.cache.keep_open(entry);
                Ok(Some(Reply::file(open)))
            }
            Ok(Some(Opened::Filling(content))) => Ok(Some(Reply::partial(content))),
            Ok(None) => Ok(None),
            Err(error) => Err(self.unreadable(entry, &error).await),
        }
    }

    /// The filler of an object that is not complete.
    pub(super) async fn filler(&self, entry: &Arc<Entry>) -> Result<Option<Arc<Filler>>, Refusal> {
        let (opening, source) = (Arc::clone(entry), self.clone());
        let filler = move || Ok(opening.filler(&source));
        match self.cache.blocking.run(filler).await? {
            Ok(filler) => Ok(filler),
            Err(error) => Err(self.unreadable(entry, &error).await),
        }
    }

    /// The files of an entry cannot be opened: it is removed, and fetched anew by the next who
    /// asks.
    async fn unreadable(&self, entry: &Arc<Entry>, error: &std::io::Error) -> Refusal {
        // Operators purge by hand.
        let purged = error.kind() == std::io::ErrorKind::NotFound;
        // Unless it is only that this process has too many files open.
        let busy = matches!(
            Errno::from_io_error(error),
            Some(Errno::MFILE | Errno::NFILE | Errno::NOMEM)
        );
        if !busy {
            let (disk, entry) = (Arc::clone(&self.cache.disk), Arc::clone(entry));
            let discard = move || {
                disk.discard(&entry);
                Ok(())
            };
            let _ = self.cache.blocking.run(discard).await;
        }
        if purged {
            let detail = format_args!("{} was removed from the cache", entry.data.display());
            return Refusal::busy().because(detail);
        }
        self.disk_failed(&entry.data, error)
    }

    pub(super) fn disk_failed(&self, file: &std::path::Path, error: &std::io::Error) -> Refusal {
        self.cache.tell(&CacheEvent::DiskFailed {
            file: file.to_owned(),
            error: error.to_string(),
        });
        let detail = format_args!("the cache cannot use {}: {error}", file.display());
        Refusal::origin().because(detail)
    }
}

/// Why an object cannot be sent.
pub(super) enum Failure {
    /// The origin's fault.
    Origin(OriginError),
    /// Our own.
    Here(Refusal),
}

impl From<OriginError> for Failure {
    fn from(error: OriginError) -> Self {
        Self::Origin(error)
    }
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        Self::Here(refusal)
    }
}
