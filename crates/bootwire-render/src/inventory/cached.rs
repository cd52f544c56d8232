//! Memory in front of a slow inventory.

#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bootwire::{BoxFuture, Turns};
use tokio::time::Instant;

use super::{Found, Inventory, InventoryError, Lookup};
use crate::coalesce::{Flights, Grounded};
use crate::identity::Identity;

/// Failures in a row that make a source a dead one.
const FAILURES_MAX: u32 = 3;

/// Different questions that may wait for answers at the same time, of clients that have proven their
/// address lately and of strangers each: a site that comes up after a power cut is no overload.
const QUESTIONS_MAX: usize = 16_384;
/// Questions a source is asked at the same time, unless told otherwise.
const AT_ONCE: usize = 64;
/// How long a question waits for its turn: with the deadline, no more than the 10 s in which the server
/// wants an answer.
const PATIENCE: Duration = Duration::from_secs(7);

/// An inventory whose answers are kept for a while.
///
/// - Those who ask the same while the source thinks get the one answer.
/// - An answer serves for [`Cached::fresh_for`]; that a machine is unknown, for
///   [`Cached::absent_for`].
/// - When the source fails, an old answer serves for [`Cached::stale_for`] more. After three failures
///   in a row it is left alone for [`Cached::pause`], so that a dead database delays one client in a
///   while and not each; one machine that it cannot answer for is no reason.
/// - At most [`Cached::entries`] answers are kept, known machines apart from unknown ones: names that
///   somebody makes up push out no machine.
pub struct Cached<I> {
    source: Arc<I>,
    flights: Flights<Lookup, Result<Found, InventoryError>>,
    turns: Turns,
    patience: Duration,
    memory: Arc<Mutex<Memory>>,
    fresh: Duration,
    absent: Duration,
    stale: Duration,
    pause: Duration,
    deadline: Duration,
}

struct Memory {
    known: Entries<Found>,
    absent: Entries<Found>,
    /// Failures since the last answer; when and how the last one was.
    failures: u32,
    failed: Option<(Instant, InventoryError)>,
}

/// An answer, and how old it is.
type Remembered = (Found, Duration);

impl Memory {
    fn recall(&mut self, lookup: &Lookup) -> Option<Remembered> {
        let (found, since) = match self.known.get(lookup) {
            Some(entry) => entry,
            None => self.absent.get(lookup)?,
        };
        Some((found, since.elapsed()))
    }

    /// Notes how a question ended.
    fn note(&mut self, lookup: Lookup, answer: &Result<Found, InventoryError>) {
        match answer {
            Ok(found) => {
                self.failures = 0;
                self.remember(lookup, found.clone());
            }
            Err(error @ (InventoryError::Unreachable(_) | InventoryError::Late(_))) => {
                self.failures = self.failures.saturating_add(1);
                self.failed = Some((Instant::now(), error.clone()));
            }
            // The source is there; it is about this machine.
            Err(_) => self.failures = 0,
        }
    }

    /// Why the source is left alone, if it is.
    fn paused(&self, pause: Duration) -> Option<InventoryError> {
        let (since, error) = self.failed.as_ref()?;
        let dead = self.failures >= FAILURES_MAX && since.elapsed() < pause;
        dead.then(|| error.clone())
    }

    fn remember(&mut self, lookup: Lookup, found: Found) {
        let now = Instant::now();
        if found.is_some() {
            self.absent.remove(&lookup);
            self.known.insert(lookup, (found, now));
        } else {
            self.known.remove(&lookup);
            self.absent.insert(lookup, (found, now));
        }
    }
}

