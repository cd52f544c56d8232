//! Somebody looks at the transfers: each round notes a few of them.

use bootwire_proto::Instant;

use crate::server::live::{LivePhase, Sighting, Survey};
use crate::server::transfer::{Phase, Transfer};
use crate::server::transfers::Transfers;

/// Transfers noted in one round, at most.
pub(super) const NOTED: usize = 64;
/// Places looked at in one round, at most: of a crowd that has gone, most are empty.
const LOOKED_AT: usize = 256;

impl Survey {
    /// Notes some more transfers; `None` when it is done, or when nobody waits for it any more.
    pub(super) fn step(
        mut self: Box<Self>,
        transfers: &Transfers,
        now: Instant,
    ) -> Option<Box<Self>> {
        if self.tell.is_closed() {
            return None;
        }
        let mut noted = 0;
        for _ in 0..LOOKED_AT {
            if self.next >= transfers.places() || self.seen.len() >= self.max {
                // Whoever asked may just have gone.
                let _ = self.tell.send(self.seen);
                return None;
            }
            if noted == NOTED {
                break;
            }
            if let Some(transfer) = transfers.get(self.next)
                && !transfer.is_recorded()
            {
                self.seen.push(Sighting::of(transfer, now));
                noted += 1;
            }
            self.next += 1;
        }
        Some(self)
    }
}

impl Sighting {
    fn of(transfer: &Transfer, now: Instant) -> Self {
        let mut sighting = Self {
            facts: transfer.facts.clone(),
            route: transfer.route.clone(),
            phase: LivePhase::Handler,
            blksize: transfer.agreed.blksize,
            windowsize: transfer.agreed.windowsize,
            size: transfer.size,
            bytes: 0,
            blocks_resent: 0,
            timeouts: 0,
            round_trip: None,
            duration: now.since(transfer.started),
            idle: now.since(transfer.heard_at()),
        };
        match &transfer.phase {
            Phase::Opening { .. } | Phase::Refused { .. } => {}
            Phase::Sending(sending) => {
                let counts = sending.sender.counts();
                sighting.phase = sending.sender.waits_for().into();
                sighting.bytes = sending.sender.acked();
                sighting.blocks_resent = counts.blocks_resent;
                sighting.timeouts = counts.timeouts;
                sighting.round_trip = sending.sender.round_trip();
            }
            Phase::Receiving(receiving) => {
                let counts = receiving.receiver.counts();
                sighting.phase = receiving.receiver.waits_for().into();
                sighting.bytes = receiving.receiver.received();
                sighting.blocks_resent = counts.blocks_unused;
                sighting.timeouts = counts.timeouts;
                sighting.round_trip = receiving.receiver.round_trip();
            }
        }
        sighting
    }
}
