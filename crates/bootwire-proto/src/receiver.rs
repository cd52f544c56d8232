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
//! | Opening | timer | opening packet due, so many times |
//! | Opening | end of its life | Failed: timed out, unproven |
//! | Moving | next block | taken; ACK due at the end of the window; Received if it was the last |
//! | Moving | block ahead, window 1 | counted |
//! | Moving | block ahead, larger window | ACK of `accepted` due, once until progress, timer or a timeout after the last ACK |
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
//!
//! `tests/machines/state_tables/receiver.txt` holds the same by example, checked by a test.

mod clock;
mod data;
mod status;

use core::time::Duration;

pub use self::status::{Answer, ReceiveFailure, ReceiverCounts, ReceiverStatus, Reception};
use crate::schedule::{Centis, Timer, give_up, unproven_life, whole};
use crate::time::Micros;
use crate::waits::Waits;
use crate::{Ack, Agreed, Data, Instant, Rollover, Schedule, Side, Waited};

/// How often the last ACK is repeated.
const LAST_ACKS: u8 = 16;

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
    waits: Waits,
    timer: Timer,
    life: Centis,
    unproven_resends: u8,
    give_up: u32,
    linger: u32,
    blksize: u16,
    window: u16,
    status: ReceiverStatus,
    rollover: Rollover,
    due: Due,
    /// Timeouts in a row.
    timeouts: u8,
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
        receiver.life = unproven_life(schedule, agreed.timeout);
        receiver.give_up = give_up(schedule, agreed.timeout);
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
            waits: Waits::new(now),
            timer: Timer::new(schedule, seed),
            life: Centis::ZERO,
            unproven_resends: schedule.unproven_resends,
            give_up: whole(schedule.give_up),
            linger: whole(schedule.linger),
            blksize: 512,
            window: 1,
            status: ReceiverStatus::Opening,
            rollover: Rollover::Zero,
            due: Due::Opening,
            timeouts: 0,
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
            if self.waits.side() == Side::Peer {
                self.waits.lost();
            }
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
            ReceiverStatus::Opening => self.on_opening_timeout(now),
            // What is held back or not yet sent cannot have been answered.
            ReceiverStatus::Moving if self.due != Due::Nothing => self.sent_at = now,
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
            Due::Ack | Due::AckAgain if !room && !last => {
                self.waits.starved(now);
                return None;
            }
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
        self.waits.sent(now, Side::Peer);
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
            self.waits.answered(now, false, Side::Own);
            self.due = Due::Ack;
            self.heard_at = now;
        }
    }

    /// When [`Receiver::on_time`] wants to be called; `None` when finished or waiting for
    /// [`Receiver::confirm`].
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        match self.status {
            ReceiverStatus::Opening => {
                let resend = self.timer_at();
                Some(
                    self.unproven()
                        .deadline(self.progress_at, self.timeouts, resend),
                )
            }
            // An ACK that is held back keeps the peer silent: that is not its fault.
            ReceiverStatus::Moving if self.due != Due::Nothing => Some(self.timer_at()),
            ReceiverStatus::Moving => Some(self.timer_at().min(self.patience_end())),
            ReceiverStatus::Lingering => Some(self.heard_at.plus(self.linger.into())),
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

    /// When the peer was last heard, or the transfer began.
    #[must_use]
    pub const fn heard_at(&self) -> Instant {
        self.heard_at
    }

    /// The smoothed round-trip time, once measured.
    #[must_use]
    pub fn round_trip(&self) -> Option<Duration> {
        self.timer.round_trip().map(Micros::duration)
    }

    /// The smallest round-trip time measured.
    #[must_use]
    pub fn round_trip_min(&self) -> Option<Duration> {
        self.timer.round_trip_min().map(Micros::duration)
    }

    /// Who is waited for.
    #[must_use]
    pub const fn waits_for(&self) -> Side {
        self.waits.side()
    }

    /// Where the time from when it was made, `began`, until now went.
    #[must_use]
    pub fn waited(&self, began: Instant, now: Instant) -> Waited {
        let silent = matches!(
            self.status,
            ReceiverStatus::Failed(ReceiveFailure::TimedOut { .. })
        );
        self.waits.until(began, now, silent)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_receiver_is_small() {
        assert!(
            size_of::<Receiver>() <= 208,
            "{} bytes",
            size_of::<Receiver>()
        );
    }
}
