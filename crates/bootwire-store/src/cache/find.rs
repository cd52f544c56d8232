//! Which version of an object to send: what is known, and what the origin says.

use std::sync::Arc;
use std::time::Duration;

use bootwire::{CacheUse, Refusal, Reply};

use super::chunks::CHUNK;
use super::intake::Intake;
use super::key::Key;
use super::memory::Memo;
use super::said::{self, Before};
use super::sendable::{Failure, Sendable};
use super::{CacheEvent, Cached};
use crate::origin::{Ask, Condition, Got, OriginError, OriginErrorKind};

/// How long an origin may take to confirm what could be sent without it.
const CONFIRM_WITHIN: Duration = Duration::from_secs(2);
/// How far in the future a time may lie, in milliseconds: threads read the clock one after the
/// other.
const CLOCK_SLACK: u64 = 1000;
/// How long a failure other than "no such object" is remembered.
const FAILURE_TTL: Duration = Duration::from_secs(1);

/// What is known without asking the origin.
pub(super) enum Known {
    /// A version, perhaps outdated.
    Version(Sendable),
    /// That it cannot be had.
    Refused(Refusal),
    /// Nothing.
    Nothing,
}

impl Cached {
    /// What is at hand: in memory, open already, or known to be missing, if the origin need not be
    /// asked. Waits for nothing.
    pub(super) fn known_at_hand(&self, key: &Key) -> Option<Result<Reply, Refusal>> {
        let now = self.cache.disk.now();
        match self.cache.memory.get(key) {
            Some(Memo::Refused(refusal, times)) if times.contains(&now) => {
                return Some(Err(said::refused((*refusal).clone(), CacheUse::Hit)));
            }
            Some(Memo::Small(small)) => {
                let fresh = self.is_fresh(small.checked());
                return fresh.then(|| {
                    let reply = Reply::bytes(small.bytes.clone());
                    Ok(said::here(reply, &small.version, CacheUse::Hit))
                });
            }
            Some(Memo::Refused(..)) | None => {}
        }
        let entry = self.cache.disk.index().at_once(key)?;
        if !self.is_fresh(entry.checked()) {
            return None;
        }
        let file = entry.at_hand(now)?;
        let reply = said::here(Reply::file(file), &entry.about.version, CacheUse::Hit);
        Some(Ok(reply))
    }

    /// What is known before anybody is asked, for the record.
    pub(super) fn before(&self, key: &Key) -> Before {
        let began = self.cache.disk.now();
        let memo = self.cache.memory.get(key);
        Before {
            small: match &memo {
                Some(Memo::Small(small)) => Some(small.id),
                Some(Memo::Refused(..)) | None => None,
            },
            refused: matches!(memo, Some(Memo::Refused(_, times)) if times.contains(&began)),
            began,
        }
    }

    fn known(&self, key: &Key) -> Known {
        match self.cache.memory.get(key) {
            Some(Memo::Refused(refusal, times)) if times.contains(&self.cache.disk.now()) => {
                return Known::Refused((*refusal).clone());
            }
            Some(Memo::Small(small)) => return Known::Version(Sendable::Small(small)),
            Some(Memo::Refused(..)) | None => {}
        }
        match self.cache.disk.index().current(key) {
            Some(entry) => Known::Version(Sendable::Stored(entry)),
            None => Known::Nothing,
        }
    }

    /// The version with this number, if it still can be sent.
    pub(super) fn version(&self, key: &Key, id: u64) -> Option<Sendable> {
        if let Some(Memo::Small(small)) = self.cache.memory.get(key)
            && small.id == id
        {
            return Some(Sendable::Small(small));
        }
        self.cache.disk.index().by_id(id).map(Sendable::Stored)
    }

    fn age(&self, checked: u64) -> Duration {
        Duration::from_millis(self.cache.disk.now().saturating_sub(checked))
    }

    fn is_fresh(&self, checked: u64) -> bool {
        // Of a clock that was set back nothing can be told.
        let sane = checked <= self.cache.disk.now().saturating_add(CLOCK_SLACK);
        sane && self.age(checked) < self.policy.ttl
    }

    /// Whether it can be sent without asking.
    fn needs_no_question(&self, known: &Sendable) -> bool {
        let coming = matches!(known, Sendable::Stored(entry) if entry.is_coming_nameless());
        coming || self.is_fresh(known.checked())
    }

    fn may_be_stale(&self, known: &Sendable) -> bool {
        self.age(known.checked()) < self.policy.max_stale
    }

