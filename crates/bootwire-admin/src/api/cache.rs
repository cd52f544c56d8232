//! The cache, and what it keeps of origins.

use bootwire_store::CacheStats;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The cache as it is.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(default)]
pub struct CacheView {
    /// Its directory.
    pub dir: String,
    /// Most bytes it may hold on the disk.
    pub max: u64,
    /// What it counted and holds.
    pub figures: CacheStats,
    /// The origins whose objects it keeps.
    pub origins: Vec<OriginView>,
}

/// An origin.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(default)]
pub struct OriginView {
    /// Its name in the configuration.
    pub name: String,
    /// Its URL or bucket, without secrets.
    pub address: String,
    /// Objects that are fetched before anybody asks.
    pub prefetch: Vec<String>,
}

/// What to fetch before anybody asks.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Prefetch {
    /// The origin's name. Without it, what the configuration names is fetched, of all origins.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub origin: Option<String>,
    /// The objects, 100 at most.
    pub paths: Vec<String>,
}

/// What came of a prefetch.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(default)]
pub struct PrefetchReport {
    /// Whether it goes on behind this answer; the log tells what comes of it.
    pub started: bool,
    /// What came of each object that was named.
    pub objects: Vec<Prefetched>,
}

/// What came of one object.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(default)]
pub struct Prefetched {
    /// Its name.
    pub path: String,
    /// Its size in bytes, if it is in the cache now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bytes: Option<u64>,
    /// Why it is not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// What to remove from the cache. Who reads it goes on reading.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Purge {
    /// The origin's name.
    pub origin: String,
    /// The object. Without it, all objects of the origin.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
}

/// What was removed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(default)]
pub struct Purged {
    /// Versions of objects.
    pub objects: u64,
    /// Bytes they took on the disk.
    pub bytes: u64,
}
