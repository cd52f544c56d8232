//! What only watches, on threads that let those who serve go first.

use std::thread;

use tokio::runtime::{Builder, Runtime};

use crate::ServiceError;

/// Exporters encode and send; more of them at once would only queue at the same queues.
const THREADS: usize = 4;

/// A runtime for exporters and boots.
pub(crate) struct Behind(Runtime);

impl Behind {
    /// With no more threads than `processors`.
    pub(crate) fn start(processors: usize) -> Result<Self, ServiceError> {
        let runtime = Builder::new_multi_thread()
            .worker_threads(processors.clamp(1, THREADS))
            .thread_name("bootwire-behind")
            .on_thread_start(bootwire_io::step_back)
            .enable_all()
            .build()
            .map_err(ServiceError::system("cannot start"))?;
        Ok(Self(runtime))
    }

    /// Runs what starts tasks: they stay behind. Blocks, and so do threads that it starts.
    pub(crate) fn run<T: Send>(
        &self,
        begin: impl AsyncFnOnce() -> T + Send,
    ) -> Result<T, ServiceError> {
        // On a thread of its own, as threads are as nice as who starts them.
        let run = || {
            bootwire_io::step_back();
            self.0.block_on(begin())
        };
        thread::scope(|scope| {
            let thread = thread::Builder::new().spawn_scoped(scope, run);
            let thread = thread.map_err(ServiceError::system("cannot start"))?;
            thread.join().map_err(|_| ServiceError::Panic)
        })
    }

    /// Ends it, without waiting for what blocks.
    pub(crate) fn stop(self) {
        self.0.shutdown_background();
    }
}
