//! Bringing content here, elsewhere.

use bytes::Bytes;
use tokio::task::AbortHandle;

use crate::{BoxFuture, Refusal};

/// What was brought.
#[derive(Debug)]
pub(crate) enum Arrival {
    /// A file is here, and in memory, up to this byte.
    Upto(u64),
    /// The next piece of a source.
    Piece(Bytes),
    /// A source has ended.
    End,
}

/// The work of bringing content. It tells what it has brought through the outlet that it is given.
pub(crate) struct Bringing(Box<dyn FnOnce(Outlet) -> BoxFuture<'static, ()> + Send>);

impl Bringing {
    pub(super) fn new<F>(work: impl FnOnce(Outlet) -> F + Send + 'static) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        Self(Box::new(|outlet| Box::pin(work(outlet))))
    }

    /// Work that is done once the file is here up to some byte.
    pub(super) fn once(work: impl Future<Output = Result<u64, Refusal>> + Send + 'static) -> Self {
        Self::new(|mut outlet| async move { outlet.tell(work.await.map(Arrival::Upto)) })
    }

    /// Does the work.
    pub(crate) fn run(self, outlet: Outlet) -> BoxFuture<'static, ()> {
        (self.0)(outlet)
    }
}

/// Whoever brings content for one transfer. Dropping this ends the work.
pub(crate) struct Errand(Option<AbortHandle>);

impl Errand {
    pub(crate) const fn new(task: AbortHandle) -> Self {
        Self(Some(task))
    }

    /// An errand nobody runs.
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

/// Where somebody tells what was brought. Sees to it that the end is told, even after a panic.
pub(crate) struct Outlet {
    tell: Box<dyn FnMut(Result<Arrival, Refusal>) + Send>,
    over: bool,
}

impl Outlet {
    pub(crate) fn new(tell: impl FnMut(Result<Arrival, Refusal>) + Send + 'static) -> Self {
        Self {
            tell: Box::new(tell),
            over: false,
        }
    }

    pub(super) fn tell(&mut self, arrival: Result<Arrival, Refusal>) {
        self.over = !matches!(arrival, Ok(Arrival::Piece(_)));
        (self.tell)(arrival);
    }

    /// Whether nothing more will come.
    pub(super) const fn is_over(&self) -> bool {
        self.over
    }
}

impl Drop for Outlet {
    fn drop(&mut self) {
        // Also when the transfer is over and the task aborted: then nobody hears it.
        if !self.over {
            self.tell(Err(Refusal::internal().because("the source panicked")));
        }
    }
}
