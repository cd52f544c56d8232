//! Who is let in.
//!
//! | question | answered by | memory |
//! |---|---|---|
//! | is the client's network served? | `networks` | the list |
//! | is it one of our own sockets that asks? | `own` | our sockets |
//! | does the source ask too often? | `rate` | fixed |
//! | has it too many transfers that it never answered? | `unproven` | fixed |
//! | does too much wait for such clients already? | `content` | two counters |
//! | may it be a machine that boots, whose network is being forged? | `proven` | fixed |
//! | is there a place for one more transfer? | `places` | an entry for each address with a transfer |
//!
//! All but the last are asked in terms of addresses that may be forged, so they cost a stranger's
//! request a few table probes and no allocation. Their budgets hold over all workers: the tables
//! are shared, in a [`Guard`], and counted with atomics.

mod content;
mod own;
mod places;
mod proven;
mod rate;
mod unproven;

use std::collections::VecDeque;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::time::Duration;

use bootwire_proto::Instant;
use foldhash::quality::SeedableRandomState;
use ipnet::IpNet;

use self::content::Contents;
pub(super) use self::own::OwnAddresses;
pub(super) use self::places::OverLimit;
use self::places::Places;
use self::proven::Proven;
use self::rate::Rates;
pub(super) use self::unproven::{Crowded, Unanswered};
use self::unproven::{Held, Source, Unproven};
use super::networks::{Networks, network_of};
use super::stats::DropReason;

/// Cells for the request rates of addresses, and of networks.
const RATE_CELLS: usize = 1 << 16;
const NETWORK_RATE_CELLS: usize = 1 << 14;

/// How long an unproven transfer still counts after its client asked for something else. At least
/// as long as one that is never answered lives: or a forger who alternates two names would get DATA
/// for each request and never spend a budget.
pub(super) const HELD: Duration = Duration::from_secs(10);
/// Held places of one worker, at most; beyond it the oldest stop to count.
const HELD_MAX: usize = 1 << 16;

/// What may be asked of the server before anyone has proven to be where they say. 0 is no limit.
#[derive(Clone, Debug)]
pub(super) struct Budgets {
    /// Unproven transfers in the whole server.
    pub(super) unproven: u32,
    /// Of one address.
    pub(super) unproven_per_address: u32,
    /// Of one network (/24, /64), and of one address that has proven itself lately.
    pub(super) unproven_per_network: u32,
    /// Bytes of content that are held for unproven transfers of strangers; and as many for those
    /// of addresses that have proven themselves lately.
    pub(super) unproven_content: u64,
    /// Requests a second of one address.
    pub(super) requests_per_address: u32,
    /// Requests a second of one network, and of one address that has proven itself lately.
    pub(super) requests_per_network: u32,
    /// Networks that none of this applies to, but for the whole server's budget.
    pub(super) unlimited: Vec<IpNet>,
    /// Whether requests from ports below 1024 are dropped.
    pub(super) refuse_low_ports: bool,
}

impl Default for Budgets {
    fn default() -> Self {
        let loopback = ["127.0.0.0/8", "::1/128"];
        Self {
            unproven: 32_768,
            unproven_per_address: 8,
            unproven_per_network: 64,
            unproven_content: 64 << 20,
            requests_per_address: 1_000,
            requests_per_network: 10_000,
            unlimited: loopback.iter().flat_map(|text| text.parse()).collect(),
            refuse_low_ports: false,
        }
    }
}

/// What the admissions of all workers share.
#[derive(Debug)]
pub(super) struct Guard {
    budgets: Budgets,
    unlimited: Networks,
    addresses: Rates,
    networks: Rates,
    unproven: Unproven,
    contents: Contents,
    proven: Proven,
    own: Arc<OwnAddresses>,
    /// Seeded: strangers choose the addresses that are hashed.
    hasher: SeedableRandomState,
}

impl Guard {
    pub(super) fn new(
        budgets: Budgets,
        own: Arc<OwnAddresses>,
        hasher: SeedableRandomState,
    ) -> Self {
        Self {
            unlimited: Networks::new(budgets.unlimited.clone()),
            addresses: Rates::new(RATE_CELLS),
            networks: Rates::new(NETWORK_RATE_CELLS),
            unproven: Unproven::new(&budgets),
            contents: Contents::new(budgets.unproven_content),
            proven: Proven::new(),
            own,
            hasher,
            budgets,
        }
    }

