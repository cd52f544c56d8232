//! Timers: a hashed wheel with lazy re-arming.
//!
//! Nearly every timer of a TFTP server is moved before it fires: each ACK pushes the deadline on.
//! So an owner is left in its slot when its deadline moves back, and looked at again when that slot
//! comes round; only a deadline that moves forward takes it to another slot.
//!
//! Deadlines are kept here, one behind the other, and not with their owners: of thousands of owners
//! most are looked at in vain, and none of these looks should bring a whole transfer into the cache.
//!
//! Ticks are short, because a lost block on a quick network is sent again after a millisecond or
//! less. Deadlines that are not that near need no such precision: they share every fourth tick, so
//! that the worker wakes up for many at once.

use std::time::Duration;

use bootwire_proto::Instant;

/// Length of a tick. Near deadlines fire up to one tick late, others up to [`COARSE`]; none early.
const TICK: Duration = Duration::from_micros(500);
/// Slots; a deadline beyond SLOTS ticks is looked at every SLOTS ticks.
const SLOTS: u64 = 4096;
/// Ticks ahead up to which a deadline is near.
const NEAR: u64 = 16;
/// The ticks that deadlines further ahead share: the multiples of this.
const COARSE: u64 = 4;
/// Words of a bit for each slot; one more word has a bit for each of them.
const WORDS: usize = SLOTS as usize / 64;
const _: () = assert!(WORDS == 64);

/// What is known of a token.
#[derive(Clone, Copy, Debug)]
struct Owner {
    deadline: Option<Instant>,
    /// The tick in whose slot it stands, [`NONE`] if it stands in none.
    tick: u64,
    /// Who stands before and after it in that slot: a ring, so that the first one knows the last.
    before: u32,
    after: u32,
}

/// Later than every tick.
const NONE: u64 = u64::MAX;
/// The first owner of a slot where nobody stands.
const NOBODY: u32 = u32::MAX;

/// The wheel. Tokens are the caller's, small numbers that may be used again.
#[derive(Debug)]
pub(super) struct Wheel {
    /// The first owner of each slot. Owners are strung together where they are: a slot that had
    /// thousands once holds no memory for them.
    slots: Box<[u32]>,
    /// One bit for each slot where somebody stands, and one for each word of these that is not 0: the
    /// next one is found without a walk, however far ahead it is.
    used: [u64; WORDS],
    used_words: u64,
    /// Every tick before this one was looked at.
    next: u64,
    /// By token.
    owners: Vec<Owner>,
}

impl Wheel {
    pub(super) fn new(now: Instant) -> Self {
        Self {
            slots: vec![NOBODY; SLOTS as usize].into(),
            used: [0; WORDS],
            used_words: 0,
            next: tick_of(now),
            owners: Vec::new(),
        }
    }

    /// From now on `token` is due at `deadline` (found so a tick later, or four if that is far), or
    /// not at all.
    pub(super) fn set(&mut self, token: u32, deadline: Option<Instant>) {
        let place = token as usize;
        if self.owners.len() <= place {
            let owner = Owner {
                deadline: None,
                tick: NONE,
                before: NOBODY,
                after: NOBODY,
            };
            self.owners.resize(place + 1, owner);
        }
        self.owners[place].deadline = deadline;
        if let Some(deadline) = deadline {
            self.enter(token, deadline);
        }
    }

    /// Takes `token` to the slot of `deadline`, unless it stands in one that is soon enough.
    fn enter(&mut self, token: u32, deadline: Instant) {
        let mut tick = tick_of(deadline) + 1;
        if tick > self.next + NEAR {
            let farthest = self.next + SLOTS - COARSE;
            tick = tick.min(farthest).next_multiple_of(COARSE);
        }
        let tick = tick.max(self.next);
        let stands = self.owners[token as usize].tick;
        if stands <= tick {
            return;
        }
        if stands != NONE {
            self.unlink(token);
        }
        self.link(token, tick);
    }

    /// Puts `token`, which stands nowhere, last into the slot of `tick`.
    fn link(&mut self, token: u32, tick: u64) {
        let slot = slot_of(tick);
        let first = self.slots[slot];
        let (before, after) = if first == NOBODY {
            self.slots[slot] = token;
            self.used[slot / 64] |= 1 << (slot % 64);
            self.used_words |= 1 << (slot / 64);
            (token, token)
        } else {
            let last = self.owners[first as usize].before;
            self.owners[last as usize].after = token;
            self.owners[first as usize].before = token;
            (last, first)
        };
        let owner = &mut self.owners[token as usize];
        owner.tick = tick;
        owner.before = before;
        owner.after = after;
    }

