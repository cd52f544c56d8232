//! The side that has the file: a server's RRQ, a client's WRQ.
//!
//! # States
//!
//! Positions count blocks from 1 and never wrap. `base` is the highest position acknowledged,
//! `next` the next to send, `high` the highest ever sent. A *flight* is what was sent since the
//! sender last had nothing on its way or last went back. "Unproven" is a sender whose peer has not
//! yet given a valid answer; without an OACK that is the case until ACK 1.
//!
//! | state | event | what follows |
//! |---|---|---|
//! | Opening | ACK 0 (server), `agree` (client) | Moving, proven |
//! | Opening | any other ACK | counted |
//! | Opening | request again | opening packet due |
//! | Opening | timer | opening packet due, a few times |
//! | Opening | end of its life | Failed: timed out, unproven |
//! | Moving, unproven | ACK 1 | Moving, proven; Complete if it was the last block |
//! | Moving, unproven | any other ACK | counted |
//! | Moving, unproven | request again | DATA 1 due |
//! | Moving, unproven | timer | DATA 1 due, a few times |
//! | Moving, unproven | end of its life | Failed: timed out, unproven |
//! | Moving | ACK of all that was sent | next window; Complete if the last block was among it |
//! | Moving | ACK from the middle of the flight | back to the block after it |
//! | Moving, gone back | ACK of a block of the interrupted flight while its answers are still due, or of all of it | on with the window: it answers that flight |
//! | Moving | ACK of `base`, window 1 | counted; back to the block after it if the ACK cannot be the echo of a doubled block: nothing was sent twice and it comes late, or after two timeouts; once a timeout |
//! | Moving | ACK of `base`, larger window | back to the block after it, once a number and timeout, and not while answers to another flight are due; or a timeout after the last send |
//! | Moving | any other ACK | counted |
//! | Moving | request again | nothing |
//! | Moving | timer, window 1 | the block after `base` again |
//! | Moving | first timer, larger window | its last block again |
//! | Moving | later timer, larger window | back to the block after `base`, the window halved at each timeout after the second, but whole at every fourth |
//! | Moving | any timer, larger window, nothing but ACK 0 ever heard | its last and its first block again in turn |
//! | Moving | silence of `give_up`, no progress for ten times as long | Failed: timed out, proven |
//! | Moving, the last block alone not acknowledged | silence of `linger` | Complete, not acknowledged |
//! | Moving, the last block alone not acknowledged | ACK of `base` twice after timeouts | the peer lacks it: silence of `give_up` from now on |
//! | Moving | block 65536 due and rollover refused | Failed: block numbers exhausted |
//! | Complete, Failed | anything | nothing |
//!
//! `tests/machines/state_tables/sender.txt` holds the same by example, checked by a test.
//!
//! Any ACK from a proven peer, even a useless one, breaks the silence.

mod acks;
mod clock;
mod flight;
mod pacing;
mod run;
mod status;

use core::ops::Range;
use core::time::Duration;

use self::pacing::Pacing;
pub use self::run::{Run, Transmit};
use self::status::Counts;
pub use self::status::{Available, SendFailure, SenderCounts, SenderStatus};
use crate::schedule::{Centis, Timer, give_up, unproven_life, whole};
use crate::time::Micros;
use crate::waits::Waits;
use crate::{Ack, Agreed, Evidence, Instant, Rollover, Schedule, Side, Waited};

/// Stands for a content size that is not known yet.
const UNKNOWN: u64 = u64::MAX;

/// A packet that is due by itself, whatever the window allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Due {
    Nothing,
    Opening,
    /// The last block sent, as a probe: it completes the window, or shows the gap.
    Last,
    /// The first block not acknowledged, as a probe.
    First,
}

/// Which side this is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Role {
    Client,
    Server,
    /// A server whose client tells with each ACK how large the next window may be.
    ResizingServer,
}

/// What the peer has said since the opening was answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Heard {
    Nothing,
    Something,
    /// An ACK of a full window.
    Window,
}