    /// The current version, as far as that can be told.
    pub(super) async fn find(&self, key: &Key) -> Result<Sendable, Refusal> {
        let monitor = &self.cache.disk.monitor;
        match self.known(key) {
            Known::Refused(refusal) => {
                monitor.hits.add(1);
                return Err(refusal);
            }
            Known::Version(known) if self.needs_no_question(&known) => {
                monitor.hits.add(1);
                return Ok(known);
            }
            Known::Version(known) if self.source.is_down() && self.may_be_stale(&known) => {
                monitor.stale.add(1);
                return Ok(known);
            }
            Known::Version(_) | Known::Nothing => {}
        }
        monitor.misses.add(1);
        let look_up = || {
            let (cached, key) = (self.clone(), key.clone());
            async move { cached.look_up(&key).await }
        };
        self.cache.fills.questions.join(key, look_up).await
    }

    /// Asks the origin.
    async fn look_up(&self, key: &Key) -> Result<Sendable, Refusal> {
        let known = match self.known(key) {
            Known::Refused(refusal) => return Err(refusal),
            // Another question was answered while this one was made.
            Known::Version(known) if self.needs_no_question(&known) => return Ok(known),
            Known::Version(known) => Some(known),
            Known::Nothing => None,
        };
        // Not held meanwhile: it may have to make room for the next version.
        let spare = known.as_ref().filter(|known| self.may_be_stale(known));
        let spare = spare.map(Sendable::id);
        let result = self.ask_about(key, known, spare.is_some()).await;
        result.or_else(|failure| {
            let spare = spare.and_then(|id| self.version(key, id));
            self.fall_back(key, spare, failure)
        })
    }

    async fn ask_about(
        &self,
        key: &Key,
        known: Option<Sendable>,
        spare: bool,
    ) -> Result<Sendable, Failure> {
        let version = known.as_ref().map(Sendable::version);
        let ask = Ask {
            range: Some(0..CHUNK),
            condition: match version {
                Some(version) if version.is_known() => Condition::Unless(version.clone()),
                _ => Condition::None,
            },
        };
        let turn = self.source.turn(self.proven).await?;
        let once = spare.then_some(CONFIRM_WITHIN);
        let answer = self.source.ask_patiently(&key.object, &ask, once).await?;
        let content = match (answer, &known) {
            (Got::Unchanged, None) => {
                return Err(OriginError::unusable("said not modified, unasked").into());
            }
            (Got::Unchanged, Some(_)) => None,
            // It does not know conditions.
            (Got::Content(content), Some(known)) if known.is(&content.version, content.size) => {
                None
            }
            (Got::Content(content), _) => Some(content),
        };
        self.source.came_up();
        match (content, known) {
            (None, Some(known)) => {
                self.confirmed(&known).await;
                Ok(known)
            }
            (Some(content), known) => {
                drop(known);
                // What is sent has a share of its own.
                drop(turn);
                Intake::of(self).take(key, content).await
            }
            (None, None) => Err(OriginError::unusable("sent nothing").into()),
        }
    }

    /// The origin says that this is the current version.
    async fn confirmed(&self, known: &Sendable) {
        let disk = &self.cache.disk;
        let entry = match known {
            Sendable::Small(small) => {
                small.check(disk.now());
                disk.index().by_id(small.id)
            }
            Sendable::Stored(entry) => Some(entry.clone()),
        };
        let Some(entry) = entry else {
            return;
        };
        entry.check(disk.now());
        let storage = Arc::clone(disk.storage());
        // A disk that fails here shows when the object is read.
        let _ = disk.run(move || entry.note_check(&*storage)).await;
    }

    /// What to send if the origin failed.
    fn fall_back(
        &self,
        key: &Key,
        spare: Option<Sendable>,
        failure: Failure,
    ) -> Result<Sendable, Refusal> {
        let error = match failure {
            Failure::Origin(error) => error,
            Failure::Here(refusal) => return Err(refusal),
        };
        let (disk, memory) = (&self.cache.disk, &self.cache.memory);
        let named = OriginError::new(error.kind(), format_args!("{}: {error}", key.object));
        let refusal = named.refusal(&key.origin);
        let lasts = match error.kind() {
            OriginErrorKind::NotFound => {
                disk.unset_current(key);
                self.policy.negative_ttl
            }
            OriginErrorKind::Denied | OriginErrorKind::TooLarge => FAILURE_TTL,
            OriginErrorKind::Changed | OriginErrorKind::Unusable | OriginErrorKind::Unavailable => {
                if error.kind() == OriginErrorKind::Unavailable {
                    self.source.went_down();
                }
                if let Some(spare) = spare {
                    disk.monitor.stale.add(1);
                    disk.monitor.tell(&CacheEvent::Stale {
                        origin: key.origin.to_string(),
                        object: key.object.to_string(),
                        error: error.to_string(),
                    });
                    return Ok(spare);
                }
                FAILURE_TTL
            }
        };
        if lasts.is_zero() {
            memory.forget(key);
        } else {
            let lasts = u64::try_from(lasts.as_millis()).unwrap_or(u64::MAX);
            let now = disk.now();
            memory.refuse(key, &refusal, now..now.saturating_add(lasts));
        }
        Err(refusal)
    }
}
