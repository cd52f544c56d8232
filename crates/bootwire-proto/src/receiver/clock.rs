//! What time and the opening do.

use super::{Due, ReceiveFailure, Receiver, ReceiverStatus};
use crate::schedule::{STUBBORN, Unproven};
use crate::time::Micros;
use crate::{Agreed, Instant};

impl Receiver {
    /// The peer answered the opening packet.
    pub(super) fn answer_came(&mut self, now: Instant) {
        if self.once && self.client {
            self.timer.sample(now.passed(self.sent_at));
            self.once = false;
        }
        self.status = ReceiverStatus::Moving;
        self.timer.reset();
        self.timeouts = 0;
        self.answered = false;
        self.heard_at = now;
        self.progress_at = now;
        self.due = Due::Nothing;
    }

    pub(super) fn adopt(&mut self, agreed: &Agreed) {
        self.blksize = agreed.blksize.max(1);
        self.window = agreed.windowsize.max(1);
        self.rollover = agreed.rollover;
        self.timer.agree(agreed.timeout, self.window);
    }

    pub(super) fn on_opening_timeout(&mut self, now: Instant) {
        if !self.opened {
            // Nobody waits for what has not been sent yet.
            self.progress_at = now;
        }
        // spec: unproven-budget
        if self
            .unproven()
            .is_over(now, self.progress_at, self.timeouts)
        {
            self.counts.timeouts = self.counts.timeouts.saturating_add(1);
            self.status = ReceiverStatus::Failed(ReceiveFailure::TimedOut { proven: false });
            self.due = Due::Nothing;
            return;
        }
        if self.due != Due::Nothing {
            // What is not yet sent cannot have been answered.
            self.sent_at = now;
            return;
        }
        // spec: rfc1350-resend
        self.counts.timeouts = self.counts.timeouts.saturating_add(1);
        self.timeouts = self.timeouts.saturating_add(1);
        self.timer.expired();
        self.waits.lost();
        self.sent_at = now;
        self.once = false;
        self.open_again();
    }

    pub(super) fn on_moving_timeout(&mut self, now: Instant) {
        // spec: give-up
        if now >= self.patience_end() {
            self.status = ReceiverStatus::Failed(ReceiveFailure::TimedOut { proven: true });
            return;
        }
        self.counts.timeouts = self.counts.timeouts.saturating_add(1);
        self.timeouts = self.timeouts.saturating_add(1);
        self.timer.expired();
        self.waits.lost();
        self.answered = false;
        self.sent_at = now;
        self.once = false;
        self.again();
    }

    pub(super) fn open_again(&mut self) {
        if self.due == Due::Nothing {
            self.due = if self.opens_with_ack {
                Due::AckAgain
            } else {
                Due::Opening
            };
        }
    }

    pub(super) const fn unproven(&self) -> Unproven {
        Unproven {
            life: self.life,
            resends: self.unproven_resends,
        }
    }

    pub(super) fn timer_at(&self) -> Instant {
        // In lockstep most senders rightly ignore an ACK that comes again, and the rest send the
        // block twice: the sender, whose timer is as long, should come first.
        let interval = if self.window == 1 {
            self.timer.calm_interval()
        } else {
            self.timer.patient_interval()
        };
        self.sent_at.max(self.taken_at).plus(interval)
    }

    pub(super) fn patience_end(&self) -> Instant {
        let give_up = Micros::from(self.give_up);
        let silence = self.heard_at.plus(give_up);
        silence.min(self.progress_at.plus(give_up.saturating_mul(STUBBORN)))
    }
}
