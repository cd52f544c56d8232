//! Origins by name, read through one cache.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bootwire::{BoxFuture, Endpoint, Refusal, Reply, Request};
use bootwire_render::identity::{Identifier, Identity};
use bootwire_store::origin::{ObjectName, Origin};
use bootwire_store::{Cache, Cached, HttpOrigin, ObjectOrigin, Purged, Secret};
use tokio::task::JoinSet;

use super::cache::{self, CacheSettings, OpenCache};
use super::inquiry::Inquiry;
use super::opening::{Notes, Opening, Purpose};
use crate::config::model::OriginKind;
use crate::config::{Config, model};
use crate::size;

/// The origins of a configuration.
#[derive(Debug, Default)]
pub(crate) struct Origins(BTreeMap<String, OpenOrigin>);

/// One origin.
#[derive(Clone, Debug)]
pub(crate) struct OpenOrigin {
    /// Its name in the configuration.
    pub(crate) name: String,
    /// Its URL or bucket, without secrets.
    pub(crate) address: String,
    pinned: bool,
    prefetch: Vec<String>,
    reach: Reach,
}

/// How objects are had.
#[derive(Clone, Debug)]
enum Reach {
    /// Through the cache.
    Cached(Box<Cached>),
    /// Not at all, or asked about only: to explain.
    Asked(Inquiry),
}

/// An origin's settings with what the files and variables they name held: what must be the same for
/// an open origin to serve on after a reload.
#[derive(Clone, PartialEq)]
struct OriginSettings {
    table: model::Origin,
    /// Where its objects are kept.
    cache: PathBuf,
    /// Settings of a bucket, all of them.
    bucket: Vec<(String, String)>,
}

/// What is open of origins, each with the settings it was opened with: what lives on when the
/// configuration changes.
#[derive(Clone, Default)]
pub(super) struct OriginResources {
    cache: Option<OpenCache>,
    origins: BTreeMap<String, (OriginSettings, OpenOrigin)>,
}

impl OriginResources {
    /// The cache, and the bytes it may take.
    pub(super) fn open_cache(&self) -> Option<(&Cache, u64)> {
        let (settings, cache) = self.cache.as_ref()?;
        Some((cache, settings.max()))
    }

    fn cache(&self) -> Option<&Cache> {
        self.cache.as_ref().map(|(_, cache)| cache)
    }
}

impl Origins {
    /// Opens what the configuration names. What is open already and has not changed stays as it is.
    /// Gives what a reload may leave open, too.
    pub(super) async fn open(
        opening: &mut Opening<'_>,
        old: &OriginResources,
    ) -> (Self, OriginResources) {
        let config = opening.config;
        let mut new = OriginResources {
            // Also without origins: transfers may still need it, and a later configuration.
            cache: old.cache.clone(),
            origins: BTreeMap::new(),
        };
        let document = &config.document;
        if document.origin.is_empty() {
            return (Self::default(), new);
        }
        let settings = CacheSettings::of(config);
        if opening.serves() {
            match cache::open(&settings, old.cache.as_ref(), opening.notes).await {
                Ok(cache) => new.cache = Some(cache),
                Err(error) => {
                    let help = "set cache.dir to a directory this server may write to";
                    opening.wrong("cache", format_args!("{error}; {help}"));
                    return (Self::default(), new);
                }
            }
        }
        let (mut all, mut pinned) = (BTreeMap::new(), false);
        for (name, table) in &document.origin {
            let place = format!("origin.{name}");
            let bucket = bucket_settings(table, opening);
            let Some(bucket) = opening.check(&place, bucket) else {
                continue;
            };
            let settings = OriginSettings {
                table: table.clone(),
                cache: settings.dir.clone(),
                bucket,
            };
            let open = match old.origins.get(name) {
                Some((known, source)) if *known == settings => Ok(source.clone()),
                _ => OpenOrigin::open(name, &settings, new.cache(), opening).await,
            };
            if let Some(source) = opening.check(&place, open) {
                pinned |= source.pinned;
                let kept = (settings, source.clone());
                new.origins.insert(name.clone(), kept);
                all.insert(name.clone(), source);
            }
        }
        if let Some(cache) = new.cache().filter(|_| old.cache.is_none())
            && let Some(told) = cache::working_set(&cache.stats(), settings.max(), pinned)
        {
            opening.notes.tell(told);
        }
        (Self(all), new)
    }

