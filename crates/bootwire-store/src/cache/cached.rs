//! An origin read through a cache.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bootwire::{BoxFuture, Endpoint, Refusal, Reply, Request, Turns};
use tokio::sync::Semaphore;

use super::Cache;
use super::entry::now;
use super::key::Key;
use super::lookup::{Found, Known};
use super::pin::Pinned;
use crate::origin::{ObjectName, Origin};

/// How long an origin that did not answer is left alone where there is something to send without
/// it.
const DOWN_FOR: Duration = Duration::from_secs(5);
/// Largest object anyone may allow, in bytes: each chunk takes some in memory.
const OBJECT_MAX: u64 = 10 << 40;
/// Objects an origin is asked about at a time, at most: whoever makes up names takes no more than
/// that from others.
const LOOKUPS_MAX: usize = 64;
/// How much longer than its origin may take to answer a client waits for something to send: for
/// others before it, for small objects and those of unknown size.
const SLACK: Duration = Duration::from_secs(3);
/// Bodies of an origin that are open at a time, at most: those that stall keep no others away, but
/// each takes a connection.
const BODIES_MAX: usize = 256;
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
    pub(super) origin: Arc<dyn Origin>,
    pub(super) name: Arc<str>,
    /// Who may fetch its objects.
    access: Arc<str>,
    pub(super) cache: Cache,
    pub(super) policy: Policy,
    pub(super) shared: Arc<Shared>,
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
    pub(super) in_flight: u64,
    pub(super) answer_within: Duration,
    pub(super) stall: Duration,
    pub(super) give_up: Duration,
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
            in_flight: 32 << 20,
            answer_within: Duration::from_secs(5),
            stall: Duration::from_secs(10),
            give_up: Duration::from_secs(30),
        }
    }
}

/// What all who read an origin share.
pub(super) struct Shared {
    /// KiB that may be on their way.
    pub(super) permits: Arc<Semaphore>,
    /// Bodies that may be open at a time, those that stall included.
    pub(super) bodies: Arc<Semaphore>,
    /// Objects that may be asked about at a time.
    pub(super) lookups: Turns,
    /// Until when the origin is taken for dead, in milliseconds since 1970.
    down_until: AtomicU64,
}

impl Shared {
    fn new(in_flight: u64) -> Arc<Self> {
        let permits = units(in_flight) as usize;
        Arc::new(Self {
            permits: Arc::new(Semaphore::new(permits)),
            bodies: Arc::new(Semaphore::new(BODIES_MAX)),
            lookups: Turns::new(LOOKUPS_MAX),
            down_until: AtomicU64::new(0),
        })
    }

    pub(super) fn is_down(&self) -> bool {
        now() < self.down_until.load(Ordering::Relaxed)
    }

    pub(super) fn went_down(&self) {
        let until = now() + DOWN_FOR.as_millis() as u64;
        self.down_until.store(until, Ordering::Relaxed);
    }