    /// Places taken by transfers whose client has not answered.
    #[cfg(feature = "simulation")]
    pub(super) fn unproven(&self) -> u32 {
        self.unproven.all()
    }

    /// Bytes of content held for them.
    #[cfg(feature = "simulation")]
    pub(super) fn content(&self) -> u64 {
        self.contents.all()
    }

    /// Who a packet from this address may come from.
    fn caller(&self, now: Instant, address: IpAddr) -> Caller {
        use std::hash::BuildHasher;
        let address = address.to_canonical();
        if self.unlimited.contain(address) {
            return Caller::UNLIMITED;
        }
        let hash = self.hasher.hash_one(address);
        let known = self.proven.knows(now, hash);
        Caller {
            source: if known {
                Source::Known
            } else {
                Source::Stranger
            },
            address: hash,
            network: self.hasher.hash_one(network_of(address)),
        }
    }

    /// The content that was held for a place is held for it no longer.
    fn empty(&self, place: &Unanswered) {
        if place.content > 0 {
            let bytes = u64::from(place.content) << 10;
            self.contents.sub(place.source, bytes);
        }
    }

    /// Takes a token of the caller, and of its network.
    fn may_ask(&self, now: Instant, caller: &Caller) -> bool {
        let Budgets {
            requests_per_address,
            requests_per_network,
            ..
        } = self.budgets;
        match caller.source {
            Source::Unlimited => true,
            Source::Known => self
                .addresses
                .take(now, caller.address, requests_per_network),
            Source::Stranger => {
                self.addresses
                    .take(now, caller.address, requests_per_address)
                    && self
                        .networks
                        .take(now, caller.network, requests_per_network)
            }
        }
    }
}

/// Where a request that may be answered came from.
#[derive(Clone, Copy, Debug)]
pub(super) struct Caller {
    source: Source,
    address: u64,
    network: u64,
}

impl Caller {
    /// Whether it has neither proven itself lately nor is exempt from budgets.
    pub(super) fn is_stranger(&self) -> bool {
        self.source == Source::Stranger
    }

    const UNLIMITED: Self = Self {
        source: Source::Unlimited,
        address: 0,
        network: 0,
    };
}

/// The admission of one worker.
#[derive(Debug)]
pub(super) struct Admission {
    allow: Option<Networks>,
    places: Places,
    guard: Option<Arc<Guard>>,
    /// Unproven transfers of this worker that have not ended.
    waiting: usize,
    /// Places that still count for their addresses although their transfers were replaced, and
    /// until when.
    held: VecDeque<(Instant, Held)>,
}

impl Admission {
    /// Bounds transfers over all workers, which share `running`, and for each peer address of this
    /// one.
    pub(super) fn new(
        allow: Option<Box<[IpNet]>>,
        running: Arc<AtomicUsize>,
        running_max: usize,
        per_peer_max: usize,
    ) -> Self {
        Self {
            allow: allow.map(Networks::new),
            places: Places::new(running, running_max, per_peer_max),
            guard: None,
            waiting: 0,
            held: VecDeque::new(),
        }
    }

    /// The same with budgets for those who have proven nothing.
    pub(super) fn guarded(mut self, guard: Arc<Guard>) -> Self {
        self.guard = Some(guard);
        self
    }

    /// Whether requests from `peer` are answered at all.
    // spec: rfc1123-access
    pub(super) fn allows(&self, peer: IpAddr) -> bool {
        self.allow
            .as_ref()
            .is_none_or(|networks| networks.contain(peer.to_canonical()))
    }

    /// Whether a request from `peer` to our address `local` is heard; takes a token of its rate.
    pub(super) fn hear(
        &self,
        now: Instant,
        peer: SocketAddr,
        local: Option<IpAddr>,
    ) -> Result<Caller, DropReason> {
        if !self.allows(peer.ip()) {
            return Err(DropReason::NotAllowed);
        }
        let Some(guard) = &self.guard else {
            return Ok(Caller::UNLIMITED);
        };
        if guard.own.contain(peer, local) {
            return Err(DropReason::OwnAddress);
        }
        if guard.budgets.refuse_low_ports && peer.port() < 1024 {
            return Err(DropReason::LowPort);
        }
        let caller = guard.caller(now, peer.ip());
        if !guard.may_ask(now, &caller) {
            return Err(DropReason::RateLimited);
        }
        Ok(caller)
    }

