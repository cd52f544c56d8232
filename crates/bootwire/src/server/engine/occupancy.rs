//! What an engine holds, for a simulation that checks bounds and leaks.

use bootwire_proto::Instant;

use super::{Engine, Host};
use crate::server::recent::RecentPeers;
use crate::server::simulation::{Occupancy, hasher};
use crate::server::transfer::Phase;

impl<H: Host> Engine<H> {
    /// Makes everything that hashes depend on `seed` alone.
    pub(in crate::server) fn hash_by(&mut self, now: Instant, seed: u64) {
        self.recent = RecentPeers::hashing(now, hasher(seed));
    }

    pub(in crate::server) fn occupancy(&self) -> Occupancy {
        let mut occupancy = Occupancy {
            active: self.active,
            timers: self.wheel.len(),
            ready: self.ready.len(),
            outbox: self.outbox.len(),
            ..Occupancy::default()
        };
        for transfer in self.transfers.transfers() {
            occupancy.slots += 1;
            match &transfer.phase {
                Phase::Opening { .. } | Phase::Refused { .. } => {}
                Phase::Sending(sending) => {
                    occupancy.spooled = occupancy.spooled.max(sending.content.streamed());
                }
                Phase::Receiving(receiving) => {
                    occupancy.unstored = occupancy.unstored.max(receiving.store.behind());
                }
            }
        }
        occupancy
    }
}
