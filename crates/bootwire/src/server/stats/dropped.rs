//! Requests that get no answer: why, and from where most of them come.

use std::net::IpAddr;
use std::time::Duration;

use bootwire_proto::Instant;
use ipnet::IpNet;

use crate::server::networks::network_of;
use crate::words::words;

words! {
    /// Why a request gets no answer at all.
    pub enum DropReason {
        /// Its address is in no network that is served.
        NotAllowed = "not_allowed",
        /// It claims to come from one of the server's own sockets.
        OwnAddress = "own_address",
        /// It comes from a port below 1024, and those are refused.
        LowPort = "low_port",
        /// Its address or network sends too many.
        RateLimited = "rate_limited",
        /// Its address, its network or the server has too many transfers whose client never answered.
        UnprovenDropped = "unproven_dropped",
    }
}

/// Requests of one network that were dropped for one reason.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct DroppedFrom {
    /// The /24 (IPv4) or /64 (IPv6).
    pub network: IpNet,
    /// Why.
    pub reason: DropReason,
    /// How many, at least: since the network was noticed.
    pub count: u64,
    /// The address of the last one, if known.
    pub latest: Option<IpAddr>,
}

impl DroppedFrom {
    /// `count` requests of `network`, dropped for `reason`.
    #[must_use]
    pub const fn new(network: IpNet, reason: DropReason, count: u64) -> Self {
        Self {
            network,
            reason,
            count,
            latest: None,
        }
    }
}

/// Networks watched by one worker at a time.
const WATCHED: usize = 16;
/// After this time what was heavy before counts for half.
const HALVING: Duration = Duration::from_secs(10);

/// The networks with the most drops: the "space saving" algorithm over a sliding time. Fixed
/// memory, whatever addresses are forged.
#[derive(Debug, Default)]
pub(super) struct Heaviest {
    watched: Vec<Watched>,
    halved: Instant,
}

#[derive(Debug)]
struct Watched {
    drops: DroppedFrom,
    /// The count with which it competes for its place. A newcomer starts where the one it replaces
    /// was: it may have been around unnoticed.
    weight: u64,
}

impl Heaviest {
    /// A request of `peer` was dropped.
    pub(super) fn count(&mut self, now: Instant, reason: DropReason, peer: IpAddr) {
        self.age(now);
        let peer = peer.to_canonical();
        let network = network_of(peer);
        let same = |watched: &&mut Watched| {
            watched.drops.reason == reason && watched.drops.network == network
        };
        if let Some(known) = self.watched.iter_mut().find(same) {
            known.drops.count += 1;
            known.drops.latest = Some(peer);
            known.weight += 1;
            return;
        }
        let mut newcomer = Watched {
            drops: DroppedFrom {
                latest: Some(peer),
                ..DroppedFrom::new(network, reason, 1)
            },
            weight: 1,
        };
        if self.watched.len() < WATCHED {
            self.watched.push(newcomer);
        } else if let Some(lightest) = self.watched.iter_mut().min_by_key(|one| one.weight) {
            newcomer.weight += lightest.weight;
            *lightest = newcomer;
        }
    }

    fn age(&mut self, now: Instant) {
        let age = now.since(self.halved);
        if age < HALVING {
            return;
        }
        self.halved = now;
        let halvings = (age.as_micros() / HALVING.as_micros()).min(63) as u32;
        for watched in &mut self.watched {
            watched.weight >>= halvings;
        }
    }

    /// Adds these to what other workers saw.
    pub(super) fn add_to(&self, all: &mut Vec<DroppedFrom>) {
        for Watched { drops, .. } in &self.watched {
            let same =
                |one: &&mut DroppedFrom| one.reason == drops.reason && one.network == drops.network;
            match all.iter_mut().find(same) {
                Some(one) => one.count += drops.count,
                None => all.push(drops.clone()),
            }
        }
        all.sort_by_key(|one| std::cmp::Reverse(one.count));
    }
}

/// Takes from `now` what was counted before, and leaves out who was not dropped since.
pub(super) fn subtract(now: &mut Vec<DroppedFrom>, before: &[DroppedFrom]) {
    now.retain_mut(|one| {
        let same = |other: &&DroppedFrom| {
            other.reason == one.reason && other.network == one.network && other.count <= one.count
        };
        one.count -= before.iter().find(same).map_or(0, |other| other.count);
        one.count > 0
    });
    now.sort_by_key(|one| std::cmp::Reverse(one.count));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(workers: &[&Heaviest]) -> Vec<(String, DropReason, u64)> {
        let mut all = Vec::new();
        workers.iter().for_each(|worker| worker.add_to(&mut all));
        all.into_iter()
            .map(|one| (one.network.to_string(), one.reason, one.count))
            .collect()
    }

    fn random_address(number: u32) -> IpAddr {
        IpAddr::from(number.wrapping_mul(2_654_435_761).to_be_bytes())
    }

    #[test]
    fn the_heaviest_is_found_among_forged_addresses_of_everywhere() {
        let mut heaviest = Heaviest::default();
        let flood = IpAddr::from([203, 0, 113, 7]);
        for number in 0..10_000 {
            heaviest.count(
                Instant::ZERO,
                DropReason::RateLimited,
                random_address(number),
            );
            if number % 4 == 0 {
                heaviest.count(Instant::ZERO, DropReason::UnprovenDropped, flood);
            }
        }
        let told = told(&[&heaviest]);
        assert_eq!(told.len(), WATCHED);
        assert_eq!(told[0].0, "203.0.113.0/24");
        assert_eq!(told[0].1, DropReason::UnprovenDropped);
        assert!((2_400..=2_500).contains(&told[0].2), "{told:?}");
    }

    #[test]
    fn what_was_heavy_once_does_not_stay_for_ever() {
        let mut heaviest = Heaviest::default();
        for number in 0..WATCHED as u8 {
            for _ in 0..1000 {
                let old = IpAddr::from([10, 0, number, 1]);
                heaviest.count(Instant::ZERO, DropReason::RateLimited, old);
            }
        }
        let later = Instant::ZERO + 15 * HALVING;
        let new = IpAddr::from([10, 9, 9, 9]);
        for _ in 0..10 {
            heaviest.count(later, DropReason::RateLimited, new);
        }
        assert!(told(&[&heaviest]).contains(&(
            "10.9.9.0/24".to_owned(),
            DropReason::RateLimited,
            10
        )));
    }

    #[test]
    fn workers_are_added_up() {
        let (mut a, mut b) = (Heaviest::default(), Heaviest::default());
        let peer = IpAddr::from([10, 0, 0, 1]);
        a.count(Instant::ZERO, DropReason::LowPort, peer);
        a.count(Instant::ZERO, DropReason::LowPort, [10, 0, 0, 2].into());
        b.count(Instant::ZERO, DropReason::LowPort, peer);
        b.count(Instant::ZERO, DropReason::OwnAddress, peer);
        assert_eq!(
            told(&[&a, &b]),
            [
                ("10.0.0.0/24".to_owned(), DropReason::LowPort, 3),
                ("10.0.0.0/24".to_owned(), DropReason::OwnAddress, 1)
            ]
        );
    }
}
