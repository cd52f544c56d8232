//! What is in the cache: by name for those who ask, by use for those who need room.
//!
//! Who asks takes one of many locks, each held for a moment and never while the disk is waited for
//! or more than a few entries are looked through: [`Index::at_once`] does not even wait for that.

use std::collections::{BTreeSet, HashMap};
use std::ops::Bound;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use super::chunks;
use super::entry::{Entry, Held};
use super::key::Key;

/// Blocks of a file system, for counting.
const BLOCK: u64 = 4096;
/// Bytes of a sidecar's line, at most.
const LINE: u64 = 96;
/// Locks that names are spread over.
const SHARDS: usize = 64;
/// Entries looked at under the lock at a time.
const FEW: usize = 64;

/// Bytes an object takes in the cache, the missing ones included.
pub(super) fn footprint(size: u64) -> u64 {
    let lines = chunks::count(size) as u64 * LINE;
    size.checked_next_multiple_of(BLOCK)
        .unwrap_or(u64::MAX)
        .saturating_add((BLOCK / 2 + lines).next_multiple_of(BLOCK))
}

/// See the module.
pub(super) struct Index {
    names: [RwLock<HashMap<Key, Versions>>; SHARDS],
    order: Mutex<Order>,
}

/// The versions of an object.
#[derive(Default)]
struct Versions {
    current: Option<Arc<Entry>>,
    all: Vec<Arc<Entry>>,
}

/// All versions in the order they were used, and the bytes they take.
#[derive(Default)]
struct Order {
    entries: HashMap<u64, Ranked>,
    /// When each was used and its number. Readers only note the time; who looks for room puts an
    /// entry in its place.
    by_use: BTreeSet<Rank>,
    /// Bytes taken, promised ones included.
    taken: u64,
    /// Bytes promised to objects that are on their way.
    promised: u64,
}

struct Ranked {
    rank: Rank,
    entry: Arc<Entry>,
}

/// A place in the order of use: a time, in milliseconds since 1970, and the number of a version.
pub(super) type Rank = (u64, u64);

/// How much boots that are under way need a version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Need {
    /// Nobody does.
    Not,
    /// One may have read it: it can be fetched again for as long as it is current.
    May,
    /// It cannot be had from its origin any more, and a boot may have begun with it.
    Must,
}

impl Default for Index {
    fn default() -> Self {
        Self {
            names: std::array::from_fn(|_| RwLock::default()),
            order: Mutex::default(),
        }
    }
}

impl Index {
    fn shard(&self, key: &Key) -> &RwLock<HashMap<Key, Versions>> {
        let name = key.object.as_str().bytes().rev().take(16);
        let mixed = name.fold(0usize, |sum, byte| {
            sum.wrapping_mul(31).wrapping_add(byte.into())
        });
        &self.names[mixed % SHARDS]
    }

