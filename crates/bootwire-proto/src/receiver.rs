//! The side that gets the file: a client's RRQ, a server's WRQ.
//!
//! # States
//!
//! `accepted` is the highest position received in order, `acked` the highest acknowledged.
//! "Ahead" is a block behind the next one expected, within the window.
//!
//! | state | event | what follows |
//! |---|---|---|
//! | Opening | DATA 1, or a block ahead (server) | Moving, then as there |
//! | Opening | `agree` (client) | Moving; with an OACK, ACK 0 due |
//! | Opening | request again | opening packet due |
//! | Opening | timer | opening packet due; after the last resend Failed: timed out, unproven |
//! | Moving | next block | taken; ACK due at the end of the window; Received if it was the last |
//! | Moving | block ahead, window 1 | counted |
//! | Moving | block ahead, larger window | ACK of `accepted` due, once until progress or timer |
//! | Moving | block `accepted` again, window 1 | ACK due |
//! | Moving | acknowledged block again, larger window | ACK of `accepted` due if nothing newer came, at most once in a quarter of a timeout |
//! | Moving | block after `acked` again, larger window | ACK of `accepted` due if nothing came for 3/4 of a round trip, once until progress or timer |
//! | Moving | `agree` again before DATA 1 (client) | ACK 0 due |
//! | Moving | timer | ACK of `accepted` due |
//! | Moving | silence of `give_up`, no progress for ten times as long | Failed: timed out, proven |
//! | Moving | block 65535 full and rollover refused | Failed: block numbers exhausted |
//! | Opening (server), Moving | block longer than agreed | Failed: oversize |
//! | Received | any block | counted |
//! | Received | `confirm` | Lingering, last ACK due |
//! | Lingering | last block again | last ACK due, sixteen times in all |
//! | Lingering | any other block of the last window | the same, at most once in a quarter of a timeout |
//! | Lingering | silence of `linger` | Complete |
//! | Complete, Failed | anything | nothing |

mod status;

use core::time::Duration;

pub use self::status::{Answer, ReceiveFailure, ReceiverCounts, ReceiverStatus, Reception};
use crate::schedule::{STUBBORN, Timer, duration, whole};
use crate::{Ack, Agreed, Data, Instant, Rollover, Schedule};

/// How often the last ACK is repeated.
const LAST_ACKS: u8 = 16;

/// How far back a block number is still taken for a duplicate.
const BEHIND: u64 = u16::MAX as u64;

/// What waits to be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Due {
    Nothing,
    Opening,
    /// An ACK of something new.
    Ack,
    /// An ACK that was sent before, or one that tells of a gap.
    AckAgain,
}

/// The receiving state machine.
#[derive(Clone, Debug)]
pub struct Receiver {
    /// Highest position received in order.
    accepted: u64,
    /// Highest position acknowledged.
    acked: u64,
    /// Bytes received in order.
    received: u64,
    /// Last send.
    sent_at: Instant,
    /// Last block taken.
    taken_at: Instant,
    /// Last sign of life, or first ACK of something new.
    heard_at: Instant,
    /// Last progress, or first ACK of something new.
    progress_at: Instant,
    counts: ReceiverCounts,
    timer: Timer,
    give_up: u32,
    linger: u32,
    blksize: u16,
    window: u16,
    status: ReceiverStatus,
    rollover: Rollover,
    due: Due,
    /// Timeouts in a row.
    timeouts: u8,
    unproven_resends: u8,
    /// Repeats of the last ACK that are left.
    last_acks: u8,
    client: bool,
    /// The opening packet is ACK 0.
    opens_with_ack: bool,
    /// The opening packet was sent.
    opened: bool,
    /// A gap or a duplicate has been answered since the last progress or timeout.
    answered: bool,
    /// What was sent last was sent once.
    once: bool,
}

