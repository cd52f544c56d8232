//! Virtual time, ours and tokio's.

use std::sync::Arc;

use bootwire_proto::Instant;
use tokio::runtime::Handle;
use tokio::sync::Notify;
use tokio::time::{Instant as TokioInstant, timeout_at};

/// Moves virtual time. Ours runs in microseconds; tokio's, which handlers, sources and sinks go by,
/// in milliseconds, and only while there are tasks: it is set against ours anew whenever the first
/// one starts.
#[derive(Debug)]
pub struct Clock {
    runtime: Handle,
    /// Notified when a task has left a message.
    news: Arc<Notify>,
    /// The same moment in both.
    same: Option<(TokioInstant, Instant)>,
}

impl Clock {
    /// The clock of the tokio runtime that calls this.
    ///
    /// # Panics
    /// Outside of one.
    #[expect(
        clippy::new_without_default,
        reason = "it has to be called within a runtime"
    )]
    #[must_use]
    pub fn new() -> Self {
        Self {
            runtime: Handle::current(),
            news: Arc::default(),
            same: None,
        }
    }

    /// The runtime.
    #[must_use]
    pub const fn runtime(&self) -> &Handle {
        &self.runtime
    }

    /// What a [`Worker`](super::Worker) is to notify.
    #[must_use]
    pub fn news(&self) -> Arc<Notify> {
        Arc::clone(&self.news)
    }

    /// Tasks of the runtime that are alive.
    #[must_use]
    pub fn tasks(&self) -> usize {
        self.runtime.metrics().num_alive_tasks()
    }

    /// Whether there are any.
    #[must_use]
    pub fn has_tasks(&self) -> bool {
        self.tasks() > 0
    }

    /// Lets tasks run and time pass, until `until` or until a task has news; `true` if one has.
    pub async fn wait(&mut self, now: &mut Instant, until: Instant) -> bool {
        if !self.has_tasks() {
            self.same = None;
            *now = until.max(*now);
            return false;
        }
        let (theirs, ours) = *self.same.get_or_insert((TokioInstant::now(), *now));
        let deadline = theirs + until.since(ours);
        // News that is there already goes first.
        let news = timeout_at(deadline, self.news.notified()).await.is_ok();
        *now = match news {
            true => (ours + (TokioInstant::now() - theirs)).clamp(*now, until.max(*now)),
            false => until.max(*now),
        };
        news
    }
}
