//! Small objects, and what is not there, in memory.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bootwire::Refusal;
use bytes::Bytes;
use quick_cache::Weighter;
use quick_cache::sync::Cache;

use super::chunks::CHUNK;
use super::key::Key;
use crate::origin::Version;

/// Largest object that is kept in memory, in bytes: 64 KiB.
pub(crate) const SMALL_MAX: u64 = CHUNK / 64;
/// What an entry takes besides its name and content, about.
const OVERHEAD: u64 = 256;

/// An object in memory.
pub(crate) struct Small {
    pub(crate) version: Version,
    pub(crate) bytes: Bytes,
    /// The number of this version on the disk.
    pub(crate) id: u64,
    checked: AtomicU64,
}

impl Small {
    pub(crate) fn new(version: Version, bytes: Bytes, id: u64, checked: u64) -> Arc<Self> {
        Arc::new(Self {
            version,
            bytes,
            id,
            checked: AtomicU64::new(checked),
        })
    }

    /// When the origin last said that this is the current version, in milliseconds since 1970.
    pub(crate) fn checked(&self) -> u64 {
        self.checked.load(Ordering::Relaxed)
    }

    /// The origin says so now.
    pub(crate) fn check(&self, now: u64) {
        self.checked.store(now, Ordering::Relaxed);
    }
}

/// What is remembered of an object.
#[derive(Clone)]
pub(crate) enum Memo {
    /// All of it.
    Small(Arc<Small>),
    /// That it cannot be had, within this time.
    Refused(Arc<Refusal>, Range<u64>),
}

/// Counts bytes.
#[derive(Clone)]
struct Bytewise;

impl Weighter<Key, Memo> for Bytewise {
    fn weight(&self, key: &Key, memo: &Memo) -> u64 {
        let content = match memo {
            Memo::Small(small) => {
                let Version { etag, modified } = &small.version;
                let told = [etag, modified].into_iter().flatten().map(String::len);
                small.bytes.len() + told.sum::<usize>()
            }
            Memo::Refused(refusal, _) => refusal.detail().map_or(0, str::len),
        };
        (key.object.as_str().len() + content) as u64 + OVERHEAD
    }
}

/// What is remembered of objects, within a bound of bytes.
pub(crate) struct Memory(Cache<Key, Memo, Bytewise>);

impl Memory {
    pub(crate) fn new(max: u64) -> Self {
        let items = usize::try_from(max / 4096)
            .unwrap_or(usize::MAX)
            .clamp(16, 1 << 20);
        Self(Cache::with_weighter(items, max, Bytewise))
    }

    pub(crate) fn get(&self, key: &Key) -> Option<Memo> {
        self.0.get(key)
    }

    pub(crate) fn keep(&self, key: &Key, small: &Arc<Small>) {
        self.0.insert(key.clone(), Memo::Small(Arc::clone(small)));
    }

    pub(crate) fn refuse(&self, key: &Key, refusal: &Refusal, times: Range<u64>) {
        let memo = Memo::Refused(Arc::new(refusal.clone()), times);
        self.0.insert(key.clone(), memo);
    }

    pub(crate) fn forget(&self, key: &Key) {
        self.0.remove(key);
    }

    /// Forgets all that are meant.
    pub(crate) fn forget_if(&self, is_meant: impl Fn(&Key) -> bool) {
        self.0.retain(|key, _| !is_meant(key));
    }

    /// Bytes held.
    pub(crate) fn weight(&self) -> u64 {
        self.0.weight()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::origin::ObjectName;

    #[test]
    fn the_bound_of_bytes_holds_at_every_moment() {
        const MAX: u64 = 1 << 20;
        let memory = Memory::new(MAX);
        for number in 0..1000 {
            let key = Key {
                origin: "http://o/".into(),
                access: "".into(),
                object: ObjectName::new(number.to_string().as_bytes()).unwrap(),
            };
            let bytes = Bytes::from(vec![0; 10_000]);
            memory.keep(&key, &Small::new(Version::default(), bytes, number, 0));
            assert!(memory.weight() <= MAX, "{number}");
        }
        assert!(memory.weight() > MAX / 2, "and it is made use of");
    }
}
