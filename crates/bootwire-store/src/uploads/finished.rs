//! Telling of uploads that are stored.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use bootwire::Request;

/// An upload that is stored under its name.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Stored {
    /// The request it came with.
    pub request: Request,
    /// The file.
    pub file: PathBuf,
    /// Its size in bytes.
    pub size: u64,
}

/// Hears of uploads.
#[derive(Clone)]
pub(super) struct Observer(Arc<dyn Fn(&Stored) + Send + Sync>);

impl Observer {
    pub(super) fn new(observer: impl Fn(&Stored) + Send + Sync + 'static) -> Self {
        Self(Arc::new(observer))
    }

    pub(super) fn tell(&self, stored: &Stored) {
        (self.0)(stored);
    }
}

impl fmt::Debug for Observer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Observer")
    }
}
