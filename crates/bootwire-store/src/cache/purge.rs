//! Removing objects because somebody says so.

use std::sync::Arc;

use bootwire::Refusal;

use super::Cached;
use super::entry::Held;
use super::index::footprint;
use crate::origin::ObjectName;

/// What a [purge](Cached::purge) removed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Purged {
    /// Versions of objects on the disk.
    pub objects: u64,
    /// Bytes they took there.
    pub bytes: u64,
}

impl Cached {
    /// Removes an object in all its versions, or all objects of the origin, from the disk and from
    /// memory; and what is remembered of objects that could not be had. Whoever reads one goes on.
    /// The path is as clients would send it, below the route.
    ///
    /// # Errors
    /// If the path names no object.
    pub async fn purge(&self, path: Option<&str>) -> Result<Purged, Refusal> {
        let object = path
            .map(|path| ObjectName::new(path.as_bytes()))
            .transpose()?;
        let origin = Arc::clone(&self.source.name);
        let is_meant = move |key: &super::key::Key| {
            key.origin == origin && object.as_ref().is_none_or(|object| key.object == *object)
        };
        self.cache.memory.forget_if(&is_meant);
        let disk = Arc::clone(&self.cache.disk);
        let removed = move || {
            let mut purged = Purged::default();
            let all = disk.index().all();
            for entry in all.iter().filter(|entry| is_meant(&entry.about.key)) {
                let Some(entry) = Held::new(entry) else {
                    continue;
                };
                let bytes = footprint(entry.about.size);
                if disk.discard(&entry) {
                    purged.objects += 1;
                    purged.bytes += bytes;
                }
            }
            purged
        };
        self.cache.disk.run(removed).await
    }
}
