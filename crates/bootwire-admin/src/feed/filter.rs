//! Which records somebody wants.

use std::net::IpAddr;

use bootwire::{Outcome, TransferRecord};
use bootwire_telemetry::log::{Level, is_search};
use ipnet::IpNet;

use crate::api::RecordFilter;
use crate::problem::Problem;

/// A filter that was understood.
#[derive(Clone, Debug, Default)]
pub(crate) struct Filter {
    machine: Option<String>,
    peer: Option<IpNet>,
    path: Option<String>,
    outcomes: Vec<Outcome>,
    failed: bool,
    quiet: bool,
    route: Option<String>,
}

impl Filter {
    /// Understands what was asked for.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(crate) fn new(asked: RecordFilter) -> Result<Self, Problem> {
        let outcomes = asked.outcome.as_deref().unwrap_or_default().split(',');
        let outcomes = outcomes
            .map(str::trim)
            .filter(|word| !word.is_empty())
            .map(|word| {
                let known = Outcome::ALL
                    .into_iter()
                    .find(|outcome| outcome.as_str() == word);
                known.ok_or_else(|| {
                    let all: Vec<_> = Outcome::ALL
                        .iter()
                        .map(|outcome| outcome.as_str())
                        .collect();
                    Problem::query(format!(
                        "outcome {word:?} is none: write {}",
                        all.join(", ")
                    ))
                })
            });
        Ok(Self {
            outcomes: outcomes.collect::<Result<_, _>>()?,
            peer: asked.peer.as_deref().map(network).transpose()?,
            machine: asked.machine,
            path: asked.path,
            failed: asked.failed.unwrap_or(false),
            quiet: asked.quiet.unwrap_or(false),
            route: asked.route,
        })
    }

    /// Whether a record is wanted.
    pub(crate) fn takes(&self, record: &TransferRecord) -> bool {
        let is = |wanted: &Option<String>, value: Option<&str>| {
            wanted.as_deref().is_none_or(|wanted| value == Some(wanted))
        };
        is(&self.machine, record.machine.as_deref())
            && is(&self.route, record.route.as_deref())
            && self
                .peer
                .is_none_or(|network| network.contains(&record.peer.ip().to_canonical()))
            && (self.outcomes.is_empty() || self.outcomes.contains(&record.outcome))
            && (!self.failed || has_failed(record))
            && (!self.quiet || Level::Normal.shows(record))
            && self
                .path
                .as_deref()
                .is_none_or(|path| is_like(path, &record.path))
    }

    /// Whether a boot of `machine` is wanted.
    pub(crate) fn takes_boot_of(&self, machine: &str) -> bool {
        self.machine
            .as_deref()
            .is_none_or(|wanted| wanted == machine)
    }
}

/// Whether it went wrong: a size probe and a search did not.
fn has_failed(record: &TransferRecord) -> bool {
    !matches!(record.outcome, Outcome::Complete | Outcome::Probe) && !is_search(record)
}

/// A network, or an address as one.
fn network(text: &str) -> Result<IpNet, Problem> {
    let network = text
        .parse::<IpNet>()
        .or_else(|_| text.parse::<IpAddr>().map(IpNet::from));
    network.map_err(|_| {
        Problem::query(format!(
            "peer {text:?} is none: write 10.0.0.7 or 10.0.0.0/24"
        ))
    })
}

/// Whether `path` is like `pattern`, in which `*` stands for anything and `?` for a letter. Takes no
/// more than the product of their lengths.
fn is_like(pattern: &str, path: &str) -> bool {
    let (pattern, path): (Vec<char>, Vec<char>) =
        (pattern.chars().collect(), path.chars().collect());
    let (mut at, mut of) = (0, 0);
    // Where the last star was, and how far what it stands for reached.
    let mut star: Option<(usize, usize)> = None;
    while of < path.len() {
        match pattern.get(at) {
            Some('*') => {
                star = Some((at, of));
                at += 1;
            }
            Some(&letter) if letter == '?' || letter == path[of] => {
                at += 1;
                of += 1;
            }
            _ => {
                let Some((back, reached)) = star else {
                    return false;
                };
                star = Some((back, reached + 1));
                at = back + 1;
                of = reached + 1;
            }
        }
    }
    pattern[at.min(pattern.len())..]
        .iter()
        .all(|&letter| letter == '*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_stand_for_paths() {
        for (pattern, path, expected) in [
            ("/images/*", "/images/a/b", true),
            ("*.cfg", "/grub/grub.cfg", true),
            ("*.cfg", "/grub/grub.cfgx", false),
            ("/a?c", "/abc", true),
            ("/a?c", "/ac", false),
            ("", "", true),
            ("*", "", true),
            ("**b**", "/abc", true),
            ("/ä?", "/äö", true),
        ] {
            assert_eq!(is_like(pattern, path), expected, "{pattern} {path}");
        }
        let (pattern, path) = ("*a".repeat(200), "a".repeat(400) + "b");
        assert!(!is_like(&pattern, &path));
    }

    #[test]
    fn what_a_boot_loader_only_tries_can_be_left_out() {
        let filter = |quiet: bool| {
            let asked = RecordFilter {
                quiet: Some(quiet),
                ..RecordFilter::default()
            };
            Filter::new(asked).unwrap()
        };
        let path = "/pxelinux.cfg/01-52-54-00-12-34-56";
        for (path, outcome, is_quiet) in [
            (path, Outcome::NotFound, false),
            (path, Outcome::Complete, true),
            ("/vmlinuz", Outcome::Probe, false),
            ("/vmlinuz", Outcome::NotFound, true),
        ] {
            let peer = ([127, 0, 0, 1], 2070).into();
            let mut record = TransferRecord::new(bootwire::Op::Read, peer, path);
            record.outcome = outcome;
            assert_eq!(filter(true).takes(&record), is_quiet, "{path} {outcome:?}");
            assert!(filter(false).takes(&record));
        }
    }

    #[test]
    fn what_makes_no_sense_is_told() {
        let filter = |outcome: &str, peer: &str| {
            Filter::new(RecordFilter {
                outcome: Some(outcome.to_owned()),
                peer: Some(peer.to_owned()),
                ..RecordFilter::default()
            })
        };
        assert!(filter("timeout, not_found", "10.0.0.0/24").is_ok());
        assert!(filter("", "fd00::1").is_ok());
        let problem = filter("lost", "::1").unwrap_err();
        assert!(
            problem.detail.contains("write complete, probe"),
            "{problem}"
        );
        assert!(filter("timeout", "10.0.0").is_err());
    }
}
