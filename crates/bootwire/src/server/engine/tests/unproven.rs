//! Requests that nobody stands behind: what they cost, and whom they keep out.

use super::*;

const SECOND: Duration = Duration::from_secs(1);

fn with_budgets(scripts: &[(&'static str, Script)], limits: Budgets) -> Bench {
    Bench::with(scripts, |_| {}, budgets(limits))
}

fn served() -> [(&'static str, Script); 4] {
    [
        ("/a", Script::AtHand(&[1; 2000])),
        ("/b", Script::AtHand(&[2; 2000])),
        ("/slow", Script::Later),
        ("/up", Script::Take(None)),
    ]
}

fn bytes(sent: &[Sent]) -> usize {
    sent.iter().map(|packet| packet.bytes.len()).sum()
}

// spec: unproven-budget, unproven-small
#[test]
fn a_forged_request_is_answered_three_times_in_seconds_and_forgotten() {
    let mut bench = with_budgets(&served(), Budgets::default());
    let mut sent = bench.ask(peer(1), &rrq("a", &[]));
    assert_eq!(bench.stats().unproven, 1);
    sent.extend(bench.wait(SECOND));
    assert!(sent.len() < 3, "no burst: {} packets", sent.len());
    sent.extend(bench.wait(7 * SECOND));
    assert_eq!(bytes(&sent), 3 * 516);
    assert_eq!(bench.outcomes(), [Outcome::Timeout]);
    let stats = bench.stats();
    assert_eq!((stats.unproven_expired, stats.unproven), (1, 0));
}

// spec: unproven-places
#[test]
fn an_address_that_never_answers_gets_eight_transfers() {
    let mut bench = with_budgets(&served(), Budgets::default());
    let answered = (0..100)
        .filter(|&port| !bench.ask(peer(port), &rrq("a", &[])).is_empty())
        .count();
    assert_eq!(answered, 8);
    assert_eq!((bench.calls(), bench.stats().unproven_dropped), (8, 92));
    bench.wait(8 * SECOND);
    assert_eq!(bench.stats().unproven_expired, 8);
    assert_eq!(
        bench.ask(peer(1), &rrq("a", &[])).len(),
        1,
        "the places are free again"
    );
}

// spec: unproven-places
#[test]
fn who_answers_takes_no_place_of_the_unproven() {
    let mut bench = with_budgets(&served(), Budgets::default());
    for port in 0..100 {
        let lane = bench.ask(peer(port), &rrq("a", &[]))[0].lane;
        assert_eq!(bench.ack(peer(port), lane, 1)[0].block(), Some(2));
    }
    assert_eq!((bench.stats().active, bench.stats().unproven), (100, 0));

    let lane = bench.ask(peer(200), &wrq("up", &[]))[0].lane;
    assert_eq!(bench.stats().unproven, 1);
    bench.packet(peer(200), lane, b"\0\x03\0\x01data");
    assert_eq!(bench.stats().unproven, 0, "DATA 1 proves as well");

    let lane = bench.ask(peer(201), &rrq("a", &[(OptionKind::Tsize, 0)]))[0].lane;
    bench.packet(peer(201), lane, b"\0\x05\0\x08User aborted\0");
    assert_eq!(bench.stats().unproven, 0);
    assert_eq!(bench.outcomes(), [Outcome::Probe]);

    let sent = bench.ask(peer(202), &rrq("missing", &[]));
    assert_eq!(sent[0].error(), Some(1));
    assert_eq!(
        bench.stats().unproven,
        0,
        "an ERROR is all there is to send"
    );
}

// spec: unproven-places
#[test]
fn a_machine_boots_on_while_its_network_is_forged() {
    let mut bench = with_budgets(&served(), Budgets::default());
    let lane = bench.ask(peer(1), &rrq("a", &[]))[0].lane;
    bench.ack(peer(1), lane, 1);
    let mut answered = 0;
    for last in 100..200_u8 {
        for port in 1..=8 {
            let forged = SocketAddr::from(([10, 0, 0, last], port));
            answered += bench.ask(forged, &rrq("a", &[])).len();
        }
    }
    assert_eq!(answered, 64, "the budget of the network");
    assert_eq!(bench.ask(peer(2), &rrq("b", &[])).len(), 1);
    let stats = bench.stats();
    assert_eq!(stats.unproven_dropped, 800 - 64);
    let from = &stats.dropped_from[0];
    assert_eq!(
        (from.network.to_string(), from.count),
        ("10.0.0.0/24".to_owned(), 800 - 64)
    );
}

// spec: unproven-repeats
#[test]
fn a_request_repeated_for_ever_does_not_keep_its_transfer() {
    let mut bench = with_budgets(&served(), Budgets::default());
    let mut sent = bench.ask(peer(1), &rrq("a", &[]));
    for _ in 0..60 {
        sent.extend(bench.wait(SECOND / 4));
        sent.extend(bench.ask(peer(1), &rrq("a", &[])));
        if !bench.outcomes().is_empty() {
            break;
        }
    }
    assert_eq!(bench.outcomes(), [Outcome::Timeout]);
    // The last request found it gone, and was a new one.
    assert!(bytes(&sent) <= (3 + 4 + 1) * 516, "{} bytes", bytes(&sent));
}

// spec: unproven-places, next-request-replaces
#[test]
fn two_names_in_turn_from_one_port_spend_the_budget() {
    let mut bench = with_budgets(&served(), Budgets::default());
    let mut sent = Vec::new();
    for _ in 0..50 {
        sent.extend(bench.ask(peer(1), &rrq("a", &[])));
        sent.extend(bench.ask(peer(1), &rrq("b", &[])));
    }
    assert_eq!(sent.len(), 8 + 4, "eight transfers, the last repeated");
    assert_eq!(bench.engine.active(), 1, "one transfer for a port");
    let due = bench.engine.next_due().unwrap();
    assert!(due <= bench.now + SECOND, "its own timer comes first");
    bench.wait(12 * SECOND);
    assert_eq!(bench.stats().unproven, 0);
    assert_eq!(
        bench.ask(peer(1), &rrq("b", &[])).len(),
        1,
        "held, not lost"
    );
}

/// A flood of forged addresses from everywhere fills the server's budget: those that never answer
/// make room for those that may.
#[test]
fn in_a_crowd_the_oldest_silent_client_makes_room() {
    let mut bench = with_budgets(
        &served(),
        Budgets {
            unproven: 4,
            ..Budgets::default()
        },
    );
    let client = |last: u8| SocketAddr::from(([10, 0, last, 7], 1000));
    bench.ask(client(1), &rrq("slow", &[]));
    for last in 2..=4 {
        assert_eq!(bench.ask(client(last), &rrq("a", &[])).len(), 1);
    }
    assert_eq!(
        bench.ask(client(5), &rrq("a", &[])),
        [],
        "they may still answer"
    );
    bench.wait(SECOND / 4);
    let lane = bench.ask(client(5), &rrq("a", &[]))[0].lane;
    let records = bench.records();
    assert_eq!(records.len(), 1);
    assert_eq!(
        (records[0].peer, records[0].outcome),
        (client(2), Outcome::Timeout),
        "the oldest whose handler is not at work"
    );
    bench.ack(client(5), lane, 1);
    assert_eq!(bench.stats().unproven, 3);
    assert_eq!(bench.ask(client(6), &rrq("a", &[])).len(), 1);
    assert_eq!(bench.stats().unproven_dropped, 1);
}

/// Making room costs a handler's answer: a flood gets so much of the processor and no more, and who
/// has proven himself is not bound by that.
#[test]
fn a_flood_is_made_room_for_at_a_bounded_rate() {
    let mut bench = with_budgets(
        &served(),
        Budgets {
            unproven: 8_000,
            ..Budgets::default()
        },
    );
    let lane = bench.ask(peer(1), &rrq("a", &[]))[0].lane;
    bench.ack(peer(1), lane, 1);
    let forged = |number: u32| {
        let [_, a, b, c] = number.to_be_bytes();
        SocketAddr::from(([11, a, b, c], 1000))
    };
    let mut answered = 0;
    for number in 0..200_000 {
        answered += usize::from(!bench.ask(forged(number), &rrq("a", &[])).is_empty());
        // Four seconds in all: those that are there are silent for long enough soon.
        bench.now = bench.now + Duration::from_micros(20);
    }
    // Without that bound it would be 8,000 each quarter of a second.
    assert!((20_000..=28_000).contains(&answered), "{answered} answers");
    bench.now = bench.now + SECOND / 4;
    assert_eq!(bench.ask(peer(2), &rrq("b", &[])).len(), 1, "a machine");
}

#[test]
fn a_flood_of_requests_for_what_is_not_there_is_not_remembered() {
    let limits = Budgets {
        requests_per_address: 0,
        requests_per_network: 0,
        ..Budgets::default()
    };
    let mut bench = with_budgets(&[], limits);
    for number in 0..100_000_u32 {
        let [_, a, b, c] = number.to_be_bytes();
        let forged = SocketAddr::from(([10, a, b, c], 1000));
        bench.ask(forged, &rrq("missing", &[]));
    }
    assert_eq!(bench.outcomes().len(), 100_000);
    assert!(bench.engine.table.indices().len() <= 16_384);
    bench.wait(2 * SECOND);
    assert_eq!(bench.engine.table.indices(), [0; 0]);
    assert_eq!(bench.ask(peer(1), &rrq("missing", &[])).len(), 1);
    assert_eq!(bench.engine.table.indices().len(), 1);
}

#[test]
fn requests_over_the_rate_cost_nothing_and_are_counted() {
    let limits = Budgets {
        requests_per_address: 10,
        ..Budgets::default()
    };
    let mut bench = with_budgets(&served(), limits);
    let sent: usize = (0..100)
        .map(|_| bench.ask(peer(1), &rrq("missing", &[])).len())
        .sum();
    assert!(sent <= 10, "{sent}");
    assert_eq!(bench.stats().rate_limited, 90);
    bench.wait(SECOND);
    assert_eq!(bench.ask(peer(1), b"\0\x01a\0mail\0").len(), 1);
}

/// Strangers' packets on a transfer port are counted against the same rate.
#[test]
fn errors_to_one_stranger_are_limited_by_its_rate() {
    let limits = Budgets {
        requests_per_address: 10,
        ..Budgets::default()
    };
    let mut bench = with_budgets(&served(), limits);
    let stranger = |port| SocketAddr::from(([10, 9, 9, 9], port));
    let sent: usize = (1..100)
        .map(|port| bench.ack(stranger(port), 1, 1).len())
        .sum();
    assert_eq!(sent, 10);
}

// spec: oack-factor
#[test]
fn an_oack_longer_than_its_request_is_sent_less_often() {
    use crate::server::engine::unproven::opening_schedule;
    let schedule = Schedule::default();
    let sends = |request: &[u8], size| {
        let Ok(bootwire_proto::Packet::Request(parsed)) = bootwire_proto::Packet::parse(request)
        else {
            panic!("a request")
        };
        let agreed = bootwire_proto::negotiate(&parsed, size, &Limits::default());
        let oack = agreed
            .encode_oack(&mut [0; bootwire_proto::negotiate::MAX_OACK])
            .len();
        let sends = 1 + usize::from(opening_schedule(&schedule, &agreed, request).unproven_resends);
        assert!(!agreed.has_oack() || sends * oack <= 3 * request.len());
        sends
    };
    let tsize = [(OptionKind::Tsize, 0)];
    assert_eq!(sends(&rrq("pxelinux.0", &tsize), Some(10_u64.pow(10))), 3);
    assert_eq!(sends(&rrq("a", &tsize), Some(1_000_000)), 3);
    assert_eq!(sends(&rrq("a", &tsize), Some(10_u64.pow(12))), 2);
    assert_eq!(sends(&rrq("a", &tsize), Some(u64::MAX)), 1);
    assert_eq!(
        sends(&rrq("a", &[]), Some(u64::MAX)),
        3,
        "no OACK, no factor"
    );
}
