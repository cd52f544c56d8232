//! A body's share of what an origin may have on its way.
//!
//! Only bodies that move keep theirs: one that stalls gives it back, so that it holds up no other,
//! and waits for a share again when it moves on.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use super::source::{Source, units};
use crate::origin::OriginError;

/// How long an answer or a body may be silent before its share goes to others.
pub(crate) const SILENT_MAX: Duration = Duration::from_secs(1);

/// See the module.
pub(crate) struct Share {
    bytes: Arc<Semaphore>,
    units: u32,
    held: Option<OwnedSemaphorePermit>,
    /// Counts for as long as the body is open, whether it moves or not: it takes a connection.
    _body: OwnedSemaphorePermit,
}

impl Share {
    /// Waits until the bytes may come again.
    pub(crate) async fn hold(&mut self) -> Result<(), OriginError> {
        if self.held.is_none() {
            let permit = Arc::clone(&self.bytes).acquire_many_owned(self.units);
            self.held = Some(permit.await.map_err(OriginError::unavailable)?);
        }
        Ok(())
    }

    /// Lets others have it.
    pub(crate) fn give_back(&mut self) {
        self.held = None;
    }

    /// Waits for `answer`, and gives the share back if it takes a while.
    pub(crate) async fn during<T>(&mut self, answer: impl Future<Output = T>) -> T {
        let mut answer = std::pin::pin!(answer);
        if let Ok(answer) = timeout(SILENT_MAX, answer.as_mut()).await {
            return answer;
        }
        self.give_back();
        answer.await
    }
}

impl Source {
    /// The right to have `bytes` on their way, once others have theirs.
    pub(super) async fn share(&self, bytes: u64, limit: Duration) -> Result<Share, OriginError> {
        let units = bytes.div_ceil(1024).min(units(self.limits.in_flight)) as u32;
        let all = async {
            let body = Arc::clone(&self.permits.bodies).acquire_owned().await?;
            let bytes = Arc::clone(&self.permits.bytes);
            let held = Arc::clone(&bytes).acquire_many_owned(units).await?;
            Ok::<_, tokio::sync::AcquireError>(Share {
                bytes,
                units,
                held: Some(held),
                _body: body,
            })
        };
        match timeout(limit, all).await {
            Ok(share) => share.map_err(OriginError::unavailable),
            Err(_) => Err(OriginError::unavailable(
                "too much is on its way from this origin",
            )),
        }
    }
}
