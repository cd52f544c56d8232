//! Transfers whose client has not proven yet that it is where it says it is.
//!
//! A request may carry anyone's address. Until an ACK or DATA comes back to the port that answered,
//! its transfer is unproven, and counts against a budget of its address, of the network around it
//! and of the whole server. The counts are cells of arrays that a seeded hash picks: fixed memory,
//! nothing to evict. Addresses that share a cell share a budget; with the whole server's budget
//! spent there is one transfer for every two cells, so that hardly ever matters.

use std::sync::atomic::{AtomicU32, Ordering};

use super::Budgets;

/// Fewest and most cells for addresses.
const CELLS_MIN: usize = 1 << 10;
const CELLS_MAX: usize = 1 << 22;
/// Of so many places one is kept for addresses that proved themselves lately, and for those without
/// budgets: strangers cannot take it.
const RESERVED: u32 = 8;
/// Cells for addresses to each cell for networks.
const PER_NETWORK: usize = 4;

/// Who a request seems to come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Source {
    /// No budget applies but the whole server's.
    Unlimited,
    /// Its address has proven itself lately: it has the budget of a network to itself.
    Known,
    /// Anyone, or someone who forges addresses of this network.
    Stranger,
}

/// What an unproven transfer was counted for; to be given back once, by [`Unproven::leave`].
#[derive(Debug)]
#[must_use]
pub(in crate::server) struct Unanswered {
    pub(super) source: Source,
    pub(super) address: u64,
    pub(super) network: u64,
    /// Content it holds, in KiB.
    pub(super) content: u32,
}

impl Unanswered {
    /// Whether nobody knows who asked.
    pub(in crate::server) fn is_stranger(&self) -> bool {
        self.source == Source::Stranger
    }
}

/// A place of a transfer that was replaced: it counts for its address and network alone, so that
/// nobody else is kept out by it.
#[derive(Debug)]
#[must_use]
pub(super) struct Held(Unanswered);

/// Why there is no place for another unproven transfer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::server) enum Crowded {
    /// The address or its network has as many as it may.
    Source,
    /// The server has as many as it may.
    Server,
}

/// The counts, shared by the workers.
#[derive(Debug)]
pub(super) struct Unproven {
    all: AtomicU32,
    addresses: Box<[AtomicU32]>,
    networks: Box<[AtomicU32]>,
}

impl Unproven {
    pub(super) fn new(budgets: &Budgets) -> Self {
        let cells = (budgets.unproven as usize)
            .saturating_mul(2)
            .clamp(CELLS_MIN, CELLS_MAX)
            .next_power_of_two();
        let zeros = |count| (0..count).map(|_| AtomicU32::new(0)).collect();
        Self {
            all: AtomicU32::new(0),
            addresses: zeros(cells),
            networks: zeros(cells / PER_NETWORK),
        }
    }

    /// Places taken in the whole server.
    #[cfg(feature = "simulation")]
    pub(super) fn all(&self) -> u32 {
        self.all.load(Ordering::Relaxed)
    }

    /// Takes a place. `address` and `network` are hashes.
    pub(super) fn enter(
        &self,
        budgets: &Budgets,
        source: Source,
        address: u64,
        network: u64,
    ) -> Result<Unanswered, Crowded> {
        let place = Unanswered {
            source,
            address,
            network,
            content: 0,
        };
        let in_all = match source {
            Source::Unlimited | Source::Known => budgets.unproven,
            Source::Stranger => budgets.unproven - budgets.unproven / RESERVED,
        };
        if !add(&self.all, in_all) {
            return Err(Crowded::Server);
        }
        let (of_address, of_network) = match source {
            Source::Unlimited => return Ok(place),
            Source::Known => (budgets.unproven_per_network, None),
            Source::Stranger => (
                budgets.unproven_per_address,
                Some(budgets.unproven_per_network),
            ),
        };
        if !add(self.address(address), of_address) {
            sub(&self.all);
            return Err(Crowded::Source);
        }
        if of_network.is_some_and(|most| !add(self.network(network), most)) {
            sub(self.address(address));
            sub(&self.all);
            return Err(Crowded::Source);
        }
        Ok(place)
    }

    /// Gives a place back.
    pub(super) fn leave(&self, place: Unanswered) {
        let held = self.hold(place);
        self.release(held);
    }

    /// Gives back what a place takes in the whole server; it still counts for its address and
    /// network.
    pub(super) fn hold(&self, place: Unanswered) -> Held {
        sub(&self.all);
        Held(place)
    }

    /// Gives back what a place takes of its address and network; it still counts in the whole
    /// server.
    pub(super) fn age(&self, place: &mut Unanswered) {
        let counted = Unanswered {
            source: std::mem::replace(&mut place.source, Source::Unlimited),
            ..*place
        };
        self.release(Held(counted));
    }

    /// Gives back the rest.
    #[expect(clippy::needless_pass_by_value, reason = "a place is given back once")]
    pub(super) fn release(&self, held: Held) {
        let Held(Unanswered {
            source,
            address,
            network,
            ..
        }) = held;
        if source != Source::Unlimited {
            sub(self.address(address));
        }
        if source == Source::Stranger {
            sub(self.network(network));
        }
    }