    pub(crate) fn get(&self, name: &str) -> Option<&OpenOrigin> {
        self.0.get(name)
    }

    pub(super) fn all(&self) -> impl Iterator<Item = &OpenOrigin> {
        self.0.values()
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn describe(&self, config: &Config) -> Vec<String> {
        let mut lines = Vec::new();
        for source in self.0.values() {
            let pinned = if source.pinned {
                ", a machine keeps its versions"
            } else {
                ""
            };
            lines.push(format!(
                "origin {}: {}{pinned}",
                source.name, source.address
            ));
        }
        if !lines.is_empty() {
            lines.push(CacheSettings::of(config).describe());
        }
        lines
    }

    /// Fetches what is to be there before anybody asks, one object of each origin at a time. Ends
    /// when the set is dropped.
    fn prefetch(&self, tasks: &mut JoinSet<()>, notes: &Notes) {
        for source in self.0.values() {
            let Reach::Cached(cached) = &source.reach else {
                continue;
            };
            let (cached, source, notes) = (cached.clone(), source.clone(), notes.clone());
            tasks.spawn(async move {
                for path in &source.prefetch {
                    let path = path.trim_start_matches('/');
                    let outcome = cached.prefetch([path]).await;
                    for (path, result) in outcome {
                        let origin = &source.name;
                        notes.tell(match result {
                            Ok(bytes) => {
                                let bytes = size::count(bytes, "byte", "bytes");
                                format!("prefetched {path} of {origin}: {bytes}")
                            }
                            Err(refusal) => {
                                format!("cannot prefetch {path} of {origin}: {refusal}")
                            }
                        });
                    }
                }
            });
        }
    }
}

impl OpenOrigin {
    async fn open(
        name: &str,
        settings: &OriginSettings,
        cache: Option<&Cache>,
        opening: &Opening<'_>,
    ) -> Result<Self, String> {
        let table = &settings.table;
        let origin = reach(settings, opening).await?;
        let reach = match (cache, opening.purpose) {
            (Some(cache), _) => Reach::Cached(Box::new(tuned(
                Cached::new(Arc::clone(&origin), cache),
                table,
            ))),
            (None, Purpose::Look { ask }) => Reach::Asked(Inquiry::new(Arc::clone(&origin), ask)),
            (None, Purpose::Serve) => return Err("there is no cache".to_owned()),
        };
        let prefetch = table.prefetch.as_ref();
        Ok(Self {
            name: name.to_owned(),
            address: origin.name().to_owned(),
            pinned: table.pin.is_some(),
            prefetch: prefetch.map_or_else(Vec::new, |paths| paths.0.clone()),
            reach,
        })
    }

    /// What answers requests for its objects. `who` finds out which machine asks.
    pub(super) fn endpoint(&self, who: &Identifier) -> Arc<dyn Endpoint<Reply>> {
        match &self.reach {
            Reach::Asked(asked) => Arc::new(asked.clone()),
            Reach::Cached(cached) if self.pinned => Arc::new(pinned(cached, who)),
            Reach::Cached(cached) => Arc::new((**cached).clone()),
        }
    }

    /// The object at `path`, whatever `request` asked for: the machine is who sent that.
    pub(super) async fn fetch(
        &self,
        path: &str,
        request: &Request,
        who: &Identifier,
    ) -> Result<Reply, Refusal> {
        match &self.reach {
            Reach::Asked(asked) => asked.reply(path.as_bytes()).await,
            Reach::Cached(cached) if self.pinned => {
                let pinned = pinned(cached, who);
                pinned.reply(path.as_bytes(), request).await
            }
            Reach::Cached(cached) => {
                let object = ObjectName::new(path.as_bytes())?;
                cached.asked_by(request).reply(&object, None).await
            }
        }
    }
}

/// An origin, for those who look at it.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct OriginInForce<'a> {
    /// Its name in the configuration.
    pub name: &'a str,
    /// Its URL or bucket, without secrets.
    pub address: &'a str,
    /// Objects that are fetched before anybody asks.
    pub prefetch: &'a [String],
}

