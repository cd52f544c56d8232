//! How transfers go on and end.

use std::fmt::Write as _;

use bootwire_proto::{
    Evidence, Instant, ReceiveFailure, ReceiverStatus, SendFailure, SenderStatus,
};

use super::{Engine, Host};
use crate::server::small::Small;
use crate::server::transfer::{End, Phase, REFUSED_MEMORY, Transfer};
use crate::{Outcome, Reason, Refusal};

/// ERRORs kept for clients that repeat their request, at most: whoever asks for nothing but what
/// is not there takes no transfer's place.
const REFUSED_MAX: usize = 16_384;

impl<H: Host> Engine<H> {
    /// Whether a transfer's deadline has come. Then what its socket holds is to be heard before
    /// [`Engine::on_time`]: where the worker was kept from the processor, the answer may be there.
    pub(in crate::server) fn is_overdue(&mut self, now: Instant) -> bool {
        self.admission.on_time(now);
        self.wheel.advance(now, &mut self.due);
        if self.due.is_empty() {
            return false;
        }
        let stall = self.config.stall;
        let (table, wheel) = (&mut self.transfers, &mut self.wheel);
        self.due.retain(|&index| {
            let Some(transfer) = table.get(index) else {
                return false;
            };
            let deadline = transfer.deadline(stall);
            let due = deadline.is_some_and(|deadline| deadline <= now);
            if !due {
                wheel.set(index, deadline);
            }
            due
        });
        !self.due.is_empty()
    }

    /// Time has passed, and nothing is left to hear.
    #[cfg(any(test, feature = "simulation"))]
    pub(in crate::server) fn on_time(&mut self, now: Instant) {
        if self.is_overdue(now) {
            self.on_overdue(now);
        }
    }

    /// Acts on the deadlines that [`Engine::is_overdue`] has found, unless something came meanwhile.
    #[cold]
    pub(in crate::server) fn on_overdue(&mut self, now: Instant) {
        let mut due = std::mem::take(&mut self.due);
        for index in due.drain(..) {
            let Some(transfer) = self.transfers.get(index) else {
                continue;
            };
            // One that is ready to send has not said yet what it waits for from now on.
            if transfer
                .deadline(self.config.stall)
                .is_some_and(|deadline| deadline <= now)
            {
                self.expire(now, index);
            }
            self.arm(index);
        }
        self.due = due;
    }

    /// A transfer's deadline has come.
    fn expire(&mut self, now: Instant, index: u32) {
        let Some(transfer) = self.transfers.get_mut(index) else {
            return;
        };
        let stall = self.config.stall;
        if transfer
            .blocked
            .is_some_and(|since| now.since(since) >= stall)
            && matches!(transfer.phase, Phase::Sending(_) | Phase::Receiving(_))
        {
            let refusal = Refusal::internal().because("its socket took no packet any more");
            self.refuse(now, index, &refusal);
            return;
        }
        match &mut transfer.phase {
            Phase::Opening { .. } => {
                let refusal = Refusal::internal().because("the handler gave no answer in time");
                self.refuse(now, index, &refusal);
                return;
            }
            Phase::Refused { .. } => {
                self.forget(index);
                return;
            }
            Phase::Sending(sending) => {
                if sending
                    .starved
                    .is_some_and(|since| now.since(since) >= stall)
                {
                    let refusal = Refusal::origin()
                        .because("the source gave nothing while its client waited");
                    self.refuse(now, index, &refusal);
                    return;
                }
                sending.sender.on_time(now);
            }
            Phase::Receiving(receiving) => {
                if receiving
                    .held
                    .is_some_and(|since| now.since(since) >= stall)
                {
                    let refusal = Refusal::internal()
                        .because("the sink took nothing while its client waited");
                    self.refuse(now, index, &refusal);
                    return;
                }
                receiving.receiver.on_time(now);
            }
        }
        self.settle(now, index);
        self.queue(index);
    }

    /// Something happened to a transfer that may let it send. What it waits for from then on is
    /// asked when it has sent.
    pub(super) fn go_on(&mut self, now: Instant, index: u32) {
        self.settle(now, index);
        if !self.queue(index) {
            self.arm(index);
        }
    }

    /// Draws the consequences of whatever happened to a transfer.
    pub(super) fn settle(&mut self, now: Instant, index: u32) {
        let Some(transfer) = self.transfers.get_mut(index) else {
            return;
        };
        match &mut transfer.phase {
            Phase::Opening { .. } | Phase::Refused { .. } => {}
            Phase::Sending(sending) => {
                // Before its client has answered, the first block is all that is needed.
                if sending.sender.is_proven() {
                    sending.content.release(sending.sender.acked());
                }
                match sending.sender.status() {
                    SenderStatus::Opening | SenderStatus::Moving => {}
                    SenderStatus::Complete { .. } => {
                        self.end(now, index, End::new(Outcome::Complete));
                    }
                    SenderStatus::Failed(SendFailure::TimedOut { proven }) => {
                        self.time_out(now, index, proven);
                    }
                    SenderStatus::Failed(SendFailure::BlockNumbersExhausted) => {
                        self.refuse(now, index, &too_many_blocks());
                    }
                }
            }
            Phase::Receiving(receiving) => match receiving.receiver.status() {
                ReceiverStatus::Opening
                | ReceiverStatus::Moving
                | ReceiverStatus::Received
                | ReceiverStatus::Lingering => {}
                ReceiverStatus::Complete => self.end(now, index, End::new(Outcome::Complete)),
                ReceiverStatus::Failed(ReceiveFailure::TimedOut { proven }) => {
                    self.time_out(now, index, proven);
                }
                ReceiverStatus::Failed(ReceiveFailure::BlockNumbersExhausted) => {
                    self.refuse(now, index, &too_many_blocks());
                }
                ReceiverStatus::Failed(ReceiveFailure::Oversize) => {
                    let refusal = Refusal::new(Reason::Illegal).text("Block longer than agreed");
                    self.refuse(now, index, &refusal);
                }
            },
        }
    }

