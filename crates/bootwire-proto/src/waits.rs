//! Where the time of a transfer goes: who it waits for, from each event to the next.
//!
//! At any time it waits for somebody. When something happens, the time since the last event is put
//! on the account of whoever was waited for. So the parts never add up to more than the whole.

use core::time::Duration;

use crate::Instant;
use crate::time::Micros;

/// Who a transfer waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Side {
    /// The network: something was lost, and is not made good yet.
    Network,
    /// Content that is not at hand, or a place for it.
    Content,
    /// This side: it has something to send, and has not got round to it.
    Own,
    /// The other side: its turn, and the way there and back.
    Peer,
}

/// How long a transfer has waited for each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Waited {
    /// See [`Side::Peer`].
    pub peer: Duration,
    /// See [`Side::Network`]: up to 71 minutes.
    pub network: Duration,
    /// See [`Side::Content`]: up to 71 minutes.
    pub content: Duration,
    /// See [`Side::Own`]: up to 71 minutes.
    pub own: Duration,
}

/// The accounts, in microseconds. Touched with each packet, so they are small and few.
#[derive(Clone, Debug)]
pub(crate) struct Waits {
    /// The last event.
    since: Instant,
    /// By [`Side`]. The peer, the last of them, has none: it is left what the others leave of the
    /// whole.
    spent: [u32; 3],
    side: Side,
}

impl Waits {
    /// It is this side's turn.
    pub(crate) fn new(now: Instant) -> Self {
        Self {
            since: now,
            spent: [0; 3],
            side: Side::Own,
        }
    }

    /// Who is waited for.
    pub(crate) const fn side(&self) -> Side {
        self.side
    }

    /// Something was sent, and from now on `next` is waited for. What makes good a loss is a part of
    /// the loss.
    #[inline]
    pub(crate) fn sent(&mut self, now: Instant, next: Side) {
        if self.side != Side::Network {
            self.turn(now, next);
        }
    }

    /// What was to be sent is not at hand.
    pub(crate) fn starved(&mut self, now: Instant) {
        self.turn(now, Side::Content);
    }

    /// The peer answered with something new. What was taken for a loss was none if that was
    /// `needless`: the peer was slow.
    #[inline]
    pub(crate) fn answered(&mut self, now: Instant, needless: bool, next: Side) {
        if needless && self.side == Side::Network {
            self.side = Side::Peer;
        }
        self.turn(now, next);
    }

    /// Something was lost: the time since the last event was lost with it.
    pub(crate) const fn lost(&mut self) {
        self.side = Side::Network;
    }

    /// What was sent was not sent after all.
    pub(crate) fn unsent(&mut self) {
        if self.side != Side::Network {
            self.side = Side::Own;
        }
    }

    /// What was spent from the beginning until now. A peer that was not heard again is to blame itself:
    /// nobody knows of a loss (`silent`).
    pub(crate) fn until(&self, began: Instant, now: Instant, silent: bool) -> Waited {
        let mut waits = self.clone();
        if silent && waits.side == Side::Network {
            waits.side = Side::Peer;
        }
        waits.turn(now, Side::Own);
        let [network, content, own] = waits.spent.map(Micros::from);
        let peer = now
            .passed(began)
            .saturating_sub(network)
            .saturating_sub(content)
            .saturating_sub(own);
        Waited {
            peer: peer.duration(),
            network: network.duration(),
            content: content.duration(),
            own: own.duration(),
        }
    }

    #[inline]
    fn turn(&mut self, now: Instant, next: Side) {
        if let Some(account) = self.spent.get_mut(self.side as usize) {
            // Time that goes back counts for nobody.
            let passed = now.passed(self.since);
            *account = Micros::from(*account).saturating_add(passed).short();
        }
        self.since = self.since.max(now);
        self.side = next;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(micros: u64) -> Instant {
        Instant::from_micros(micros)
    }

    fn micros(waited: Waited) -> [u128; 4] {
        [waited.peer, waited.network, waited.content, waited.own].map(|time| time.as_micros())
    }

    #[test]
    fn each_moment_is_on_one_account() {
        let mut waits = Waits::new(at(10));
        waits.sent(at(12), Side::Peer);
        waits.answered(at(112), false, Side::Own);
        waits.starved(at(115));
        waits.sent(at(145), Side::Peer);
        assert_eq!(micros(waits.until(at(10), at(150), false)), [105, 0, 30, 5]);
    }

    #[test]
    fn a_loss_begins_with_what_was_lost_and_ends_with_progress() {
        let mut waits = Waits::new(at(0));
        waits.sent(at(1), Side::Peer);
        waits.lost();
        waits.sent(at(1001), Side::Peer);
        waits.answered(at(1101), false, Side::Own);
        assert_eq!(micros(waits.until(at(0), at(1101), false)), [0, 1100, 0, 1]);
    }

    #[test]
    fn a_slow_peer_is_no_loss() {
        let mut waits = Waits::new(at(0));
        waits.sent(at(0), Side::Peer);
        waits.lost();
        waits.sent(at(1000), Side::Peer);
        waits.answered(at(1001), true, Side::Own);
        assert_eq!(micros(waits.until(at(0), at(1001), false)), [1001, 0, 0, 0]);
        waits.sent(at(1001), Side::Peer);
        waits.lost();
        assert_eq!(micros(waits.until(at(0), at(9001), true)), [9001, 0, 0, 0]);
        assert_eq!(
            micros(waits.until(at(0), at(9001), false)),
            [1001, 8000, 0, 0]
        );
    }

    #[test]
    fn a_transfer_of_hours_is_its_peer_s_where_no_other_is_known() {
        let hours = Duration::from_secs(5 * 3600);
        let mut waits = Waits::new(at(0));
        waits.sent(at(0), Side::Peer);
        let waited = waits.until(at(0), at(0) + hours, false);
        assert_eq!((waited.peer, waited.own), (hours, Duration::ZERO));
        waits.starved(at(0));
        for minute in 1..=200 {
            waits.starved(at(minute * 60_000_000));
        }
        let waited = waits.until(at(0), at(200 * 60_000_000), false);
        assert_eq!(waited.content.as_secs() / 60, 71);
        assert_eq!(waited.peer + waited.content, Duration::from_secs(200 * 60));
    }

    #[test]
    fn after_a_wait_of_any_length_the_next_one_counts_as_it_is() {
        let hour = 3_600_000_000;
        for first in [hour / 2, hour, 2 * hour, 1000 * hour] {
            let mut waits = Waits::new(at(0));
            waits.starved(at(0));
            waits.sent(at(first), Side::Peer);
            waits.answered(at(first + 70), false, Side::Own);
            waits.sent(at(first + 75), Side::Peer);
            let [peer, _, content, own] = micros(waits.until(at(0), at(first + 100), false));
            assert_eq!(
                (peer + content, own),
                (u128::from(first) + 95, 5),
                "{first}"
            );
        }
    }

    #[test]
    fn time_that_goes_back_counts_for_nobody() {
        let mut waits = Waits::new(at(100));
        waits.sent(at(50), Side::Peer);
        waits.answered(at(60), false, Side::Own);
        assert_eq!(micros(waits.until(at(100), at(110), false)), [0, 0, 0, 10]);
    }
}