impl OpenOrigin {
    pub(super) fn in_force(&self) -> OriginInForce<'_> {
        OriginInForce {
            name: &self.name,
            address: &self.address,
            prefetch: &self.prefetch,
        }
    }

    /// Fetches an object before anybody asks.
    pub(super) async fn prefetch_object(&self, path: &str) -> Result<u64, String> {
        let cached = self.cached()?;
        let mut outcome = cached.prefetch([path.trim_start_matches('/')]).await;
        match outcome.pop() {
            Some((_, result)) => result.map_err(|refusal| refusal.to_string()),
            None => Err("nothing came of it".to_owned()),
        }
    }

    /// Removes an object from the cache, or all of them.
    pub(super) async fn purge(&self, path: Option<&str>) -> Result<Purged, String> {
        let path = path.map(|path| path.trim_start_matches('/'));
        let purged = self.cached()?.purge(path).await;
        purged.map_err(|refusal| refusal.to_string())
    }

    fn cached(&self) -> Result<&Cached, String> {
        match &self.reach {
            Reach::Cached(cached) => Ok(cached),
            Reach::Asked(_) => Err("this site is not served: it has no cache".to_owned()),
        }
    }

    /// Asks the origin whether it answers, and has what it should have; perhaps with a warning.
    pub(super) async fn check(&self, patience: Duration) -> Result<Option<String>, String> {
        match &self.reach {
            Reach::Asked(asked) => asked.check(&self.prefetch, patience).await,
            Reach::Cached(_) => Ok(None),
        }
    }

    /// What asks it and nothing else, and remembers the answer; `None` of one that is read.
    pub(super) fn inquiry(&self) -> Option<Inquiry> {
        match &self.reach {
            Reach::Asked(asked) => Some(asked.anew()),
            Reach::Cached(_) => None,
        }
    }
}

fn pinned(cached: &Cached, who: &Identifier) -> Pinned {
    Pinned {
        cached: cached.clone(),
        who: who.clone(),
    }
}

/// An origin whose objects a machine gets in the versions its boot began with.
struct Pinned {
    cached: Cached,
    who: Identifier,
}

impl Pinned {
    /// An object, for the machine that sent `request`.
    async fn reply(&self, object: &[u8], request: &Request) -> Result<Reply, Refusal> {
        let object = ObjectName::new(object)?;
        let who = self.who.identify(request).await;
        let machine = machine(&who, request);
        if let Some(name) = who.name() {
            request.known_as(name);
        }
        let cached = self.cached.asked_by(request);
        cached.reply(&object, Some(&machine)).await
    }
}

impl Endpoint<Reply> for Pinned {
    fn call(&self, request: Request) -> BoxFuture<'_, Result<Reply, Refusal>> {
        Box::pin(async move { self.reply(request.rest_bytes(), &request).await })
    }
}

/// What a machine is known by from its first request to its last.
fn machine(who: &Identity, request: &Request) -> String {
    let mac = who.mac.map(|known| known.value.to_string());
    let uuid = || who.uuid.map(|known| known.value.to_string());
    let serial = || who.serial.as_ref().map(|known| known.value.clone());
    mac.or_else(uuid)
        .or_else(serial)
        .unwrap_or_else(|| request.peer_ip().to_canonical().to_string())
}

/// A client for the place the table names.
async fn reach(
    settings: &OriginSettings,
    opening: &Opening<'_>,
) -> Result<Arc<dyn Origin>, String> {
    let table = &settings.table;
    let prefix = table.prefix.as_deref().unwrap_or_default();
    let options = || {
        let options = settings.bucket.iter();
        options.map(|(name, value)| (name.as_str(), value.as_str()))
    };
    let bucket = match table.kind() {
        Some(OriginKind::Web(url)) => return web_server(table, url, opening).await,
        Some(OriginKind::S3(bucket)) => ObjectOrigin::s3(bucket, prefix, options()),
        Some(OriginKind::Gcs(bucket)) => ObjectOrigin::gcs(bucket, prefix, options()),
        Some(OriginKind::Azure(container)) => ObjectOrigin::azure(container, prefix, options()),
        None => return Err("nothing says where it is".to_owned()),
    };
    bucket
        .map(|bucket| Arc::new(bucket) as Arc<dyn Origin>)
        .map_err(|error| error.to_string())
}

