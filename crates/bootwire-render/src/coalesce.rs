//! Many who ask the same at the same time, and one who answers.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

/// Questions that are being answered now.
///
/// An answer is worked out by a task of its own, so that it does not matter who of those that wait
/// goes away: a client that gives up and comes again finds the same work under way.
///
/// Questions of clients that have proven their address are apart from those of strangers: made-up
/// questions take no place from them, and do not make them wait in the strangers' queue.
pub(crate) struct Flights<K, V> {
    /// Of strangers, and of those that are proven.
    running: [Arc<Running<K, V>>; 2],
    max: usize,
}

type Running<K, V> = Mutex<HashMap<K, watch::Receiver<Option<V>>>>;

/// Why there is no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Grounded {
    /// As many questions as may be are being answered.
    Full,
    /// The work panicked.
    Crashed,
}

impl<K, V> Flights<K, V>
where
    K: Clone + Eq + Hash + Send + 'static,
    V: Clone + Send + Sync + 'static,
{
    /// At most `max` different questions at a time, of strangers and of others each.
    pub(crate) fn new(max: usize) -> Self {
        Self {
            running: Default::default(),
            max,
        }
    }

    /// The answer to `question`, by `work` unless somebody works on it already.
    pub(crate) async fn ask<F>(
        &self,
        question: K,
        proven: bool,
        work: impl FnOnce() -> F,
    ) -> Result<V, Grounded>
    where
        F: Future<Output = V> + Send + 'static,
    {
        let mut answer = self.join(question, proven, work)?;
        let answer = answer
            .wait_for(Option::is_some)
            .await
            .map_err(|_| Grounded::Crashed)?;
        answer.clone().ok_or(Grounded::Crashed)
    }

    fn join<F>(
        &self,
        question: K,
        proven: bool,
        work: impl FnOnce() -> F,
    ) -> Result<watch::Receiver<Option<V>>, Grounded>
    where
        F: Future<Output = V> + Send + 'static,
    {
        let all = &self.running[usize::from(proven)];
        let mut running = lock(all);
        if let Some(answer) = running.get(&question) {
            return Ok(answer.clone());
        }
        if running.len() >= self.max {
            return Err(Grounded::Full);
        }
        let (told, answer) = watch::channel(None);
        running.insert(question.clone(), answer.clone());
        drop(running);
        let landing = Landing {
            running: Arc::clone(all),
            question,
        };
        let work = work();
        tokio::spawn(async move {
            let value = work.await;
            drop(landing);
            told.send_replace(Some(value));
        });
        Ok(answer)
    }
}

/// Takes a question off the list, also after a panic.
struct Landing<K: Eq + Hash, V> {
    running: Arc<Running<K, V>>,
    question: K,
}

impl<K: Eq + Hash, V> Drop for Landing<K, V> {
    fn drop(&mut self) {
        lock(&self.running).remove(&self.question);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};
    use std::time::Duration;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_thousand_who_ask_the_same_cause_one_answer() {
        let flights = Arc::new(Flights::new(10));
        let worked = Arc::new(AtomicU32::new(0));
        let mut asking = tokio::task::JoinSet::new();
        for _ in 0..1000 {
            let (flights, worked) = (Arc::clone(&flights), Arc::clone(&worked));
            asking.spawn(async move {
                let work = move || async move {
                    tokio::time::sleep(Duration::from_secs(1)).await;
                    worked.fetch_add(1, Ordering::Relaxed) + 41
                };
                flights.ask("question", false, work).await
            });
        }
        assert!(
            asking
                .join_all()
                .await
                .iter()
                .all(|answer| *answer == Ok(41))
        );
        assert_eq!(worked.load(Ordering::Relaxed), 1);
        let again = flights.ask("question", false, || async { 7 }).await;
        assert_eq!(again, Ok(7), "the next question is a new one");
    }

    #[tokio::test(start_paused = true)]
    async fn who_gives_up_takes_no_work_with_him() {
        let flights = Arc::new(Flights::new(10));
        let slow = || async {
            tokio::time::sleep(Duration::from_secs(10)).await;
            1
        };
        let gave_up =
            tokio::time::timeout(Duration::from_secs(1), flights.ask("q", false, slow)).await;
        assert!(gave_up.is_err());
        let joined = flights.ask("q", false, || async { 2 }).await;
        assert_eq!(joined, Ok(1), "the first work goes on");
    }

    #[tokio::test(start_paused = true)]
    async fn questions_have_a_bound_and_panics_leave_no_trace() {
        let flights = Flights::new(1);
        let slow = || async {
            tokio::time::sleep(Duration::from_secs(10)).await;
        };
        let waiting =
            tokio::time::timeout(Duration::from_secs(1), flights.ask(1, false, slow)).await;
        assert!(waiting.is_err());
        assert_eq!(
            flights.ask(2, false, || async {}).await,
            Err(Grounded::Full)
        );
        tokio::time::sleep(Duration::from_secs(20)).await;
        let crashed = flights
            .ask(3, false, || async { panic!("on purpose") })
            .await;
        assert_eq!(crashed, Err(Grounded::Crashed));
        assert_eq!(flights.ask(3, false, || async {}).await, Ok(()));
    }
}
