//! Parcels go out one after the other, each as often as it takes.

use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::time::Duration;

use bootwire::amount;
use bytes::Bytes;

use super::endpoint::{Parcel, Post};
use crate::exporters::{Account, InFlight};

/// The longest time between two tries, however long a server asks to be left alone.
const WAIT_MAX: Duration = Duration::from_secs(300);

/// Hears lines about what does not arrive.
pub(crate) type Notes = Arc<dyn Fn(&str) + Send + Sync>;

/// How often what did not arrive is sent again, and when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Retry {
    /// Tries after the first.
    pub(crate) retries: u32,
    /// Before the first of them; before each one after that, twice as long.
    pub(crate) first: Duration,
    /// But not longer than this.
    pub(crate) longest: Duration,
}

impl Default for Retry {
    fn default() -> Self {
        Self {
            retries: 5,
            first: Duration::from_secs(1),
            longest: Duration::from_secs(60),
        }
    }
}

impl Retry {
    /// How long to wait before try `number`, counted from 1. `chance` spreads those who failed
    /// together: from half of the time to all of it. A server that says when to come is obeyed.
    fn wait(self, number: u32, after: Option<Duration>, chance: u64) -> Duration {
        let doubled = 1_u32
            .checked_shl(number.saturating_sub(1))
            .unwrap_or(u32::MAX);
        let whole = self.first.saturating_mul(doubled).min(self.longest);
        let part = (chance % 1024) as u32;
        let spread = whole / 2 + whole / 2 * part / 1024;
        spread.max(after.unwrap_or_default()).min(WAIT_MAX)
    }
}

/// Brings parcels to one place.
pub(crate) struct Courier<P> {
    post: P,
    retry: Retry,
    account: Arc<Account>,
    /// What is brought where, for lines: `webhook https://hooks.example.com/`.
    shown: String,
    /// What items are called: one, and many.
    items: (&'static str, &'static str),
    notes: Notes,
    /// Items lost since it went wrong; `None` while all is well.
    lost: Option<u64>,
    /// Whether it said that the other side refuses some.
    has_refused: bool,
    chance: (RandomState, u64),
}

impl<P: Post> Courier<P> {
    pub(crate) fn new(
        post: P,
        retry: Retry,
        account: &Arc<Account>,
        shown: String,
        items: (&'static str, &'static str),
        notes: Notes,
    ) -> Self {
        Self {
            post,
            retry,
            account: Arc::clone(account),
            shown,
            items,
            notes,
            lost: None,
            has_refused: false,
            chance: (RandomState::new(), 0),
        }
    }

    /// Brings a parcel, or gives it up after so many tries; if this is dropped before, it counts as
    /// given up. The answer, if it arrived.
    pub(crate) async fn deliver(&mut self, parcel: &Parcel) -> Option<Bytes> {
        let account = Arc::clone(&self.account);
        let mut in_flight = InFlight::new(&account, parcel.items);
        let mut tried = 0;
        loop {
            let error = match self.post.post(parcel).await {
                Ok(answer) => {
                    in_flight.arrived(parcel.items);
                    self.works();
                    return Some(answer);
                }
                Err(error) => error,
            };
            tried += 1;
            let again = error.again && tried <= self.retry.retries;
            self.fails(&error.why, again);
            if !again {
                *self.lost.get_or_insert(0) += parcel.items;
                return None;
            }
            self.chance.1 += 1;
            let chance = self.chance.0.hash_one(self.chance.1);
            tokio::time::sleep(self.retry.wait(tried, error.after, chance)).await;
        }
    }

    /// So many of the items that arrived were refused, and why. Says so once.
    pub(crate) fn refused(&mut self, count: u64, why: &str) {
        self.account.refused(count);
        if !std::mem::replace(&mut self.has_refused, true) {
            let many = amount::count(count, self.items.0, self.items.1);
            let why = bootwire::escape::escaped(why.as_bytes());
            let shown = &self.shown;
            (self.notes)(&format!(
                "warning: {shown}: the collector refused {many}: {why}"
            ));
        }
    }

    /// Says once that it fails.
    fn fails(&mut self, why: &str, again: bool) {
        if self.lost.is_none() {
            let what = if again { "; trying again" } else { "" };
            (self.notes)(&format!("warning: {}: {why}{what}", self.shown));
            self.lost = Some(0);
        }
    }