async fn web_server(
    table: &model::Origin,
    url: &str,
    opening: &Opening<'_>,
) -> Result<Arc<dyn Origin>, String> {
    let config = opening.config;
    let mut origin = HttpOrigin::new(url).map_err(|error| error.to_string())?;
    for (name, value) in &table.headers {
        let with_header = origin.header(name, value);
        origin = with_header.map_err(|error| error.to_string())?;
    }
    if let Some(file) = &table.bearer_file {
        origin = origin.bearer(Secret::file(config.path(file)));
    } else if let Some(variable) = &table.bearer_env {
        origin = origin.bearer(Secret::environment(variable));
    } else if let Some(file) = &table.basic_file {
        origin = origin.basic(Secret::file(config.path(file)));
    }
    if let Some(ca) = &table.ca {
        origin = origin.ca(config.path(ca));
    }
    match (&table.client_certificate, &table.client_key) {
        (Some(certificate), Some(key)) => {
            origin = origin.client_certificate(config.path(certificate), config.path(key));
        }
        (None, None) => {}
        _ => return Err("client_certificate and client_key belong together".to_owned()),
    }
    for host in table.redirect_to.iter().flat_map(|hosts| &hosts.0) {
        origin = origin.redirect_to(host);
    }
    if opening.serves() {
        let usable = origin.check().await;
        usable.map_err(|error| error.to_string())?;
    }
    Ok(Arc::new(origin))
}

/// The settings of a bucket, those from files and the environment among them; without these if
/// nobody is going to ask.
fn bucket_settings(
    table: &model::Origin,
    opening: &Opening<'_>,
) -> Result<Vec<(String, String)>, String> {
    let mut settings: Vec<(String, String)> = table
        .settings
        .iter()
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    if !opening.reads_secrets() {
        return Ok(settings);
    }
    for (name, variable) in &table.settings_env {
        let value = std::env::var(variable)
            .map_err(|error| format!("{name}: the environment variable {variable}: {error}"))?;
        settings.push((name.clone(), value));
    }
    for (name, file) in &table.settings_file {
        let file = opening.config.path(file);
        let value = std::fs::read_to_string(&file)
            .map_err(|error| format!("{name}: cannot read {}: {error}", file.display()))?;
        settings.push((name.clone(), value.trim().to_owned()));
    }
    Ok(settings)
}

/// With the times and bounds of its table.
fn tuned(mut cached: Cached, table: &model::Origin) -> Cached {
    if let Some(time) = table.ttl {
        cached = cached.ttl(time.0);
    }
    if let Some(time) = table.max_stale {
        cached = cached.max_stale(time.0);
    }
    if let Some(time) = table.negative_ttl {
        cached = cached.negative_ttl(time.0);
    }
    if let Some(pin) = table.pin {
        cached = cached.pin(pin.0.0);
    }
    if let Some(size) = table.object_max {
        cached = cached.object_max(size.0);
    }
    if let Some(size) = table.read_ahead {
        cached = cached.read_ahead(size.0);
    }
    if let Some(size) = table.in_flight {
        cached = cached.in_flight(size.0);
    }
    if let Some(time) = table.answer_within {
        cached = cached.answer_within(time.0);
    }
    if let Some(time) = table.stall {
        cached = cached.stall(time.0);
    }
    if let Some(time) = table.give_up {
        cached = cached.give_up(time.0);
    }
    cached
}

/// The tasks that prefetch, ended with the site they belong to.
#[derive(Debug, Default)]
pub(super) struct Prefetching(Mutex<JoinSet<()>>);

impl Prefetching {
    pub(super) fn start(&self, origins: &Origins, notes: &Notes) {
        let mut tasks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        tasks.abort_all();
        origins.prefetch(&mut tasks, notes);
    }
}