impl Receiver {
    /// A server's side of a write. The opening packet is the OACK, or ACK 0 where none is owed
    /// (then [`Receiver::poll`] answers `Ack` for block 0).
    #[must_use]
    pub fn serve(now: Instant, agreed: &Agreed, schedule: &Schedule, seed: u32) -> Self {
        let mut receiver = Self::request(now, schedule, seed);
        receiver.client = false;
        receiver.adopt(agreed);
        // spec: rfc1350-write-opening
        if !agreed.has_oack() {
            receiver.opens_with_ack = true;
            receiver.due = Due::Ack;
        }
        receiver
    }

    /// A client's side of a read: the opening packet is the RRQ, answered through
    /// [`Receiver::agree`].
    #[must_use]
    pub fn request(now: Instant, schedule: &Schedule, seed: u32) -> Self {
        Self {
            accepted: 0,
            acked: 0,
            received: 0,
            sent_at: now,
            taken_at: now,
            heard_at: now,
            progress_at: now,
            counts: ReceiverCounts::default(),
            timer: Timer::new(schedule, None, seed),
            give_up: whole(schedule.give_up),
            linger: whole(schedule.linger),
            blksize: 512,
            window: 1,
            status: ReceiverStatus::Opening,
            rollover: Rollover::Zero,
            due: Due::Opening,
            timeouts: 0,
            unproven_resends: schedule.unproven_resends,
            last_acks: LAST_ACKS,
            client: true,
            opens_with_ack: false,
            opened: false,
            answered: false,
            once: false,
        }
    }

    /// The server answered the RRQ. For an accepted OACK, ACK 0 becomes due. For a DATA 1 that
    /// came instead (options ignored), pass [`Agreed::plain`] and then the DATA. An OACK that
    /// comes again before DATA 1 makes ACK 0 due again.
    pub fn agree(&mut self, now: Instant, agreed: &Agreed) {
        match self.status {
            ReceiverStatus::Opening if self.client => {
                self.adopt(agreed);
                self.answer_came(now);
                self.due = Due::Nothing;
                // spec: rfc2347-ack-zero, rfc2347-plain-fallback
                if agreed.has_oack() {
                    self.due = Due::Ack;
                }
            }
            ReceiverStatus::Moving if self.client && self.accepted == 0 && agreed.has_oack() => {
                self.heard_at = now;
                if self.due == Due::Nothing {
                    self.due = Due::AckAgain;
                }
            }
            ReceiverStatus::Opening
            | ReceiverStatus::Moving
            | ReceiverStatus::Received
            | ReceiverStatus::Lingering
            | ReceiverStatus::Complete
            | ReceiverStatus::Failed(_) => {}
        }
    }

    /// DATA arrived.
    pub fn on_data(&mut self, now: Instant, data: Data<'_>) -> Reception {
        match self.status {
            ReceiverStatus::Opening if !self.client => self.on_moving_data(now, data),
            ReceiverStatus::Moving => self.on_moving_data(now, data),
            ReceiverStatus::Lingering => {
                self.on_late_data(now, data);
                self.unused(Reception::Duplicate)
            }
            ReceiverStatus::Opening
            | ReceiverStatus::Received
            | ReceiverStatus::Complete
            | ReceiverStatus::Failed(_) => self.unused(Reception::Duplicate),
        }
    }

    /// The same request arrived again: the opening packet is due again at once, unless DATA moves.
    pub fn on_repeated_request(&mut self, _now: Instant) {
        // spec: repeated-request
        if self.status == ReceiverStatus::Opening && !self.client {
            self.open_again();
        }
    }

    /// Time passed: to be called at or after [`Receiver::deadline`]. Early calls do nothing.
    pub fn on_time(&mut self, now: Instant) {
        if self.deadline().is_none_or(|deadline| now < deadline) {
            return;
        }
        match self.status {
            ReceiverStatus::Lingering => self.status = ReceiverStatus::Complete,
            // What is held back or not yet sent cannot have been answered.
            ReceiverStatus::Opening | ReceiverStatus::Moving if self.due != Due::Nothing => {
                self.sent_at = now;
            }
            ReceiverStatus::Opening => self.on_opening_timeout(),
            ReceiverStatus::Moving => self.on_moving_timeout(now),
            ReceiverStatus::Received | ReceiverStatus::Complete | ReceiverStatus::Failed(_) => {}
        }
    }

