//! What a pattern is made of.

use std::sync::Arc;

use super::kind::Kind;

/// A pattern, taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Shape {
    /// Text before the first parameter.
    pub(super) start: Box<[u8]>,
    pub(super) params: Vec<Param>,
}

/// A parameter and the text up to the next one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Param {
    pub(super) name: Arc<str>,
    pub(super) kind: Kind,
    /// Whether it may take nothing.
    pub(super) optional: bool,
    pub(super) then: Box<[u8]>,
}