/// The sending state machine.
#[derive(Clone, Debug)]
pub struct Sender {
    /// Highest position acknowledged.
    base: u64,
    /// Next position to send.
    next: u64,
    /// Highest position ever sent.
    high: u64,
    /// Highest position that may have been sent twice: `high` when the sender last went back.
    twice: u64,
    /// Size of the content in bytes, once its end was sent; else [`UNKNOWN`].
    size: u64,
    /// Last send.
    sent_at: Instant,
    /// First send of the present flight.
    flight_at: Instant,
    /// Last sign of life, or first send of something new.
    heard_at: Instant,
    /// Last progress, or first send of something new.
    progress_at: Instant,
    blocks_sent: u64,
    counts: Counts,
    waits: Waits,
    timer: Timer,
    /// How long after `flight_at` answers to what was sent before it may still come, in
    /// microseconds.
    echoes: u32,
    life: Centis,
    linger: Centis,
    give_up: u32,
    blksize: u16,
    window: u16,
    window_max: u16,
    /// Blocks up to `twice` that the flight before the sender last went back had not reached.
    untouched: u16,
    pacing: Pacing,
    status: SenderStatus,
    rollover: Rollover,
    /// Timeouts in a row.
    timeouts: u8,
    unproven_resends: u8,
    /// Times the opening packet was sent.
    openings: u8,
    /// Times the peer acknowledged the block before the last one again, after the last one was
    /// resent: up to [`LACKING`](clock::LACKING).
    lacks_last: u8,
    due: Due,
    role: Role,
    /// The peer has given a valid answer.
    proven: bool,
    /// Content that was not at hand holds the window back.
    starved: bool,
    /// A duplicate ACK of `base` has been answered since the timer last ran out.
    answered: bool,
    /// What was acknowledged last had been sent twice, and is taken for lost the first time unless
    /// a second ACK comes.
    doubted: bool,
    heard: Heard,
}

impl Sender {
    /// A server's side of a read. If an OACK is owed it is the opening packet and must be
    /// acknowledged before DATA flows; else DATA 1 is the first packet and no other block leaves
    /// until it is acknowledged.
    #[must_use]
    pub fn serve(now: Instant, agreed: &Agreed, schedule: &Schedule, seed: u32) -> Self {
        let mut sender = Self::request(now, schedule, seed);
        sender.role = if agreed.msftwindow {
            Role::ResizingServer
        } else {
            Role::Server
        };
        sender.adopt(agreed);
        sender.life = unproven_life(schedule, agreed.timeout);
        sender.give_up = give_up(schedule, agreed.timeout);
        // spec: rfc2347-oack-first, rfc1350-read-opening
        if !agreed.has_oack() {
            sender.status = SenderStatus::Moving;
            sender.due = Due::Nothing;
        }
        sender
    }

    /// A client's side of a write: the opening packet is the WRQ, answered through
    /// [`Sender::agree`].
    #[must_use]
    pub fn request(now: Instant, schedule: &Schedule, seed: u32) -> Self {
        Self {
            base: 0,
            next: 1,
            high: 0,
            twice: 0,
            untouched: 0,
            size: UNKNOWN,
            sent_at: now,
            flight_at: now,
            heard_at: now,
            progress_at: now,
            blocks_sent: 0,
            counts: Counts::default(),
            waits: Waits::new(now),
            timer: Timer::new(schedule, seed),
            echoes: 0,
            life: Centis::ZERO,
            linger: Centis::of(schedule.linger),
            give_up: whole(schedule.give_up),
            blksize: 512,
            window: 1,
            window_max: 1,
            pacing: Pacing::new(),
            status: SenderStatus::Opening,
            rollover: Rollover::Zero,
            timeouts: 0,
            unproven_resends: schedule.unproven_resends,
            openings: 0,
            lacks_last: 0,
            due: Due::Opening,
            role: Role::Client,
            proven: false,
            starved: false,
            answered: false,
            doubted: false,
            heard: Heard::Nothing,
        }
    }

    /// The server answered the WRQ: an accepted OACK, or [`Agreed::plain`] for a bare ACK 0.
    /// Ignored once DATA moves.
    pub fn agree(&mut self, now: Instant, agreed: &Agreed) {
        // spec: rfc2347-plain-fallback
        if self.role == Role::Client && self.status == SenderStatus::Opening {
            self.adopt(agreed);
            self.opened(now);
        }
    }