    /// The next thing to send, or `None`. With `room` false, an ACK that would bring more DATA is
    /// held back until there is room (the peer's timer is kept calm only by its own patience, so
    /// be quick).
    pub fn poll(&mut self, now: Instant, room: bool) -> Option<Answer> {
        let last = self.status == ReceiverStatus::Lingering;
        let answer = match self.due {
            Due::Nothing => return None,
            Due::Opening => Answer::Opening,
            // spec: room-before-ack
            Due::Ack | Due::AckAgain if !room && !last => return None,
            Due::Ack | Due::AckAgain => {
                let block = self.rollover.wire(self.accepted)?;
                Answer::Ack(Ack {
                    block,
                    next_window: None,
                })
            }
        };
        // A first ACK may have been held back for long: the peer's time counts from now.
        let fresh = self.due == Due::Ack;
        let first_opening = self.due == Due::Opening && !self.opened;
        if fresh {
            self.heard_at = now;
            self.progress_at = now;
        } else if self.due == Due::AckAgain {
            self.counts.acks_resent = self.counts.acks_resent.saturating_add(1);
        }
        self.once = fresh || first_opening;
        self.opened = true;
        self.acked = self.accepted;
        self.sent_at = now;
        self.due = Due::Nothing;
        Some(answer)
    }

    /// The content is stored for good: the last ACK may go.
    pub fn confirm(&mut self, now: Instant) {
        // spec: stored-before-last-ack
        if self.status == ReceiverStatus::Received {
            self.status = ReceiverStatus::Lingering;
            self.due = Due::Ack;
            self.heard_at = now;
        }
    }

    /// When [`Receiver::on_time`] wants to be called; `None` when finished or waiting for
    /// [`Receiver::confirm`].
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        match self.status {
            ReceiverStatus::Opening => Some(self.timer_at()),
            // An ACK that is held back keeps the peer silent: that is not its fault.
            ReceiverStatus::Moving if self.due != Due::Nothing => Some(self.timer_at()),
            ReceiverStatus::Moving => Some(self.timer_at().min(self.patience_end())),
            ReceiverStatus::Lingering => Some(self.heard_at.after(duration(self.linger))),
            ReceiverStatus::Received | ReceiverStatus::Complete | ReceiverStatus::Failed(_) => None,
        }
    }

    /// Where the transfer stands.
    #[must_use]
    pub fn status(&self) -> ReceiverStatus {
        self.status
    }

    /// Bytes received in order.
    #[must_use]
    pub fn received(&self) -> u64 {
        self.received
    }

    /// What was counted so far.
    #[must_use]
    pub fn counts(&self) -> ReceiverCounts {
        self.counts
    }

    /// The smoothed round-trip time, once measured.
    #[must_use]
    pub fn round_trip(&self) -> Option<Duration> {
        self.timer.round_trip()
    }
}

/// What DATA does.
impl Receiver {
    fn on_moving_data(&mut self, now: Instant, data: Data<'_>) -> Reception {
        // spec: data-oversize
        if data.payload.len() > usize::from(self.blksize) {
            self.status = ReceiverStatus::Failed(ReceiveFailure::Oversize);
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
            self.on_gap();
            self.unused(Reception::Gap)
        } else {
            self.on_duplicate(now, position);
            self.unused(Reception::Duplicate)
        }
    }

    /// The next block in order.
    fn accept(&mut self, now: Instant, payload: &[u8]) -> Reception {
        if self.once && self.accepted == self.acked {
            self.timer.sample(now.since(self.sent_at));
            self.once = false;
        }
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
        Reception::Accepted { offset, last }
    }