    fn address(&self, hash: u64) -> &AtomicU32 {
        &self.addresses[hash as usize % self.addresses.len()]
    }

    fn network(&self, hash: u64) -> &AtomicU32 {
        &self.networks[hash as usize % self.networks.len()]
    }

    #[cfg(test)]
    fn is_empty(&self) -> bool {
        let cells = self.addresses.iter().chain(&self.networks);
        cells
            .chain([&self.all])
            .all(|cell| cell.load(Ordering::Relaxed) == 0)
    }
}

/// Counts one more, up to `most`; 0 is no limit.
fn add(cell: &AtomicU32, most: u32) -> bool {
    let before = cell.fetch_add(1, Ordering::Relaxed);
    let fits = most == 0 || before < most;
    if !fits {
        sub(cell);
    }
    fits
}

fn sub(cell: &AtomicU32) {
    cell.fetch_sub(1, Ordering::Relaxed);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn budgets() -> Budgets {
        Budgets {
            unproven: 100,
            unproven_per_address: 8,
            unproven_per_network: 64,
            ..Budgets::default()
        }
    }

    /// Places taken until there was none.
    fn fill(
        unproven: &Unproven,
        source: Source,
        mut address: impl FnMut(u64) -> u64,
    ) -> (Vec<Unanswered>, Crowded) {
        let mut places = Vec::new();
        loop {
            let address = address(places.len() as u64);
            match unproven.enter(&budgets(), source, address, 5) {
                Ok(place) => places.push(place),
                Err(crowded) => return (places, crowded),
            }
        }
    }

    #[test]
    fn an_address_a_network_and_the_server_have_a_budget_each() {
        let unproven = Unproven::new(&budgets());
        let (own, why) = fill(&unproven, Source::Stranger, |_| 1);
        assert_eq!((own.len(), why), (8, Crowded::Source));
        let (neighbours, why) = fill(&unproven, Source::Stranger, |count| 2 + count / 8);
        assert_eq!((neighbours.len(), why), (64 - 8, Crowded::Source));
        let (known, why) = fill(&unproven, Source::Known, |_| 900);
        assert_eq!((known.len(), why), (100 - 64, Crowded::Server));
        for place in own.into_iter().chain(neighbours).chain(known) {
            unproven.leave(place);
        }
        assert!(unproven.is_empty(), "all of it was given back");
    }

    #[test]
    fn a_known_address_has_what_a_network_has_and_does_not_spend_the_network_s() {
        let unproven = Unproven::new(&budgets());
        let (forged, _) = fill(&unproven, Source::Stranger, |count| count / 8);
        assert_eq!(forged.len(), 64);
        let place = unproven.enter(&budgets(), Source::Known, 0, 5);
        assert!(place.is_ok(), "although strangers used its network up");
        unproven.leave(place.unwrap());
        for place in forged {
            unproven.leave(place);
        }
        let (known, why) = fill(&unproven, Source::Known, |_| 1);
        assert_eq!((known.len(), why), (64, Crowded::Source));
        assert!(unproven.enter(&budgets(), Source::Stranger, 2, 5).is_ok());
    }

    #[test]
    fn without_limit_only_the_server_s_budget_counts() {
        let unproven = Unproven::new(&budgets());
        let (mut places, why) = fill(&unproven, Source::Unlimited, |_| 1);
        assert_eq!((places.len(), why), (100, Crowded::Server));
        unproven.leave(places.pop().unwrap());
        assert!(unproven.enter(&budgets(), Source::Unlimited, 1, 5).is_ok());
    }

    #[test]
    fn strangers_leave_room_for_known_addresses() {
        let unproven = Unproven::new(&budgets());
        let strangers: Vec<Unanswered> = (0..200)
            .map_while(|number| {
                let place = unproven.enter(&budgets(), Source::Stranger, number, number / 8);
                place.ok()
            })
            .collect();
        assert_eq!(strangers.len(), 100 - 100 / 8);
        let (known, why) = fill(&unproven, Source::Known, |_| 900);
        assert_eq!((known.len(), why), (100 / 8, Crowded::Server));
        for place in strangers.into_iter().chain(known) {
            unproven.leave(place);
        }
        assert!(unproven.is_empty());
    }

    #[test]
    fn a_place_that_is_held_keeps_nobody_else_out() {
        let unproven = Unproven::new(&budgets());
        let enter = |source, address| unproven.enter(&budgets(), source, address, 5);
        let held: Vec<Held> = (0..8)
            .map(|_| unproven.hold(enter(Source::Stranger, 1).unwrap()))
            .collect();
        assert!(
            enter(Source::Stranger, 1).is_err(),
            "its own budget is spent"
        );
        let (known, why) = fill(&unproven, Source::Unlimited, |_| 1);
        assert_eq!((known.len(), why), (100, Crowded::Server));
        for place in known {
            unproven.leave(place);
        }
        held.into_iter().for_each(|held| unproven.release(held));
        assert!(unproven.is_empty());
    }
}
