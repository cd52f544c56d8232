//! Work on the file system, off the async threads and bounded.

use std::sync::Arc;

use bootwire::Refusal;
use tokio::sync::Semaphore;

/// Threads one directory may keep busy. Tokio has 512 blocking threads for everybody, so even
/// several hung file systems leave some for the rest.
const THREADS_MAX: usize = 64;

/// Runs blocking work for one directory on at most [`THREADS_MAX`] threads.
#[derive(Clone, Debug)]
pub(crate) struct Blocking {
    permits: Arc<Semaphore>,
}

impl Blocking {
    pub(crate) fn new() -> Self {
        Self {
            permits: Arc::new(Semaphore::new(THREADS_MAX)),
        }
    }

    /// Keeps every thread busy until the result is dropped.
    #[cfg(test)]
    pub(crate) async fn occupy(&self) -> tokio::sync::OwnedSemaphorePermit {
        Arc::clone(&self.permits)
            .acquire_many_owned(THREADS_MAX as u32)
            .await
            .unwrap()
    }

    /// Runs `work` on a blocking thread once one is free for this directory. A caller that gives up
    /// waiting drops the work if it has not begun, and its result if it has.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, Refusal> + Send + 'static,
    ) -> Result<T, Refusal> {
        let permit = Arc::clone(&self.permits)
            .acquire_owned()
            .await
            .map_err(|closed| Refusal::internal().because(closed))?;
        let task = tokio::task::spawn_blocking(move || {
            // Given back when the work ends, not when the caller gives up: a thread that hangs in
            // the kernel still counts.
            let _permit = permit;
            work()
        });
        task.await
            .unwrap_or_else(|failure| Err(Refusal::internal().because(failure)))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use bootwire::Reason;

    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn hung_work_keeps_its_thread_though_its_caller_left() {
        let blocking = Blocking::new();
        let (release, hung) = mpsc::channel::<()>();
        let (begun, begins) = tokio::sync::oneshot::channel();
        let work = move || {
            let _ = begun.send(());
            let _ = hung.recv();
            Ok(())
        };
        let caller = tokio::spawn({
            let blocking = blocking.clone();
            async move { blocking.run(work).await }
        });
        begins.await.unwrap();
        caller.abort();
        assert!(caller.await.unwrap_err().is_cancelled());
        assert_eq!(blocking.permits.available_permits(), THREADS_MAX - 1);
        drop(release);
        let all = blocking.occupy().await;
        assert_eq!(all.num_permits(), THREADS_MAX);
    }

    #[tokio::test]
    async fn work_that_panics_is_an_internal_error() {
        let refusal = Blocking::new()
            .run::<()>(|| panic!("on purpose"))
            .await
            .unwrap_err();
        assert_eq!(refusal.reason(), Reason::Internal);
    }
}
