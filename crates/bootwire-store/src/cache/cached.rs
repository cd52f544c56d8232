//! An origin read through a cache.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use bootwire::{BoxFuture, Endpoint, Refusal, Reply, Request};

use super::Cache;
use super::entry::Held;
use super::fault::{Fault, is_planted};
use super::filler::Filler;
use super::key::Key;
use super::opened::Opened;
use super::pin::Pinned;
use super::said;
use super::sendable::Sendable;
use super::source::Source;
use crate::origin::{ObjectName, Origin};

/// Largest object anyone may allow, in bytes: each chunk takes some in memory.
const OBJECT_MAX: u64 = 10 << 40;
/// How much longer than its origin may take to answer a client waits for something to send: for
/// others before it, for small objects and those of unknown size.
const SLACK: Duration = Duration::from_secs(3);
/// How often an object is looked up again that vanished between looking and opening.
const RACES_MAX: usize = 3;

/// An origin read through a [`Cache`]: an endpoint for read routes. Cheap to clone.
///
/// The object is named by the part of the path that the route's `{*rest}` matched, or the whole
/// path. It is fetched in chunks of 4 MiB, as clients come to need them; a transfer starts with the
/// first bytes that arrive, its size known from the origin's first answer. However many ask, the
/// origin sends each byte once.
///
/// | the origin | the client |
/// |---|---|
/// | has no such object (404, 410) | code 1, also for the next [`negative_ttl`](Self::negative_ttl) |
/// | refuses us (401, 403) | code 2 |
/// | answers 5xx, is silent, too slow, cuts the body | the object as it was, if it is in the cache and not older than [`max_stale`](Self::max_stale); else, after retries, code 0: try again |
/// | breaks the rules: compresses, sends wrong lengths, redirects where it may not | the same |
/// | has a new version in the middle of a transfer | code 0, and the new version when it asks again |
///
/// A version is told from others by ETag, else by Last-Modified, with the size. An object that has
/// neither is fetched in one stream, and anew whenever its [`ttl`](Self::ttl) is over.
#[derive(Clone)]
pub struct Cached {
    pub(super) source: Source,
    pub(super) cache: Cache,
    pub(super) policy: Policy,
    /// Whether who asks has proven its address.
    pub(super) proven: bool,
}

/// The settings of a [`Cached`].
#[derive(Clone, Copy, Debug)]
pub(super) struct Policy {
    pub(super) ttl: Duration,
    pub(super) max_stale: Duration,
    pub(super) negative_ttl: Duration,
    pub(super) pin: Option<Duration>,
    pub(super) object_max: u64,
    pub(super) read_ahead: u64,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            ttl: Duration::from_secs(60),
            max_stale: Duration::from_secs(7 * 24 * 3600),
            negative_ttl: Duration::from_secs(10),
            pin: None,
            object_max: 16 << 30,
            read_ahead: 16 << 20,
        }
    }
}

/// What a boot is told that would get another version than the one it began with.
fn gone(key: &Key, machine: &str) -> Refusal {
    let detail = format_args!(
        "{}: {}: the version that the boot of {machine} began with is gone from the cache, and the \
         origin has another; start the machine again, and raise cache.max",
        key.origin, key.object
    );
    let refusal = Refusal::origin().text("File changed, start the machine again");
    refusal.because(detail)
}

impl Cached {
    /// `origin` read through `cache`.
    #[must_use]
    pub fn new(origin: Arc<dyn Origin>, cache: &Cache) -> Self {
        Self {
            source: Source::new(origin, &cache.disk),
            cache: cache.clone(),
            policy: Policy::default(),
            proven: true,
        }
    }

    /// How long an object is sent before the origin is asked whether it still is the current
    /// version. Default 60 s.
    #[must_use]
    pub const fn ttl(mut self, ttl: Duration) -> Self {
        self.policy.ttl = ttl;
        self
    }

    /// How long after the origin last confirmed it an object is still sent if the origin does not
    /// answer. Default 7 days.
    #[must_use]
    pub const fn max_stale(mut self, age: Duration) -> Self {
        self.policy.max_stale = age;
        self
    }

    /// How long "no such object" is remembered. Default 10 s.
    #[must_use]
    pub const fn negative_ttl(mut self, ttl: Duration) -> Self {
        self.policy.negative_ttl = ttl;
        self
    }

    /// Gives a machine the same versions for this long after its first request, so that its initrd
    /// fits its kernel: of each object the version that was current when it began, as far as the
    /// cache knew that then, within its [`ttl`](Self::ttl), and still has it. A machine is its address here; see [`Cached::reply`] for others. Default
    /// off.
    #[must_use]
    pub const fn pin(mut self, boot: Duration) -> Self {
        self.policy.pin = Some(boot);
        self
    }

