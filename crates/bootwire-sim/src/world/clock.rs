//! Virtual time, ours and tokio's.

use std::sync::Arc;

use bootwire_proto::Instant;
use tokio::runtime::Handle;
use tokio::sync::Notify;
use tokio::time::{Instant as TokioInstant, sleep_until};

/// Moves virtual time. Ours runs in microseconds; tokio's, which handlers, sources and sinks go by,
/// in milliseconds, and only while there are tasks: it is set against ours anew whenever the first
/// one starts.
pub(super) struct Clock {
    pub(super) runtime: Handle,
    /// Notified when a task has left a message.
    pub(super) news: Arc<Notify>,
    /// The same moment in both.
    same: Option<(TokioInstant, Instant)>,
}

impl Clock {
    pub(super) fn new() -> Self {
        Self {
            runtime: Handle::current(),
            news: Arc::default(),
            same: None,
        }
    }

    pub(super) fn tasks(&self) -> usize {
        self.runtime.metrics().num_alive_tasks()
    }

    pub(super) fn has_tasks(&self) -> bool {
        self.tasks() > 0
    }

    /// Lets tasks run and time pass, until `until` or until a task has news; `true` if one has.
    pub(super) async fn wait(&mut self, now: &mut Instant, until: Instant) -> bool {
        if !self.has_tasks() {
            self.same = None;
            *now = until.max(*now);
            return false;
        }
        let (theirs, ours) = *self.same.get_or_insert((TokioInstant::now(), *now));
        let deadline = theirs + until.since(ours);
        tokio::select! {
            biased;
            () = self.news.notified() => {
                let passed = TokioInstant::now() - theirs;
                *now = (ours + passed).clamp(*now, until.max(*now));
                true
            }
            () = sleep_until(deadline) => {
                *now = until.max(*now);
                false
            }
        }
    }
}