    /// Says once that it works again.
    fn works(&mut self) {
        if let Some(lost) = self.lost.take() {
            let lost = match lost {
                0 => "nothing was lost".to_owned(),
                1 => format!("{} was lost", amount::count(1, self.items.0, self.items.1)),
                _ => format!(
                    "{} were lost",
                    amount::count(lost, self.items.0, self.items.1)
                ),
            };
            (self.notes)(&format!("{}: works again; {lost}", self.shown));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;
    use std::sync::Mutex;

    use bootwire::BoxFuture;
    use tokio::time::Instant;

    use super::super::endpoint::PostError;
    use super::*;
    use crate::Exporters;

    /// A server that answers as it is told to, then well.
    #[derive(Clone, Default)]
    struct Scripted(Arc<Mutex<Script>>);

    #[derive(Default)]
    struct Script {
        answers: VecDeque<PostError>,
        asked: Vec<Instant>,
    }

    impl Post for Scripted {
        fn post<'a>(&'a self, _: &'a Parcel) -> BoxFuture<'a, Result<Bytes, PostError>> {
            let mut script = self.0.lock().unwrap();
            script.asked.push(Instant::now());
            let answer = script.answers.pop_front().map_or(Ok(Bytes::new()), Err);
            Box::pin(async { answer })
        }
    }

    fn again(after: Option<u64>) -> PostError {
        PostError {
            why: "it answers 503".to_owned(),
            again: true,
            after: after.map(Duration::from_secs),
        }
    }

    fn parcel(items: u64) -> Parcel {
        Parcel {
            body: Bytes::new(),
            headers: Vec::new(),
            items,
        }
    }

    struct Bench {
        server: Scripted,
        courier: Courier<Scripted>,
        exporters: Exporters,
        notes: Arc<Mutex<Vec<String>>>,
    }

    fn bench(answers: Vec<PostError>, retry: Retry) -> Bench {
        let server = Scripted::default();
        server.0.lock().unwrap().answers = answers.into();
        let exporters = Exporters::default();
        let notes = Arc::<Mutex<Vec<String>>>::default();
        let told = Arc::clone(&notes);
        let courier = Courier::new(
            server.clone(),
            retry,
            &exporters.account("test"),
            "webhook http://h/".to_owned(),
            ("event", "events"),
            Arc::new(move |line: &str| told.lock().unwrap().push(line.to_owned())),
        );
        Bench {
            server,
            courier,
            exporters,
            notes,
        }
    }

    #[tokio::test(start_paused = true)]
    async fn it_is_tried_again_later_and_later_and_the_server_may_say_when() {
        let answers = vec![again(None), again(None), again(Some(77)), again(None)];
        let mut bench = bench(answers, Retry::default());
        assert!(bench.courier.deliver(&parcel(3)).await.is_some());
        let asked = bench.server.0.lock().unwrap().asked.clone();
        let waits: Vec<_> = asked.windows(2).map(|two| two[1] - two[0]).collect();
        let between = |wait: Duration, from: u64, to: u64| {
            (Duration::from_millis(from)..=Duration::from_millis(to)).contains(&wait)
        };
        assert!(between(waits[0], 500, 1_001), "{waits:?}");
        assert!(between(waits[1], 1_000, 2_001), "{waits:?}");
        assert!(between(waits[2], 77_000, 77_001), "{waits:?}");
        assert!(between(waits[3], 4_000, 8_001), "{waits:?}");
        let told = &bench.exporters.drops()[0];
        assert_eq!((told.sent, told.failed), (3, 0));
        let notes = bench.notes.lock().unwrap();
        assert_eq!(
            *notes,
            [
                "warning: webhook http://h/: it answers 503; trying again",
                "webhook http://h/: works again; nothing was lost"
            ]
        );
    }

    #[tokio::test(start_paused = true)]
    async fn what_cannot_be_delivered_is_given_up_counted_and_told_of_when_it_works_again() {
        let retry = Retry {
            retries: 2,
            ..Retry::default()
        };
        let mut bench = bench(vec![again(None); 6], retry);
        assert!(bench.courier.deliver(&parcel(3)).await.is_none());
        assert!(bench.courier.deliver(&parcel(2)).await.is_none());
        assert!(bench.courier.deliver(&parcel(1)).await.is_some());
        let told = &bench.exporters.drops()[0];
        assert_eq!((told.sent, told.failed), (1, 5));
        let notes = bench.notes.lock().unwrap();
        assert_eq!(notes.len(), 2);
        assert_eq!(
            notes[1],
            "webhook http://h/: works again; 5 events were lost"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_refused_for_good_is_not_tried_again() {
        let refused = PostError {
            again: false,
            ..again(Some(1))
        };
        let mut bench = bench(vec![refused], Retry::default());
        assert!(bench.courier.deliver(&parcel(3)).await.is_none());
        assert_eq!(bench.server.0.lock().unwrap().asked.len(), 1);
        assert_eq!(bench.exporters.drops()[0].failed, 3);
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_on_its_way_when_the_server_stops_counts_as_lost() {
        let mut bench = bench(vec![again(None); 100], Retry::default());
        let parcel = parcel(3);
        let delivered = bench.courier.deliver(&parcel);
        assert!(
            tokio::time::timeout(Duration::from_secs(2), delivered)
                .await
                .is_err()
        );
        assert_eq!(bench.exporters.drops()[0].failed, 3);
    }

    #[test]
    fn no_wait_is_endless() {
        let retry = Retry::default();
        let day = Some(Duration::from_secs(24 * 3600));
        assert_eq!(retry.wait(1, day, 0), WAIT_MAX);
        for number in [1, 10, 32, 33, 1000, u32::MAX] {
            assert!(retry.wait(number, None, u64::MAX) <= retry.longest);
        }
    }
}
