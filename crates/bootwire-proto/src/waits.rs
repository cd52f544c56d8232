//! Where the time of a transfer goes: who it waits for, from each event to the next.
//!
//! At any time it waits for somebody. When something happens, the time since the last event is put
//! on the account of whoever was waited for. So the parts never add up to more than the whole.

use core::time::Duration;

use crate::Instant;

/// Who a transfer waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Side {
    /// The other side: its turn, and the way there and back.
    Peer,
    /// The network: something was lost, and is not made good yet.
    Network,
    /// Content that is not at hand, or a place for it.
    Content,
    /// This side: it has something to send, and has not got round to it.
    Own,
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

/// The accounts, in microseconds. Touched with each packet, so they are small.
#[derive(Clone, Debug)]
pub(crate) struct Waits {
    /// The last event: the lower half of its microseconds.
    since: u32,
    /// By [`Side`]. The peer's account may be full: it is what the others leave of the whole.
    spent: [u32; 4],
    side: Side,
}

impl Waits {
    /// It is this side's turn.
    pub(crate) fn new(now: Instant) -> Self {
        Self {
            since: low(now),
            spent: [0; 4],
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
        let [_, network, content, own] = waits
            .spent
            .map(|micros| Duration::from_micros(micros.into()));
        let peer = now
            .since(began)
            .saturating_sub(network)
            .saturating_sub(content)
            .saturating_sub(own);
        Waited {
            peer,
            network,
            content,
            own,
        }
    }

    #[inline]
    fn turn(&mut self, now: Instant, next: Side) {
        let passed = low(now).wrapping_sub(self.since);
        // What is larger is time that went back.
        if passed <= LONGEST {
            self.since = low(now);
            // There is an account for each.
            if let Some(account) = self.spent.get_mut(self.side as usize) {
                *account = account.saturating_add(passed);
            }
        }
        self.side = next;
    }
}

/// Longest wait there is, in microseconds: 35 minutes. A longer one is the peer's.
const LONGEST: u32 = u32::MAX / 2;

/// The lower half of the microseconds: waits are shorter than that.
#[inline]
fn low(now: Instant) -> u32 {
    u32::try_from(now.as_micros() & u64::from(u32::MAX)).unwrap_or_default()
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
    fn time_that_goes_back_counts_for_nobody() {
        let mut waits = Waits::new(at(100));
        waits.sent(at(50), Side::Peer);
        waits.answered(at(60), false, Side::Own);
        assert_eq!(micros(waits.until(at(100), at(110), false)), [0, 0, 0, 10]);
    }
}