    /// Takes a place for an unproven transfer, to be given back by [`Admission::answered`] or
    /// [`Admission::hold`].
    // spec: unproven-places
    pub(super) fn wait(&mut self, now: Instant, caller: Caller) -> Result<Unanswered, Crowded> {
        self.on_time(now);
        let Caller {
            source,
            address,
            network,
        } = caller;
        let place = match &self.guard {
            Some(guard) => guard
                .unproven
                .enter(&guard.budgets, source, address, network)?,
            None => Unanswered {
                source,
                address,
                network,
                content: 0,
            },
        };
        self.waiting += 1;
        Ok(place)
    }

    /// Counts `bytes` more of content that is held for the transfer with this place, until the place
    /// is given back. `false` if too much is held already.
    // spec: unproven-content
    pub(super) fn holds(&self, place: &mut Unanswered, bytes: u64) -> bool {
        let Some(guard) = &self.guard else {
            return true;
        };
        let kib = u32::try_from(bytes.div_ceil(1024)).unwrap_or(u32::MAX);
        let sum = place.content.checked_add(kib);
        let Some(sum) = sum.filter(|_| guard.contents.add(place.source, u64::from(kib) << 10))
        else {
            return false;
        };
        place.content = sum;
        true
    }

    /// The client has answered: it is where it says.
    pub(super) fn proven(&mut self, now: Instant, place: Unanswered) {
        if let Some(guard) = &self.guard
            && place.source != Source::Unlimited
        {
            guard.proven.remember(now, place.address);
        }
        self.answered(place);
    }

    /// The transfer is unproven no longer, or has ended.
    pub(super) fn answered(&mut self, place: Unanswered) {
        self.waiting -= 1;
        self.give_back(place);
    }

    /// The transfer has ended because its client asked for something else: it still counts for a
    /// while.
    // spec: unproven-places
    pub(super) fn hold(&mut self, now: Instant, place: Unanswered) {
        self.waiting -= 1;
        match &self.guard {
            Some(guard) if place.source != Source::Unlimited => {
                guard.empty(&place);
                let held = guard.unproven.hold(place);
                self.held.push_back((now + HELD, held));
                if self.held.len() > HELD_MAX {
                    self.release_oldest();
                }
            }
            _ => self.give_back(place),
        }
    }

    /// The transfer counts for its address and network no longer, although it still waits.
    pub(super) fn age(&self, place: &mut Unanswered) {
        if let Some(guard) = &self.guard {
            guard.unproven.age(place);
        }
    }

    /// Unproven transfers of this worker that have not ended.
    pub(super) const fn waiting(&self) -> usize {
        self.waiting
    }

    /// When [`Admission::on_time`] has something to do.
    pub(super) fn next_due(&self) -> Option<Instant> {
        self.held.front().map(|&(until, _)| until)
    }

    /// Gives back places that were held long enough.
    pub(super) fn on_time(&mut self, now: Instant) {
        while self.next_due().is_some_and(|until| until <= now) {
            self.release_oldest();
        }
    }

    fn release_oldest(&mut self) {
        if let (Some(guard), Some((_, held))) = (&self.guard, self.held.pop_front()) {
            guard.unproven.release(held);
        }
    }

    fn give_back(&self, place: Unanswered) {
        if let Some(guard) = &self.guard {
            guard.empty(&place);
            guard.unproven.leave(place);
        }
    }

    /// Takes a place for a transfer of `peer`, to be given back by [`Admission::leave`].
    pub(super) fn enter(&mut self, peer: IpAddr) -> Result<(), OverLimit> {
        self.places.enter(peer)
    }

    /// A transfer of `peer` has ended.
    pub(super) fn leave(&mut self, peer: IpAddr) {
        self.places.leave(peer);
    }
}

#[cfg(test)]
mod tests;
