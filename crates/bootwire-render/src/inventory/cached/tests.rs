//! A source that can be told to be slow, dead or wrong, and what is remembered of it. Virtual time.

use std::sync::atomic::{AtomicU32, Ordering};

use bootwire::{Op, Reason, Refusal, Request};

use super::*;
use crate::inventory::Machine;

#[derive(Default)]
struct Source {
    asked: AtomicU32,
    mood: Mutex<Mood>,
}

#[derive(Clone, Copy, Default, PartialEq)]
enum Mood {
    /// Knows machines whose hardware address begins with 52.
    #[default]
    Well,
    Slow,
    Dead,
    /// Fails for one machine.
    Partly,
}

impl Source {
    fn set(&self, mood: Mood) {
        *self.mood.lock().unwrap() = mood;
    }

    fn asked(&self) -> u32 {
        self.asked.load(Ordering::Relaxed)
    }
}

impl Inventory for Source {
    fn find<'a>(&'a self, who: &'a Identity) -> BoxFuture<'a, Result<Found, InventoryError>> {
        Box::pin(async move {
            self.asked.fetch_add(1, Ordering::Relaxed);
            let mood = *self.mood.lock().unwrap();
            tokio::time::sleep(Duration::from_millis(100)).await;
            match mood {
                Mood::Well | Mood::Partly => {}
                Mood::Slow => tokio::time::sleep(Duration::from_secs(3600)).await,
                Mood::Dead => return Err(InventoryError::Unreachable("refused".into())),
            }
            let mac = who.mac.unwrap().value;
            if mood == Mood::Partly && mac.octets()[5] == 0x66 {
                return Err(InventoryError::Senseless("two of them".into()));
            }
            let machine = Machine {
                hostname: Some(format!("node-{}", self.asked())),
                ..Machine::default()
            };
            Ok((mac.octets()[0] == 0x52).then(|| Arc::new(machine)))
        })
    }

    fn check(&self) -> BoxFuture<'_, Result<String, InventoryError>> {
        Box::pin(std::future::pending())
    }
}

fn who(first: u8, last: u16) -> Identity {
    let path = format!(
        "grub.cfg-01-{first:02x}-00-00-00-{:02x}-{:02x}",
        last >> 8,
        last & 255
    );
    let peer = "192.0.2.7:2000".parse().unwrap();
    Identity::of(&Request::synthetic(Op::Read, &path, peer, &[]).unwrap())
}

fn known() -> Identity {
    who(0x52, 1)
}

fn name(found: &Found) -> Option<&str> {
    found.as_ref()?.hostname.as_deref()
}

const SECOND: Duration = Duration::from_secs(1);

#[tokio::test(start_paused = true)]
async fn an_answer_serves_until_it_is_old_and_absence_for_less() {
    let source = Arc::new(Source::default());
    let cached = Cached::new(Arc::clone(&source));
    assert_eq!(cached.at_hand(&known()), None);
    assert_eq!(name(&cached.find(&known()).await.unwrap()), Some("node-1"));
    assert_eq!(cached.find(&who(0x00, 9)).await, Ok(None));
    assert_eq!(source.asked(), 2);
    tokio::time::advance(4 * SECOND).await;
    assert_eq!(name(&cached.at_hand(&known()).unwrap()), Some("node-1"));
    assert_eq!(cached.at_hand(&who(0x00, 9)), Some(None));
    tokio::time::advance(2 * SECOND).await;
    assert_eq!(cached.at_hand(&who(0x00, 9)), None, "absence is old");
    assert!(cached.at_hand(&known()).is_some());
    tokio::time::advance(30 * SECOND).await;
    assert_eq!(name(&cached.find(&known()).await.unwrap()), Some("node-3"));
    cached.forget();
    assert_eq!(cached.at_hand(&known()), None);
}

