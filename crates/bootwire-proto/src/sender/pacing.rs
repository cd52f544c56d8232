//! Smaller bursts for receivers that lose the tail of every large one.
//!
//! Some receivers take a few dozen blocks of a burst and drop the rest (U-Boot's virtio-net: 34 of
//! 64). The window is what was agreed, and its end is what the receiver acknowledges, so it cannot
//! be cut short: instead it leaves in bursts with a pause between them.

use crate::time::Micros;

/// Shortest pause between two bursts.
const SHORTEST_PAUSE: Micros = Micros::millis(2);
/// Longest pause between two bursts.
const LONGEST_PAUSE: Micros = Micros::millis(50);
/// Evidence that turns pacing on.
const CONVICTED: u8 = 5;
/// Fewest blocks that must have come through for a cut to count: shorter ones are what plain loss
/// looks like. No burst is smaller.
const TELLING: u16 = 8;
/// Windows without trouble before larger bursts are tried: at first, and at most.
const PATIENCE: u8 = 16;
const MOST_PATIENCE: u8 = 128;

/// Whether, and how, windows are cut into bursts.
#[derive(Clone, Debug)]
pub(super) struct Pacing {
    /// Blocks in a burst; 0 while windows leave whole.
    burst: u16,
    /// Blocks of the present burst that have left.
    left: u16,
    /// How many blocks came through of the last window that was cut.
    cut: u16,
    /// Evidence for a receiver that drops tails.
    evidence: u8,
    /// Windows in a row without trouble.
    calm: u8,
    /// Windows without trouble that earn a larger burst.
    patience: u8,
}

impl Pacing {
    pub(super) const fn new() -> Self {
        Self {
            burst: 0,
            left: 0,
            cut: 0,
            evidence: 0,
            calm: 0,
            patience: PATIENCE,
        }
    }

    /// Whether windows leave in bursts.
    pub(super) const fn is_on(&self) -> bool {
        self.burst != 0
    }

    /// Blocks that may leave before the next pause.
    pub(super) const fn allowance(&self) -> u16 {
        if self.is_on() {
            self.burst.saturating_sub(self.left)
        } else {
            u16::MAX
        }
    }

    /// The pause between two bursts.
    pub(super) fn pause(round_trip: Option<Micros>) -> Micros {
        let quarter = Micros::new(round_trip.map_or(0, |time| time.get() / 4));
        quarter.clamp(SHORTEST_PAUSE, LONGEST_PAUSE)
    }

    /// `blocks` left.
    pub(super) const fn sent(&mut self, blocks: u16) {
        self.left = self.left.saturating_add(blocks);
    }

    /// `blocks` did not leave after all.
    pub(super) const fn unsent(&mut self, blocks: u16) {
        self.left = self.left.saturating_sub(blocks);
    }

    /// The pause after the last send is over.
    pub(super) const fn rested(&mut self) {
        self.left = 0;
    }

    /// Of a window only the first `came` blocks arrived. `silent` says that the receiver did not
    /// tell before the timer ran out: nothing behind the gap arrived either.
    pub(super) fn on_cut(&mut self, came: u16, silent: bool) {
        // Plain loss cuts windows anywhere, and the receiver tells at once, as later blocks arrive.
        // A receiver that drops tails cuts where its buffers end, time and again, and mostly tells
        // nothing: all that came behind was dropped. A silent cut counts wherever it was, as the
        // first burst of a window may have met what was left of the one before.
        let alike = came >= TELLING && came.abs_diff(self.cut) <= (came / 16).max(1);
        let before = if alike || silent { self.evidence } else { 0 };
        let weight = match (silent, alike) {
            (true, true) => 2,
            (true, false) | (false, true) => 1,
            (false, false) => u8::from(came >= TELLING),
        };
        let takes = if alike { came } else { came.max(self.cut) };
        self.cut = came;
        self.evidence = before.saturating_add(weight);
        if self.evidence < CONVICTED {
            return;
        }
        self.evidence = 0;
        self.calm = 0;
        self.burst = if self.is_on() {
            takes.min(self.burst.saturating_sub(self.burst / 4))
        } else {
            takes
        };
        self.burst = self.burst.max(TELLING);
    }

    /// A window of `window` blocks arrived whole.
    pub(super) fn on_clean(&mut self, window: u16) {
        self.evidence = 0;
        if !self.is_on() {
            return;
        }
        self.calm = self.calm.saturating_add(1);
        if self.calm < self.patience {
            return;
        }
        self.calm = 0;
        self.burst = self.burst.saturating_mul(2);
        if self.burst >= window {
            // Should it fail again, the next try comes later.
            self.patience = self.patience.saturating_mul(2).min(MOST_PATIENCE);
            self.burst = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_silent_cuts_turn_pacing_on_at_what_came_through() {
        let mut pacing = Pacing::new();
        for _ in 0..2 {
            pacing.on_cut(34, true);
            assert!(!pacing.is_on());
        }
        pacing.on_cut(34, true);
        assert_eq!(pacing.allowance(), 34);
    }

    #[test]
    fn silent_cuts_need_not_agree() {
        let mut pacing = Pacing::new();
        for came in [34, 12, 20, 30] {
            pacing.on_cut(came, true);
            assert!(!pacing.is_on());
        }
        pacing.on_cut(9, true);
        assert_eq!(
            pacing.allowance(),
            30,
            "the smaller one met what was left of the larger"
        );
    }

    #[test]
    fn reported_cuts_need_to_agree_five_times() {
        let mut pacing = Pacing::new();
        for came in [20, 50, 9, 33, 12, 60] {
            pacing.on_cut(came, false);
            assert!(!pacing.is_on(), "scattered loss");
        }
        for came in [30, 31, 30, 30, 31] {
            assert!(!pacing.is_on());
            pacing.on_cut(came, false);
        }
        assert_eq!(pacing.allowance(), 31);
    }

    #[test]
    fn short_cuts_are_plain_loss() {
        let mut pacing = Pacing::new();
        (0..100).for_each(|_| pacing.on_cut(3, false));
        assert!(!pacing.is_on());
    }

    #[test]
    fn bursts_shrink_while_they_fail_and_grow_while_they_do_not() {
        let mut pacing = Pacing::new();
        (0..3).for_each(|_| pacing.on_cut(34, true));
        (0..4).for_each(|_| pacing.on_cut(60, true));
        assert_eq!(pacing.allowance(), 26, "a quarter less");
        (0..16).for_each(|_| pacing.on_clean(64));
        assert_eq!(pacing.allowance(), 52);
        (0..16).for_each(|_| pacing.on_clean(64));
        assert!(!pacing.is_on(), "as large as the window");
        (0..3).for_each(|_| pacing.on_cut(34, true));
        (0..31).for_each(|_| pacing.on_clean(64));
        assert_eq!(pacing.allowance(), 34, "the next try waits longer");
        pacing.on_clean(64);
        assert!(!pacing.is_on());
    }

    #[test]
    fn a_pause_is_whole_microseconds() {
        let pause = Pacing::pause(Some(Micros::new(15_125)));
        assert_eq!(pause, Micros::new(3781));
    }

    #[test]
    fn the_pause_follows_the_round_trip_within_bounds() {
        assert_eq!(Pacing::pause(None), SHORTEST_PAUSE);
        assert_eq!(Pacing::pause(Some(Micros::millis(40))), Micros::millis(10));
        assert_eq!(Pacing::pause(Some(Micros::millis(9000))), LONGEST_PAUSE);
    }
}