    /// A block ahead of the one expected.
    fn on_gap(&mut self) {
        // spec: rfc7440-ack-gap
        if self.window > 1 && !self.answered {
            self.answered = true;
            self.again();
        }
    }

    /// A block that was accepted before: the peer missed an ACK, or the network doubled it.
    fn on_duplicate(&mut self, now: Instant, position: u64) {
        // spec: rfc1350-duplicate-data
        if self.window == 1 {
            if position == self.accepted {
                self.again();
            }
        } else if position > self.acked {
            // A doubled packet follows its twin closely; the peer's timer needs longer.
            let quiet = now.since(self.taken_at) >= self.timer.too_soon();
            if quiet && !self.answered {
                self.answered = true;
                self.again();
            }
        } else if self.accepted == self.acked && self.is_spaced(now) {
            self.again();
        }
    }

    /// DATA after the last block was acknowledged: the peer may have missed that ACK.
    fn on_late_data(&mut self, now: Instant, data: Data<'_>) {
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

    fn unused(&mut self, reception: Reception) -> Reception {
        self.counts.blocks_unused = self.counts.blocks_unused.saturating_add(1);
        reception
    }

    /// Whether the last ACK is old enough for another one that says the same.
    fn is_spaced(&self, now: Instant) -> bool {
        now.since(self.sent_at) >= self.timer.spacing()
    }

    /// An ACK of what was accepted is due, if none is already.
    fn again(&mut self) {
        if self.due == Due::Nothing {
            self.due = Due::AckAgain;
        }
    }
}

/// What time and the opening do.
impl Receiver {
    /// The peer answered the opening packet.
    fn answer_came(&mut self, now: Instant) {
        if self.once && self.client {
            self.timer.sample(now.since(self.sent_at));
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

    fn adopt(&mut self, agreed: &Agreed) {
        self.blksize = agreed.blksize.max(1);
        self.window = agreed.windowsize.max(1);
        self.rollover = agreed.rollover;
        self.timer.limit(agreed.timeout);
    }

    fn on_opening_timeout(&mut self) {
        self.counts.timeouts = self.counts.timeouts.saturating_add(1);
        // spec: unproven-budget
        if self.timeouts >= self.unproven_resends {
            self.status = ReceiverStatus::Failed(ReceiveFailure::TimedOut { proven: false });
            return;
        }
        // spec: rfc1350-resend
        self.timeouts = self.timeouts.saturating_add(1);
        self.timer.expired();
        self.open_again();
    }

    fn on_moving_timeout(&mut self, now: Instant) {
        // spec: give-up
        if now >= self.patience_end() {
            self.status = ReceiverStatus::Failed(ReceiveFailure::TimedOut { proven: true });
            return;
        }
        self.counts.timeouts = self.counts.timeouts.saturating_add(1);
        self.timeouts = self.timeouts.saturating_add(1);
        self.timer.expired();
        self.answered = false;
        self.again();
    }

    fn open_again(&mut self) {
        if self.due == Due::Nothing {
            self.due = if self.opens_with_ack {
                Due::AckAgain
            } else {
                Due::Opening
            };
        }
    }

    fn timer_at(&self) -> Instant {
        // In lockstep most senders rightly ignore an ACK that comes again, and the rest send the
        // block twice: there is nothing to win by haste.
        let interval = if self.window == 1 {
            self.timer.calm_interval()
        } else {
            self.timer.patient_interval()
        };
        self.sent_at.max(self.taken_at).after(interval)
    }

    fn patience_end(&self) -> Instant {
        let silence = self.heard_at.after(duration(self.give_up));
        silence.min(
            self.progress_at
                .after(duration(self.give_up).saturating_mul(STUBBORN)),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_receiver_is_small() {
        assert!(
            size_of::<Receiver>() <= 160,
            "{} bytes",
            size_of::<Receiver>()
        );
    }
}
