//! Which server it is that tells.

use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::time::SystemTime;

/// Which server it is: what others tell servers apart by, and one that was started again from what it
/// was before. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Instance {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    host: String,
    started: SystemTime,
    id: String,
}

impl Instance {
    /// This process. Asks the system for the host's name.
    #[must_use]
    pub fn here() -> Self {
        let host = rustix::system::uname()
            .nodename()
            .to_string_lossy()
            .into_owned();
        Self::named(host)
    }

    /// A server on a host of this name, started now.
    #[must_use]
    pub fn named(host: impl Into<String>) -> Self {
        let started = SystemTime::now();
        let random = RandomState::new();
        let (high, low) = (random.hash_one((started, 1)), random.hash_one((started, 2)));
        Self {
            inner: Arc::new(Inner {
                host: host.into(),
                started,
                id: format!("{high:016x}{low:016x}"),
            }),
        }
    }

    /// The host's name.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.inner.host
    }

    /// When it started.
    #[must_use]
    pub fn started(&self) -> SystemTime {
        self.inner.started
    }

    /// 32 hexadecimal digits that no other server has, and not this one after another start.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.inner.id
    }
}
