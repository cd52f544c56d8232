//! Who is let in.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use hashbrown::HashMap;
use ipnet::IpNet;

/// Bounds on transfers: over all workers, and for each peer address.
#[derive(Debug)]
pub(super) struct Admission {
    allow: Option<Box<[IpNet]>>,
    running: Arc<AtomicUsize>,
    running_max: usize,
    per_peer: HashMap<IpAddr, usize, foldhash::quality::RandomState>,
    per_peer_max: usize,
}

/// No place for another transfer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct OverLimit;

impl Admission {
    pub(super) fn new(
        allow: Option<Box<[IpNet]>>,
        running: Arc<AtomicUsize>,
        running_max: usize,
        per_peer_max: usize,
    ) -> Self {
        Self {
            allow,
            running,
            running_max,
            per_peer: HashMap::default(),
            per_peer_max,
        }
    }

    /// Whether requests from `peer` are answered at all.
    // spec: rfc1123-access
    pub(super) fn allows(&self, peer: IpAddr) -> bool {
        let peer = peer.to_canonical();
        self.allow
            .as_ref()
            .is_none_or(|networks| networks.iter().any(|network| network.contains(&peer)))
    }

    /// Takes a place for a transfer of `peer`, to be given back by [`Admission::leave`].
    pub(super) fn enter(&mut self, peer: IpAddr) -> Result<(), OverLimit> {
        let own = self.per_peer.entry(peer).or_insert(0);
        if *own >= self.per_peer_max {
            return Err(OverLimit);
        }
        if self.running.fetch_add(1, Ordering::Relaxed) >= self.running_max {
            self.running.fetch_sub(1, Ordering::Relaxed);
            if *own == 0 {
                self.per_peer.remove(&peer);
            }
            return Err(OverLimit);
        }
        *own += 1;
        Ok(())
    }

    pub(super) fn leave(&mut self, peer: IpAddr) {
        self.running.fetch_sub(1, Ordering::Relaxed);
        if let Some(own) = self.per_peer.get_mut(&peer) {
            *own -= 1;
            if *own == 0 {
                self.per_peer.remove(&peer);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    // spec: rfc1123-access
    #[test]
    fn only_the_allowed_networks_are_answered() {
        let allow = ["10.0.0.0/8", "fe80::/10"].map(|network| network.parse().unwrap());
        let admission = Admission::new(Some(allow.into()), Arc::default(), 10, 10);
        assert!(admission.allows(ip("10.200.0.1")));
        assert!(admission.allows(ip("fe80::1")));
        assert!(
            admission.allows(ip("::ffff:10.0.0.1")),
            "an IPv4 client of an IPv6 socket"
        );
        assert!(!admission.allows(ip("192.0.2.1")));
        assert!(!admission.allows(ip("2001:db8::1")));
        assert!(Admission::new(None, Arc::default(), 10, 10).allows(ip("192.0.2.1")));
    }

    #[test]
    fn places_are_bounded_over_all_and_for_each_peer_and_are_given_back() {
        let running = Arc::new(AtomicUsize::new(0));
        let mut admission = Admission::new(None, Arc::clone(&running), 3, 2);
        let (a, b) = (ip("10.0.0.1"), ip("10.0.0.2"));
        assert_eq!(admission.enter(a), Ok(()));
        assert_eq!(admission.enter(a), Ok(()));
        assert_eq!(admission.enter(a), Err(OverLimit));
        assert_eq!(admission.enter(b), Ok(()));
        assert_eq!(admission.enter(b), Err(OverLimit));
        admission.leave(a);
        assert_eq!(admission.enter(b), Ok(()));
        for peer in [a, b, b] {
            admission.leave(peer);
        }
        assert_eq!(running.load(Ordering::Relaxed), 0);
        assert!(
            admission.per_peer.is_empty(),
            "no address is remembered for nothing"
        );
    }
}
