//! What DATA does.

use super::{Due, ReceiveFailure, Receiver, ReceiverStatus, Reception};
use crate::{Data, Instant, Side};

/// How far back a block number is still taken for a duplicate.
const BEHIND: u64 = u16::MAX as u64;

impl Receiver {
    pub(super) fn on_moving_data(&mut self, now: Instant, data: Data<'_>) -> Reception {
        // spec: data-oversize
        if data.payload.len() > usize::from(self.blksize) {
            self.status = ReceiverStatus::Failed(ReceiveFailure::Oversize);
            self.due = Due::Nothing;
            return self.unused(Reception::Oversize);
        }
        let expected = self.accepted.saturating_add(1);
        let low = expected.saturating_sub(BEHIND).max(1);
        let high = self.accepted.saturating_add(u64::from(self.window));
        let Some(position) = self.rollover.position(data.block, low, high) else {
            return self.unused(Reception::Gap);
        };
        if self.status == ReceiverStatus::Opening {
            // spec: rfc2347-data-answers-oack
            self.answer_came(now);
        }
        self.heard_at = now;
        if position == expected {
            self.accept(now, data.payload)
        } else if position > expected {
            self.on_gap(now);
            self.unused(Reception::Gap)
        } else {
            self.on_duplicate(now, position);
            self.unused(Reception::Duplicate)
        }
    }

    /// The next block in order.
    pub(super) fn accept(&mut self, now: Instant, payload: &[u8]) -> Reception {
        if self.once && self.accepted == self.acked {
            self.timer.sample(now.passed(self.sent_at));
            self.once = false;
        }
        // An answer that comes this soon after a timeout was on its way before.
        let needless = self.timeouts > 0 && now.passed(self.sent_at) < self.timer.too_soon();
        let offset = self.received;
        let len = u16::try_from(payload.len()).unwrap_or(self.blksize);
        let last = len < self.blksize;
        self.received = offset.saturating_add(u64::from(len));
        self.accepted = self.accepted.saturating_add(1);
        self.counts.blocks = self.counts.blocks.saturating_add(1);
        self.timer.reset();
        self.timeouts = 0;
        self.answered = false;
        self.taken_at = now;
        self.progress_at = now;
        if last {
            self.status = ReceiverStatus::Received;
            self.due = Due::Nothing;
        } else if self
            .rollover
            .wire(self.accepted.saturating_add(1))
            .is_none()
        {
            // spec: rollover-refuse
            self.status = ReceiverStatus::Failed(ReceiveFailure::BlockNumbersExhausted);
            self.due = Due::Nothing;
        } else if self.accepted.saturating_sub(self.acked) >= u64::from(self.window) {
            // spec: rfc7440-ack-window
            self.due = Due::Ack;
        }
        let next = if self.status == ReceiverStatus::Received {
            Side::Content
        } else if self.due == Due::Ack {
            Side::Own
        } else {
            Side::Peer
        };
        self.waits.answered(now, needless, next);
        Reception::Accepted { offset, last }
    }

    /// A block ahead of the one expected.
    pub(super) fn on_gap(&mut self, now: Instant) {
        // spec: rfc7440-ack-gap
        // What comes long after the gap was told was sent again: the peer has not heard of it.
        let unheard = now.passed(self.sent_at) >= self.timer.unhurried();
        if !self.answered {
            self.counts.gaps = self.counts.gaps.saturating_add(1);
        }
        self.waits.lost();
        if self.window > 1 && (!self.answered || unheard) {
            self.answered = true;
            self.again();
        }
    }

    /// A block that was accepted before: the peer missed an ACK, or the network doubled it.
    pub(super) fn on_duplicate(&mut self, now: Instant, position: u64) {
        // spec: rfc1350-duplicate-data
        if self.window == 1 {
            if position == self.accepted {
                self.again();
            }
        } else if position > self.acked {
            // A doubled packet follows its twin closely; the peer's timer needs longer.
            let quiet = now.passed(self.taken_at) >= self.timer.too_soon();
            if quiet && !self.answered {
                self.answered = true;
                self.again();
            }
        } else if self.accepted == self.acked && self.is_spaced(now) {
            self.again();
        }
    }

    /// DATA after the last block was acknowledged: the peer may have missed that ACK.
    pub(super) fn on_late_data(&mut self, now: Instant, data: Data<'_>) {
        // spec: rfc1350-dally
        let window = u64::from(self.window);
        let low = self.accepted.saturating_sub(window).saturating_add(1);
        let Some(position) = self.rollover.position(data.block, low, self.accepted) else {
            return;
        };
        if self.last_acks == 0 || self.due != Due::Nothing {
            return;
        }
        if position == self.accepted || self.is_spaced(now) {
            self.last_acks = self.last_acks.saturating_sub(1);
            self.heard_at = now;
            self.due = Due::AckAgain;
        }
    }

    pub(super) fn unused(&mut self, reception: Reception) -> Reception {
        self.counts.blocks_unused = self.counts.blocks_unused.saturating_add(1);
        reception
    }

    /// Whether the last ACK is old enough for another one that says the same.
    pub(super) fn is_spaced(&self, now: Instant) -> bool {
        now.passed(self.sent_at) >= self.timer.spacing()
    }

    /// An ACK of what was accepted is due, if none is already.
    pub(super) fn again(&mut self) {
        if self.due == Due::Nothing {
            self.due = Due::AckAgain;
        }
    }
}
