//! Timers: a hashed wheel with lazy re-arming.
//!
//! Nearly every timer of a TFTP server is moved before it fires: each ACK pushes the deadline on.
//! So an entry is left where it is when its deadline moves back, and looked at again when its slot
//! comes round; only a deadline that moves forward adds an entry. The owner remembers the tick of
//! its live entry, which makes older ones recognisable as dead.
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
/// Words of a bit for each slot.
const WORDS: usize = SLOTS as usize / 64;

/// The tick of an owner's live entry.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Armed(Option<u64>);

#[derive(Clone, Copy, Debug)]
struct Entry {
    token: u32,
    tick: u64,
}

/// The wheel. Tokens are the caller's; a token that no longer exists is the caller's to ignore.
#[derive(Debug)]
pub(super) struct Wheel {
    slots: Box<[Vec<Entry>]>,
    /// One bit for each slot that holds entries, so that the next one is found without a walk.
    used: [u64; WORDS],
    /// Every tick before this one was looked at.
    next: u64,
    entries: usize,
    due: Vec<Entry>,
}

impl Wheel {
    pub(super) fn new(now: Instant) -> Self {
        Self {
            slots: vec![Vec::new(); SLOTS as usize].into(),
            used: [0; WORDS],
            next: tick_of(now),
            entries: 0,
            due: Vec::new(),
        }
    }

    /// Makes sure `token` is looked at no later than `at` (plus a tick, or four if that is far).
    pub(super) fn arm(&mut self, token: u32, at: Instant, armed: &mut Armed) {
        let mut tick = tick_of(at) + 1;
        if tick > self.next + NEAR {
            let farthest = self.next + SLOTS - COARSE;
            tick = tick.min(farthest).next_multiple_of(COARSE);
        }
        let tick = tick.max(self.next);
        if armed.0.is_some_and(|live| live <= tick) {
            return;
        }
        armed.0 = Some(tick);
        let slot = (tick % SLOTS) as usize;
        self.slots[slot].push(Entry { token, tick });
        self.used[slot / 64] |= 1 << (slot % 64);
        self.entries += 1;
    }

    /// Hands every token whose slot has come to `fire`, which gets the tick to compare by
    /// [`Armed::fired`].
    pub(super) fn advance(&mut self, now: Instant, mut fire: impl FnMut(&mut Self, u32, u64)) {
        let current = tick_of(now);
        // After a long sleep every slot is looked at once, not once per missed tick.
        let last = current.min(self.next + SLOTS - 1);
        if self.next > current {
            return;
        }
        let mut due = std::mem::take(&mut self.due);
        for tick in self.next..=last {
            let slot = (tick % SLOTS) as usize;
            due.append(&mut self.slots[slot]);
            self.used[slot / 64] &= !(1 << (slot % 64));
        }
        self.next = current + 1;
        self.entries -= due.len();
        for entry in due.drain(..) {
            fire(self, entry.token, entry.tick);
        }
        self.due = due;
    }

    /// Entries, dead ones included.
    #[cfg(feature = "simulation")]
    pub(super) const fn len(&self) -> usize {
        self.entries
    }

    /// When [`Wheel::advance`] has something to do next; `None` if nothing is armed.
    pub(super) fn next_due(&self) -> Option<Instant> {
        if self.entries == 0 {
            return None;
        }
        let start = (self.next % SLOTS) as usize;
        let mut word = start / 64;
        let mut bits = self.used[word] & (u64::MAX << (start % 64));
        // One more than all: the first word is looked at from the start, and at last from its top.
        for _ in 0..=WORDS {
            if bits != 0 {
                let slot = word as u64 * 64 + u64::from(bits.trailing_zeros());
                let tick = self.next + (slot + SLOTS - start as u64) % SLOTS;
                return Some(Instant::from_micros(tick * TICK.as_micros() as u64));
            }
            word = (word + 1) % WORDS;
            bits = self.used[word];
        }
        None
    }
}

