//! Transfers whose client has not answered yet.

use std::collections::VecDeque;
use std::time::Duration;

use bootwire_proto::negotiate::MAX_OACK;
use bootwire_proto::{Agreed, Instant, Schedule};

use super::{Engine, Host};
use crate::Outcome;
use crate::server::admission::{Caller, Crowded, HELD, Unanswered};
use crate::server::inbox::TransferKey;
use crate::server::stats::DropReason;
use crate::server::transfer::End;

/// A client that has had its answer for so long and said nothing may have to make room for a new
/// one when the server's budget is spent: machines answer much sooner, forged addresses never.
const GRACE: Duration = Duration::from_millis(250);
/// Strangers for whom others make room in a second, at most. Each costs a handler's answer and a
/// packet; a flood must not get more of the processor than that.
pub(super) const ROOM_PER_SECOND: u32 = 4_000;
/// Transfers that are looked at to find one that makes room.
const LOOKS: usize = 8;
/// Transfers that make room for the content of one, at most.
const YIELDS: usize = 64;
/// Entries of [`Waiting`] beyond twice those in use before it is swept.
const SLACK: usize = 1024;

/// Most bytes of OACK for each byte of the request, all resends together, before the client answers.
const OACK_FACTOR: usize = 3;

/// Transfers that were unproven when they started, the oldest first.
#[derive(Debug, Default)]
pub(super) struct Waiting(VecDeque<TransferKey>);

impl<H: Host> Engine<H> {
    /// Takes a place for an unproven transfer, if need be that of another one.
    pub(super) fn wait_for_answer(&mut self, now: Instant, caller: Caller) -> Option<Unanswered> {
        self.age(now);
        match self.admission.wait(now, caller) {
            Ok(place) => Some(place),
            Err(Crowded::Source) => None,
            Err(Crowded::Server) => {
                if caller.is_stranger() && !self.may_make_room(now) {
                    return None;
                }
                self.make_room(now);
                self.admission.wait(now, caller).ok()
            }
        }
    }

    /// Whether `bytes` more may be held in memory for a transfer. If its client has proven nothing
    /// and too much is held for such clients already, others make room; where there is none, it
    /// ends without a word: a machine asks again.
    // spec: unproven-content
    pub(super) fn may_hold(&mut self, now: Instant, key: TransferKey, bytes: u64) -> bool {
        for attempt in 0..=YIELDS {
            let Some(transfer) = self.transfers.by_key(key) else {
                return false;
            };
            let Some(place) = &mut transfer.unproven else {
                return true;
            };
            if self.admission.holds(place, bytes) {
                return true;
            }
            let stranger = place.is_stranger();
            if attempt == YIELDS || (stranger && !self.may_make_room(now)) || !self.make_room(now) {
                break;
            }
        }
        if let Some(transfer) = self.transfers.by_key(key) {
            let peer = transfer.peer.ip();
            self.counters
                .dropped(now, DropReason::UnprovenDropped, peer);
            let detail = "too much content is held for clients that have not answered";
            let end = End {
                detail: Some(detail.to_owned()),
                ..End::new(Outcome::Busy)
            };
            self.end(now, key.index, end);
        }
        false
    }

    fn may_make_room(&mut self, now: Instant) -> bool {
        if now.since(self.room_refill) >= Duration::from_secs(1) {
            self.room_refill = now;
            self.room_budget = ROOM_PER_SECOND;
        }
        let may = self.room_budget > 0;
        self.room_budget = self.room_budget.saturating_sub(1);
        may
    }

    /// Ends the oldest transfer whose client had its answer and does not speak. `false` if there is
    /// none.
    fn make_room(&mut self, now: Instant) -> bool {
        for _ in 0..LOOKS.min(self.waiting.0.len()) {
            let Some(key) = self.waiting.0.pop_front() else {
                return false;
            };
            let Some(transfer) = self.transfers.by_key(key) else {
                continue;
            };
            if transfer.unproven.is_none() {
                continue;
            }
            match transfer.answered {
                Some(answered) if now.since(answered) >= GRACE => {
                    let detail = "gave way to another request before its client answered";
                    let end = End {
                        detail: Some(detail.to_owned()),
                        ..End::new(Outcome::Timeout)
                    };
                    self.end(now, key.index, end);
                    return true;
                }
                Some(_) => {
                    self.waiting.0.push_front(key);
                    return false;
                }
                // Its handler is at work.
                None => self.waiting.0.push_back(key),
            }
        }
        false
    }

    /// A client that was granted a long timeout may let its transfer wait for as long; but it does
    /// not keep its address and network from others for longer than any.
    // spec: unproven-places
    pub(super) fn note_life(&mut self, now: Instant, key: TransferKey, granted: Option<Duration>) {
        if granted.is_some_and(|granted| granted + granted / 4 > HELD)
            && (self.transfers.by_key(key)).is_some_and(|transfer| transfer.unproven.is_some())
        {
            self.ageing.push_back((now + HELD, key));
        }
    }

    /// Places of transfers that have waited long.
    fn age(&mut self, now: Instant) {
        while let Some(&(until, key)) = self.ageing.front()
            && until <= now
        {
            self.ageing.pop_front();
            if let Some(transfer) = self.transfers.by_key(key)
                && let Some(place) = &mut transfer.unproven
            {
                self.admission.age(place);
            }
        }
    }

    /// A transfer has started.
    pub(super) fn note_unproven(&mut self, key: TransferKey) {
        let unproven = self.admission.waiting();
        self.counters.unproven.set(unproven as u64);
        self.waiting.0.push_back(key);
        if self.waiting.0.len() > 2 * unproven + SLACK {
            let table = &mut self.transfers;
            self.waiting.0.retain(|&key| {
                table
                    .by_key(key)
                    .is_some_and(|transfer| transfer.unproven.is_some())
            });
        }
    }

    /// The client has answered.
    pub(super) fn prove(&mut self, now: Instant, index: u32) {
        if let Some(transfer) = self.transfers.get_mut(index)
            && let Some(place) = transfer.unproven.take()
        {
            if transfer.queued {
                // It need not wait among those who have not answered any more.
                self.ready.push(index, false);
            }
            self.admission.proven(now, place);
            self.counters.unproven.set(self.admission.waiting() as u64);
        }
    }
}

/// The schedule of a transfer: where the OACK is longer than the request, as the size of a large
/// file makes it, it is sent less often while the client has not answered.
// spec: oack-factor
pub(super) fn opening_schedule(schedule: &Schedule, agreed: &Agreed, request: &[u8]) -> Schedule {
    // No granted value but the size has more digits than the one that was asked for, and an OACK
    // lacks name and mode, 8 bytes at least.
    let short = agreed.tsize.is_none_or(|size| size < 100_000_000);
    if short || !agreed.has_oack() {
        return *schedule;
    }
    let oack = agreed.encode_oack(&mut [0; MAX_OACK]).len();
    let sends = OACK_FACTOR * request.len() / oack.max(1);
    let resends = u8::try_from(sends.saturating_sub(1)).unwrap_or(u8::MAX);
    Schedule {
        unproven_resends: schedule.unproven_resends.min(resends),
        ..*schedule
    }
}