    /// The client fell silent, or got nowhere.
    fn time_out(&mut self, now: Instant, index: u32, proven: bool) {
        let Some(transfer) = self.transfers.get(index) else {
            return;
        };
        let silence = now.since(transfer.heard_at());
        let detail = if !proven {
            self.unheard(transfer)
        } else if silence < self.config.schedule.give_up / 2 {
            "the client repeats itself and gets nowhere".to_owned()
        } else {
            format!("client silent for {} s", silence.as_secs())
        };
        let end = End {
            detail: Some(detail),
            ..End::new(Outcome::Timeout)
        };
        self.end(now, index, end);
    }

    /// Why a client may never have answered. One that asks again is there, and does not hear.
    fn unheard(&self, transfer: &Transfer) -> String {
        let asks_again = transfer.repeats > 0;
        let mut told = if asks_again {
            "the client asks again and does not hear the answer".to_owned()
        } else {
            "the client never answered".to_owned()
        };
        if transfer.reports.any() {
            told.push_str(", and its port is reported to be closed (ICMP)");
        }
        // Address translation and firewalls know the port that was asked and no other.
        if asks_again && transfer.lane.id >= self.config.listeners {
            let port = transfer.lane.local.port();
            let _ = write!(
                told,
                ": it was answered from port {port}; if NAT or a firewall is in between, set \
                 single_port = true"
            );
        }
        told
    }

    /// Ends a transfer with an ERROR to its client. The ERROR is kept for a moment, so that a
    /// client that repeats its request because the ERROR was lost gets it again, and the handler
    /// is not called twice.
    pub(super) fn refuse(&mut self, now: Instant, index: u32, refusal: &Refusal) {
        let Some(transfer) = self.transfers.get_mut(index) else {
            return;
        };
        if refusal.is_silent() {
            let end = End {
                outcome: refusal.reason().outcome(),
                error: None,
                detail: refusal.detail().map(str::to_owned),
            };
            self.end(now, index, end);
            return;
        }
        let code = refusal.reason().code();
        let error = Box::new(Small::error(
            transfer.lane.id,
            transfer.lane.to(transfer.peer),
            code,
            refusal.client_text(),
        ));
        let end = End {
            outcome: refusal.reason().outcome(),
            error: Some((code, refusal.client_text().to_owned())),
            detail: refusal.detail().map(str::to_owned),
        };
        self.outbox.push(*error);
        let was_opening = transfer.answered.is_none() || transfer.is_fresh();
        self.conclude(now, index, end);
        let Some(transfer) = self.transfers.get_mut(index) else {
            return;
        };
        if was_opening && self.refused < REFUSED_MAX {
            self.refused += 1;
            transfer.phase = Phase::Refused { error, since: now };
            self.wheel.set(index, Some(now + REFUSED_MEMORY));
        } else {
            self.forget(index);
        }
    }

    /// Ends a transfer for good.
    pub(super) fn end(&mut self, now: Instant, index: u32, end: End) {
        self.conclude(now, index, end);
        self.forget(index);
    }

    fn forget(&mut self, index: u32) {
        self.wheel.set(index, None);
        if let Some(transfer) = self.transfers.get(index)
            && matches!(transfer.phase, Phase::Refused { .. })
        {
            self.refused -= 1;
        }
        self.transfers.remove(index);
    }

    /// Makes the record of a transfer, unless that was done, and gives back its place.
    pub(super) fn conclude(&mut self, now: Instant, index: u32, end: End) {
        let Some(transfer) = self.transfers.get_mut(index) else {
            return;
        };
        if transfer.is_recorded() {
            return;
        }
        if let Phase::Receiving(receiving) = &mut transfer.phase {
            receiving.recorded = true;
        }
        if let Phase::Sending(sending) = &transfer.phase
            && transfer.unproven.is_none()
        {
            let shown = if sending.polite {
                Some(Evidence::CountsDuplicates)
            } else {
                sending.sender.evidence()
            };
            let window = sending.sender.window_taken();
            self.experiences
                .learn(now, transfer.peer.ip(), shown, window);
        }
        if let Some(place) = transfer.unproven.take() {
            self.admission.answered(place);
            self.counters.unproven.set(self.admission.waiting() as u64);
            if end.outcome == Outcome::Timeout {
                self.late.add(now, transfer.peer);
                self.counters.unproven_expired.add(1);
            }
        }
        let outcome = end.outcome;
        let ended = transfer.ended(now, end);
        let peer = transfer.peer.ip();
        self.active -= 1;
        self.counters.active.set(self.active);
        self.counters.ended(outcome);
        self.counters.blocks_resent.add(ended.figures.blocks_resent);
        self.admission.leave(peer);
        if !self.host.record(ended) {
            self.counters.records_dropped.add(1);
        }
    }

    /// Ends every transfer with an ERROR: the server goes down.
    pub(in crate::server) fn stop(&mut self, now: Instant) {
        let refusal = Refusal::busy()
            .text("Server restarting, try again")
            .because("the server was stopped");
        for index in self.transfers.indices() {
            if self
                .transfers
                .get(index)
                .is_some_and(|transfer| !transfer.is_recorded())
            {
                self.refuse(now, index, &refusal);
            }
        }
    }
}

fn too_many_blocks() -> Refusal {
    Refusal::denied()
        .text("File too large: use a larger block size")
        .because("more than 65535 blocks, and rollover is refused")
}
