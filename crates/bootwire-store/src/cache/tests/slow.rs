//! Origins that are slow: nothing that came is asked for again.

use std::ops::Range;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bootwire::BoxFuture;
use bytes::Bytes;
use tokio::time::{Instant, sleep, sleep_until};

use crate::cache::chunks::CHUNK;
use crate::cache::{Cache, Cached};
use crate::origin::{Ask, Body, Content, Got, ObjectName, Origin, OriginError, Version};

const SIZE: u64 = 3 * CHUNK;

/// Answers late, and then sends a piece now and then.
struct Slow {
    /// How late each answer is, the first one first; the last one for all others.
    late: Vec<Duration>,
    every: Duration,
    asked: Mutex<Vec<Range<u64>>>,
    sent: Arc<Mutex<u64>>,
}

struct Drip {
    left: Range<u64>,
    every: Duration,
    due: Option<Instant>,
    sent: Arc<Mutex<u64>>,
}

impl Body for Drip {
    fn next(&mut self) -> BoxFuture<'_, Result<Option<Bytes>, OriginError>> {
        Box::pin(async move {
            let due = *self.due.get_or_insert_with(|| Instant::now() + self.every);
            sleep_until(due).await;
            if self.left.is_empty() {
                return Ok(None);
            }
            self.due = None;
            let len = (self.left.end - self.left.start).min(CHUNK / 32);
            self.left.start += len;
            *self.sent.lock().unwrap() += len;
            Ok(Some(Bytes::from(vec![7; len as usize])))
        })
    }
}

impl Origin for Slow {
    fn name(&self) -> &str {
        "http://slow/"
    }

    fn get<'a>(
        &'a self,
        _object: &'a ObjectName,
        ask: &'a Ask,
    ) -> BoxFuture<'a, Result<Got, OriginError>> {
        let range = ask.range.clone().unwrap_or(0..SIZE);
        let range = range.start..range.end.min(SIZE);
        let number = {
            let mut asked = self.asked.lock().unwrap();
            asked.push(range.clone());
            asked.len() - 1
        };
        Box::pin(async move {
            sleep(self.late[number.min(self.late.len() - 1)]).await;
            Ok(Got::Content(Content {
                version: Version {
                    etag: Some("\"1\"".to_owned()),
                    modified: None,
                },
                size: Some(SIZE),
                start: range.start,
                end: Some(range.end),
                body: Box::new(Drip {
                    left: range,
                    every: self.every,
                    due: None,
                    sent: Arc::clone(&self.sent),
                }),
            }))
        })
    }
}

/// Fetches an object whose answers come this late, and its pieces at this pace.
async fn fetch(late: &[u64], every: Duration) -> (Vec<Range<u64>>, u64) {
    let dir = tempfile::tempdir().unwrap();
    let cache = Cache::builder(dir.path()).open().await.unwrap();
    let slow = Arc::new(Slow {
        late: late.iter().copied().map(Duration::from_secs).collect(),
        every,
        asked: Mutex::default(),
        sent: Arc::default(),
    });
    let cached = Cached::new(Arc::clone(&slow) as Arc<dyn Origin>, &cache);
    // Nobody may find that it took too long: it is the cache that is looked at.
    let cached = cached.give_up(Duration::from_secs(60));
    let fetched = cached.prefetch(["image"]).await.remove(0).1;
    assert_eq!(fetched, Ok(SIZE));
    let mut asked = slow.asked.lock().unwrap().clone();
    asked.sort_by_key(|range| range.start);
    let sent = *slow.sent.lock().unwrap();
    (asked, sent)
}

/// It moves, however slowly: more than 10 s of waiting in all are no reason to ask again.
#[tokio::test(start_paused = true)]
async fn a_body_that_moves_slowly_is_read_to_its_end() {
    let (asked, sent) = fetch(&[0], Duration::from_millis(730)).await;
    assert_eq!(asked.len(), 3, "{asked:?}");
    assert_eq!(sent, SIZE);
}

/// A question is given up after 5 s, and asked again: what has come by then is kept.
#[tokio::test(start_paused = true)]
async fn an_answer_that_is_late_is_asked_for_again_and_each_byte_is_taken_once() {
    let (asked, sent) = fetch(&[0, 6, 6, 0], Duration::from_millis(20)).await;
    assert_eq!(asked.len(), 5, "two were too late: {asked:?}");
    assert_eq!(sent, SIZE);
}
