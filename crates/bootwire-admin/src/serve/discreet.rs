//! Paths with secrets in them.

use std::sync::Arc;

use bootwire::{BoxFuture, ServerStats};

use crate::api;
use crate::sources::Live;

/// What to show in place of a path, if it is anything.
pub(super) type Hide = Arc<dyn Fn(&str) -> Option<String> + Send + Sync>;

/// A server some of whose paths are not to be seen.
pub(super) struct Discreet {
    live: Arc<dyn Live>,
    hide: Hide,
}

impl Discreet {
    pub(super) fn new(live: Arc<dyn Live>, hide: Hide) -> Self {
        Self { live, hide }
    }
}

impl Live for Discreet {
    fn stats(&self) -> ServerStats {
        self.live.stats()
    }

    fn transfers(&self, max: usize) -> BoxFuture<'_, Vec<api::Transfer>> {
        Box::pin(async move {
            let mut transfers = self.live.transfers(max).await;
            for transfer in &mut transfers {
                if let Some(shown) = (self.hide)(&transfer.path) {
                    transfer.path = shown;
                }
            }
            transfers
        })
    }

    fn listen(&self) -> Vec<String> {
        self.live.listen()
    }

    fn workers(&self) -> usize {
        self.live.workers()
    }

    fn load(&self) -> Vec<f64> {
        self.live.load()
    }
}
