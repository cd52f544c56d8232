//! What may be sent, and what was.

use super::{Available, Due, Run, Sender, SenderStatus, Transmit, UNKNOWN};
use crate::Instant;

impl Sender {
    /// The run from `first` to `last`, `most` blocks at most, all of which have numbers. `full` blocks are
    /// available.
    pub(super) fn run(
        &self,
        first: u64,
        last: u64,
        most: u16,
        available: Available,
        full: u64,
    ) -> Run {
        let mut last = last.min(first.saturating_add(u64::from(most)).saturating_sub(1));
        let resend = first <= self.high;
        if resend {
            last = last.min(self.high);
        }
        let end = available.end && last > full;
        let rest = available.upto.saturating_sub(self.offset_of(last));
        let last_len = if end {
            u16::try_from(rest).unwrap_or(self.blksize)
        } else {
            self.blksize
        };
        let blocks = last.saturating_sub(first).saturating_add(1);
        Run {
            first,
            blocks: u16::try_from(blocks).unwrap_or(most),
            blksize: self.blksize,
            last_len,
            end,
            resend,
            rollover: self.rollover,
        }
    }

    /// The block that is to make the peer speak, if it is still on its way and at hand. What is on
    /// its way stays as it was.
    pub(super) fn send_probe(&mut self, now: Instant, available: Available) -> Option<Transmit> {
        let position = match self.due {
            Due::First => self.base.saturating_add(1),
            Due::Nothing | Due::Opening | Due::Last => self.next.saturating_sub(1),
        };
        self.due = Due::Nothing;
        let full = self.blocks_in(available.upto);
        let at_hand = full.saturating_add(u64::from(available.end));
        if position <= self.base || position > self.high.min(at_hand) {
            self.go_back(now);
            return None;
        }
        let run = self.run(position, position, 1, available, full);
        self.sent_at = now;
        self.counted(&run);
        Some(Transmit::Data(run))
    }

    pub(super) fn sent(&mut self, now: Instant, run: &Run) {
        if run.first == self.base.saturating_add(1) {
            self.flight_at = now;
            if !run.resend {
                self.echoes = 0;
                self.heard_at = now;
                self.progress_at = now;
            }
        }
        self.sent_at = now;
        self.next = run.first.saturating_add(run.blocks.into());
        self.high = self.high.max(self.next.saturating_sub(1));
        if run.end {
            self.size = run.bytes().end;
        }
        self.counted(run);
    }

    fn counted(&mut self, run: &Run) {
        self.blocks_sent = self.blocks_sent.saturating_add(run.blocks.into());
        if run.resend {
            let resent = &mut self.counts.blocks_resent;
            *resent = resent.saturating_add(run.blocks.into());
        }
        self.pacing.sent(run.blocks);
    }

    /// Highest position that may be on its way.
    pub(super) fn limit(&self) -> u64 {
        let blocks = match self.status {
            // spec: unproven-small
            SenderStatus::Moving if !self.proven => 1,
            // spec: rfc1350-lockstep
            SenderStatus::Moving => self.window_now(),
            SenderStatus::Opening | SenderStatus::Complete { .. } | SenderStatus::Failed(_) => 0,
        };
        self.base.saturating_add(u64::from(blocks)).min(self.end())
    }

    /// The window, halved at each timeout in a row after the second: a peer that pauses for long
    /// is asked again with ever less. But every fourth time with all of it: the one block that
    /// would make the peer speak may be the last of the window.
    pub(super) fn window_now(&self) -> u16 {
        if self.timeouts <= 2 {
            return self.window;
        }
        let halvings = self.timeouts.saturating_sub(2);
        if halvings.is_multiple_of(4) {
            self.window
        } else {
            self.window
                .checked_shr(u32::from(halvings))
                .unwrap_or(0)
                .max(1)
        }
    }

    /// Position of the block that ends the content.
    pub(super) fn end(&self) -> u64 {
        if self.size == UNKNOWN {
            u64::MAX
        } else {
            self.blocks_in(self.size).saturating_add(1)
        }
    }

    /// Full blocks in `bytes`.
    pub(super) fn blocks_in(&self, bytes: u64) -> u64 {
        bytes.checked_div(u64::from(self.blksize)).unwrap_or(0)
    }

    /// Where the block at `position` begins, in bytes.
    pub(super) fn offset_of(&self, position: u64) -> u64 {
        position
            .saturating_sub(1)
            .saturating_mul(u64::from(self.blksize))
    }
}
