//! One question at a time for each object, however many wait for the answer.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError};

use bootwire::Refusal;
use tokio::sync::watch;

type Answer<T> = Option<Result<T, Refusal>>;

/// Questions that are on their way.
pub(crate) struct Questions<K, T> {
    running: Arc<Mutex<HashMap<K, watch::Receiver<Answer<T>>>>>,
}

impl<K, T> Default for Questions<K, T> {
    fn default() -> Self {
        Self {
            running: Arc::default(),
        }
    }
}

impl<K, T> Questions<K, T>
where
    K: Hash + Eq + Clone + Send + 'static,
    T: Clone + Send + Sync + 'static,
{
    /// The answer to the question `key`: of the one that is on its way, or of `ask`. It runs on
    /// after its first asker has given up waiting, so that the answer is there when he comes back.
    pub(crate) async fn join<F>(&self, key: &K, ask: impl FnOnce() -> F) -> Result<T, Refusal>
    where
        F: Future<Output = Result<T, Refusal>> + Send + 'static,
    {
        let mut answer = self.start(key, ask);
        let lost = || Refusal::internal().because("the task that asked an origin panicked");
        let answer = answer.wait_for(Option::is_some).await;
        answer
            .ok()
            .and_then(|answer| answer.clone())
            .unwrap_or_else(|| Err(lost()))
    }

    fn start<F>(&self, key: &K, ask: impl FnOnce() -> F) -> watch::Receiver<Answer<T>>
    where
        F: Future<Output = Result<T, Refusal>> + Send + 'static,
    {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(answer) = running.get(key) {
            return answer.clone();
        }
        let (tell, answer) = watch::channel(None);
        running.insert(key.clone(), answer.clone());
        drop(running);
        let answered = Answered {
            running: Arc::clone(&self.running),
            key: key.clone(),
        };
        let question = ask();
        tokio::spawn(async move {
            let answer = question.await;
            tell.send_replace(Some(answer));
            // Whoever comes from here on finds what this one has left, or asks anew.
            drop(answered);
        });
        answer
    }
}

/// Takes a question off the list, also when its task panics.
struct Answered<K: Hash + Eq, T> {
    running: Arc<Mutex<HashMap<K, watch::Receiver<Answer<T>>>>>,
    key: K,
}

impl<K: Hash + Eq, T> Drop for Answered<K, T> {
    fn drop(&mut self) {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        running.remove(&self.key);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use tokio::sync::Notify;

    use super::*;

    #[tokio::test]
    async fn many_who_ask_share_one_question_and_it_outlives_them() {
        let questions = Arc::new(Questions::<u32, u32>::default());
        let (asked, go) = (Arc::new(AtomicUsize::new(0)), Arc::new(Notify::new()));
        let ask = || {
            let (questions, asked, go) = (questions.clone(), asked.clone(), go.clone());
            tokio::spawn(async move {
                let question = || async move {
                    asked.fetch_add(1, Ordering::Relaxed);
                    go.notified().await;
                    Ok(42)
                };
                questions.join(&7, question).await
            })
        };
        let first = ask();
        let others: Vec<_> = (0..50).map(|_| ask()).collect();
        tokio::task::yield_now().await;
        first.abort();
        assert!(first.await.unwrap_err().is_cancelled());
        go.notify_one();
        for other in others {
            assert_eq!(other.await.unwrap(), Ok(42));
        }
        assert_eq!(asked.load(Ordering::Relaxed), 1);
        assert_eq!(questions.join(&7, || async { Ok(1) }).await, Ok(1), "anew");
    }

    #[tokio::test]
    async fn a_question_that_panics_is_an_error_and_can_be_asked_again() {
        let questions = Questions::<u32, u32>::default();
        let lost = questions.join(&7, || async { panic!("on purpose") }).await;
        assert_eq!(lost.unwrap_err().reason(), bootwire::Reason::Internal);
        assert_eq!(questions.join(&7, || async { Ok(1) }).await, Ok(1));
    }
}
