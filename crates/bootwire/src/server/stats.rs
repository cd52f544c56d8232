//! Counting.

mod dropped;
#[cfg(feature = "serde")]
mod serialise;

use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

use bootwire_proto::Instant;

use self::dropped::Heaviest;
pub use self::dropped::{DropReason, DroppedFrom};
use super::counter::Counter;
use super::pulse::Pulse;
use crate::Outcome;

/// Declares the counters once: the public snapshot and the worker-owned cells behind it.
macro_rules! counters {
    ($($(#[$doc:meta])* $name:ident,)*) => {
        /// What a server counted since it started, over all workers.
        #[derive(Clone, Debug, Default, PartialEq, Eq)]
        #[non_exhaustive]
        pub struct ServerStats {
            /// Transfers ended, by outcome, in the order of [`Outcome::ALL`].
            pub outcomes: [u64; Outcome::ALL.len()],
            $($(#[$doc])* pub $name: u64,)*
            /// Networks whose requests were dropped most lately, the heaviest first.
            pub dropped_from: Vec<DroppedFrom>,
        }

        impl ServerStats {
            /// Every count with its name, in a fixed order: first the fields, then the transfers that
            /// ended, as `ended_complete`, `ended_not_found` and so on. Of the two in
            /// [`ServerStats::GAUGES`] it is how many there are now; all others only grow.
            ///
            /// ```
            /// use bootwire::ServerStats;
            ///
            /// fn prometheus(stats: &ServerStats) -> String {
            ///     stats.iter().map(|(name, count)| format!("tftp_{name} {count}\n")).collect()
            /// }
            /// assert!(prometheus(&ServerStats::default()).contains("tftp_reads 0\n"));
            /// ```
            pub fn iter(&self) -> impl Iterator<Item = (&'static str, u64)> + use<> {
                let counts = [$((stringify!($name), self.$name),)*];
                counts.into_iter().chain(ENDED.into_iter().zip(self.outcomes))
            }

            /// What was counted since `earlier`, of the same server. What is there now stays as it
            /// is: [`ServerStats::GAUGES`]. A count that was higher then is 0: it is of another
            /// server.
            #[must_use]
            pub fn since(&self, earlier: &Self) -> Self {
                let mut since = self.clone();
                $(if !Self::GAUGES.contains(&stringify!($name)) {
                    since.$name = self.$name.saturating_sub(earlier.$name);
                })*
                for (now, then) in since.outcomes.iter_mut().zip(earlier.outcomes) {
                    *now = now.saturating_sub(then);
                }
                dropped::subtract(&mut since.dropped_from, &earlier.dropped_from);
                since
            }
        }

        /// The counters of one worker. Only that worker writes them; anyone may read.
        #[derive(Debug, Default)]
        #[repr(align(128))]
        pub(crate) struct Counters {
            pub(crate) outcomes: [Counter; Outcome::ALL.len()],
            $(pub(crate) $name: Counter,)*
            /// How busy the worker is.
            pub(crate) pulse: Pulse,
            heaviest: Mutex<Heaviest>,
        }

        impl Counters {
            /// Adds this worker's counts to `stats`.
            pub(crate) fn add_to(&self, stats: &mut ServerStats) {
                for (sum, counter) in stats.outcomes.iter_mut().zip(&self.outcomes) {
                    *sum += counter.get();
                }
                $(stats.$name += self.$name.get();)*
                let heaviest = self.heaviest.lock().unwrap_or_else(PoisonError::into_inner);
                heaviest.add_to(&mut stats.dropped_from);
            }
        }
    };
}

counters! {
    /// Transfers running now, requests waiting for their handler among them.
    active,
    /// Read requests accepted.
    reads,
    /// Write requests accepted.
    writes,
    /// Requests that repeated the request of a running transfer and joined it.
    repeated,
    /// Datagrams that were no TFTP packet.
    malformed,
    /// Packets for no transfer known: from strangers, or too late.
    strays,
    /// Requests sent to a broadcast or multicast address, not answered (RFC 1123).
    broadcasts,
    /// Requests from outside the allowed networks, not answered.
    not_allowed,
    /// Requests from one of the server's own sockets, not answered.
    own_address,
    /// Requests from a port below 1024, not answered, where that was asked for.
    low_port,
    /// Requests beyond the rate of their address or network, not answered.
    rate_limited,
    /// Requests not answered because their address, their network or the server had too many
    /// unproven transfers.
    unproven_dropped,
    /// Transfers given up because the client never answered.
    unproven_expired,
    /// Unproven transfers running now: no answer has come from their client yet.
    unproven,
    /// Requests turned away because the server or the peer had too many transfers.
    over_limit,
    /// ERRORs to peers without a transfer that were not sent, to keep within their rate.
    errors_withheld,
    /// Datagrams received.
    packets_in,
    /// Datagrams sent.
    packets_out,
    /// Content bytes sent, resends included.
    bytes_out,
    /// Content bytes received.
    bytes_in,
    /// DATA packets sent again.
    blocks_resent,
    /// Datagrams the kernel dropped because a receive buffer was full.
    kernel_drops,
    /// Records lost because the observers fell too far behind.
    records_dropped,
}

impl Counters {
    /// A request of `peer` gets no answer.
    pub(crate) fn dropped(&self, now: Instant, reason: DropReason, peer: IpAddr) {
        self.of(reason).add(1);
        let mut heaviest = self.heaviest.lock().unwrap_or_else(PoisonError::into_inner);
        heaviest.count(now, reason, peer);
    }

    const fn of(&self, reason: DropReason) -> &Counter {
        match reason {
            DropReason::NotAllowed => &self.not_allowed,
            DropReason::OwnAddress => &self.own_address,
            DropReason::LowPort => &self.low_port,
            DropReason::RateLimited => &self.rate_limited,
            DropReason::UnprovenDropped => &self.unproven_dropped,
        }
    }

    pub(crate) fn ended(&self, outcome: Outcome) {
        if let Some(index) = Outcome::ALL.iter().position(|&known| known == outcome) {
            self.outcomes[index].add(1);
        }
    }
}

/// The names of the transfers that ended, in the order of [`Outcome::ALL`].
const ENDED: [&str; Outcome::ALL.len()] = [
    "ended_complete",
    "ended_probe",
    "ended_not_found",
    "ended_denied",
    "ended_malformed",
    "ended_client_abort",
    "ended_timeout",
    "ended_origin_error",
    "ended_busy",
    "ended_disk_full",
    "ended_too_large",
    "ended_changed",
    "ended_internal",
];

impl ServerStats {
    /// The counts that go up and down, by the name [`ServerStats::iter`] gives them.
    pub const GAUGES: [&str; 2] = ["active", "unproven"];

    /// Requests dropped for this reason.
    #[must_use]
    pub const fn dropped(&self, reason: DropReason) -> u64 {
        match reason {
            DropReason::NotAllowed => self.not_allowed,
            DropReason::OwnAddress => self.own_address,
            DropReason::LowPort => self.low_port,
            DropReason::RateLimited => self.rate_limited,
            DropReason::UnprovenDropped => self.unproven_dropped,
        }
    }

    /// Transfers that ended with `outcome`.
    #[must_use]
    pub fn ended(&self, outcome: Outcome) -> u64 {
        Outcome::ALL
            .iter()
            .position(|&known| known == outcome)
            .map_or(0, |index| self.outcomes[index])
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    #[test]
    fn every_count_has_a_name_of_its_own() {
        let mut stats = ServerStats {
            reads: 7,
            ..ServerStats::default()
        };
        stats.outcomes[2] = 3;
        let named: HashMap<_, _> = stats.iter().collect();
        assert_eq!(named.len(), stats.iter().count());
        assert_eq!((named["reads"], named["ended_not_found"]), (7, 3));
        for outcome in Outcome::ALL {
            assert_eq!(named[&*format!("ended_{outcome}")], stats.ended(outcome));
        }
        for reason in DropReason::ALL {
            assert!(named.contains_key(reason.as_str()), "{reason}");
        }
        for gauge in ServerStats::GAUGES {
            assert!(named.contains_key(gauge), "{gauge}");
        }
    }

    #[test]
    fn what_was_counted_since_is_the_difference() {
        let from = |network: &str, count| {
            DroppedFrom::new(network.parse().unwrap(), DropReason::LowPort, count)
        };
        let earlier = ServerStats {
            active: 9,
            reads: 5,
            writes: 4,
            dropped_from: vec![from("10.0.0.0/24", 7), from("10.0.1.0/24", 2)],
            ..ServerStats::default()
        };
        let mut later = ServerStats {
            active: 3,
            reads: 12,
            writes: 1,
            dropped_from: vec![
                from("10.0.0.0/24", 9),
                from("10.0.2.0/24", 4),
                from("10.0.1.0/24", 2),
            ],
            ..ServerStats::default()
        };
        later.outcomes[0] = 6;
        let since = later.since(&earlier);
        assert_eq!((since.active, since.reads, since.writes), (3, 7, 0));
        assert_eq!(since.ended(Outcome::Complete), 6);
        assert_eq!(
            since.dropped_from,
            [from("10.0.2.0/24", 4), from("10.0.0.0/24", 2)]
        );
        assert_eq!(later.since(&ServerStats::default()), later);
    }
}