impl Armed {
    /// Whether the entry of `tick` is the owner's live one; it is spent by this call.
    pub(super) fn fired(&mut self, tick: u64) -> bool {
        let live = self.0 == Some(tick);
        if live {
            self.0 = None;
        }
        live
    }
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

    #[test]
    fn a_near_deadline_fires_within_a_tick() {
        let mut wheel = Wheel::new(at(0));
        let mut armed = Armed::default();
        let deadline = Instant::from_micros(1700);
        wheel.arm(7, deadline, &mut armed);
        assert_eq!(wheel.next_due(), Some(at(2)));
        wheel.advance(deadline, |_, _, _| panic!("too early"));
        let mut fired = 0;
        wheel.advance(at(2), |_, _, _| fired += 1);
        assert_eq!(fired, 1);
    }

    #[test]
    fn far_deadlines_share_a_wake_up() {
        let mut wheel = Wheel::new(at(0));
        for token in 0..4_u32 {
            let deadline = Instant::from_micros(20_000 + u64::from(token) * 499);
            wheel.arm(token, deadline, &mut Armed::default());
        }
        assert_eq!(wheel.next_due(), Some(at(22)));
        let mut fired = 0;
        wheel.advance(at(22), |_, _, _| fired += 1);
        assert_eq!(fired, 4);
        assert_eq!(wheel.next_due(), None);
    }

    #[test]
    fn a_far_deadline_fires_within_four_ticks() {
        let mut wheel = Wheel::new(at(0));
        let mut armed = Armed::default();
        wheel.arm(7, at(11), &mut armed);
        wheel.advance(at(10), |_, _, _| panic!("too early"));
        let due = wheel.next_due().unwrap();
        assert!(due > at(11) && due <= at(13), "{due:?}");
        let mut fired = 0;
        wheel.advance(due, |_, token, tick| {
            assert_eq!(token, 7);
            assert!(armed.fired(tick));
            fired += 1;
        });
        assert_eq!(fired, 1);
        assert_eq!(wheel.next_due(), None);
    }

    #[test]
    fn an_earlier_deadline_gets_a_second_entry_and_the_first_is_dead() {
        let mut wheel = Wheel::new(at(0));
        let mut armed = Armed::default();
        wheel.arm(1, at(1000), &mut armed);
        wheel.arm(1, at(20), &mut armed);
        let mut live = 0;
        let mut dead = 0;
        for millis in 0..1100 {
            wheel.advance(at(millis), |_, _, tick| {
                if armed.fired(tick) {
                    live += 1;
                } else {
                    dead += 1;
                }
            });
        }
        assert_eq!((live, dead), (1, 1));
    }

    proptest! {
        /// Against a plain list: with re-arming on each look, every owner is looked at no later
        /// than five ticks after its deadline, whatever the order of deadlines and steps.
        #[test]
        fn no_deadline_is_missed(moves in prop::collection::vec((0..8_u32, 0..10_000_u64, 0..300_u64), 1..200)) {
            let mut wheel = Wheel::new(at(0));
            let mut owners: Vec<(Armed, Option<Instant>)> = vec![(Armed::default(), None); 8];
            let mut now = 0_u64;
            for (token, delay, step) in moves {
                let (armed, deadline) = &mut owners[token as usize];
                *deadline = Some(at(now + delay));
                wheel.arm(token, at(now + delay), armed);
                // Walk in the steps a worker would: to the next due time or to the end of the step.
                let end = now + step;
                while now < end {
                    now = wheel.next_due().map_or(end, |due| due.as_micros() / 1000).clamp(now + 1, end.max(now + 1));
                    wheel.advance(at(now), |wheel, token, tick| {
                        let (armed, deadline) = &mut owners[token as usize];
                        if !armed.fired(tick) {
                            return;
                        }
                        match *deadline {
                            Some(due) if due <= at(now) => *deadline = None,
                            Some(due) => wheel.arm(token, due, armed),
                            None => {}
                        }
                    });
                    for (_, deadline) in &owners {
                        prop_assert!(deadline.is_none_or(|due| due.as_micros() + (COARSE + 1) * TICK.as_micros() as u64 >= now * 1000));
                    }
                }
            }
        }
    }
}
