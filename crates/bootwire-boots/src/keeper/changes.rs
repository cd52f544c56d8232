//! Changes for those who may be slow.

use tokio::sync::broadcast::{Receiver, error::RecvError};

use crate::Change;

/// What changes, from [`Boots::subscribe`](crate::Boots::subscribe) on.
#[derive(Debug)]
pub struct Changes {
    receiver: Receiver<Change>,
    missed: u64,
}

impl Changes {
    pub(super) const fn new(receiver: Receiver<Change>) -> Self {
        Self {
            receiver,
            missed: 0,
        }
    }

    /// The next change; `None` when there will be no more. Whoever is too slow misses some, see
    /// [`Changes::missed`].
    pub async fn next(&mut self) -> Option<Change> {
        loop {
            match self.receiver.recv().await {
                Ok(change) => return Some(change),
                Err(RecvError::Lagged(count)) => self.missed += count,
                Err(RecvError::Closed) => return None,
            }
        }
    }

    /// How many were missed so far.
    #[must_use]
    pub const fn missed(&self) -> u64 {
        self.missed
    }
}
