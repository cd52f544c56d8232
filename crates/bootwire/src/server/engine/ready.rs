//! Whose turn it is to send.

use std::collections::VecDeque;

/// Of so many turns one goes to a transfer whose client has not answered, if both kinds wait.
const SHARE: u32 = 4;

/// Transfers that may have something to send, each once. Those whose clients have answered come
/// first: a flood of requests must not make running transfers wait for thousands of first packets.
#[derive(Debug, Default)]
pub(super) struct ReadyQueue {
    proven: VecDeque<u32>,
    unproven: VecDeque<u32>,
    count: u32,
}

/// How many of each kind wait at the beginning of a round: those that come back wait for the next.
#[derive(Debug)]
pub(super) struct Left {
    proven: usize,
    unproven: usize,
}

impl ReadyQueue {
    pub(super) fn push(&mut self, index: u32, unproven: bool) {
        if unproven {
            self.unproven.push_back(index);
        } else {
            self.proven.push_back(index);
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.proven.is_empty() && self.unproven.is_empty()
    }

    #[cfg(any(test, feature = "simulation"))]
    pub(super) fn len(&self) -> usize {
        self.proven.len() + self.unproven.len()
    }

    /// Begins a round.
    pub(super) fn round(&self) -> Left {
        Left {
            proven: self.proven.len(),
            unproven: self.unproven.len(),
        }
    }

    /// The one with `others` before it, of those whose clients have answered.
    pub(super) fn after(&self, others: usize) -> Option<u32> {
        self.proven.get(others).copied()
    }

    /// The next one of the round.
    pub(super) fn next(&mut self, left: &mut Left) -> Option<u32> {
        if left.unproven > 0 {
            self.count = self.count.wrapping_add(1);
            if left.proven == 0 || self.count.is_multiple_of(SHARE) {
                left.unproven -= 1;
                return self.unproven.pop_front();
            }
        }
        left.proven = left.proven.checked_sub(1)?;
        self.proven.pop_front()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn round(queue: &mut ReadyQueue, most: usize) -> Vec<u32> {
        let mut left = queue.round();
        let mut taken = Vec::new();
        while taken.len() < most
            && let Some(index) = queue.next(&mut left)
        {
            taken.push(index);
        }
        taken
    }

    #[test]
    fn running_transfers_come_before_a_crowd_that_has_not_answered() {
        let mut turns = ReadyQueue::default();
        (0..1000).for_each(|index| turns.push(index, true));
        (1000..1030).for_each(|index| turns.push(index, false));
        let first = round(&mut turns, 40);
        assert_eq!(first.iter().filter(|&&index| index >= 1000).count(), 30);
        assert_eq!(first[first.len() - 1], 9, "and the crowd gets on");
        assert_eq!(turns.len(), 990);
    }

    #[test]
    fn the_crowd_has_its_share_when_all_are_busy() {
        let mut turns = ReadyQueue::default();
        (0..1000).for_each(|index| turns.push(index, index < 500));
        let first = round(&mut turns, 400);
        assert_eq!(first.iter().filter(|&&index| index < 500).count(), 100);
    }

    #[test]
    fn who_comes_back_waits_for_the_next_round() {
        let mut turns = ReadyQueue::default();
        turns.push(1, false);
        turns.push(2, true);
        let mut left = turns.round();
        assert_eq!(turns.next(&mut left), Some(1));
        turns.push(1, false);
        assert_eq!(turns.next(&mut left), Some(2));
        assert_eq!(turns.next(&mut left), None);
        assert!(!turns.is_empty());
    }
}