fn lock(memory: &Mutex<Memory>) -> MutexGuard<'_, Memory> {
    memory.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<I: Inventory> Cached<I> {
    /// Keeps answers of `source`.
    pub fn new(source: I) -> Self {
        let memory = Memory {
            known: Entries::new(65_536),
            absent: Entries::new(65_536),
            failures: 0,
            failed: None,
        };
        Self {
            source: Arc::new(source),
            flights: Flights::new(QUESTIONS_MAX),
            turns: Turns::new(AT_ONCE),
            patience: PATIENCE,
            memory: Arc::new(Mutex::new(memory)),
            fresh: Duration::from_secs(30),
            absent: Duration::from_secs(5),
            stale: Duration::from_secs(24 * 3600),
            pause: Duration::from_secs(1),
            deadline: Duration::from_secs(3),
        }
    }

    /// How long the answer about a known machine serves. Default 30 s.
    #[must_use]
    pub const fn fresh_for(mut self, time: Duration) -> Self {
        self.fresh = time;
        self
    }

    /// How long it serves that a machine is unknown. Default 5 s.
    #[must_use]
    pub const fn absent_for(mut self, time: Duration) -> Self {
        self.absent = time;
        self
    }

    /// How much longer an answer serves when the source fails; zero for never. Default a day.
    #[must_use]
    pub const fn stale_for(mut self, time: Duration) -> Self {
        self.stale = time;
        self
    }

    /// How long a source that has failed three times in a row is left alone. Default 1 s.
    #[must_use]
    pub const fn pause(mut self, time: Duration) -> Self {
        self.pause = time;
        self
    }

    /// How many questions the source is asked at the same time, at least one; others wait for their
    /// turn. A part of the turns is for clients that have proven their address lately. Default 64.
    #[must_use]
    pub fn at_once(mut self, max: usize) -> Self {
        self.turns = Turns::new(max);
        self
    }

    /// How long a question waits for its turn. After that the client is told nothing, so that it asks
    /// again. Default 7 s: with the deadline this should be no more than what the server gives a handler.
    #[must_use]
    pub const fn patience(mut self, time: Duration) -> Self {
        self.patience = time;
        self
    }

    /// How long the source may take for an answer, from its turn on. Default 3 s.
    #[must_use]
    pub const fn deadline(mut self, time: Duration) -> Self {
        self.deadline = time;
        self
    }

    /// How many answers are kept of each kind. Default 65,536.
    #[must_use]
    pub fn entries(self, max: usize) -> Self {
        let mut memory = self.memory();
        memory.known = Entries::new(max);
        memory.absent = Entries::new(max);
        drop(memory);
        self
    }

    /// Forgets everything, so that the next answers are new.
    pub fn forget(&self) {
        let mut memory = self.memory();
        memory.known.clear();
        memory.absent.clear();
        memory.failures = 0;
    }

    fn memory(&self) -> MutexGuard<'_, Memory> {
        lock(&self.memory)
    }

    fn is_fresh(&self, (found, age): &Remembered) -> bool {
        *age < if found.is_some() {
            self.fresh
        } else {
            self.absent
        }
    }

    /// An old answer that serves when the source fails.
    fn stale(&self, remembered: Option<Remembered>) -> Option<Found> {
        let (found, age) = remembered?;
        let serves = found.is_some() && age < self.fresh.saturating_add(self.stale);
        serves.then_some(found)
    }

    async fn ask(&self, lookup: Lookup, who: Identity) -> Result<Found, InventoryError> {
        let (source, memory) = (Arc::clone(&self.source), Arc::clone(&self.memory));
        let (deadline, patience, pause) = (self.deadline, self.patience, self.pause);
        let (turns, proven) = (self.turns.clone(), who.proven);
        let question = lookup.clone();
        let work = move || async move {
            let turn = tokio::time::timeout(patience, turns.turn(proven)).await;
            let Ok(_turn) = turn else {
                return Err(InventoryError::Busy);
            };
            // It may have failed those who were before.
            if let Some(error) = lock(&memory).paused(pause) {
                return Err(error);
            }
            let asked = tokio::time::timeout(deadline, source.find(&who)).await;
            let answer = asked.unwrap_or(Err(InventoryError::Late(deadline)));
            lock(&memory).note(lookup, &answer);
            answer
        };
        match self.flights.ask(question, proven, work).await {
            Ok(answer) => answer,
            Err(Grounded::Full) => Err(InventoryError::Busy),
            Err(Grounded::Crashed) => Err(InventoryError::Senseless("the lookup panicked".into())),
        }
    }
}

impl<I: Inventory> Inventory for Cached<I> {
    fn find<'a>(&'a self, who: &'a Identity) -> BoxFuture<'a, Result<Found, InventoryError>> {
        Box::pin(async move {
            let lookup = Lookup::of(who);
            let (remembered, paused) = {
                let mut memory = self.memory();
                (memory.recall(&lookup), memory.paused(self.pause))
            };
            if let Some(remembered) = &remembered
                && self.is_fresh(remembered)
            {
                return Ok(remembered.0.clone());
            }
            let answer = match paused {
                Some(error) => Err(error),
                None => self.ask(lookup, who.clone()).await,
            };
            answer.or_else(|error| self.stale(remembered).ok_or(error))
        })
    }

    fn at_hand(&self, who: &Identity) -> Option<Found> {
        let remembered = self.memory().recall(&Lookup::of(who))?;
        self.is_fresh(&remembered).then_some(remembered.0)
    }

    fn check(&self) -> BoxFuture<'_, Result<String, InventoryError>> {
        Box::pin(async move {
            let asked = tokio::time::timeout(self.deadline, self.source.check()).await;
            asked.unwrap_or(Err(InventoryError::Late(self.deadline)))
        })
    }
}

impl<I> std::fmt::Debug for Cached<I> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Cached")
            .field("fresh", &self.fresh)
            .field("absent", &self.absent)
            .field("stale", &self.stale)
            .finish_non_exhaustive()
    }
}

/// A bounded map in two generations: when the young one is full it becomes the old one, and what
/// nobody asked for since is gone. Every call takes the same short time.
struct Entries<V> {
    young: HashMap<Lookup, (V, Instant)>,
    old: HashMap<Lookup, (V, Instant)>,
    half: usize,
}

impl<V: Clone> Entries<V> {
    fn new(max: usize) -> Self {
        Self {
            young: HashMap::new(),
            old: HashMap::new(),
            half: (max / 2).max(1),
        }
    }

    fn get(&mut self, key: &Lookup) -> Option<(V, Instant)> {
        if let Some(entry) = self.young.get(key) {
            return Some(entry.clone());
        }
        let entry = self.old.remove(key)?;
        self.insert(key.clone(), entry.clone());
        Some(entry)
    }

    fn insert(&mut self, key: Lookup, entry: (V, Instant)) {
        if self.young.len() >= self.half && !self.young.contains_key(&key) {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(key, entry);
    }

    fn remove(&mut self, key: &Lookup) {
        self.young.remove(key);
        self.old.remove(key);
    }

    fn clear(&mut self) {
        self.young.clear();
        self.old.clear();
    }
}
