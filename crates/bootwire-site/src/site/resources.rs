//! What lives on when the configuration changes.

use std::collections::BTreeMap;
use std::path::PathBuf;

use bootwire_render::identity::Identifier;
use bootwire_render::template::Templates;
use bootwire_store::Cache;

use super::cache::CacheSettings;
use super::identity::IdentitySettings;
use super::inventory::{InventorySettings, Machines};
use super::origins::{OriginSettings, Source};

/// What is open and may serve the next configuration too, each with the settings it was opened
/// with: the cache with its lock, connections and answers of the inventory, what is known of
/// origins, templates that compiled once.
#[derive(Clone, Default)]
pub(super) struct Resources {
    pub(super) cache: Option<(CacheSettings, Cache)>,
    pub(super) origins: BTreeMap<String, (OriginSettings, Source)>,
    pub(super) inventory: Option<(InventorySettings, Machines)>,
    pub(super) identity: Option<(IdentitySettings, Identifier)>,
    pub(super) templates: Option<(Option<PathBuf>, Templates)>,
}
