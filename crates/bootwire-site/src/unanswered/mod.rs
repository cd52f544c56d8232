//! What leaves no transfer and so no log line, told now and then: an operator whose client gets no
//! answer must not have to guess.

mod allowance;
mod refused;

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use bootwire::{DropReason, Outcome, ServerStats};
use ipnet::IpNet;

use crate::config::Config;
use crate::size;
use refused::Refused;

/// Time between two looks.
pub const LOOK_EVERY: Duration = Duration::from_secs(1);
/// Looks from one line to the next about the same.
const LOOKS: u32 = 10;

/// What was told already.
#[derive(Debug)]
pub struct Unanswered(Mutex<Told>);

#[derive(Debug)]
struct Told {
    counts: ServerStats,
    looks: u32,
    refused: Refused,
}

impl Unanswered {
    /// For a server with this configuration.
    #[must_use]
    pub fn of(config: &Config) -> Self {
        Self::with(Refused::of(config))
    }

    fn with(refused: Refused) -> Self {
        Self(Mutex::new(Told {
            counts: ServerStats::default(),
            looks: 0,
            refused,
        }))
    }

    /// Lines about what is new since the last look; none if nothing is. Who is refused for the
    /// first time is told at once, sums are told now and then. `withheld` counts the requests that
    /// could not be read and got no line since it was asked last.
    pub fn news(&self, stats: &ServerStats, withheld: impl FnOnce() -> u64) -> Vec<String> {
        // Counts only ever grow, so a panic elsewhere cannot have spoilt them.
        let mut told = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut lines = told.refused.news(Instant::now(), &stats.dropped_from);
        told.looks += 1;
        if told.looks >= LOOKS {
            told.looks = 0;
            lines.extend(told.sums(stats, withheld()));
        }
        lines
    }
}

impl Told {
    fn sums(&mut self, stats: &ServerStats, withheld: u64) -> Vec<String> {
        let before = std::mem::replace(&mut self.counts, stats.clone());
        // Those with a record have, or would have had, a line of their own.
        let unread = |stats: &ServerStats| {
            let recorded = stats.ended(Outcome::Malformed);
            stats.malformed.saturating_sub(recorded)
        };
        let others = [
            (
                withheld,
                "more request",
                "more requests",
                "could not be read (malformed)",
            ),
            (
                stats.over_limit.saturating_sub(before.over_limit),
                "request",
                "requests",
                "turned away: too many transfers at a time (over_limit)",
            ),
            (
                unread(stats).saturating_sub(unread(&before)),
                "packet",
                "packets",
                "ignored: not TFTP (malformed)",
            ),
            (
                stats.kernel_drops.saturating_sub(before.kernel_drops),
                "packet",
                "packets",
                "dropped by the kernel: its receive buffer was full (kernel_drops)",
            ),
        ];
        let others = others
            .into_iter()
            .filter(|&(count, ..)| count > 0)
            .map(|(count, one, many, what)| format!("{} {what}", size::count(count, one, many)));
        dropped(stats, &before, self.refused.name())
            .into_iter()
            .chain(others)
            .collect()
    }
}

/// The line about requests that got no answer: how many, why, and from where most of them came.
fn dropped(stats: &ServerStats, before: &ServerStats, allow: &str) -> Option<String> {
    let mut reasons: Vec<_> = DropReason::ALL
        .iter()
        .map(|&reason| {
            let new = stats.dropped(reason).saturating_sub(before.dropped(reason));
            (new, reason)
        })
        .filter(|&(new, _)| new > 0)
        .collect();
    reasons.sort_by_key(|&(new, _)| std::cmp::Reverse(new));
    let sum: u64 = reasons.iter().map(|&(new, _)| new).sum();
    if sum == 0 {
        return None;
    }
    let parts: Vec<_> = reasons
        .into_iter()
        .map(|(new, reason)| {
            let from = match heaviest(stats, before, reason) {
                Some((network, all)) if all == new => format!("all from {network}"),
                Some((network, most)) if 2 * most >= new => format!("most from {network}"),
                _ => "from many networks".to_owned(),
            };
            format!("{new} {} ({reason}; {from})", words(reason, allow))
        })
        .collect();
    let requests = size::count(sum, "request", "requests");
    Some(format!("dropped {requests}: {}", parts.join(", ")))
}

/// The network with the most new drops for this reason, and how many.
fn heaviest(stats: &ServerStats, before: &ServerStats, reason: DropReason) -> Option<(IpNet, u64)> {
    let of_reason = |stats: &ServerStats, network: IpNet| {
        let mut all = stats.dropped_from.iter();
        all.find(|one| one.reason == reason && one.network == network)
            .map_or(0, |one| one.count)
    };
    let all = stats.dropped_from.iter();
    all.filter(|one| one.reason == reason)
        // A network that was forgotten in between counts from 1 again.
        .map(|one| match of_reason(before, one.network) {
            told if told <= one.count => (one.network, one.count - told),
            _ => (one.network, one.count),
        })
        .max_by_key(|&(_, new)| new)
}