    /// Takes `token` out of the slot where it stands.
    fn unlink(&mut self, token: u32) {
        let owner = &mut self.owners[token as usize];
        let slot = slot_of(owner.tick);
        owner.tick = NONE;
        let (before, after) = (owner.before, owner.after);
        if after == token {
            self.clear(slot);
            return;
        }
        self.owners[before as usize].after = after;
        self.owners[after as usize].before = before;
        if self.slots[slot] == token {
            self.slots[slot] = after;
        }
    }

    /// Leaves nobody in a slot; says who was the first.
    fn clear(&mut self, slot: usize) -> u32 {
        let word = &mut self.used[slot / 64];
        *word &= !(1 << (slot % 64));
        if *word == 0 {
            self.used_words &= !(1 << (slot / 64));
        }
        std::mem::replace(&mut self.slots[slot], NOBODY)
    }

    /// Adds to `due` the tokens whose deadlines have come. They have none any more.
    pub(super) fn advance(&mut self, now: Instant, due: &mut Vec<u32>) {
        let current = tick_of(now);
        if self.next > current {
            return;
        }
        // After a long sleep every slot is looked at once, not once per missed tick.
        let last = current.min(self.next + SLOTS - 1);
        let mut tick = self.next;
        self.next = current + 1;
        while tick <= last
            && let Some(used) = self.next_used(tick)
            && used <= last
        {
            let first = self.clear(slot_of(used));
            self.look_at(first, now, due);
            tick = used + 1;
        }
    }

    /// Looks at the owners who stood in a slot: who is due, and who only later.
    fn look_at(&mut self, first: u32, now: Instant, due: &mut Vec<u32>) {
        let last = self.owners[first as usize].before;
        let mut token = first;
        loop {
            let owner = &mut self.owners[token as usize];
            let after = owner.after;
            owner.tick = NONE;
            match owner.deadline {
                Some(deadline) if deadline > now => self.enter(token, deadline),
                Some(_) => {
                    owner.deadline = None;
                    due.push(token);
                }
                None => {}
            }
            if token == last {
                return;
            }
            token = after;
        }
    }

    /// Owners that stand in a slot, those included whose deadline was dropped meanwhile.
    #[cfg(any(test, feature = "simulation"))]
    pub(super) fn len(&self) -> usize {
        let stands = |owner: &&Owner| owner.tick != NONE;
        self.owners.iter().filter(stands).count()
    }

    /// When [`Wheel::advance`] has something to do next; `None` if nothing is armed.
    pub(super) fn next_due(&self) -> Option<Instant> {
        let tick = self.next_used(self.next)?;
        Some(Instant::from_micros(tick * TICK.as_micros() as u64))
    }

    /// The first tick from `tick` on in whose slot somebody stands, going round once.
    fn next_used(&self, tick: u64) -> Option<u64> {
        let start = slot_of(tick);
        let word = start / 64;
        let here = self.used[word] >> (start % 64);
        if here != 0 {
            return Some(tick + u64::from(here.trailing_zeros()));
        }
        // The words after this one, and at last this one again, from its bottom.
        let others = self.used_words.rotate_right(word as u32 + 1);
        if others == 0 {
            return None;
        }
        let words = u64::from(others.trailing_zeros()) + 1;
        let bits = self.used[(word + words as usize) % WORDS];
        let slot = words * 64 + u64::from(bits.trailing_zeros());
        Some(tick - (start % 64) as u64 + slot)
    }
}

const fn slot_of(tick: u64) -> usize {
    (tick % SLOTS) as usize
}