    /// An ACK arrived.
    pub fn on_ack(&mut self, now: Instant, ack: Ack) {
        match self.status {
            SenderStatus::Opening
                if self.role != Role::Client && self.openings > 0 && ack.block == 0 =>
            {
                self.opened(now);
                self.resize(ack);
            }
            SenderStatus::Opening => self.useless(),
            SenderStatus::Moving => self.on_moving_ack(now, ack),
            SenderStatus::Complete { .. } | SenderStatus::Failed(_) => {}
        }
    }

    /// The same request arrived again before it was answered (clients.md rule 9): the opening
    /// packet, or DATA 1, is due again at once. Once the peer has proven itself this does nothing.
    pub fn on_repeated_request(&mut self, now: Instant) {
        // spec: repeated-request
        if self.proven || self.role == Role::Client {
            return;
        }
        if self.waits.side() == Side::Peer {
            self.waits.lost();
        }
        match self.status {
            SenderStatus::Opening => self.due = Due::Opening,
            SenderStatus::Moving => self.go_back(now),
            SenderStatus::Complete { .. } | SenderStatus::Failed(_) => {}
        }
    }

    /// Time passed: to be called at or after [`Sender::deadline`]. Early calls do nothing.
    pub fn on_time(&mut self, now: Instant) {
        if self.deadline().is_none_or(|deadline| now < deadline) {
            return;
        }
        self.rest(now);
        if self.out_of_patience(now) {
            return;
        }
        if now < self.timer_at() {
            return;
        }
        if self.is_due() || self.starved {
            // What the window allows has not been sent yet, so the peer has nothing to answer.
            self.sent_at = now;
            return;
        }
        self.counts.timeouts = self.counts.timeouts.saturating_add(1);
        // spec: rfc1350-resend
        self.timeouts = self.timeouts.saturating_add(1);
        self.timer.expired();
        self.waits.lost();
        self.answered = false;
        if self.status == SenderStatus::Opening {
            self.due = Due::Opening;
        } else {
            self.due = self.probe_after_timeout();
            if self.due == Due::Nothing {
                self.go_back(now);
            }
        }
        self.sent_at = now;
    }

    /// The content bytes that the window allows to be sent now; empty if none. May reach beyond the
    /// end of the content. "Now" is the time of the last call that told it.
    #[must_use]
    pub fn window(&self) -> Range<u64> {
        let paced = self.next.saturating_add(u64::from(self.pacing.allowance()));
        let beyond = self.limit().saturating_add(1).min(paced).max(self.next);
        self.offset_of(self.next)..self.offset_of(beyond)
    }

    /// The next thing to send, at most `max_blocks` blocks of DATA, or `None`. The caller repeats
    /// until `None` or its own bound. Time counts from this call.
    pub fn poll(
        &mut self,
        now: Instant,
        available: Available,
        max_blocks: u16,
    ) -> Option<Transmit> {
        if self.status == SenderStatus::Opening {
            return (self.due == Due::Opening).then(|| {
                self.due = Due::Nothing;
                self.openings = self.openings.saturating_add(1);
                self.sent_at = now;
                self.waits.sent(now, Side::Peer);
                Transmit::Opening
            });
        }
        self.rest(now);
        if self.due != Due::Nothing
            && max_blocks > 0
            && let Some(probe) = self.send_probe(now, available)
        {
            return Some(probe);
        }
        let limit = self.limit();
        if self.next > limit {
            return None;
        }
        let most = max_blocks.min(self.pacing.allowance());
        if most == 0 {
            // A pause between bursts: without the losses there would be none.
            self.waits.sent(now, Side::Network);
            return None;
        }
        // spec: rfc1350-last-block
        let full = self.blocks_in(available.upto);
        let at_hand = if available.end {
            full.saturating_add(1)
        } else {
            full
        };
        self.starved = at_hand < limit && !available.end;
        if at_hand < self.next {
            if self.next > self.high {
                self.waits.starved(now);
            }
            return None;
        }
        let mut last = limit.min(at_hand);
        if self.rollover == Rollover::Refuse {
            // spec: rollover-refuse
            last = last.min(u64::from(u16::MAX));
            if last < self.next {
                self.status = SenderStatus::Failed(SendFailure::BlockNumbersExhausted);
                return None;
            }
        }
        let run = self.run(self.next, last, most, available, full);
        self.sent(now, &run);
        let next = if self.next > limit || run.end {
            Side::Peer
        } else if self.next > at_hand {
            Side::Content
        } else {
            Side::Own
        };
        self.waits.sent(now, next);
        Some(Transmit::Data(run))
    }