/// A reason in plain words.
fn words(reason: DropReason, allow: &str) -> String {
    let words = match reason {
        DropReason::NotAllowed => return format!("of clients in no network that {allow} names"),
        DropReason::OwnAddress => "with an address of this server as their source",
        DropReason::LowPort => "from ports below 1024",
        DropReason::RateLimited => "over the rate of requests",
        DropReason::UnprovenDropped => "over the budget of transfers that were never answered",
        _ => "for another reason",
    };
    words.to_owned()
}

#[cfg(test)]
mod tests {
    use bootwire::DroppedFrom;

    use super::*;

    fn dropped_from(network: &str, reason: DropReason, count: u64) -> DroppedFrom {
        DroppedFrom::new(network.parse().unwrap(), reason, count)
    }

    fn told() -> Told {
        Told {
            counts: ServerStats::default(),
            looks: 0,
            refused: Refused::new(Vec::new(), false),
        }
    }

    #[test]
    fn who_is_refused_first_is_told_at_once_and_sums_every_tenth_time() {
        let unanswered = Unanswered::with(Refused::new(Vec::new(), true));
        let mut stats = ServerStats::default();
        stats.not_allowed = 1;
        stats.dropped_from = vec![dropped_from("198.51.100.0/24", DropReason::NotAllowed, 1)];
        let looks: Vec<_> = (0..20).map(|_| unanswered.news(&stats, || 0)).collect();
        assert!(looks[0][0].contains("allow = [\"private\", \"198.51.100.0/24\"]"));
        assert_eq!(
            looks[9],
            [
                "dropped 1 request: 1 of clients in no network that allow names \
              (not_allowed; all from 198.51.100.0/24)"
            ]
        );
        assert_eq!(looks.concat().len(), 2);
    }

    #[test]
    fn requests_with_a_record_are_not_told_again() {
        let mut told = told();
        let mut stats = ServerStats::default();
        stats.malformed = 7;
        let at = Outcome::ALL
            .iter()
            .position(|one| *one == Outcome::Malformed);
        stats.outcomes[at.unwrap()] = 5;
        assert_eq!(
            told.sums(&stats, 3),
            [
                "3 more requests could not be read (malformed)",
                "2 packets ignored: not TFTP (malformed)"
            ]
        );
    }

    #[test]
    fn only_what_is_new_is_told() {
        let mut told = told();
        let mut stats = ServerStats::default();
        assert_eq!(told.sums(&stats, 0), [""; 0]);
        stats.not_allowed = 2;
        stats.malformed = 1;
        stats.dropped_from = vec![dropped_from("198.51.100.0/24", DropReason::NotAllowed, 2)];
        assert_eq!(
            told.sums(&stats, 0),
            [
                "dropped 2 requests: 2 of clients in no network that --allow names \
                 (not_allowed; all from 198.51.100.0/24)",
                "1 packet ignored: not TFTP (malformed)",
            ]
        );
        assert_eq!(told.sums(&stats, 0), [""; 0]);
        stats.not_allowed = 3;
        stats.dropped_from[0].count = 3;
        assert_eq!(
            told.sums(&stats, 0),
            [
                "dropped 1 request: 1 of clients in no network that --allow names \
                 (not_allowed; all from 198.51.100.0/24)"
            ]
        );
    }

    #[test]
    fn a_flood_is_one_line() {
        let mut told = told();
        let mut stats = ServerStats::default();
        stats.unproven_dropped = 12_000;
        stats.rate_limited = 345;
        stats.own_address = 1;
        stats.dropped_from = vec![
            dropped_from("203.0.113.0/24", DropReason::UnprovenDropped, 11_000),
            dropped_from("10.0.0.0/24", DropReason::UnprovenDropped, 900),
            dropped_from("10.0.0.0/24", DropReason::RateLimited, 20),
        ];
        assert_eq!(
            told.sums(&stats, 0),
            [
                "dropped 12346 requests: 12000 over the budget of transfers that were never \
                 answered (unproven_dropped; most from 203.0.113.0/24), 345 over the rate of \
                 requests (rate_limited; from many networks), 1 with an address of this server as \
                 their source (own_address; from many networks)"
            ]
        );
    }

    #[test]
    fn the_network_named_is_the_heaviest_of_late() {
        let mut told = told();
        let mut stats = ServerStats::default();
        stats.rate_limited = 1000;
        stats.dropped_from = vec![dropped_from("10.0.1.0/24", DropReason::RateLimited, 1000)];
        told.sums(&stats, 0);
        stats.rate_limited = 1010;
        stats.dropped_from = vec![
            dropped_from("10.0.1.0/24", DropReason::RateLimited, 1001),
            dropped_from("10.0.2.0/24", DropReason::RateLimited, 9),
        ];
        assert!(told.sums(&stats, 0)[0].ends_with("most from 10.0.2.0/24)"));
    }
}
