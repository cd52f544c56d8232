//! What of an object can be sent, or why nothing can.

use std::sync::Arc;

use bootwire::Refusal;

use super::entry::Held;
use super::memory::Small;
use crate::origin::{OriginError, Version};

/// A version of an object that can be sent.
#[derive(Clone)]
pub(super) enum Sendable {
    /// In memory.
    Small(Arc<Small>),
    /// On the disk, or on its way there.
    Stored(Held),
}

impl Sendable {
    /// The number of the version.
    pub(super) fn id(&self) -> u64 {
        match self {
            Self::Small(small) => small.id,
            Self::Stored(entry) => entry.about.id,
        }
    }

    pub(super) fn version(&self) -> &Version {
        match self {
            Self::Small(small) => &small.version,
            Self::Stored(entry) => &entry.about.version,
        }
    }

    pub(super) fn size(&self) -> u64 {
        match self {
            Self::Small(small) => small.bytes.len() as u64,
            Self::Stored(entry) => entry.about.size,
        }
    }

    pub(super) fn checked(&self) -> u64 {
        match self {
            Self::Small(small) => small.checked(),
            Self::Stored(entry) => entry.checked(),
        }
    }

    /// Whether this is `version` with `size` bytes.
    pub(super) fn is(&self, version: &Version, size: Option<u64>) -> bool {
        self.version().is(version) && size.is_none_or(|size| size == self.size())
    }
}

/// Why an object cannot be sent.
pub(super) enum Failure {
    /// The origin's fault.
    Origin(OriginError),
    /// Our own.
    Here(Refusal),
}

impl From<OriginError> for Failure {
    fn from(error: OriginError) -> Self {
        Self::Origin(error)
    }
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        Self::Here(refusal)
    }
}
