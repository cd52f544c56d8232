//! What the network reports of clients that are not there.

use super::*;

const SECOND: Duration = Duration::from_secs(1);

fn started() -> (Bench, u16) {
    let mut bench = Bench::new(&[
        ("/a", Script::AtHand(&[1; 60_000])),
        ("/up", Script::Take(None)),
    ]);
    let lane = bench.ask(peer(1), &rrq("a", &[]))[0].lane;
    bench.ack(peer(1), lane, 1);
    (bench, lane)
}

/// Time passes; everything that is sent meanwhile is reported, several times.
fn wait_unreachable(bench: &mut Bench, lane: u16, time: Duration) {
    let end = bench.now + time;
    while bench.now < end && bench.outcomes().is_empty() {
        if !bench.wait(SECOND / 100).is_empty() {
            for _ in 0..5 {
                bench.engine.on_unreachable(bench.now, lane, 0, peer(1));
            }
        }
    }
}

// spec: unreachable
#[test]
fn a_client_that_is_gone_is_given_up_when_its_host_has_said_so_often_enough() {
    let (mut bench, lane) = started();
    wait_unreachable(&mut bench, lane, 30 * SECOND);
    let records = bench.records();
    assert_eq!(records[0].outcome, Outcome::Timeout);
    let detail = records[0].detail.as_deref().unwrap();
    assert!(detail.contains("reported to be closed"), "{detail}");
    assert!(records[0].duration >= 5 * SECOND);
    assert_eq!(bench.engine.active(), 0);

    let lane = bench.ask(peer(1), &wrq("up", &[]))[0].lane;
    bench.packet(
        peer(1),
        lane,
        b"\0\x03\0\x01data of less than a block, and the last",
    );
    assert_eq!(bench.outcomes().len(), 1, "it is being stored");
}

// spec: unreachable
#[test]
fn a_forged_report_does_not_end_a_transfer() {
    let (mut bench, lane) = started();
    for _ in 0..1_000 {
        bench.engine.on_unreachable(bench.now, lane, 0, peer(1));
    }
    // It pauses, and somebody reports everything that is sent to it.
    for block in 2..20 {
        wait_unreachable(&mut bench, lane, 4 * SECOND);
        assert_eq!(bench.ack(peer(1), lane, block)[0].block(), Some(block + 1));
    }
    assert_eq!(bench.outcomes(), []);
    // Nor do reports of other ports, or about nobody.
    bench.engine.on_unreachable(bench.now, lane + 1, 0, peer(1));
    bench.engine.on_unreachable(bench.now, lane, 0, peer(9));
}
