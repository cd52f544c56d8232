//! Which machines the inventory knows, asked page by page.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use bootwire_boots::store::MachineSummary;
use tokio::task::JoinSet;

use crate::feed::lock;
use crate::sources::Control;

/// How long an answer is remembered: lists are asked for again and again.
const REMEMBERED: Duration = Duration::from_secs(10);
/// Answers that are remembered.
const REMEMBERED_MAX: usize = 20_000;
/// Questions at a time.
const AT_ONCE: usize = 16;
/// How long a page waits for the inventory. What it has not told by then is not known.
const WAIT: Duration = Duration::from_secs(1);

/// Asks for machines, and remembers the answers for a while.
pub(crate) struct Known {
    control: Arc<dyn Control>,
    answers: Mutex<HashMap<String, (Instant, bool)>>,
}

impl Known {
    pub(crate) fn new(control: Arc<dyn Control>) -> Self {
        Self {
            control,
            answers: Mutex::default(),
        }
    }

    /// Whether the inventory has each of these machines, where that can be told soon.
    pub(crate) async fn of(&self, machines: &[MachineSummary]) -> Vec<Option<bool>> {
        let mut known = self.remembered(machines);
        let mut asked = machines
            .iter()
            .enumerate()
            .filter(|(at, _)| known[*at].is_none())
            .map(|(at, machine)| (at, machine.keys.identity()))
            .collect::<Vec<_>>()
            .into_iter();
        let mut questions = JoinSet::new();
        let until = tokio::time::Instant::now() + WAIT;
        loop {
            while questions.len() < AT_ONCE
                && let Some((at, who)) = asked.next()
            {
                let control = Arc::clone(&self.control);
                questions.spawn(async move { (at, control.knows(who).await) });
            }
            match tokio::time::timeout_at(until, questions.join_next()).await {
                Ok(Some(Ok((at, answer)))) => known[at] = answer,
                // An inventory that panics has been told of.
                Ok(Some(Err(_))) => {}
                Ok(None) | Err(_) => break,
            }
        }
        self.remember(machines, &known);
        known
    }

    fn remembered(&self, machines: &[MachineSummary]) -> Vec<Option<bool>> {
        let answers = lock(&self.answers);
        let remembered = machines.iter().map(|machine| {
            let (at, answer) = answers.get(&machine.machine)?;
            (at.elapsed() < REMEMBERED).then_some(*answer)
        });
        remembered.collect()
    }

    fn remember(&self, machines: &[MachineSummary], known: &[Option<bool>]) {
        let now = Instant::now();
        let mut answers = lock(&self.answers);
        if answers.len() + machines.len() > REMEMBERED_MAX {
            answers.clear();
        }
        for (machine, known) in machines.iter().zip(known) {
            if let Some(known) = known {
                let entry = answers.entry(machine.machine.clone());
                let (at, answer) = entry.or_insert((now, *known));
                if at.elapsed() >= REMEMBERED || answer != known {
                    (*at, *answer) = (now, *known);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use bootwire::{BoxFuture, Op, Outcome, TransferRecord};
    use bootwire_boots::store::{Machines, Page, Store};
    use bootwire_boots::{Change, Limits, Tracker};
    use bootwire_render::identity::Identity;

    use super::*;

    /// Knows every second machine, and does not answer for one.
    #[derive(Default)]
    struct Every {
        asked: AtomicUsize,
        at_once: AtomicUsize,
    }

    impl Control for Every {
        fn knows(&self, machine: Identity) -> BoxFuture<'_, Option<bool>> {
            Box::pin(async move {
                self.asked.fetch_add(1, Ordering::Relaxed);
                let now = self.at_once.fetch_add(1, Ordering::Relaxed);
                assert!(now < AT_ONCE, "{now}");
                tokio::task::yield_now().await;
                let last = machine.ip.map(|ip| ip.value).unwrap().to_string();
                if last.ends_with(".77") {
                    std::future::pending::<()>().await;
                }
                self.at_once.fetch_sub(1, Ordering::Relaxed);
                Some(last.ends_with(['0', '2', '4', '6', '8']))
            })
        }
    }

    async fn machines() -> Vec<MachineSummary> {
        let mut tracker = Tracker::new(Limits::default());
        let store = Store::memory(1000);
        let mut last = None;
        for number in 0..100 {
            let peer = ([192, 0, 2, number], 2070).into();
            let mut record = TransferRecord::new(Op::Read, peer, "/pxelinux.0");
            record.outcome = Outcome::NotFound;
            tracker.record(&record);
            last = Some(record.started);
        }
        let changes = tracker.tick(last.unwrap() + Duration::from_secs(300));
        let boots: Vec<_> = changes.iter().map(Change::boot).map(Arc::clone).collect();
        store.put(&boots, &[]).await.unwrap();
        let page = Page::first(1000);
        store
            .machines(&Machines::default(), &page)
            .await
            .unwrap()
            .items
    }

    #[tokio::test(start_paused = true)]
    async fn machines_are_asked_for_a_few_at_a_time_and_remembered() {
        let inventory = Arc::new(Every::default());
        let known = Known::new(Arc::clone(&inventory) as _);
        let machines = machines().await;
        assert_eq!(machines.len(), 100);
        let began = tokio::time::Instant::now();
        let answers = known.of(&machines).await;
        assert!(began.elapsed() <= WAIT + Duration::from_millis(10));
        for (machine, answer) in machines.iter().zip(&answers) {
            let name = &machine.machine;
            let expected = match name.ends_with(".77") {
                true => None,
                false => Some(name.ends_with(['0', '2', '4', '6', '8'])),
            };
            assert_eq!(*answer, expected, "{name}");
        }
        assert_eq!(inventory.asked.load(Ordering::Relaxed), 100);
        // Only the one that got no answer is asked for again.
        known.of(&machines).await;
        assert_eq!(inventory.asked.load(Ordering::Relaxed), 101);
    }

    #[tokio::test]
    async fn without_an_inventory_nobody_knows() {
        let known = Known::new(Arc::new(crate::sources::NoControl));
        let answers = known.of(&machines().await).await;
        assert!(answers.iter().all(Option::is_none));
    }
}