    fn read(&self, key: &Key) -> RwLockReadGuard<'_, HashMap<Key, Versions>> {
        let shard = self.shard(key).read();
        shard.unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self, key: &Key) -> RwLockWriteGuard<'_, HashMap<Key, Versions>> {
        let shard = self.shard(key).write();
        shard.unwrap_or_else(PoisonError::into_inner)
    }

    fn order(&self) -> MutexGuard<'_, Order> {
        self.order.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The current version of an object, if that can be told without waiting for anybody.
    pub(super) fn at_once(&self, key: &Key) -> Option<Arc<Entry>> {
        let names = self.shard(key).try_read().ok()?;
        names.get(key)?.current.clone()
    }

    /// The current version of an object.
    pub(super) fn current(&self, key: &Key) -> Option<Held> {
        let names = self.read(key);
        names.get(key)?.current.as_ref().and_then(Held::new)
    }

    /// The version with this number.
    pub(super) fn by_id(&self, id: u64) -> Option<Held> {
        let order = self.order();
        order
            .entries
            .get(&id)
            .and_then(|ranked| Held::new(&ranked.entry))
    }

    /// The version of an object that was current at `time`, if it is still here; what an origin
    /// says is believed for `ttl` milliseconds.
    pub(super) fn current_at(&self, key: &Key, time: u64, ttl: u64) -> Option<Held> {
        let names = self.read(key);
        let versions = names.get(key)?;
        let mut all = versions.current.iter().chain(&versions.all);
        all.find(|entry| entry.was_current(time, ttl))
            .and_then(Held::new)
    }

    /// All versions, in no order.
    pub(super) fn all(&self) -> Vec<Arc<Entry>> {
        let order = self.order();
        let entries = order.entries.values();
        entries.map(|ranked| Arc::clone(&ranked.entry)).collect()
    }

    /// Makes `entry` the current version, if it is in.
    pub(super) fn set_current(&self, entry: &Arc<Entry>, now: u64) {
        let mut names = self.write(&entry.about.key);
        let Some(versions) = names.get_mut(&entry.about.key) else {
            return;
        };
        if !versions.all.iter().any(|one| Arc::ptr_eq(one, entry)) {
            return;
        }
        entry.reinstated();
        let old = versions.current.replace(Arc::clone(entry));
        if let Some(old) = old.filter(|old| !Arc::ptr_eq(old, entry)) {
            old.replaced(now);
        }
    }

    /// No version is current any more; with `only`, if it is the one with this number.
    pub(super) fn unset_current(&self, key: &Key, only: Option<u64>, now: u64) {
        if let Some(versions) = self.write(key).get_mut(key)
            && let Some(old) = versions
                .current
                .take_if(|old| only.is_none_or(|only| old.about.id == only))
        {
            old.replaced(now);
        }
    }

    /// Takes an entry in, for which `promised` bytes were taken.
    pub(super) fn insert(&self, entry: &Arc<Entry>, promised: u64) {
        let about = &entry.about;
        let mut order = self.order();
        let rank = (entry.used(), about.id);
        let ranked = Ranked {
            rank,
            entry: Arc::clone(entry),
        };
        order.by_use.insert(rank);
        order.taken = (order.taken - promised).saturating_add(footprint(about.size));
        order.promised -= promised;
        let old = order.entries.insert(about.id, ranked);
        debug_assert!(old.is_none(), "a number stands for one entry at a time");
        drop(order);
        let mut names = self.write(&about.key);
        let versions = names.entry(about.key.clone()).or_default();
        versions.all.push(Arc::clone(entry));
    }

    /// Takes in what an earlier process has left: what was confirmed last is the current version.
    /// `false` if that version is here already.
    pub(super) fn admit(&self, entry: &Arc<Entry>, now: u64) -> bool {
        if self.by_id(entry.about.id).is_some() {
            return false;
        }
        self.insert(entry, 0);
        let newer = |current: Arc<Entry>| current.checked() < entry.checked();
        if self.at_once(&entry.about.key).is_none_or(newer) {
            self.set_current(entry, now);
        } else {
            entry.replaced(now);
        }
        true
    }

    /// Takes an entry out; `false` if it is not in.
    pub(super) fn remove(&self, entry: &Arc<Entry>) -> bool {
        let about = &entry.about;
        let mut order = self.order();
        let ranked = order.entries.get(&about.id);
        let Some(ranked) = ranked.filter(|ranked| Arc::ptr_eq(&ranked.entry, entry)) else {
            return false;
        };
        let rank = ranked.rank;
        order.entries.remove(&about.id);
        order.by_use.remove(&rank);
        order.taken -= footprint(about.size);
        drop(order);
        let mut names = self.write(&about.key);
        if let Some(versions) = names.get_mut(&about.key) {
            versions.all.retain(|one| !Arc::ptr_eq(one, entry));
            versions.current.take_if(|one| Arc::ptr_eq(one, entry));
            if versions.all.is_empty() {
                names.remove(&about.key);
            }
        }
        true
    }

    /// A few entries from those that were not used for longest on, behind `after`, and where to go
    /// on: who was used since is put in its place. Nothing once no more than `target` bytes are
    /// taken.
    pub(super) fn candidates(
        &self,
        after: Option<Rank>,
        target: u64,
    ) -> (Vec<Arc<Entry>>, Option<Rank>) {
        let mut order = self.order();
        let mut found = Vec::new();
        let mut last = after;
        if order.taken <= target {
            return (found, None);
        }
        let from = after.map_or(Bound::Unbounded, Bound::Excluded);
        let range = (from, Bound::Unbounded);
        let few: Vec<Rank> = order.by_use.range(range).take(FEW).copied().collect();
        for rank in few {
            last = Some(rank);
            let Some(ranked) = order.entries.get_mut(&rank.1) else {
                continue;
            };
            let now = (ranked.entry.used(), rank.1);
            if now == rank {
                found.push(Arc::clone(&ranked.entry));
            } else {
                ranked.rank = now;
                order.by_use.remove(&rank);
                order.by_use.insert(now);
            }
        }
        let last = if last == after { None } else { last };
        (found, last)
    }

    /// Whether no more than `target` bytes are taken.
    pub(super) fn is_within(&self, target: u64) -> bool {
        self.order().taken <= target
    }

    /// Takes `bytes` for what is on its way, if no more than `max` are taken then.
    pub(super) fn promise(&self, bytes: u64, max: u64) -> bool {
        let mut order = self.order();
        if order.taken.saturating_add(bytes) > max {
            return false;
        }
        order.taken += bytes;
        order.promised += bytes;
        true
    }

    /// Gives back what was promised.
    pub(super) fn give_back(&self, bytes: u64) {
        let mut order = self.order();
        order.taken -= bytes;
        order.promised -= bytes;
    }

    /// Bytes taken, and how many entries there are.
    pub(super) fn figures(&self) -> (u64, usize) {
        let order = self.order();
        (order.taken, order.entries.len())
    }

    /// Bytes of the current versions of all objects.
    pub(super) fn current_bytes(&self) -> u64 {
        let sizes = self.names.iter().map(|shard| {
            let names = shard.read().unwrap_or_else(PoisonError::into_inner);
            let current = names.values().filter_map(|of| of.current.as_ref());
            current
                .map(|entry| footprint(entry.about.size))
                .sum::<u64>()
        });
        sizes.sum()
    }

    /// How much boots need `entry`, the oldest of which `began` then.
    pub(super) fn need(&self, entry: &Arc<Entry>, began: Option<u64>) -> Need {
        let Some(began) = began.filter(|_| entry.is_for_boots()) else {
            return Need::Not;
        };
        let key = &entry.about.key;
        let names = self.read(key);
        let current = names.get(key).and_then(|of| of.current.as_ref());
        match current.is_some_and(|current| Arc::ptr_eq(current, entry)) {
            true if entry.used() >= began => Need::May,
            false if entry.was_current_after(began) => Need::Must,
            _ => Need::Not,
        }
    }

    /// Puts `found` in the place of all that is here, which is taken out of use; what is promised
    /// stays promised.
    pub(super) fn replace(&self, found: Self) {
        let mut new = found.order.into_inner().unwrap_or_default();
        let mut order = self.order();
        new.promised = order.promised;
        new.taken += order.promised;
        let old = std::mem::replace(&mut *order, new);
        drop(order);
        for (shard, found) in self.names.iter().zip(found.names) {
            let found = found.into_inner().unwrap_or_default();
            *shard.write().unwrap_or_else(PoisonError::into_inner) = found;
        }
        for ranked in old.entries.values() {
            // Who reads it goes on.
            ranked.entry.condemn();
        }
    }
}
