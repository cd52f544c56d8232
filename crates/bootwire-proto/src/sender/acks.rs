//! What an ACK does.

use super::{Sender, SenderStatus};
use crate::{Ack, Agreed, Instant};

impl Sender {
    pub(super) fn on_moving_ack(&mut self, now: Instant, ack: Ack) {
        let position = self.rollover.position(ack.block, self.base, self.high);
        match position {
            Some(position) if position > self.base => {
                self.resize(ack);
                self.advance(now, position);
            }
            Some(_) => {
                self.resize(ack);
                self.useless();
                self.on_duplicate_ack(now);
            }
            // spec: stray-ack
            None => self.useless(),
        }
        if self.proven {
            self.heard_at = now;
        }
    }

    /// The peer has every block up to `position`.
    pub(super) fn advance(&mut self, now: Instant, position: u64) {
        let came = position.saturating_sub(self.base);
        let partial = position.saturating_add(1) < self.next;
        // After going back, an ACK may still answer what was sent before: so it is if it comes
        // before the answer to a resent block can, or if it shows that the interrupted flight has
        // arrived whole. Then going back was a mistake, and what was sent twice will be answered
        // by ACKs that look like gaps.
        let soon = now.since(self.flight_at) < self.timer.too_soon();
        let interrupted = self.twice.saturating_sub(u64::from(self.untouched));
        let old_flight = (position <= interrupted && soon) || position == interrupted;
        let silent = self.timeouts > 0;
        self.measure(now, position, partial);

        self.proven = true;
        self.base = position;
        self.next = self.next.max(position.saturating_add(1));
        self.timeouts = 0;
        self.answered = old_flight;
        self.progress_at = now;
        self.heard_at = now;
        if self.base >= self.end() {
            self.status = SenderStatus::Complete { acked: true };
        } else if !partial {
            // spec: rfc7440-window
            self.pacing.on_clean(self.window);
        } else if !old_flight {
            // spec: rfc7440-go-back
            self.pacing
                .on_cut(u16::try_from(came).unwrap_or(u16::MAX), silent);
            self.go_back();
        }
    }

    /// The peer repeats its last ACK.
    pub(super) fn on_duplicate_ack(&mut self, now: Instant) {
        // spec: rfc1123-apprentice, window-apprentice
        let outstanding = self.next > self.base.saturating_add(1);
        let soon = now.since(self.flight_at) < self.timer.too_soon();
        if self.proven && self.window > 1 && outstanding && !soon && !self.answered {
            self.answered = true;
            self.go_back();
        }
    }

    /// Takes the round trip from an ACK that says something new.
    pub(super) fn measure(&mut self, now: Instant, position: u64, partial: bool) {
        // spec: rfc1123-adaptive-timeout
        let since_flight = now.since(self.flight_at);
        if self.timeouts > 0 {
            self.timer.relax();
        } else if position > self.twice {
            // A gap shows when the second block of the flight arrives, the end of a window with
            // its last.
            let sample = if partial {
                since_flight
            } else {
                now.since(self.sent_at)
            };
            self.timer.sample(sample);
        } else if self.timer.round_trip().is_some() && since_flight >= self.timer.too_soon() {
            self.timer.sample(since_flight);
        }
    }

    /// The opening packet was answered.
    pub(super) fn opened(&mut self, now: Instant) {
        if self.openings == 1 && self.timeouts == 0 {
            self.timer.sample(now.since(self.sent_at));
        } else {
            self.timer.relax();
        }
        self.status = SenderStatus::Moving;
        self.opening_due = false;
        self.proven = true;
        self.timeouts = 0;
        self.heard_at = now;
        self.progress_at = now;
    }

    pub(super) fn adopt(&mut self, agreed: &Agreed) {
        self.blksize = agreed.blksize.max(1);
        self.window_max = agreed.windowsize_max.max(agreed.windowsize).max(1);
        self.window = agreed.windowsize.max(1);
        self.rollover = agreed.rollover;
        self.msftwindow = agreed.msftwindow;
        self.timer.limit(agreed.timeout);
    }

    /// With `msftwindow` each ACK tells the size of the next window.
    pub(super) fn resize(&mut self, ack: Ack) {
        // spec: msftwindow-next
        if let (true, Some(blocks @ 1..)) = (self.msftwindow, ack.next_window) {
            self.window = u16::from(blocks).min(self.window_max);
        }
    }

    pub(super) fn useless(&mut self) {
        self.counts.duplicate_acks = self.counts.duplicate_acks.saturating_add(1);
    }
}
