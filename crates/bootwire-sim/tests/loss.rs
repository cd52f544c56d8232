//! What lost packets cost, next to the same transfer on the same way without loss.

use std::time::Duration;

use bootwire_sim::{Link, Scenario, Trace, run};

/// Transfers of each kind; what is compared is the one in the middle.
const SEEDS: u64 = 5;

/// Times of transfers, sorted.
fn times(link: Link) -> Vec<Duration> {
    let time = |seed| {
        let report = run(Scenario::of_link(seed, link), Trace::quiet());
        assert!(report.violations.is_empty(), "{:#?}", report.violations);
        let client = &report.clients[0];
        assert!(client.success, "{link:?}, seed {seed}");
        Duration::from_micros(client.done.unwrap().as_micros())
    };
    let mut times: Vec<_> = (0..SEEDS).map(time).collect();
    times.sort();
    times
}

/// What the first losses of a transfer may take: until there is evidence, nothing is sent again
/// within a second (RFC 6298, 2.4).
const FIRST: Duration = Duration::from_secs(1);
/// What a loss may take of a window beside a round trip: its timeout.
const RECOVERY: Duration = Duration::from_millis(8);
const MILLION: u32 = 1_000_000;

/// A lost packet costs about the exchange that it belongs to, or in a window a round trip, whatever
/// the round trip is.
#[track_caller]
fn cell(round_trip: Duration, lost: u32, window: u16) {
    let blocks = if window == 1 { 240 } else { 2000 };
    let link = |lost| Link {
        round_trip,
        lost,
        window,
        blocks,
    };
    let clean = times(link(0))[0];
    let lossy = times(link(lost));
    let acks = blocks / u32::from(window);
    let lost = f64::from(blocks + acks) * f64::from(lost) / f64::from(MILLION);
    let perfect = if window == 1 {
        (clean + (clean / blocks).mul_f64(lost)).mul_f64(1.3)
    } else {
        clean + (round_trip + RECOVERY).mul_f64(lost)
    };
    let middle = lossy[lossy.len() / 2];
    assert!(
        middle <= perfect + FIRST,
        "window {window}: {middle:?}, {clean:?} without loss; {lossy:?}"
    );
    // Nor does bad luck cost much more: two such waits in a row.
    let longest = lossy[lossy.len() - 1];
    assert!(
        longest <= perfect.mul_f64(1.5) + 3 * FIRST,
        "window {window}: {longest:?}, {clean:?} without loss; {lossy:?}"
    );
}

#[test]
fn two_milliseconds_one_percent() {
    for window in [1, 16, 64] {
        cell(Duration::from_millis(2), 10_000, window);
    }
}

#[test]
fn two_milliseconds_five_percent() {
    for window in [1, 16, 64] {
        cell(Duration::from_millis(2), 50_000, window);
    }
}

#[test]
fn twenty_milliseconds_one_percent() {
    for window in [1, 16, 64] {
        cell(Duration::from_millis(20), 10_000, window);
    }
}

#[test]
fn twenty_milliseconds_five_percent() {
    for window in [1, 16, 64] {
        cell(Duration::from_millis(20), 50_000, window);
    }
}
