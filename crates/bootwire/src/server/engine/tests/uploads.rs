//! Writes: nothing is confirmed before it is stored.

use super::*;

fn data(block: u16, payload: &[u8]) -> Vec<u8> {
    [&encode::data_header(block)[..], payload].concat()
}

fn ack_of(sent: &[Sent]) -> Vec<&[u8]> {
    sent.iter().map(|sent| &*sent.bytes).collect()
}

#[test]
fn the_last_block_is_acknowledged_when_the_upload_is_stored() {
    let mut bench = Bench::new(&[("/backup", Script::Take(None))]);
    let sent = bench.ask(peer(1), &wrq("backup", &[]));
    assert_eq!(ack_of(&sent), [[0, 4, 0, 0]]);
    let lane = sent[0].lane;
    let sent = bench.packet(peer(1), lane, &data(1, &[1; 512]));
    assert_eq!(ack_of(&sent), [[0, 4, 0, 1]]);
    assert_eq!(
        bench.packet(peer(1), lane, &data(2, b"end")),
        [],
        "not stored yet"
    );
    assert_eq!(bench.outcomes(), []);
    let key = bench.engine.host.stored[0];
    let sent = bench.message(Message::StoreEnded {
        key,
        result: Ok(()),
    });
    assert_eq!(ack_of(&sent), [[0, 4, 0, 2]]);
    let records = bench.records();
    assert_eq!(
        (records[0].outcome, records[0].bytes),
        (Outcome::Complete, 515)
    );
    let sent = bench.packet(peer(1), lane, &data(2, b"end"));
    assert_eq!(ack_of(&sent), [[0, 4, 0, 2]], "the last ACK was lost");
    bench.wait(Duration::from_secs(60));
    assert_eq!(bench.records().len(), 1);
    assert_eq!((bench.engine.active(), bench.engine.next_due()), (0, None));
}

#[test]
fn a_repeated_write_request_opens_nothing_twice() {
    let mut bench = Bench::new(&[("/backup", Script::Take(None))]);
    let request = wrq("backup", &[(OptionKind::Tsize, 515)]);
    let sent = bench.ask(peer(1), &request);
    assert_eq!(ack_of(&sent), [b"\0\x06tsize\x00515\0"]);
    assert_eq!(bench.ask(peer(1), &request), sent);
    assert_eq!(bench.calls(), 1);
}

#[test]
fn a_failing_store_reaches_the_client() {
    let mut bench = Bench::new(&[("/backup", Script::Take(None))]);
    let lane = bench.ask(peer(1), &wrq("backup", &[]))[0].lane;
    bench.packet(peer(1), lane, &data(1, b"all of it"));
    let key = bench.engine.host.stored[0];
    let result = Err(Refusal::new(crate::Reason::DiskFull));
    let sent = bench.message(Message::StoreEnded { key, result });
    assert_eq!(sent[0].error(), Some(3));
    assert_eq!(bench.outcomes(), [Outcome::DiskFull]);
}

#[test]
fn an_upload_larger_than_allowed_ends_as_soon_as_that_is_known() {
    let mut bench = Bench::new(&[("/backup", Script::Take(Some(600)))]);
    let sent = bench.ask(peer(1), &wrq("backup", &[(OptionKind::Tsize, 601)]));
    assert_eq!(sent[0].error(), Some(3));
    let lane = bench.ask(peer(2), &wrq("backup", &[]))[0].lane;
    bench.packet(peer(2), lane, &data(1, &[1; 512]));
    assert_eq!(
        bench.packet(peer(2), lane, &data(2, &[1; 512]))[0].error(),
        Some(3)
    );
    assert_eq!(bench.outcomes(), [Outcome::TooLarge; 2]);
}

#[test]
fn a_client_is_held_back_while_the_sink_is_behind_and_a_dead_sink_is_given_up() {
    let mut bench = Bench::new(&[("/backup", Script::Take(None))]);
    let options = [(OptionKind::Blksize, 1468)];
    let lane = bench.ask(peer(1), &wrq("backup", &options))[0].lane;
    let mut block = 0;
    loop {
        block += 1;
        if bench
            .packet(peer(1), lane, &data(block, &[1; 1468]))
            .is_empty()
        {
            break;
        }
        assert!(block < 2000, "the bound is never reached");
    }
    let key = bench.engine.host.stored[0];
    let upto = u64::from(block) * 1468;
    let sent = bench.message(Message::Stored { key, upto });
    let [high, low] = block.to_be_bytes();
    assert_eq!(ack_of(&sent), [[0, 4, high, low]], "there is room again");

    while !bench
        .packet(peer(1), lane, &data(block + 1, &[1; 1468]))
        .is_empty()
    {
        block += 1;
    }
    let sent = bench.wait(Duration::from_secs(70));
    assert_eq!(sent.last().and_then(Sent::error), Some(0));
    assert_eq!(bench.outcomes(), [Outcome::Internal]);
}

#[test]
fn a_block_longer_than_agreed_is_refused() {
    let mut bench = Bench::new(&[("/backup", Script::Take(None))]);
    let lane = bench.ask(peer(1), &wrq("backup", &[]))[0].lane;
    assert_eq!(
        bench.packet(peer(1), lane, &data(1, &[1; 513]))[0].error(),
        Some(4)
    );
    assert_eq!(bench.outcomes(), [Outcome::Denied]);
}

