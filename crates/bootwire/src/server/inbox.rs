//! What other threads tell a worker.

#[cfg(feature = "simulation")]
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use bootwire_io::Waker;

use super::live::Survey;
use crate::content::Arrival;
use crate::router::App;
use crate::{Answer, Refusal};

/// Names a transfer across threads: its slot and the slot's generation, so that news for a
/// transfer that has ended cannot reach the next one in its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct TransferKey {
    pub(crate) index: u32,
    pub(crate) generation: u32,
}

/// News for a worker.
pub(crate) enum Message {
    /// The handler answered, with content that is sendable.
    Answered {
        key: TransferKey,
        result: Result<Answer, Refusal>,
    },
    /// Content was brought, or cannot be had.
    Arrived {
        key: TransferKey,
        result: Result<Arrival, Refusal>,
    },
    /// A sink has taken everything before byte `upto`, counted as received from the client.
    Stored { key: TransferKey, upto: u64 },
    /// A sink failed, or finished.
    StoreEnded {
        key: TransferKey,
        result: Result<(), Refusal>,
    },
    /// Answer requests from now on with this.
    Serve(App),
    /// Somebody looks at the transfers.
    Look(Box<Survey>),
    /// Take no more requests; end when the running transfers have.
    Drain,
    /// End now.
    Stop,
}

/// A worker's letter box.
pub(crate) struct Inbox {
    /// `None` once nobody will read it any more.
    messages: Mutex<Option<Vec<Message>>>,
    signalled: AtomicBool,
    waker: Wakes,
}

/// Whom a message wakes.
pub(crate) enum Wakes {
    /// A worker's poller.
    Poller(Waker),
    /// A simulation.
    #[cfg(feature = "simulation")]
    Task(Arc<tokio::sync::Notify>),
}

impl Wakes {
    fn wake(&self) {
        match self {
            Self::Poller(waker) => waker.wake(),
            #[cfg(feature = "simulation")]
            Self::Task(notify) => notify.notify_one(),
        }
    }
}

impl Inbox {
    pub(crate) fn new(waker: Waker) -> Self {
        Self::waking(Wakes::Poller(waker))
    }

    pub(crate) fn waking(waker: Wakes) -> Self {
        Self {
            messages: Mutex::new(Some(Vec::new())),
            signalled: AtomicBool::new(false),
            waker,
        }
    }

    /// Leaves a message and wakes the worker if it may be asleep. Without a worker it is dropped.
    pub(crate) fn send(&self, message: Message) {
        match &mut *self.lock() {
            Some(messages) => messages.push(message),
            None => return,
        }
        if !self.signalled.swap(true, Ordering::AcqRel) {
            self.waker.wake();
        }
    }

    /// Moves all messages into `into`, which must be empty.
    pub(crate) fn take(&self, into: &mut Vec<Message>) {
        if self.signalled.swap(false, Ordering::AcqRel)
            && let Some(messages) = &mut *self.lock()
        {
            std::mem::swap(messages, into);
        }
    }

    /// The worker has ended: whatever waits is dropped, and so is what comes.
    pub(crate) fn close(&self) {
        let messages = self.lock().take();
        drop(messages);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<Vec<Message>>> {
        self.messages
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}
