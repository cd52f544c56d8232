//! Thousands of scenarios: the same ones every time, and ones nobody has played.

use std::time::{Duration, SystemTime};

use bootwire_sim::Kind;
use bootwire_sim::campaign::{Campaign, explain};

/// Scenarios played every time. A build without optimisation is no place for all of them.
const FIXED: u64 = if cfg!(debug_assertions) { 500 } else { 20_000 };
/// Real time for new ones.
const NEW: Duration = Duration::from_secs(if cfg!(debug_assertions) { 5 } else { 20 });

fn play(campaign: Campaign) {
    let results = campaign.run();
    assert!(results.played > 0, "none was played");
    assert!(
        results.failures.is_empty(),
        "\n{}",
        explain(&results.failures, campaign.kind)
    );
}

#[test]
fn the_seeds_everyone_plays_are_clean() {
    play(Campaign {
        first: 1,
        seeds: FIXED,
        limit: None,
        kind: None,
    });
}

#[test]
fn new_seeds_are_clean() {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    play(Campaign {
        first: since.map_or(0, |since| since.as_nanos() as u64),
        seeds: u64::MAX,
        limit: Some(NEW),
        kind: None,
    });
}

/// One scenario in four hundred, and the only one in which block numbers start over.
#[test]
fn files_of_more_than_65535_blocks_are_clean() {
    play(Campaign {
        first: 1,
        seeds: if cfg!(debug_assertions) { 2 } else { 20 },
        limit: None,
        kind: Some(Kind::Wrap),
    });
}