    /// Takes back what [`Sender::poll`] gave last, or the tail of it, because the kernel did not
    /// take it: it will be given again.
    pub fn unsent(&mut self, transmit: Transmit) {
        self.waits.unsent();
        match transmit {
            Transmit::Opening => {
                if self.status == SenderStatus::Opening && self.due == Due::Nothing {
                    self.due = Due::Opening;
                    self.openings = self.openings.saturating_sub(1);
                }
            }
            Transmit::Data(run) => {
                let blocks = u64::from(run.blocks);
                self.blocks_sent = self.blocks_sent.saturating_sub(blocks);
                if run.resend {
                    let resent = &mut self.counts.blocks_resent;
                    *resent = resent.saturating_sub(run.blocks.into());
                } else if run.last() == self.high {
                    self.high = run.first.saturating_sub(1).max(self.base);
                }
                self.next = self.next.min(run.first.max(self.base.saturating_add(1)));
                self.pacing.unsent(run.blocks);
            }
        }
    }

    /// When [`Sender::on_time`] wants to be called; `None` when finished, or when nothing is
    /// outstanding because the content is not at hand.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        match self.status {
            SenderStatus::Moving if self.high == self.base => self.pause_end(),
            SenderStatus::Moving if self.proven => {
                let deadline = self.before_patience_ends(self.timer_at());
                Some(self.pause_end().map_or(deadline, |end| end.min(deadline)))
            }
            SenderStatus::Opening | SenderStatus::Moving => {
                let (since, resend) = (self.progress_at, self.timer_at());
                Some(self.unproven().deadline(since, self.timeouts, resend))
            }
            SenderStatus::Complete { .. } | SenderStatus::Failed(_) => None,
        }
    }

    /// Where the transfer stands.
    #[must_use]
    #[inline]
    pub fn status(&self) -> SenderStatus {
        self.status
    }

    /// Whether the peer has ever answered, so that its address cannot be forged.
    #[must_use]
    #[inline]
    pub fn is_proven(&self) -> bool {
        self.proven
    }

    /// Whether everything was sent and, for all that is known, has arrived: of the answers to it
    /// the ACK of the last block alone is missing.
    #[must_use]
    pub fn lacks_only_last_ack(&self) -> bool {
        self.proven && self.status == SenderStatus::Moving && self.only_last_ack_missing()
    }

    /// Content before this byte is acknowledged and will never be asked for again.
    #[must_use]
    #[inline]
    pub fn acked(&self) -> u64 {
        self.offset_of(self.base.saturating_add(1)).min(self.size)
    }

    /// What was counted so far.
    #[must_use]
    pub fn counts(&self) -> SenderCounts {
        SenderCounts {
            blocks_sent: self.blocks_sent,
            blocks_resent: self.counts.blocks_resent.into(),
            timeouts: self.counts.timeouts,
            duplicate_acks: self.counts.duplicate_acks,
            gaps: self.counts.gaps,
        }
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
            SenderStatus::Failed(SendFailure::TimedOut { .. })
                | SenderStatus::Complete { acked: false }
        );
        self.waits.until(began, now, silent)
    }

    /// What earlier transfers with this peer have shown. To be told before anything is sent.
    pub fn recall(&mut self, evidence: Evidence, schedule: &Schedule) {
        // spec: evidence-remembered
        self.timer.recall(evidence, schedule);
    }

    /// What this transfer has shown, if anything; `Evidence::None` takes back what was recalled.
    #[must_use]
    pub const fn evidence(&self) -> Option<Evidence> {
        self.timer.evidence()
    }

    /// The largest window the peer has acknowledged whole; 1 if none.
    #[must_use]
    pub const fn window_taken(&self) -> u16 {
        match self.heard {
            Heard::Window => self.window,
            Heard::Nothing | Heard::Something => 1,
        }
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
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sender_is_small() {
        assert!(size_of::<Sender>() <= 208, "{} bytes", size_of::<Sender>());
    }
}
