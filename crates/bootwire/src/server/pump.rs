//! Reading a source ahead of its client, on tokio.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use tokio::sync::Notify;
use tokio::task::AbortHandle;

use super::inbox::{Inbox, Key, Message};
use crate::{Refusal, Source};

/// The engine's end of a pump. Dropping it ends the pump and drops the source.
pub(crate) struct PumpHandle {
    valve: Arc<Valve>,
    task: Option<AbortHandle>,
}

/// How far a pump may read.
#[derive(Default)]
struct Valve {
    limit: AtomicU64,
    moved: Notify,
}

impl PumpHandle {
    /// Lets the pump read up to byte `limit`; never takes back what was allowed.
    pub(crate) fn allow(&self, limit: u64) {
        if self.valve.limit.fetch_max(limit, Ordering::AcqRel) < limit {
            self.valve.moved.notify_one();
        }
    }

    /// A handle with no pump behind it.
    #[cfg(test)]
    pub(crate) fn idle() -> Self {
        Self {
            valve: Arc::default(),
            task: None,
        }
    }
}

impl Drop for PumpHandle {
    fn drop(&mut self) {
        if let Some(task) = &self.task {
            task.abort();
        }
    }
}

/// Starts to read `source` for the transfer `key`.
pub(super) fn start(
    runtime: &tokio::runtime::Handle,
    inbox: Arc<Inbox>,
    key: Key,
    source: Box<dyn Source>,
) -> PumpHandle {
    let valve = Arc::new(Valve::default());
    let task = runtime.spawn(run(Arc::clone(&valve), inbox, key, source));
    PumpHandle {
        valve,
        task: Some(task.abort_handle()),
    }
}

/// Sees to it that the engine hears of the end, even if the source panics.
struct Outlet {
    inbox: Arc<Inbox>,
    key: Key,
    over: bool,
}

impl Outlet {
    fn send(&mut self, piece: Result<Option<Bytes>, Refusal>) {
        self.over = !matches!(piece, Ok(Some(_)));
        let key = self.key;
        self.inbox.send(Message::Piece { key, piece });
    }
}

impl Drop for Outlet {
    fn drop(&mut self) {
        // Also when the transfer is over and the task aborted: then nobody reads it.
        if !self.over {
            self.send(Err(Refusal::internal().because("the source panicked")));
        }
    }
}

async fn run(valve: Arc<Valve>, inbox: Arc<Inbox>, key: Key, mut source: Box<dyn Source>) {
    let mut outlet = Outlet {
        inbox,
        key,
        over: false,
    };
    let mut offset = 0;
    while !outlet.over {
        while offset >= valve.limit.load(Ordering::Acquire) {
            valve.moved.notified().await;
        }
        let piece = match source.next().await {
            Ok(piece) if piece.is_empty() => Ok(None),
            Ok(piece) => Ok(Some(piece)),
            // A source may know better what went wrong.
            Err(error) => Err(error
                .downcast()
                .unwrap_or_else(|error| Refusal::origin().because(error))),
        };
        offset += piece
            .as_ref()
            .ok()
            .and_then(Option::as_ref)
            .map_or(0, Bytes::len) as u64;
        outlet.send(piece);
    }
}
