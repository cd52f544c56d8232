//! What lives on when the configuration changes.

use bootwire_render::identity::Identifier;

use super::identity::IdentitySettings;
use super::inventory::OpenInventory;
use super::origins::OriginResources;
use super::templates::OpenTemplates;

/// What is open and may serve the next configuration too, each with the settings it was opened
/// with: the cache with its lock, connections and answers of the inventory, what is known of
/// origins, templates that compiled once.
#[derive(Clone, Default)]
pub(super) struct Resources {
    pub(super) origins: OriginResources,
    pub(super) inventory: Option<OpenInventory>,
    pub(super) identity: Option<(IdentitySettings, Identifier)>,
    pub(super) templates: Option<OpenTemplates>,
}