fn tick_of(at: Instant) -> u64 {
    at.as_micros() / TICK.as_micros() as u64
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(millis: u64) -> Instant {
        Instant::from_micros(millis * 1000)
    }

    fn due(wheel: &mut Wheel, now: Instant) -> Vec<u32> {
        let mut due = Vec::new();
        wheel.advance(now, &mut due);
        due
    }

    #[test]
    fn a_near_deadline_fires_within_a_tick() {
        let mut wheel = Wheel::new(at(0));
        let deadline = Instant::from_micros(1700);
        wheel.set(7, Some(deadline));
        assert_eq!(wheel.next_due(), Some(at(2)));
        assert!(due(&mut wheel, deadline).is_empty());
        assert_eq!(due(&mut wheel, at(2)), [7]);
    }

    #[test]
    fn far_deadlines_share_a_wake_up() {
        let mut wheel = Wheel::new(at(0));
        for token in 0..4_u32 {
            let deadline = Instant::from_micros(20_000 + u64::from(token) * 499);
            wheel.set(token, Some(deadline));
        }
        assert_eq!(wheel.next_due(), Some(at(22)));
        assert_eq!(due(&mut wheel, at(22)), [0, 1, 2, 3]);
        assert_eq!(wheel.next_due(), None);
    }

    #[test]
    fn a_far_deadline_fires_within_four_ticks() {
        let mut wheel = Wheel::new(at(0));
        wheel.set(7, Some(at(11)));
        assert!(due(&mut wheel, at(10)).is_empty());
        let next = wheel.next_due().unwrap();
        assert!(next > at(11) && next <= at(13), "{next:?}");
        assert_eq!(due(&mut wheel, next), [7]);
        assert_eq!(wheel.next_due(), None);
    }

    #[test]
    fn an_earlier_deadline_takes_its_owner_to_another_slot() {
        let mut wheel = Wheel::new(at(0));
        for token in 0..3 {
            wheel.set(token, Some(at(1000)));
        }
        wheel.set(1, Some(at(20)));
        assert_eq!(wheel.len(), 3);
        assert_eq!(due(&mut wheel, at(22)), [1]);
        wheel.set(0, Some(at(30)));
        assert_eq!(due(&mut wheel, at(32)), [0], "it was the first of its slot");
        wheel.set(1, Some(at(1500)));
        assert_eq!(due(&mut wheel, at(1003)), [2]);
        assert_eq!(due(&mut wheel, at(1503)), [1]);
        assert_eq!(wheel.len(), 0);
        assert_eq!(wheel.next_due(), None);
    }

    #[test]
    fn a_deadline_that_is_put_off_or_dropped_leaves_its_owner_where_it_stands() {
        let mut wheel = Wheel::new(at(0));
        for millis in 20..60 {
            wheel.set(1, Some(at(millis)));
        }
        wheel.set(2, Some(at(20)));
        wheel.set(2, None);
        assert_eq!(wheel.len(), 2);
        assert!(due(&mut wheel, at(30)).is_empty());
        assert_eq!(wheel.len(), 1);
        assert_eq!(due(&mut wheel, at(62)), [1]);
    }

    #[test]
    fn after_a_long_sleep_each_is_looked_at_and_those_that_are_later_stay() {
        let mut wheel = Wheel::new(at(0));
        wheel.set(0, Some(at(100)));
        wheel.set(1, Some(at(1900)));
        wheel.set(2, Some(at(100)));
        wheel.set(2, Some(at(31_000)));
        assert_eq!(due(&mut wheel, at(30_000)), [0, 1]);
        assert_eq!(wheel.len(), 1);
        assert!(due(&mut wheel, at(30_999)).is_empty());
        assert_eq!(due(&mut wheel, at(31_003)), [2]);
    }

    proptest! {
        /// Against a plain list: whatever the order of deadlines and steps, each is found no sooner
        /// than it comes and no later than five ticks after.
        #[test]
        fn no_deadline_is_missed(moves in prop::collection::vec((0..8_u32, 0..10_000_u64, 0..300_u64), 1..200)) {
            let mut wheel = Wheel::new(at(0));
            let mut deadlines = [None; 8];
            let mut now = 0_u64;
            for (token, delay, step) in moves {
                deadlines[token as usize] = Some(at(now + delay));
                wheel.set(token, Some(at(now + delay)));
                // Walk in the steps a worker would: to the next due time or to the end of the step.
                let end = now + step;
                while now < end {
                    now = wheel.next_due().map_or(end, |due| due.as_micros() / 1000).clamp(now + 1, end.max(now + 1));
                    for token in due(&mut wheel, at(now)) {
                        let deadline = deadlines[token as usize].take();
                        prop_assert!(deadline.is_some_and(|due| due <= at(now)));
                    }
                    for deadline in &deadlines {
                        prop_assert!(deadline.is_none_or(|due| due.as_micros() + (COARSE + 1) * TICK.as_micros() as u64 >= now * 1000));
                    }
                }
            }
        }
    }
}
