//! Whatever the server counts is a metric.

use bootwire::{Outcome, ServerStats};

use super::super::snapshot::{Series, Sheet};
use super::super::{list, server};

/// Each counter by the name that [`ServerStats::iter`] gives it, and its place.
type Field = (&'static str, fn(&mut ServerStats) -> &mut u64);

macro_rules! fields {
    ($($name:ident),* $(,)?) => {
        [$((stringify!($name), |stats| &mut stats.$name)),*]
    };
}

/// All counters but those of transfers that ended.
const FIELDS: [Field; 23] = fields![
    active,
    reads,
    writes,
    repeated,
    malformed,
    strays,
    broadcasts,
    not_allowed,
    own_address,
    low_port,
    rate_limited,
    unproven_dropped,
    unproven_expired,
    unproven,
    over_limit,
    errors_withheld,
    packets_in,
    packets_out,
    bytes_out,
    bytes_in,
    blocks_resent,
    kernel_drops,
    records_dropped,
];

/// What is written of the counters.
fn written(stats: &ServerStats) -> Vec<Series> {
    let mut sheet = Sheet::default();
    server::write(stats, &[], &mut sheet);
    let families = sheet.families(list::ALL).into_iter();
    families.flat_map(|family| family.series).collect()
}

#[test]
fn every_counter_of_the_server_has_a_metric() {
    let stats = ServerStats::default();
    let counted: Vec<_> = stats.iter().map(|(name, _)| name).collect();
    let ended = counted.iter().filter(|name| name.starts_with("ended_"));
    assert_eq!(ended.count(), Outcome::ALL.len());
    let named: Vec<_> = FIELDS.iter().map(|(name, _)| *name).collect();
    let others = counted.iter().filter(|name| !name.starts_with("ended_"));
    let others: Vec<_> = others.copied().collect();
    assert_eq!(
        others, named,
        "write the new one in metrics/server.rs, and name it here"
    );
    let nothing = written(&stats);
    for (name, field) in FIELDS {
        let mut stats = ServerStats::default();
        *field(&mut stats) = 7;
        assert_ne!(written(&stats), nothing, "{name} has no metric");
    }
    for (index, outcome) in Outcome::ALL.iter().enumerate() {
        let mut stats = ServerStats::default();
        stats.outcomes[index] = 7;
        assert_ne!(written(&stats), nothing, "{outcome:?} has no metric");
    }
}