#[tokio::test(start_paused = true)]
async fn twenty_thousand_who_ask_for_one_machine_ask_once() {
    let source = Arc::new(Source::default());
    let cached = Arc::new(Cached::new(Arc::clone(&source)));
    let mut asking = tokio::task::JoinSet::new();
    for _ in 0..20_000 {
        let cached = Arc::clone(&cached);
        asking.spawn(async move { cached.find(&known()).await.unwrap().is_some() });
    }
    assert!(asking.join_all().await.iter().all(|found| *found));
    assert_eq!(source.asked(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_dead_source_leaves_old_answers_and_delays_nobody_twice() {
    let source = Arc::new(Source::default());
    let cached = Cached::new(Arc::clone(&source));
    cached.find(&known()).await.unwrap();
    source.set(Mood::Dead);
    tokio::time::advance(60 * SECOND).await;
    assert_eq!(name(&cached.find(&known()).await.unwrap()), Some("node-1"));
    assert_eq!(source.asked(), 2);
    for last in 2..4 {
        assert!(cached.find(&who(0x52, last)).await.is_err());
    }
    assert_eq!(source.asked(), 4);
    // Three in a row: within the pause nobody asks it, whoever comes.
    let begin = Instant::now();
    let error = cached.find(&who(0x52, 4)).await.unwrap_err();
    assert_eq!(error, InventoryError::Unreachable("refused".into()));
    assert_eq!((begin.elapsed(), source.asked()), (Duration::ZERO, 4));
    assert_eq!(name(&cached.find(&known()).await.unwrap()), Some("node-1"));
    let refusal = Refusal::from(error);
    assert_eq!(refusal.reason(), Reason::Origin);
    assert!(refusal.client_text().len() <= 60);
    assert_eq!(refusal.detail(), Some("inventory: refused"));

    source.set(Mood::Well);
    tokio::time::advance(2 * SECOND).await;
    assert_eq!(name(&cached.find(&known()).await.unwrap()), Some("node-5"));

    source.set(Mood::Dead);
    tokio::time::advance(25 * 3600 * SECOND).await;
    assert!(cached.find(&known()).await.is_err(), "too old by now");
}

#[tokio::test(start_paused = true)]
async fn a_source_that_hangs_is_given_up_at_the_deadline() {
    let source = Arc::new(Source::default());
    source.set(Mood::Slow);
    let cached = Cached::new(Arc::clone(&source));
    let begin = Instant::now();
    let error = cached.find(&known()).await.unwrap_err();
    assert_eq!(error, InventoryError::Late(3 * SECOND));
    assert_eq!(begin.elapsed(), 3 * SECOND);
    assert_eq!(cached.check().await, Err(InventoryError::Late(3 * SECOND)));
}

#[tokio::test(start_paused = true)]
async fn names_that_are_made_up_push_out_no_machine() {
    let source = Arc::new(Source::default());
    let cached = Cached::new(Arc::clone(&source))
        .entries(100)
        .absent_for(3600 * SECOND)
        .fresh_for(3600 * SECOND);
    cached.find(&known()).await.unwrap();
    for last in 0..1000 {
        assert_eq!(cached.find(&who(0x00, last)).await, Ok(None));
    }
    assert!(cached.at_hand(&known()).is_some());
    let memory = cached.memory();
    assert!(memory.absent.young.len() + memory.absent.old.len() <= 100);
}

#[tokio::test(start_paused = true)]
async fn too_many_questions_at_once_are_refused_as_busy() {
    let source = Arc::new(Source::default());
    source.set(Mood::Slow);
    let cached = Arc::new(Cached::new(Arc::clone(&source)));
    let mut asking = tokio::task::JoinSet::new();
    for last in 0..17_000 {
        let cached = Arc::clone(&cached);
        asking.spawn(async move { cached.find(&who(0x52, last)).await.unwrap_err() });
    }
    let errors = asking.join_all().await;
    let busy = errors
        .iter()
        .filter(|error| **error == InventoryError::Busy);
    // Of the 64 turns 16 are not for strangers; after that it is known to be dead.
    assert_eq!((busy.count(), source.asked()), (17_000 - 16_384, 48));
    let refusal = Refusal::from(InventoryError::Busy);
    assert!(refusal.reason() == Reason::Busy && refusal.is_silent());
}

#[tokio::test(start_paused = true)]
async fn one_machine_the_source_cannot_answer_for_costs_no_other() {
    let source = Arc::new(Source::default());
    source.set(Mood::Partly);
    let cached = Cached::new(Arc::clone(&source));
    for last in 0..10 {
        assert!(cached.find(&who(0x52, 0x66)).await.is_err());
        assert!(cached.find(&who(0x52, last)).await.is_ok());
    }
}

/// Many strangers ask about machines they made up, and a source that answers 10 a second.
#[tokio::test(start_paused = true)]
async fn strangers_who_fill_the_queue_keep_no_proven_client_waiting() {
    let source = Arc::new(Source::default());
    let cached = Arc::new(Cached::new(Arc::clone(&source)).at_once(4));
    let mut strangers = tokio::task::JoinSet::new();
    for n in 0..20_000 {
        let cached = Arc::clone(&cached);
        strangers.spawn(async move { cached.find(&who(0, n)).await });
    }
    tokio::time::sleep(SECOND / 2).await;
    for n in 0..20 {
        let mut proven = who(0x52, n);
        proven.proven = true;
        let asked = tokio::time::timeout(SECOND / 2, cached.find(&proven)).await;
        assert!(asked.expect("it has a turn of its own").unwrap().is_some());
    }
    let answered = strangers.join_all().await;
    let busy = |answer: &&Result<Found, InventoryError>| **answer == Err(InventoryError::Busy);
    assert!(answered.iter().filter(busy).count() > 10_000);
    assert!(answered.iter().filter(|answer| answer.is_ok()).count() > 100);
}

#[tokio::test(start_paused = true)]
async fn a_storm_that_the_source_can_answer_in_time_is_answered() {
    let source = Arc::new(Source::default());
    let cached = Arc::new(Cached::new(Arc::clone(&source)).at_once(100));
    let mut asking = tokio::task::JoinSet::new();
    // 1000 a second.
    for n in 0..5000 {
        let cached = Arc::clone(&cached);
        asking.spawn(async move { cached.find(&who(0x52, n)).await });
    }
    for answer in asking.join_all().await {
        assert!(answer.unwrap().is_some());
    }
}

/// A question that is behind a source that hangs gets its turn in the seventh second, or none.
#[tokio::test(start_paused = true)]
async fn a_question_waits_seven_seconds_for_its_turn() {
    for (hangs, is_answered) in [(6900, true), (7100, false)] {
        let source = Arc::new(Source::default());
        let hangs = Duration::from_millis(hangs);
        let cached = Arc::new(Cached::new(Arc::clone(&source)).at_once(1).deadline(hangs));
        source.set(Mood::Slow);
        let first = Arc::clone(&cached);
        let first = tokio::spawn(async move { first.find(&who(0x52, 1)).await });
        tokio::time::sleep(SECOND / 1000).await;
        source.set(Mood::Well);
        let began = Instant::now();
        let second = cached.find(&who(0x52, 2)).await;
        if is_answered {
            assert!(second.unwrap().is_some());
        } else {
            assert_eq!(second, Err(InventoryError::Busy));
            let waited = began.elapsed();
            assert!(
                waited >= 7 * SECOND && waited < 7 * SECOND + SECOND / 50,
                "{waited:?}"
            );
        }
        assert_eq!(first.await.unwrap(), Err(InventoryError::Late(hangs)));
    }
}