    /// Largest object, in bytes; others are refused with code 2. At most 10 TiB, default 16 GiB.
    #[must_use]
    pub const fn object_max(mut self, bytes: u64) -> Self {
        self.policy.object_max = if bytes < OBJECT_MAX {
            bytes
        } else {
            OBJECT_MAX
        };
        self
    }

    /// How far the origin is read ahead of the fastest reader, in bytes. Default 16 MiB.
    #[must_use]
    pub const fn read_ahead(mut self, bytes: u64) -> Self {
        self.policy.read_ahead = bytes;
        self
    }

    /// Bytes of this origin that may be on their way at a time: four chunks in 16 MiB come side
    /// by side. Default 32 MiB.
    #[must_use]
    pub fn in_flight(mut self, bytes: u64) -> Self {
        self.source.set_in_flight(bytes);
        self
    }

    /// How long the origin may take to begin an answer. Keep it below the server's
    /// [deadline](bootwire::Server::deadline), so that clients hear why. Default 5 s.
    #[must_use]
    pub const fn answer_within(mut self, limit: Duration) -> Self {
        self.source.limits.answer_within = limit;
        self
    }

    /// How long a body may bring less than 16 KiB before it is taken for dead. Default 10 s.
    #[must_use]
    pub const fn stall(mut self, limit: Duration) -> Self {
        self.source.limits.stall = limit;
        self
    }

    /// How long a chunk is tried for in which nothing of it arrives. Default 30 s.
    #[must_use]
    pub const fn give_up(mut self, limit: Duration) -> Self {
        self.source.limits.give_up = limit;
        self
    }