    pub(super) fn came_up(&self) {
        self.down_until.store(0, Ordering::Relaxed);
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

/// A bound in KiB; at least one small object's.
fn units(in_flight: u64) -> u64 {
    (in_flight / 1024).clamp(64, u64::from(u32::MAX) / 2)
}

impl Cached {
    /// `origin` read through `cache`.
    #[must_use]
    pub fn new(origin: Arc<dyn Origin>, cache: &Cache) -> Self {
        let policy = Policy::default();
        Self {
            name: origin.name().into(),
            access: cache.disk.salt().name(&origin.access()).into(),
            origin,
            cache: cache.clone(),
            policy,
            shared: Shared::new(policy.in_flight),
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
        self.policy.in_flight = bytes;
        self.shared = Shared::new(bytes);
        self
    }

    /// How long the origin may take to begin an answer. Keep it below the server's
    /// [deadline](bootwire::Server::deadline), so that clients hear why. Default 5 s.
    #[must_use]
    pub const fn answer_within(mut self, limit: Duration) -> Self {
        self.policy.answer_within = limit;
        self
    }

    /// How long a body may bring less than 16 KiB before it is taken for dead. Default 10 s.
    #[must_use]
    pub const fn stall(mut self, limit: Duration) -> Self {
        self.policy.stall = limit;
        self
    }

    /// How long a chunk is tried for in which nothing of it arrives. Default 30 s.
    #[must_use]
    pub const fn give_up(mut self, limit: Duration) -> Self {
        self.policy.give_up = limit;
        self
    }

    /// What the origin is called in logs.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn permits_max(&self) -> u64 {
        units(self.policy.in_flight)
    }

    pub(super) fn key(&self, object: &ObjectName) -> Key {
        Key {
            origin: Arc::clone(&self.name),
            access: Arc::clone(&self.access),
            object: object.clone(),
        }
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
        let key = self.key(object);
        // Who waits longer would hear that a handler was late, and not whose fault that was.
        let limit = self.policy.answer_within + SLACK;
        let late = || {
            let detail = format_args!(
                "{}: {object}: nothing to send within {limit:?}; it is still being fetched",
                self.name
            );
            Refusal::origin()
                .text("Timed out, try again")
                .because(detail)
        };
        let reply = tokio::time::timeout(limit, self.reply_to(&key, machine)).await;
        reply.unwrap_or_else(|_| Err(late()))
    }

    async fn reply_to(&self, key: &Key, machine: Option<&str>) -> Result<Reply, Refusal> {
        let mut result =
            Err(Refusal::busy()
                .because("its files were removed from the cache while it was opened"));
        for _ in 0..RACES_MAX {
            let found = self.found(key, machine).await?;
            result = match self.open(&found).await {
                Ok(Some(reply)) => return Ok(reply),
                Ok(None) => result,
                Err(refusal) => Err(refusal),
            };
        }
        result
    }

    /// The version for `machine`.
    async fn found(&self, key: &Key, machine: Option<&str>) -> Result<Found, Refusal> {
        let Some((machine, lasts)) = machine.zip(self.policy.pin) else {
            return self.find(key).await;
        };
        let object = key.short();
        let found = match self.cache.pins.find(machine, object, lasts) {
            Pinned::Version(id) => match self.version(key, id) {
                Some(pinned) => return Ok(pinned),
                // Evicted or removed. It may be the current one still.
                None => {
                    let current = self.find(key).await?;
                    if current.id() != id {
                        self.cache.pins.broke(machine);
                        return Err(gone(key, machine));
                    }
                    current
                }
            },
            Pinned::AsOf(began) => {
                let ttl = u64::try_from(self.policy.ttl.as_millis()).unwrap_or(u64::MAX);
                let current = self.find(key).await?;
                match self.cache.disk.current_at(key, began, ttl) {
                    Some(then) if then.id != current.id() && then.is_complete() => {
                        Found::Entry(then)
                    }
                    _ => current,
                }
            }
        };
        self.cache.pins.note(machine, object, found.id());
        if let Some(entry) = self.cache.disk.entry(found.id()) {
            entry.note_boot();
        }
        Ok(found)
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
        let key = self.key(&ObjectName::new(path.as_bytes())?);
        let entry = match self.find(&key).await? {
            Found::Small(small) => return Ok(small.bytes.len() as u64),
            Found::Entry(entry) => entry,
        };
        if !entry.is_complete()
            && let Some(filler) = self.filler(&entry).await?
        {
            filler.all().await?;
        }
        Ok(entry.size)
    }
}

impl Endpoint<Reply> for Cached {
    fn call(&self, request: Request) -> BoxFuture<'_, Result<Reply, Refusal>> {
        Box::pin(async move {
            let object = ObjectName::new(request.rest_bytes())?;
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
            Err(refusal) => return Some(Err(refusal)),
        };
        let reply = match self.known(&self.key(&object)) {
            Known::Refused(refusal) => Some(Err(refusal)),
            Known::Found(found) if self.is_fresh(&found) => found.at_hand().map(Ok),
            Known::Found(_) | Known::Nothing => None,
        }?;
        self.cache.count(|counts| &counts.hits);
        Some(reply)
    }
}

impl std::fmt::Debug for Cached {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Cached")
            .field("origin", &self.name)
            .field("policy", &self.policy)
            .finish_non_exhaustive()
    }
}
