//! Turns, for what only so many may do at a time.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

/// Lets only so many do something at a time. Cheap to clone.
///
/// Clients that have [proven](crate::Request::is_proven) their address wait in one queue, strangers, whose
/// addresses may be forged, in another. A quarter of the turns is for the first alone, and of the
/// others each queue gets every second while both wait: forged requests cannot keep out machines that
/// boot, nor those that machine which has just come.
///
/// ```
/// use bootwire::{Refusal, Request, Turns};
///
/// # async fn slow_database(_request: &Request) -> Result<String, Refusal> { Ok(String::new()) }
/// async fn handler(request: Request, turns: Turns) -> Result<String, Refusal> {
///     let _turn = turns.turn(request.is_proven()).await;
///     slow_database(&request).await
/// }
/// ```
#[derive(Clone, Debug)]
pub struct Turns {
    gate: Arc<Gate>,
}

#[derive(Debug)]
struct Gate {
    /// At a time.
    all: usize,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    running: usize,
    /// Of them, strangers.
    strangers: usize,
    /// Those that wait: strangers, and those that are proven.
    waiting: [VecDeque<oneshot::Sender<Turn>>; 2],
    /// Whether the last turn of those who waited was a proven one's.
    last_was_proven: bool,
}

/// Somebody's turn, until it is dropped.
#[derive(Debug)]
#[must_use = "the turn ends when this is dropped"]
pub struct Turn {
    gate: Arc<Gate>,
    proven: bool,
}

impl Turns {
    /// Lets in `all` at a time, at least one.
    #[must_use]
    pub fn new(all: usize) -> Self {
        let gate = Gate {
            all: all.max(1),
            state: Mutex::default(),
        };
        Self {
            gate: Arc::new(gate),
        }
    }

    /// Waits for a turn. Whoever stops waiting, by dropping the future, is passed over.
    pub async fn turn(&self, proven: bool) -> Turn {
        let gate = &self.gate;
        let next = {
            let mut state = gate.state();
            if state.waiting[usize::from(proven)].is_empty() && gate.may_start(&state, proven) {
                return gate.start(&mut state, proven);
            }
            let (told, next) = oneshot::channel();
            state.waiting[usize::from(proven)].push_back(told);
            next
        };
        match next.await {
            Ok(turn) => turn,
            // Whoever is in a queue is told; only a queue that is gone could be silent.
            Err(_) => std::future::pending().await,
        }
    }

    /// How many have a turn now.
    #[must_use]
    pub fn running(&self) -> usize {
        self.gate.state().running
    }
}

impl Gate {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Turns that strangers do not get.
    fn reserved(&self) -> usize {
        match self.all {
            1 => 0,
            all => (all / 4).max(1),
        }
    }

    fn may_start(&self, state: &State, proven: bool) -> bool {
        state.running < self.all && (proven || state.strangers < self.all - self.reserved())
    }

    fn start(self: &Arc<Self>, state: &mut State, proven: bool) -> Turn {
        state.running += 1;
        state.strangers += usize::from(!proven);
        Turn {
            gate: Arc::clone(self),
            proven,
        }
    }

    /// The next who waits and may start, with the turn.
    fn next(self: &Arc<Self>) -> Option<(oneshot::Sender<Turn>, Turn)> {
        let mut state = self.state();
        let first = !state.last_was_proven;
        for proven in [first, !first] {
            let queue = &mut state.waiting[usize::from(proven)];
            while queue.front().is_some_and(oneshot::Sender::is_closed) {
                queue.pop_front();
            }
            if self.may_start(&state, proven)
                && let Some(told) = state.waiting[usize::from(proven)].pop_front()
            {
                state.last_was_proven = proven;
                return Some((told, self.start(&mut state, proven)));
            }
        }
        None
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        {
            let mut state = self.gate.state();
            state.running -= 1;
            state.strangers -= usize::from(!self.proven);
        }
        if let Some((told, turn)) = self.gate.next() {
            // Whoever has gone meanwhile gives it back, and the next one gets it.
            drop(told.send(turn));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    async fn is_in_time(gate: &Turns, proven: bool) -> Option<Turn> {
        tokio::time::timeout(Duration::from_millis(1), gate.turn(proven))
            .await
            .ok()
    }

    #[tokio::test(start_paused = true)]
    async fn strangers_leave_turns_to_those_who_are_proven() {
        let gate = Turns::new(8);
        let mut strangers = Vec::new();
        for _ in 0..6 {
            strangers.push(is_in_time(&gate, false).await.expect("six of eight"));
        }
        assert!(is_in_time(&gate, false).await.is_none());
        let first = is_in_time(&gate, true).await.expect("two are kept");
        let second = is_in_time(&gate, true).await.expect("two are kept");
        assert!(is_in_time(&gate, true).await.is_none(), "eight at a time");
        drop((first, second));
        assert!(is_in_time(&gate, false).await.is_none());
        strangers.pop();
        assert!(is_in_time(&gate, false).await.is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn while_both_wait_each_gets_every_second_turn() {
        let gate = Turns::new(1);
        let (order, mut told) = tokio::sync::mpsc::unbounded_channel();
        let held = gate.turn(false).await;
        for proven in [false, true].repeat(50) {
            let (gate, order) = (gate.clone(), order.clone());
            tokio::spawn(async move {
                let turn = gate.turn(proven).await;
                let _ = order.send(proven);
                drop(turn);
            });
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
        drop((held, order));
        let mut served = Vec::new();
        while let Some(proven) = told.recv().await {
            served.push(proven);
        }
        assert_eq!(served, [true, false].repeat(50));
    }

    #[tokio::test(start_paused = true)]
    async fn who_stops_waiting_is_passed_over_and_no_turn_is_lost() {
        let gate = Turns::new(1);
        let held = gate.turn(true).await;
        for _ in 0..100 {
            assert!(is_in_time(&gate, false).await.is_none());
            assert!(is_in_time(&gate, true).await.is_none());
        }
        let waits = {
            let gate = gate.clone();
            tokio::spawn(async move { gate.turn(false).await })
        };
        tokio::time::sleep(Duration::from_secs(1)).await;
        drop(held);
        drop(waits.await.expect("it is told"));
        assert!(is_in_time(&gate, true).await.is_some());
    }
}
