//! What time does.

use super::pacing::Pacing;
use super::{Due, Heard, SendFailure, Sender, SenderStatus};
use crate::Instant;
use crate::schedule::{STUBBORN, Unproven};
use crate::time::Micros;

/// Repeated ACKs that tell that the peer lacks the last block.
pub(super) const LACKING: u8 = 2;

impl Sender {
    /// Ends the transfer if the peer was silent for too long.
    pub(super) fn out_of_patience(&mut self, now: Instant) -> bool {
        if !self.proven {
            if self.status == SenderStatus::Opening && self.openings == 0 {
                // Nobody waits for what has not been sent yet.
                self.progress_at = now;
            }
            // spec: unproven-budget
            let over = self
                .unproven()
                .is_over(now, self.progress_at, self.timeouts);
            if over {
                self.counts.timeouts = self.counts.timeouts.saturating_add(1);
                self.status = SenderStatus::Failed(SendFailure::TimedOut { proven: false });
            }
            return over;
        }
        if now < self.patience_end() {
            return false;
        }
        // spec: rfc1350-last-ack, give-up
        let silence = now.passed(self.heard_at);
        self.status = if self.only_last_ack_missing() && silence >= self.linger.micros() {
            SenderStatus::Complete { acked: false }
        } else {
            SenderStatus::Failed(SendFailure::TimedOut { proven: true })
        };
        true
    }

    /// `at`, or the end of the patience with the peer if that comes sooner.
    pub(super) fn before_patience_ends(&self, at: Instant) -> Instant {
        // Asked after each block, and mostly the end is far away: then it need not be known.
        let shortest = self.linger.micros().min(self.give_up.into());
        if at <= self.heard_at.min(self.progress_at).plus(shortest) {
            at
        } else {
            at.min(self.patience_end())
        }
    }

    pub(super) fn patience_end(&self) -> Instant {
        let give_up = Micros::from(self.give_up);
        let patience = if self.only_last_ack_missing() {
            self.linger.micros().min(give_up)
        } else {
            give_up
        };
        let silence = self.heard_at.plus(patience);
        silence.min(self.progress_at.plus(give_up.saturating_mul(STUBBORN)))
    }

    pub(super) const fn unproven(&self) -> Unproven {
        Unproven {
            life: self.life,
            resends: self.unproven_resends,
        }
    }

    pub(super) fn timer_at(&self) -> Instant {
        let interval = if self.is_unspoken() && !self.timer.is_quick() {
            self.timer.calm_interval()
        } else {
            self.timer.interval()
        };
        self.sent_at.plus(interval)
    }

    /// Whether all that was ever heard of a client with a window is the answer to the OACK. It may
    /// have fewer buffers than blocks were sent.
    fn is_unspoken(&self) -> bool {
        self.window > 1 && self.heard == Heard::Nothing && self.proven
    }

    /// The block that is to be sent again alone, now that the timer ran out; none where everything
    /// is to be sent again.
    ///
    /// A client with a window speaks when it sees a gap. If it is silent, the end of the window was
    /// lost, or its ACK, or the client pauses: the last block alone brings the answer, and does no
    /// harm if nothing was lost.
    pub(super) fn probe_after_timeout(&self) -> Due {
        // spec: window-probe, never-against-silence
        let outstanding = self.next.saturating_sub(self.base);
        if self.window == 1 || outstanding <= 2 {
            Due::Nothing
        } else if self.is_unspoken() {
            if self.timeouts.is_multiple_of(2) {
                Due::First
            } else {
                Due::Last
            }
        } else if self.timeouts == 1 && !self.timer.is_quick() {
            Due::Last
        } else {
            Due::Nothing
        }
    }

    /// When the pause between two bursts ends, if there is one and something waits for it.
    pub(super) fn pause_end(&self) -> Option<Instant> {
        let waiting = self.pacing.allowance() == 0 && self.next <= self.limit();
        waiting.then(|| self.sent_at.plus(Pacing::pause(self.timer.round_trip())))
    }

    pub(super) fn rest(&mut self, now: Instant) {
        if self.pacing.is_on() && now.passed(self.sent_at) >= Pacing::pause(self.timer.round_trip())
        {
            self.pacing.rested();
        }
    }

    /// Starts again at the first block that is not acknowledged.
    pub(super) fn go_back(&mut self, now: Instant) {
        // The link brings one flight after the other: the last answer to this one is due a round
        // trip after its last block left, and any answer to the next one comes later.
        let last_answer = self.sent_at.plus(self.timer.long_round_trip());
        self.echoes = last_answer.passed(now).short().max(1);
        self.twice = self.high;
        let unsent = self.high.saturating_add(1).saturating_sub(self.next);
        self.untouched = u16::try_from(unsent).unwrap_or(u16::MAX);
        self.next = self.base.saturating_add(1);
        self.starved = false;
        self.due = Due::Nothing;
    }

    pub(super) fn all_sent(&self) -> bool {
        self.high >= self.end()
    }

    /// Whether the last block alone, sent already, is not acknowledged. With more of a window
    /// outstanding the peer may just be slow, and still need it.
    pub(super) fn only_last_ack_missing(&self) -> bool {
        self.all_sent() && self.base.saturating_add(1) >= self.end() && self.lacks_last < LACKING
    }

    /// The peer acknowledges `position` again. One that does so with the block before the last one,
    /// although the last one was resent, has not got that. Once may be the echo of a doubled
    /// block.
    // spec: rfc1350-last-ack
    pub(super) fn note_lack(&mut self, position: u64) {
        if position == self.base && self.timeouts > 0 && self.only_last_ack_missing() {
            self.lacks_last = self.lacks_last.saturating_add(1);
        }
    }

    /// Whether something may be sent that the caller has not asked for yet.
    pub(super) fn is_due(&self) -> bool {
        match self.status {
            SenderStatus::Opening => self.due == Due::Opening,
            SenderStatus::Moving => {
                self.due != Due::Nothing || (self.next <= self.limit() && !self.starved)
            }
            SenderStatus::Complete { .. } | SenderStatus::Failed(_) => false,
        }
    }
}
