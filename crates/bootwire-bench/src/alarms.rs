//! When to look at a client again.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use bootwire_proto::Instant;

/// A heap with at most a few entries for each client. A deadline moves with almost every packet,
/// mostly to later: then its entry stays, and the client is looked at once too early.
#[derive(Debug, Default)]
pub(super) struct Alarms(BinaryHeap<Reverse<(Instant, u32)>>);

impl Alarms {
    /// Sees to it that `client` is looked at by `deadline`. `set` is where the client keeps its
    /// earliest entry.
    pub(super) fn set(
        &mut self,
        client: u32,
        deadline: Option<Instant>,
        set: &mut Option<Instant>,
    ) {
        let Some(deadline) = deadline else {
            return;
        };
        if set.is_none_or(|earliest| deadline < earliest) {
            *set = Some(deadline);
            self.0.push(Reverse((deadline, client)));
        }
    }

    /// The next entry.
    pub(super) fn next(&self) -> Option<Instant> {
        self.0.peek().map(|Reverse((at, _))| *at)
    }

    /// Takes the next entry that is due. It may be an old one: the client knows.
    pub(super) fn due(&mut self, now: Instant) -> Option<(Instant, u32)> {
        if self.next()? > now {
            return None;
        }
        self.0.pop().map(|Reverse(entry)| entry)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_earlier_deadline_makes_another_entry() {
        let at = Instant::from_micros;
        let mut alarms = Alarms::default();
        let mut set = None;
        alarms.set(3, Some(at(50)), &mut set);
        alarms.set(3, Some(at(90)), &mut set);
        alarms.set(3, None, &mut set);
        assert_eq!(alarms.0.len(), 1);
        alarms.set(3, Some(at(20)), &mut set);
        assert_eq!(set, Some(at(20)));
        assert_eq!(alarms.next(), Some(at(20)));
        assert_eq!(alarms.due(at(19)), None);
        assert_eq!(alarms.due(at(60)), Some((at(20), 3)));
        assert_eq!(alarms.due(at(60)), Some((at(50), 3)), "the old entry");
        assert_eq!(alarms.due(at(60)), None);
    }
}
