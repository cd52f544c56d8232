//! Versions of objects that are open for sending.

use std::sync::Arc;

use bootwire::Reply;
use bootwire::file::{OpenFile, PartialFile};

use super::entry::Held;
use super::filler::Filler;
use super::memory::Small;

/// A version that is open for sending.
pub(super) enum Opened {
    /// In memory.
    Small(Arc<Small>),
    /// All of it is here: a file like any other.
    Whole(Held, Arc<OpenFile>),
    /// The rest comes as it is read.
    Filling(Arc<Filler>, Arc<PartialFile>),
}

impl From<Opened> for Reply {
    fn from(opened: Opened) -> Self {
        match opened {
            Opened::Small(small) => Self::bytes(small.bytes.clone()),
            Opened::Whole(_, file) => Self::file(file),
            Opened::Filling(_, file) => Self::partial(file),
        }
    }
}
