//! What an ACK does.

use super::{Due, Heard, Role, Sender, SenderStatus};
use crate::time::Micros;
use crate::{Ack, Agreed, Instant, Side};

/// Timeouts in a row after which lockstep answers a repeated ACK: the peer missed all of them, or
/// was away.
const UNHEARD: u8 = 2;
/// No client's own timer is shorter (PXELINUX 60 ms, busybox and LPXELINUX 100 ms).
const OWN_TIMER: Micros = Micros::millis(50);
/// Most timeouts in a row that are taken for losses; more of them are a pause.
const TELLING_TIMEOUTS: u8 = 3;

impl Sender {
    pub(super) fn on_moving_ack(&mut self, now: Instant, ack: Ack) {
        let position = self.rollover.position(ack.block, self.base, self.high);
        match position {
            Some(position) if position > self.base => {
                self.resize(ack);
                self.advance(now, position);
            }
            Some(position) => {
                self.resize(ack);
                self.useless();
                self.note_lack(position);
                self.on_duplicate_ack(now);
            }
            // spec: stray-ack
            None => self.useless(),
        }
        if self.proven {
            self.heard_at = now;
            if self.window > 1 {
                self.heard = self.heard.max(Heard::Something);
            }
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
        let interrupted = self.interrupted();
        let old_flight = position == interrupted || (position < interrupted && self.is_soon(now));
        let silent = self.timeouts > 0;
        if self.doubted {
            self.weigh();
        }
        let mut needless = false;
        if silent {
            // How soon is soon is known once a round trip was measured.
            let measured = self.timer.round_trip().is_some();
            needless = self.judge(now, partial) && measured;
        } else if self.window == 1 {
            // The peer asked itself for the block that it acknowledges now.
            self.doubted = self.answered;
        } else if partial && !old_flight && self.base >= self.twice {
            // spec: polite-until-proven
            self.timer.lossy();
        }
        self.measure(now, position, partial, old_flight);
        let gap = partial && !old_flight;
        let next = if gap { Side::Network } else { Side::Own };
        self.waits.answered(now, needless, next);
        if self.window > 1 && came >= u64::from(self.window) {
            self.heard = Heard::Window;
        }

        self.proven = true;
        self.due = Due::Nothing;
        self.base = position;
        self.next = self.next.max(position.saturating_add(1));
        self.timeouts = 0;
        self.answered = partial || old_flight;
        self.progress_at = now;
        self.heard_at = now;
        if self.base >= self.end() {
            self.status = SenderStatus::Complete { acked: true };
        } else if !partial {
            // spec: rfc7440-window
            self.pacing.on_clean(self.window);
        } else if gap {
            // spec: rfc7440-go-back
            self.counts.gaps = self.counts.gaps.saturating_add(1);
            self.pacing
                .on_cut(u16::try_from(came).unwrap_or(u16::MAX), silent);
            self.go_back(now);
        }
    }

    /// The peer repeats its last ACK.
    pub(super) fn on_duplicate_ack(&mut self, now: Instant) {
        if self.doubted && self.timeouts == 0 {
            // Both copies of the block arrived.
            self.doubted = false;
            self.timer.needless();
        }
        let outstanding = self.next > self.base.saturating_add(1);
        if self.proven && outstanding && self.is_asked_again(now) {
            self.answered = true;
            self.waits.lost();
            if self.window > 1 {
                self.counts.gaps = self.counts.gaps.saturating_add(1);
            }
            if self.window > 1 && self.base >= self.twice {
                // spec: polite-until-proven
                self.timer.lossy();
            }
            self.timer.relax();
            self.go_back(now);
        }
    }

    /// Whether a duplicate ACK asks for what was sent, and is not just the echo of a doubled block.
    fn is_asked_again(&self, now: Instant) -> bool {
        // spec: rfc1123-apprentice, window-apprentice, repeated-ack
        let waited = now.passed(self.sent_at);
        let unheard = waited >= self.timer.unhurried();
        if self.window > 1 {
            (!self.answered && !self.is_soon(now)) || unheard
        } else if self.timeouts >= UNHEARD {
            !self.answered && unheard
        } else {
            // With nothing sent twice there is no echo but the network's, and that comes sooner.
            !self.answered && unheard && waited >= OWN_TIMER && self.is_once()
        }
    }

    /// Whether a probe is all that was sent since the timer ran out.
    const fn is_probed(&self) -> bool {
        self.timeouts == 1 && !self.answered && !self.timer.is_quick()
    }

    /// Whether neither the block acknowledged last nor the one after it was sent twice.
    fn is_once(&self) -> bool {
        let opened_once = self.base == 0 && self.twice == 0 && self.openings <= 1;
        self.timeouts == 0 && (self.base > self.twice || opened_once)
    }

    /// The last resend that the peer answered drew no second ACK: it was needed.
    #[cold]
    fn weigh(&mut self) {
        // spec: polite-until-proven
        self.doubted = false;
        self.timer.needed(self.window == 1);
    }

    /// Last position of the flight that was interrupted when the sender last went back.
    fn interrupted(&self) -> u64 {
        self.twice.saturating_sub(u64::from(self.untouched))
    }

    /// Whether an ACK that comes now is too early to answer the present flight.
    fn is_soon(&self, now: Instant) -> bool {
        let since = now.passed(self.flight_at);
        if self.echoes > 0 {
            since < self.echoes.into()
        } else {
            since < self.timer.too_soon()
        }
    }

    /// Learns from an answer to what the timer made it send again. Says whether that was needless: the
    /// answer came too soon to be one to the resend.
    fn judge(&mut self, now: Instant, partial: bool) -> bool {
        let lockstep = self.window == 1;
        let soon = if lockstep {
            now.passed(self.flight_at) < self.timer.too_soon()
        } else {
            !partial && now.passed(self.sent_at) < self.timer.far_too_soon()
        };
        match self.timeouts {
            // Too soon for an answer to the resend.
            _ if soon => self.timer.needless(),
            // A window whose answer shows a gap.
            1..=TELLING_TIMEOUTS if partial => self.timer.needed(lockstep),
            // A single block was sent twice: two ACKs are one too many.
            1..=TELLING_TIMEOUTS if lockstep || self.is_probed() => self.doubted = true,
            // Of a whole window sent twice each block may be acknowledged.
            // And a peer that paused for longer tells nothing about the network.
            _ => {}
        }
        soon
    }

    /// Takes the round trip from an ACK that says something new.
    fn measure(&mut self, now: Instant, position: u64, partial: bool, old_flight: bool) {
        let interrupted = self.interrupted();
        // spec: rfc1123-adaptive-timeout
        let since_flight = now.passed(self.flight_at);
        if self.timeouts > 0 {
            let usual = now.passed(self.sent_at) <= self.timer.unhurried();
            if self.window > 1 && usual && !old_flight {
                self.timer.reset();
            } else {
                self.timer.relax();
            }
        } else if position > self.twice && !partial {
            self.timer.sample(now.passed(self.sent_at));
        } else if position == interrupted && since_flight > self.echoes.into() {
            // The answer to all of the flight before came later than it was thought possible.
            let late = since_flight.saturating_sub(self.echoes.into());
            let long = self.timer.long_round_trip();
            self.timer.sample(long.saturating_add(late));
        } else if !old_flight {
            // Not all of the flight was answered, or it was sent twice. That takes no longer than
            // the answer to all of it, unless the round trip has grown.
            if self.timer.round_trip() < Some(since_flight) && !self.pacing.is_on() {
                self.timer.sample(since_flight);
            } else {
                self.timer.reset();
            }
        }
    }

    /// The opening packet was answered.
    pub(super) fn opened(&mut self, now: Instant) {
        if self.openings == 1 && self.timeouts == 0 {
            self.timer.sample(now.passed(self.sent_at));
        } else {
            self.timer.reopen();
        }
        self.waits.answered(now, false, Side::Own);
        self.status = SenderStatus::Moving;
        self.due = Due::Nothing;
        self.proven = true;
        // An answer to an opening that the timer sent twice: unless a second one comes, it was lost.
        self.doubted = self.timeouts > 0;
        self.timeouts = 0;
        self.heard_at = now;
        self.progress_at = now;
    }

    pub(super) fn adopt(&mut self, agreed: &Agreed) {
        self.blksize = agreed.blksize.max(1);
        self.window_max = agreed.windowsize_max.max(agreed.windowsize).max(1);
        self.window = agreed.windowsize.max(1);
        self.rollover = agreed.rollover;
        self.timer.agree(agreed.timeout, self.window);
    }

    /// With `msftwindow` each ACK tells the size of the next window.
    pub(super) fn resize(&mut self, ack: Ack) {
        // spec: msftwindow-next
        if let (Role::ResizingServer, Some(blocks @ 1..)) = (self.role, ack.next_window) {
            self.window = u16::from(blocks).min(self.window_max);
        }
    }

    pub(super) fn useless(&mut self) {
        self.counts.duplicate_acks = self.counts.duplicate_acks.saturating_add(1);
    }
}