#[test]
fn writes_where_none_are_taken_get_error_2() {
    let mut bench = Bench::new(&[("/ro", Script::Refuse(Refusal::denied()))]);
    assert_eq!(bench.ask(peer(1), &wrq("ro", &[]))[0].error(), Some(2));
    assert_eq!(bench.outcomes(), [Outcome::Denied]);
}

#[test]
fn an_upload_can_follow_the_same_upload_from_the_same_port_at_once() {
    let mut bench = Bench::new(&[("/backup", Script::Take(None))]);
    for round in 0..3 {
        let sent = bench.ask(peer(1), &wrq("backup", &[]));
        assert_eq!(ack_of(&sent), [[0, 4, 0, 0]]);
        bench.packet(peer(1), sent[0].lane, &data(1, b"all of it"));
        let key = bench.engine.host.stored[round];
        let sent = bench.message(Message::StoreEnded {
            key,
            result: Ok(()),
        });
        assert_eq!(ack_of(&sent), [[0, 4, 0, 1]]);
    }
    assert_eq!(bench.outcomes(), [Outcome::Complete; 3]);
}

/// Whether the upload that began as number `stored` goes on.
fn is_running(bench: &mut Bench, stored: usize) -> bool {
    let key = bench.engine.host.stored[stored];
    bench.engine.transfers.by_key(key).is_some()
}

// spec: write-begins-anew
#[test]
fn a_write_request_that_comes_again_after_data_begins_anew() {
    // What has come when the request comes again: the beginning, all of it, and an empty file.
    let begun: [&[&[u8]]; 4] = [&[&[1; 512]], &[&[1; 512], &[1; 512]], &[b"all"], &[b""]];
    for blocks in begun {
        let mut bench = Bench::new(&[("/backup", Script::Take(None))]);
        let request = wrq("backup", &[]);
        let old = bench.ask(peer(1), &request)[0].lane;
        for (at, payload) in blocks.iter().enumerate() {
            bench.packet(peer(1), old, &data(at as u16 + 1, payload));
        }
        let sent = bench.ask(peer(1), &request);
        assert_eq!(ack_of(&sent), [[0, 4, 0, 0]], "{} blocks", blocks.len());
        let new = sent[0].lane;
        assert_ne!(new, old, "late DATA of the old one must not reach the new");
        assert!(!is_running(&mut bench, 0));
        assert_eq!(bench.outcomes(), [Outcome::ClientAbort]);
        // The old one's fate is no news any more, and its DATA finds nothing.
        let key = bench.engine.host.stored[0];
        let result = Ok(());
        assert_eq!(bench.message(Message::StoreEnded { key, result }), []);
        assert_eq!(bench.packet(peer(1), old, &data(1, b"old")), []);
        bench.packet(peer(1), new, &data(1, b"new"));
        let key = bench.engine.host.stored[1];
        let result = Ok(());
        let sent = bench.message(Message::StoreEnded { key, result });
        assert_eq!(ack_of(&sent), [[0, 4, 0, 1]]);
        assert_eq!(bench.records()[1].bytes, 3);
    }
}

// spec: write-begins-anew
#[test]
fn an_empty_upload_can_be_repeated_while_its_last_ack_may_be_asked_for() {
    let mut bench = Bench::new(&[("/backup", Script::Take(None))]);
    for round in 0..3 {
        let sent = bench.ask(peer(1), &wrq("backup", &[]));
        assert_eq!(ack_of(&sent), [[0, 4, 0, 0]], "round {round}");
        bench.packet(peer(1), sent[0].lane, &data(1, b""));
        let key = bench.engine.host.stored[round];
        let result = Ok(());
        let sent = bench.message(Message::StoreEnded { key, result });
        assert_eq!(ack_of(&sent), [[0, 4, 0, 1]], "round {round}");
    }
    assert_eq!(bench.outcomes(), [Outcome::Complete; 3]);
}

// spec: write-begins-anew
#[test]
fn a_request_ends_the_upload_before_it_even_if_it_gets_no_answer() {
    let one = Budgets {
        unproven: 1,
        ..Budgets::default()
    };
    for request in [wrq("backup", &[]), wrq("other", &[]), rrq("backup", &[])] {
        for crowded in [false, true] {
            let scripts = [("/backup", Script::Take(None))];
            let mut bench = Bench::with(&scripts, |_| {}, budgets(one.clone()));
            let lane = bench.ask(peer(1), &wrq("backup", &[]))[0].lane;
            bench.packet(peer(1), lane, &data(1, &[1; 512]));
            if crowded {
                assert_eq!(bench.ask(peer(2), &wrq("backup", &[])).len(), 1);
            } else {
                bench.engine.drain();
            }
            assert_eq!(bench.ask(peer(1), &request), [], "crowded: {crowded}");
            assert!(!is_running(&mut bench, 0));
            assert_eq!(bench.packet(peer(1), lane, &data(2, b"end")), []);
            assert_eq!(bench.outcomes(), [Outcome::ClientAbort]);
        }
    }
}
