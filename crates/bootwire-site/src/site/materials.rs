//! What actions are opened with.

use std::sync::Arc;

use bootwire_render::identity::Identifier;
use bootwire_render::inventory::Inventory;
use bootwire_render::template::Templates;

use super::origins::Origins;

/// What a configuration names and several actions use.
pub(super) struct Materials<'a> {
    pub(super) origins: &'a Arc<Origins>,
    pub(super) templates: &'a Templates,
    pub(super) who: &'a Identifier,
    pub(super) inventory: Option<&'a Arc<dyn Inventory>>,
}