    /// What the origin is called in logs.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.source.name
    }

    /// The same, asked by the client that sent `request`: those that have not
    /// [proven](Request::is_proven) their address leave turns at the origin to those that have, in which
    /// it is asked about objects.
    #[must_use]
    pub fn asked_by(&self, request: &Request) -> Self {
        Self {
            proven: request.is_proven(),
            ..self.clone()
        }
    }

    /// The object's content. `machine` says who asks, for [`Cached::pin`]: an address, a serial
    /// number.
    ///
    /// # Errors
    /// The refusal for the client, see the table above.
    pub async fn reply(
        &self,
        object: &ObjectName,
        machine: Option<&str>,
    ) -> Result<Reply, Refusal> {
        let key = self.source.key(object);
        let before = self.before(&key);
        match self.opened(&key, machine).await {
            Ok(opened) => Ok(before.reply(opened)),
            Err(refusal) => Err(said::refused(refusal, before.refusal())),
        }
    }

    /// The object, open for sending.
    pub(super) async fn opened(&self, key: &Key, machine: Option<&str>) -> Result<Opened, Refusal> {
        // Who waits longer would hear that a handler was late, and not whose fault that was.
        let limit = self.source.limits.answer_within + SLACK;
        let late = || {
            let detail = format_args!(
                "{}: {}: nothing to send within {limit:?}; it is still being fetched",
                key.origin, key.object
            );
            Refusal::origin()
                .text("Timed out, try again")
                .because(detail)
        };
        let opened = tokio::time::timeout(limit, self.open_for(key, machine)).await;
        opened.unwrap_or_else(|_| Err(late()))
    }

    async fn open_for(&self, key: &Key, machine: Option<&str>) -> Result<Opened, Refusal> {
        let mut result =
            Err(Refusal::busy()
                .because("its files were removed from the cache while it was opened"));
        let once = is_planted(&**self.cache.disk.storage(), Fault::OpenedOnce);
        for _ in 0..if once { 1 } else { RACES_MAX } {
            let version = self.version_for(key, machine).await?;
            result = match self.open(&version).await {
                Ok(Some(opened)) => return Ok(opened),
                Ok(None) => result,
                Err(refusal) => Err(refusal),
            };
        }
        result
    }

    /// The version for `machine`.
    async fn version_for(&self, key: &Key, machine: Option<&str>) -> Result<Sendable, Refusal> {
        let Some((machine, lasts)) = machine.zip(self.policy.pin) else {
            return self.find(key).await;
        };
        let object = key.short();
        let disk = &self.cache.disk;
        let found = match disk.pins().find(machine, object, lasts, disk.now()) {
            Pinned::Version(id) => match self.version(key, id) {
                Some(pinned) => return Ok(pinned),
                // Evicted or removed. It may be the current one still.
                None => {
                    let current = self.find(key).await?;
                    if current.id() != id {
                        disk.pins().broke(machine);
                        return Err(gone(key, machine));
                    }
                    current
                }
            },
            Pinned::AsOf(began) => {
                let ttl = u64::try_from(self.policy.ttl.as_millis()).unwrap_or(u64::MAX);
                let current = self.find(key).await?;
                match disk.index().current_at(key, began, ttl) {
                    Some(then) if then.about.id != current.id() && then.is_complete() => {
                        Sendable::Stored(then)
                    }
                    _ => current,
                }
            }
        };
        disk.pins().note(machine, object, found.id());
        if let Some(entry) = disk.index().by_id(found.id()) {
            entry.note_boot();
        }
        Ok(found)
    }

    /// Opens a version for sending. `None` if it is not in the cache any more.
    async fn open(&self, version: &Sendable) -> Result<Option<Opened>, Refusal> {
        let entry = match version {
            Sendable::Small(small) => return Ok(Some(Opened::Small(Arc::clone(small)))),
            Sendable::Stored(entry) => entry,
        };
        let disk = &self.cache.disk;
        if let Some(open) = entry.at_hand(disk.now()) {
            return Ok(Some(Opened::Whole(entry.clone(), open)));
        }
        let (cached, held) = (self.clone(), entry.clone());
        let open = move || {
            if let Some(whole) = cached.cache.disk.open_whole(&held)? {
                return Ok(Opened::Whole(held, whole));
            }
            let filler = cached.filler(&held)?;
            let content = Arc::clone(&filler).content()?;
            Ok(Opened::Filling(filler, content))
        };
        match disk.run(open).await? {
            Ok(_) if entry.is_gone() => Ok(None),
            Ok(opened) => Ok(Some(opened)),
            Err(error) => Err(disk.unreadable(entry, &error).await),
        }
    }

    /// What fills `entry`. Blocks on the disk.
    fn filler(&self, entry: &Held) -> io::Result<Arc<Filler>> {
        let (fills, parts) = (&self.cache.fills, (&self.cache.disk, &self.source));
        fills.filler(entry, parts, self.policy.read_ahead)
    }

    /// Fetches objects before anyone asks, one after the other. Tells the size of each in bytes, or
    /// why it could not be had. Paths are as clients would send them, below the route.
    pub async fn prefetch<P: AsRef<str>>(
        &self,
        paths: impl IntoIterator<Item = P>,
    ) -> Vec<(P, Result<u64, Refusal>)> {
        let mut results = Vec::new();
        for path in paths {
            let result = self.prefetch_one(path.as_ref()).await;
            results.push((path, result));
        }
        results
    }

    async fn prefetch_one(&self, path: &str) -> Result<u64, Refusal> {
        let key = self.source.key(&ObjectName::new(path.as_bytes())?);
        let entry = match self.find(&key).await? {
            Sendable::Small(small) => return Ok(small.bytes.len() as u64),
            Sendable::Stored(entry) => entry,
        };
        if !entry.is_complete() {
            let (cached, held) = (self.clone(), entry.clone());
            let disk = &self.cache.disk;
            match disk.run(move || cached.filler(&held)).await? {
                Ok(filler) => filler.all().await?,
                Err(error) => return Err(disk.unreadable(&entry, &error).await),
            }
        }
        Ok(entry.about.size)
    }
}

impl Endpoint<Reply> for Cached {
    fn call(&self, request: Request) -> BoxFuture<'_, Result<Reply, Refusal>> {
        Box::pin(async move {
            let object = ObjectName::new(request.rest_bytes())
                .map_err(|refusal| refusal.answered_by(said::KIND))?;
            let machine = self
                .policy
                .pin
                .map(|_| request.peer_ip().to_canonical().to_string());
            self.asked_by(&request)
                .reply(&object, machine.as_deref())
                .await
        })
    }

    /// What is in memory, open already, or known to be missing, if the origin need not be asked.
    fn at_hand(&self, request: &Request) -> Option<Result<Reply, Refusal>> {
        if self.policy.pin.is_some() {
            return None;
        }
        let object = match ObjectName::new(request.rest_bytes()) {
            Ok(object) => object,
            Err(refusal) => return Some(Err(refusal.answered_by(said::KIND))),
        };
        let reply = self.known_at_hand(&self.source.key(&object))?;
        self.cache.disk.monitor.hits.add(1);
        Some(reply)
    }
}

impl std::fmt::Debug for Cached {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Cached")
            .field("origin", &self.source.name)
            .field("policy", &self.policy)
            .finish_non_exhaustive()
    }
}
