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
    sent.extend(bench.wait(10 * SECOND));
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
    bench.wait(11 * SECOND);
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

#[test]
fn a_handler_is_told_whether_its_client_has_proven_its_address() {
    let mut bench = with_budgets(&served(), Budgets::default());
    let lane = bench.ask(peer(1), &rrq("a", &[]))[0].lane;
    bench.ask(peer(1), &rrq("b", &[]));
    bench.ack(peer(1), lane + 1, 1);
    bench.ask(peer(2), &rrq("a", &[]));
    bench.ask("10.0.0.99:1".parse().unwrap(), &rrq("a", &[]));
    bench.wait(600 * SECOND);
    bench.ask(peer(3), &rrq("a", &[]));
    assert_eq!(bench.engine.host.proven, [false, false, true, false, false]);
}

#[test]
fn a_silent_refusal_sends_nothing_and_the_next_request_is_a_new_one() {
    let busy = Refusal::busy().silent().because("all are waiting");
    let mut bench = with_budgets(&[("/later", Script::Refuse(busy))], Budgets::default());
    for times in 1..=3 {
        assert_eq!(bench.ask(peer(1), &rrq("later", &[])), []);
        assert_eq!(bench.wait(SECOND), []);
        assert_eq!(bench.calls(), times);
    }
    assert_eq!(bench.outcomes(), [Outcome::Busy; 3]);
    assert_eq!(
        bench.records()[0].detail.as_deref(),
        Some("all are waiting")
    );
    assert_eq!((bench.stats().active, bench.stats().unproven), (0, 0));
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
    assert!(
        due <= bench.now + SECOND + SECOND / 10,
        "its own timer comes first"
    );
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
    assert!(bench.engine.transfers.indices().len() <= 16_384);
    bench.wait(2 * SECOND);
    assert_eq!(bench.engine.transfers.indices(), [0; 0]);
    assert_eq!(bench.ask(peer(1), &rrq("missing", &[])).len(), 1);
    assert_eq!(bench.engine.transfers.indices().len(), 1);
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

fn from_everywhere(number: u32) -> SocketAddr {
    let [_, a, b, c] = number.to_be_bytes();
    SocketAddr::from(([11, b, c, a], 1000))
}

/// Templates, hooks: what is made for each request stays in memory until its client has it.
// spec: unproven-content
#[test]
fn forged_requests_for_large_texts_hold_no_more_than_the_budget() {
    let scripts = [("/kickstart", Script::Made(256 << 10))];
    let mut bench = with_budgets(&scripts, Budgets::default());
    let machine = peer(1);
    let lane = bench.ask(machine, &rrq("kickstart", &[]))[0].lane;
    bench.ack(machine, lane, 1);
    assert_eq!(bench.stats().unproven, 0);

    for number in 0..5_600 {
        bench.ask(from_everywhere(number), &rrq("kickstart", &[]));
        assert!(bench.held() <= (64 << 20) + (256 << 10));
        bench.now = bench.now + Duration::from_micros(100);
    }
    let stats = bench.stats();
    assert!(stats.unproven_dropped > 5_000, "{stats:?}");
    // A stranger that is real asks again until there is room.
    let stranger = SocketAddr::from(([10, 0, 0, 9], 1000));
    let mut tries = 0;
    while bench.ask(stranger, &rrq("kickstart", &[])).is_empty() {
        tries += 1;
        bench.wait(SECOND);
    }
    assert!(tries <= 1, "{tries} tries");
    // Who was here before has room of its own.
    for port in 2..60 {
        assert_eq!(bench.ask(peer(port), &rrq("kickstart", &[])).len(), 1);
    }
    bench.wait(11 * SECOND);
    assert_eq!(bench.held(), 256 << 10, "the machine's own");
}

/// A request may be as long as a datagram, and is kept for as long as its transfer.
#[test]
fn of_a_long_request_no_more_is_kept_than_makes_sense() {
    let mut bench = with_budgets(&served(), Budgets::default());
    let mut request = rrq("a", &[(OptionKind::Blksize, 1024)]);
    while request.len() < 60_000 {
        request.extend_from_slice(b"x-padding\0and more of it\0");
    }
    let sent = bench.ask(peer(1), &request);
    assert!(sent[0].is_oack());
    let kept = bench
        .engine
        .transfers
        .transfers()
        .map(|transfer| transfer.facts.datagram().len());
    assert_eq!(kept.collect::<Vec<_>>(), [2048]);
    assert_eq!(bench.ask(peer(1), &request), sent, "a repeat is one");
    assert_eq!(bench.calls(), 1);
    bench.ack(peer(1), sent[0].lane, 0);
    let options = &bench.engine.transfers.transfers().next().unwrap().facts;
    assert_eq!(options.options().count(), 32);
}

// spec: unproven-content
#[test]
fn who_answers_makes_room_for_the_next() {
    let scripts = [("/kickstart", Script::Made(600 << 10))];
    let limits = Budgets {
        unproven_content: 1 << 20,
        ..Budgets::default()
    };
    let mut bench = with_budgets(&scripts, limits);
    for number in 0..100 {
        let machine = from_everywhere(number);
        let lane = bench.ask(machine, &rrq("kickstart", &[]))[0].lane;
        assert_eq!(bench.ack(machine, lane, 1)[0].block(), Some(2));
    }
    assert_eq!(bench.stats().unproven_dropped, 0);
}

// spec: unproven-content
#[test]
fn forged_requests_for_streams_hold_no_more_than_the_budget() {
    let limits = Budgets {
        unproven_content: 1 << 20,
        ..Budgets::default()
    };
    let mut bench = with_budgets(&[("/stream", Script::Stream)], limits);
    for number in 0..100 {
        let forged = from_everywhere(number);
        bench.ask(forged, &rrq("stream", &[]));
        let key = bench.engine.host.brought.last().unwrap().0;
        let result = Ok(Arrival::Piece(Bytes::from(vec![1; 64 << 10])));
        bench.message(Message::Arrived { key, result });
        assert!(bench.held() <= 1 << 20);
    }
    assert_eq!(bench.stats().unproven_dropped, 100 - 16);
    // Those whose pieces came late are gone; their pumps may still speak.
    let key = bench.engine.host.brought.last().unwrap().0;
    let result = Ok(Arrival::End);
    assert_eq!(bench.message(Message::Arrived { key, result }), []);
}

/// Two names in turn, from more addresses than the server has places.
// spec: unproven-places, next-request-replaces
#[test]
fn forgers_who_alternate_names_do_not_keep_out_who_is_known() {
    let limits = Budgets {
        unproven: 800,
        ..Budgets::default()
    };
    let mut bench = with_budgets(&served(), limits);
    let known = |number: u8| SocketAddr::from(([10, 0, number, 1], 1000));
    for number in 0..50 {
        let lane = bench.ask(known(number), &rrq("a", &[]))[0].lane;
        bench.ack(known(number), lane, 1);
    }
    bench.wait(70 * SECOND);
    let mut number = 0;
    let mut forge = |bench: &mut Bench| {
        for name in ["a", "b"] {
            bench.ask(from_everywhere(number % 5_000), &rrq(name, &[]));
        }
        number += 1;
        bench.now = bench.now + Duration::from_micros(200);
    };
    (0..10_000).for_each(|_| forge(&mut bench));
    for number in 0..50 {
        (0..100).for_each(|_| forge(&mut bench));
        let sent = bench.ask(known(number), &rrq("b", &[]));
        assert_eq!(
            sent.last().and_then(Sent::block),
            Some(1),
            "machine {number}"
        );
    }
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

/// From no pause to a minute before the first answer: reads and writes, with and without options and
/// a granted timeout, in an empty table and in a full one. Whoever comes in time is served; whoever
/// comes too late is told so, whenever it comes.
// spec: unproven-life, rfc2349-there-after-timeout
#[test]
fn a_client_may_pause_before_its_first_answer() {
    let timeout = |seconds| vec![(OptionKind::Timeout, seconds)];
    for (options, life) in [
        (vec![], 10),
        (vec![(OptionKind::Blksize, 512)], 10),
        (timeout(5), 10),
        (timeout(40), 50),
        (timeout(60), 75),
    ] {
        for write in [false, true] {
            for crowded in [false, true] {
                for pause in [0, 1, 3, 4, 9, 11, 20, 39, 49, 51, 60] {
                    let mut bench = with_budgets(
                        &served(),
                        Budgets {
                            unproven: 64,
                            ..Budgets::default()
                        },
                    );
                    if crowded {
                        (0..100).for_each(|number| {
                            bench.ask(from_everywhere(number), &rrq("a", &[]));
                        });
                        // By now those may have to make room.
                        bench.wait(SECOND / 2);
                    }
                    let request = if write {
                        wrq("up", &options)
                    } else {
                        rrq("a", &options)
                    };
                    let sent = bench.ask(peer(1), &request);
                    let lane = sent[0].lane;
                    let later = bench.wait(u32::try_from(pause).unwrap() * SECOND);
                    let ours = later.iter().filter(|sent| sent.to == peer(1)).count();
                    assert!(ours <= 2, "{ours} resends");
                    let first = match (write, options.is_empty()) {
                        (true, _) => &b"\0\x03\0\x01data"[..],
                        (false, true) => b"\0\x04\0\x01",
                        (false, false) => b"\0\x04\0\0",
                    };
                    let answer = bench.packet(peer(1), lane, first);
                    let case = format!("{options:?}, write {write}, after {pause} s: {answer:?}");
                    if pause < life {
                        assert!(answer.iter().all(|sent| sent.error().is_none()), "{case}");
                    } else {
                        assert_eq!(answer[0].error(), Some(5), "{case}");
                    }
                }
            }
        }
    }
}

/// Sixty-four forged requests with a long timeout must not keep their network out for as long.
// spec: unproven-places
#[test]
fn a_long_timeout_takes_a_place_of_its_network_for_ten_seconds() {
    let mut bench = with_budgets(&served(), Budgets::default());
    let neighbour = |number: u8| SocketAddr::from(([10, 0, 0, number], 1000));
    for number in 0..100 {
        bench.ask(neighbour(number), &rrq("a", &[(OptionKind::Timeout, 255)]));
    }
    assert_eq!(bench.stats().unproven, 64);
    assert_eq!(bench.ask(neighbour(200), &rrq("a", &[])), []);
    bench.wait(11 * SECOND);
    assert_eq!(bench.stats().unproven, 64, "they still wait");
    assert_eq!(bench.ask(neighbour(200), &rrq("a", &[])).len(), 1);
}
