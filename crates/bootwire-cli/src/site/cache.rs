//! The cache: one directory, for all origins, through all configurations.

use std::path::PathBuf;

use bootwire_store::Cache;

use super::kept::Kept;
use crate::config::Config;
use crate::{out, size};

/// Where the cache is, unless told otherwise.
const CACHE_DIR: &str = "/var/cache/bootwire";

/// The directory of the cache and its bounds, as they are configured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct CacheSettings {
    pub(super) dir: PathBuf,
    max: Option<u64>,
    memory_max: Option<u64>,
}

impl CacheSettings {
    pub(super) fn of(config: &Config) -> Self {
        let cache = &config.document.cache;
        Self {
            dir: cache
                .dir
                .as_ref()
                .map_or_else(|| PathBuf::from(CACHE_DIR), |dir| config.path(dir)),
            max: cache.max.map(|size| size.0),
            memory_max: cache.memory_max.map(|size| size.0),
        }
    }

    async fn open(&self) -> std::io::Result<Cache> {
        let mut builder =
            Cache::builder(&self.dir).observe(|event| out::note(&format!("cache: {event}")));
        if let Some(max) = self.max {
            builder = builder.max(max);
        }
        if let Some(max) = self.memory_max {
            builder = builder.memory_max(max);
        }
        builder.open().await
    }

    /// One line for the log.
    pub(super) fn describe(&self) -> String {
        let max = self.max.map_or_else(
            || "up to 20 GiB".to_owned(),
            |max| format!("up to {}", size::count(max, "byte", "bytes")),
        );
        format!("cache: {}, {max}", self.dir.display())
    }
}

/// Puts the cache into `new`, unless it is there. Its bounds are those it was opened with.
pub(super) async fn open(settings: &CacheSettings, new: &mut Kept) -> std::io::Result<()> {
    match &new.cache {
        Some((open, _)) if open.dir == settings.dir => {
            if open != settings {
                out::note("cache: max and memory_max change when the server starts anew");
            }
        }
        _ => new.cache = Some((settings.clone(), settings.open().await?)),
    }
    Ok(())
}
