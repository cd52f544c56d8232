//! One question at a time for each object, however many wait for the answer.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use bootwire::Refusal;
use tokio::sync::Notify;

/// Questions that are on their way.
pub(crate) struct Questions<K, T> {
    running: Arc<Running<K, T>>,
}

type Running<K, T> = Mutex<HashMap<K, Arc<Question<T>>>>;

/// One of them. Who waits is woken when it is answered, in the order they came.
struct Question<T> {
    /// `None` if the task that asked was lost.
    answer: OnceLock<Option<Result<T, Refusal>>>,
    over: Notify,
}

impl<K, T> Default for Questions<K, T> {
    fn default() -> Self {
        Self {
            running: Arc::default(),
        }
    }
}

fn lock<K, T>(running: &Running<K, T>) -> MutexGuard<'_, HashMap<K, Arc<Question<T>>>> {
    running.lock().unwrap_or_else(PoisonError::into_inner)
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
        let question = self.start(key, ask);
        let over = question.over.notified();
        tokio::pin!(over);
        over.as_mut().enable();
        if question.answer.get().is_none() {
            over.await;
        }
        let lost = || Refusal::internal().because("the task that asked an origin panicked");
        let answer = question.answer.get().cloned().flatten();
        answer.unwrap_or_else(|| Err(lost()))
    }

    fn start<F>(&self, key: &K, ask: impl FnOnce() -> F) -> Arc<Question<T>>
    where
        F: Future<Output = Result<T, Refusal>> + Send + 'static,
    {
        let mut running = lock(&self.running);
        if let Some(question) = running.get(key) {
            return Arc::clone(question);
        }
        let question = Arc::new(Question {
            answer: OnceLock::new(),
            over: Notify::new(),
        });
        running.insert(key.clone(), Arc::clone(&question));
        drop(running);
        let asked = Asked {
            running: Arc::clone(&self.running),
            key: key.clone(),
            question: Arc::clone(&question),
        };
        let answer = ask();
        tokio::spawn(async move {
            let answer = answer.await;
            let _ = asked.question.answer.set(Some(answer));
        });
        question
    }
}

/// Takes a question off the list when it is answered, also when its task panics. Whoever comes from
/// then on finds what this one has left, or asks anew.
struct Asked<K: Hash + Eq, T> {
    running: Arc<Running<K, T>>,
    key: K,
    question: Arc<Question<T>>,
}

impl<K: Hash + Eq, T> Drop for Asked<K, T> {
    fn drop(&mut self) {
        let _ = self.question.answer.set(None);
        lock(&self.running).remove(&self.key);
        self.question.over.notify_waiters();
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
