//! The cache: one directory, for all origins, through all configurations.

use std::path::PathBuf;

use bootwire_store::{Cache, CacheStats};

use super::opening::Notes;
use crate::config::Config;
use crate::size;

/// The directory of the cache and its bounds, as they are configured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct CacheSettings {
    pub(super) dir: PathBuf,
    max: u64,
    memory_max: u64,
}

impl CacheSettings {
    pub(super) fn of(config: &Config) -> Self {
        let cache = &config.document.cache;
        Self {
            dir: config.path(&cache.dir),
            max: cache.max.0,
            memory_max: cache.memory_max.0,
        }
    }

    /// Bytes it may take.
    pub(super) const fn max(&self) -> u64 {
        self.max
    }

    async fn open(&self, notes: &Notes) -> std::io::Result<Cache> {
        let notes = notes.clone();
        Cache::builder(&self.dir)
            .observe(move |event| notes.tell(format_args!("cache: {event}")))
            .max(self.max)
            .memory_max(self.memory_max)
            .open()
            .await
    }

    /// One line for the log.
    pub(super) fn describe(&self) -> String {
        let max = size::bytes(self.max());
        format!("cache: {}, up to {max}", self.dir.display())
    }
}

/// What the objects of a cache take that are current, and what that means for its bound: where
/// machines keep the versions they began with (`pinned`), old ones stand beside all new ones after
/// a change.
pub(super) fn working_set(stats: &CacheStats, max: u64, pinned: bool) -> Option<String> {
    let current = stats.current_bytes;
    if current == 0 {
        return None;
    }
    let objects = size::count(stats.disk_objects, "version", "versions");
    let holds = format!("cache: {objects} of objects, {}", size::bytes(current));
    let (needs, why) = if pinned {
        let why = "old and new versions side by side, as machines keep theirs (pin)";
        (current.saturating_mul(2), why)
    } else {
        (current, "all of them at a time")
    };
    let needs_text = size::bytes(needs);
    let max_text = size::bytes(max);
    Some(if needs > max {
        format!(
            "warning: {holds}; {why} take {needs_text}, and cache.max is {max_text}: raise it, or \
             machines are told \"Server busy\" when many boot"
        )
    } else {
        format!("{holds}; {why} take {needs_text} of {max_text}")
    })
}

/// A cache and the settings it was opened with.
pub(super) type OpenCache = (CacheSettings, Cache);

/// Opens the cache, unless it is the one that is `open`. Its bounds are those it was opened with.
pub(super) async fn open(
    settings: &CacheSettings,
    open: Option<&OpenCache>,
    notes: &Notes,
) -> std::io::Result<OpenCache> {
    match open {
        Some(open) if open.0.dir == settings.dir => {
            if open.0 != *settings {
                notes.tell("cache: restart the server to change max and memory_max");
            }
            Ok(open.clone())
        }
        _ => Ok((settings.clone(), settings.open(notes).await?)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bound_is_told_in_units_that_people_read() {
        let dir = tempfile::tempdir().unwrap();
        let text = "[cache]\ndir = '/c'\nmax = '1 GiB'\n[origin.x]\nurl = 'http://x/'";
        let settings = CacheSettings::of(&super::super::tests::config(dir.path(), text));
        assert_eq!(settings.describe(), "cache: /c, up to 1 GiB");
    }

    #[test]
    fn a_working_set_is_told_with_what_it_needs() {
        let mut stats = CacheStats::default();
        assert_eq!(
            working_set(&stats, 64 << 20, true),
            None,
            "nothing is known"
        );
        stats.current_bytes = 48 << 20;
        stats.disk_objects = 12;
        let told = working_set(&stats, 64 << 20, false).unwrap();
        assert!(
            !told.starts_with("warning") && told.contains("48 MiB"),
            "{told}"
        );
        let told = working_set(&stats, 64 << 20, true).unwrap();
        assert!(told.starts_with("warning"), "{told}");
        assert!(told.contains("96 MiB") && told.contains("64 MiB"), "{told}");
    }
}
