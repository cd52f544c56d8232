//! Many machines at once.

use bootwire_sim::{Client, Kind, Report, Scenario, Trace, play, run};

fn clean(report: &Report) {
    assert!(report.violations.is_empty(), "{:#?}", report.violations);
}

/// 20,000 machines within two seconds against 2000 places and a slow origin.
#[test]
fn a_storm_of_requests_leaves_nobody_out_who_stays() {
    let report = play(1, Some(Kind::Storm));
    clean(&report);
    assert_eq!(report.clients.len(), 20_000);
    assert!(report.clients.iter().all(|client| client.success));
    let asked = report.stats.reads + report.stats.over_limit + report.stats.repeated;
    assert!(asked >= 100_000, "{asked}");
    let was_told = |client: &&Client| client.busy > 0;
    let told = report.clients.iter().filter(was_told).count();
    assert!(
        told >= 5000,
        "{told} latecomers heard that the server is busy"
    );
    // The bounds: a place for each transfer that runs, an entry for each of these and for each
    // request refused within the last second, a few timers for each entry.
    let peak = &report.peak;
    assert!(peak.places <= 2000, "{peak:?}");
    assert!(peak.slots <= 2 * 2000, "{peak:?}");
    assert!(peak.timers <= 8 * 2000, "{peak:?}");
    assert!(peak.outbox <= 1000, "{peak:?}");
}

/// Eight transfers, and 200,000 packets of rubbish a second.
#[test]
fn a_flood_of_rubbish_leaves_transfers_at_least_half_their_speed() {
    let alone = run(Scenario::without_flood(1), Trace::quiet());
    let flooded = play(1, Some(Kind::Flood));
    for report in [&alone, &flooded] {
        clean(report);
    }
    assert!(
        flooded.stats.packets_in >= 200_000,
        "{}",
        flooded.stats.packets_in
    );
    for (alone, flooded) in alone.clients.iter().zip(&flooded.clients) {
        let [alone, flooded] = [alone, flooded].map(|client| client.done.unwrap().as_micros());
        assert!(flooded <= 2 * alone, "{flooded} µs, {alone} µs alone");
    }
}
