//! Clients that are not served: told of at once, with what would let them in.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use bootwire::{DropReason, DroppedFrom};
use ipnet::IpNet;

use super::allowance::Allowance;
use crate::config::Config;
use crate::networks::Network;

/// Networks that are remembered as told.
const TOLD: usize = 64;
/// Lines about new ones: addresses may be forged.
const LINES: u32 = 6;
/// In this time.
const PERIOD: Duration = Duration::from_secs(60);

/// Who was turned away and told of.
#[derive(Debug)]
pub(super) struct Refused {
    allow: Vec<Network>,
    /// Whether `allow` is a key of the configuration, or a flag.
    is_key: bool,
    told: VecDeque<IpNet>,
    allowance: Allowance,
}

impl Refused {
    pub(super) fn of(config: &Config) -> Self {
        let is_flag = config.place_of("allow").starts_with("--");
        Self::new(config.allowed(), config.location.is_file() && !is_flag)
    }

    pub(super) const fn new(allow: Vec<Network>, is_key: bool) -> Self {
        Self {
            allow,
            is_key,
            told: VecDeque::new(),
            allowance: Allowance::new(LINES, PERIOD),
        }
    }

    /// The name of what decides who is served.
    pub(super) const fn name(&self) -> &'static str {
        if self.is_key { "allow" } else { "--allow" }
    }

    /// A line for each network that was refused for the first time.
    pub(super) fn news(&mut self, now: Instant, dropped: &[DroppedFrom]) -> Vec<String> {
        let mut lines = Vec::new();
        for one in dropped {
            if one.reason != DropReason::NotAllowed
                || self.told.contains(&one.network)
                || !self.allowance.take(now)
            {
                continue;
            }
            if self.told.len() == TOLD {
                self.told.pop_front();
            }
            self.told.push_back(one.network);
            let who = one
                .latest
                .map_or_else(|| one.network.to_string(), |address| address.to_string());
            lines.push(format!(
                "{who} is not served: {} would let {} in",
                self.opening(one.network),
                one.network
            ));
        }
        lines
    }

    /// What to write to let `network` in as well.
    fn opening(&self, network: IpNet) -> String {
        let new = [Network::One(network)];
        if self.is_key {
            let all = if self.allow.is_empty() {
                &[Network::Private]
            } else {
                self.allow.as_slice()
            };
            let quoted: Vec<_> = all
                .iter()
                .chain(&new)
                .map(|network| format!("\"{network}\""))
                .collect();
            return format!("allow = [{}]", quoted.join(", "));
        }
        let others: &[Network] = if self.allow.is_empty() {
            &[Network::Private]
        } else {
            // Beside those that are there already.
            &[]
        };
        let flags: Vec<_> = others
            .iter()
            .chain(&new)
            .map(|network| format!("--allow {network}"))
            .collect();
        flags.join(" ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(network: &str) -> DroppedFrom {
        DroppedFrom::new(network.parse().unwrap(), DropReason::NotAllowed, 1)
    }

    fn told(allow: &[&str], is_key: bool) -> String {
        let allow = allow.iter().map(|text| text.parse().unwrap()).collect();
        let mut dropped = refused("203.0.113.0/24");
        dropped.latest = Some([203, 0, 113, 9].into());
        Refused::new(allow, is_key)
            .news(Instant::now(), &[dropped])
            .concat()
    }

    #[test]
    fn the_line_says_what_would_let_it_in() {
        assert_eq!(
            told(&[], false),
            "203.0.113.9 is not served: --allow private --allow 203.0.113.0/24 would let \
             203.0.113.0/24 in"
        );
        assert_eq!(
            told(&["10.0.0.0/8"], false),
            "203.0.113.9 is not served: --allow 203.0.113.0/24 would let 203.0.113.0/24 in"
        );
        assert_eq!(
            told(&[], true),
            "203.0.113.9 is not served: allow = [\"private\", \"203.0.113.0/24\"] would let \
             203.0.113.0/24 in"
        );
        assert_eq!(
            told(&["10.0.0.0/8"], true),
            "203.0.113.9 is not served: allow = [\"10.0.0.0/8\", \"203.0.113.0/24\"] would let \
             203.0.113.0/24 in"
        );
    }

    #[test]
    fn each_network_is_told_once_and_a_flood_in_a_few_lines() {
        let mut told = Refused::new(Vec::new(), false);
        let now = Instant::now();
        let dropped = [refused("203.0.113.0/24"), refused("198.51.100.0/24")];
        assert_eq!(told.news(now, &dropped).len(), 2);
        assert_eq!(told.news(now, &dropped).len(), 0);
        let flood: Vec<_> = (0..200)
            .map(|number| refused(&format!("11.0.{number}.0/24")))
            .collect();
        assert_eq!(told.news(now, &flood).len(), LINES as usize - 2);
        let other = DroppedFrom::new("9.0.0.0/24".parse().unwrap(), DropReason::RateLimited, 1);
        assert_eq!(told.news(now + PERIOD, &[other]).len(), 0);
        assert_eq!(told.news(now + PERIOD, &flood).len(), LINES as usize);
    }
}
