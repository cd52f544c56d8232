//! Work done for one transfer elsewhere, and dropped with it.

use tokio::task::AbortHandle;

/// A task that nobody needs once its transfer has ended. Dropping this ends the task.
pub(crate) struct Errand(Option<AbortHandle>);

impl Errand {
    pub(super) const fn new(task: AbortHandle) -> Self {
        Self(Some(task))
    }

    /// An errand nobody runs.
    #[cfg(test)]
    pub(crate) const fn idle() -> Self {
        Self(None)
    }
}

impl Drop for Errand {
    fn drop(&mut self) {
        if let Some(task) = &self.0 {
            task.abort();
        }
    }
}
