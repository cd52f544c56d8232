//! Work on the file system, off the async threads and bounded.

use bootwire::{Refusal, Turns};

/// Threads one directory may keep busy. Tokio has 512 blocking threads for everybody, so even
/// several hung file systems leave some for the rest.
const THREADS_MAX: usize = 64;

/// Runs blocking work for one directory on at most [`THREADS_MAX`] threads.
#[derive(Clone, Debug)]
pub(crate) struct Blocking {
    turns: Turns,
}

impl Blocking {
    pub(crate) fn new() -> Self {
        Self {
            turns: Turns::new(THREADS_MAX),
        }
    }

    /// Keeps every thread busy until the result is dropped.
    #[cfg(test)]
    pub(crate) async fn occupy(&self) -> Vec<bootwire::Turn> {
        let mut all = Vec::new();
        for _ in 0..THREADS_MAX {
            all.push(self.turns.turn(true).await);
        }
        all
    }

    /// Runs `work` on a blocking thread once one is free for this directory. A caller that gives up
    /// waiting drops the work if it has not begun, and its result if it has.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, Refusal> + Send + 'static,
    ) -> Result<T, Refusal> {
        self.run_for(true, work).await
    }

    /// The same for a client that may not have proven its address: strangers leave threads to those who
    /// have, and do not make them wait in one queue with them.
    pub(crate) async fn run_for<T: Send + 'static>(
        &self,
        proven: bool,
        work: impl FnOnce() -> Result<T, Refusal> + Send + 'static,
    ) -> Result<T, Refusal> {
        let permit = self.turns.turn(proven).await;
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
        assert_eq!(blocking.turns.running(), 1);
        drop(release);
        let all = blocking.occupy().await;
        assert_eq!(all.len(), THREADS_MAX);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn strangers_who_wait_for_a_disk_that_hangs_leave_threads_to_proven_clients() {
        let blocking = Blocking::new();
        let (release, hung) = mpsc::channel::<()>();
        let hung = std::sync::Arc::new(std::sync::Mutex::new(hung));
        let mut strangers = tokio::task::JoinSet::new();
        for _ in 0..1000 {
            let (blocking, hung) = (blocking.clone(), std::sync::Arc::clone(&hung));
            strangers.spawn(async move {
                let work = move || {
                    let _ = hung.lock().map(|hung| hung.recv());
                    Ok(())
                };
                blocking.run_for(false, work).await
            });
        }
        while blocking.turns.running() < THREADS_MAX * 3 / 4 {
            tokio::task::yield_now().await;
        }
        assert_eq!(blocking.run_for(true, || Ok(7)).await.unwrap(), 7);
        drop(release);
        for done in strangers.join_all().await {
            done.unwrap();
        }
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
