//! Repeats, replacements and refusals.

use super::*;

#[test]
fn a_read_without_options_is_data_acks_and_one_record() {
    let mut bench = Bench::new(&[("/motd", Script::AtHand(&[7; 600]))]);
    let sent = bench.ask(peer(2000), &rrq("motd", &[]));
    assert_eq!(sent.len(), 1);
    assert_eq!(sent[0].block(), Some(1));
    assert_eq!(sent[0].bytes.len(), 516);
    let lane = sent[0].lane;
    let sent = bench.ack(peer(2000), lane, 1);
    assert_eq!(
        (sent.len(), sent[0].block(), sent[0].bytes.len()),
        (1, Some(2), 4 + 88)
    );
    assert!(bench.ack(peer(2000), lane, 2).is_empty());
    let records = bench.records();
    assert_eq!(records.len(), 1);
    assert_eq!(
        (records[0].outcome, records[0].bytes, records[0].blocks),
        (Outcome::Complete, 600, 2)
    );
    assert_eq!(bench.engine.active(), 0);
}

// spec: clients-rule-9
#[test]
fn a_request_repeated_while_the_handler_works_joins_and_calls_nobody() {
    let mut bench = Bench::new(&[("/slow", Script::Later)]);
    let request = rrq("slow", &[(OptionKind::Blksize, 1408)]);
    assert!(bench.ask(peer(49_152), &request).is_empty());
    for _ in 0..5 {
        bench.wait(Duration::from_millis(100));
        assert!(bench.ask(peer(49_152), &request).is_empty());
    }
    assert_eq!(bench.calls(), 1);
    assert_eq!(bench.stats().repeated, 5);

    let key = bench.engine.host.calls[0].0;
    let result = Ok(Reply::text("late").into());
    let sent = bench.message(Message::Answered { key, result });
    assert!(sent[0].is_oack());
    let again = bench.ask(peer(49_152), &request);
    assert_eq!(again, sent, "the OACK is sent again, from the same port");
    assert_eq!(bench.calls(), 1);
}

#[test]
fn an_error_that_was_lost_is_repeated_without_calling_the_handler_again() {
    let mut bench = Bench::new(&[]);
    let request = rrq(
        "pxelinux.cfg/01-52-54-00-12-34-56",
        &[(OptionKind::Tsize, 0)],
    );
    let sent = bench.ask(peer(49_153), &request);
    assert_eq!(sent[0].error(), Some(1));
    assert_eq!(
        bench.ask(peer(49_153), &request),
        [],
        "this repeat crossed the ERROR on the way"
    );
    bench.wait(Duration::from_millis(100));
    assert_eq!(bench.ask(peer(49_153), &request), sent);
    assert_eq!(bench.calls(), 1);
    assert_eq!(bench.outcomes(), [Outcome::NotFound], "one record");

    bench.wait(Duration::from_secs(3));
    assert_eq!(bench.ask(peer(49_153), &request)[0].error(), Some(1));
    assert_eq!(bench.calls(), 2, "much later it is a new request");
}

// spec: next-request-replaces, rfc1350-own-tid
#[test]
fn clients_that_use_one_port_for_everything_go_from_name_to_name() {
    let mut bench = Bench::new(&[("/pxelinux.cfg/default", Script::AtHand(b"DEFAULT linux\n"))]);
    let mut lanes = Vec::new();
    for name in [
        "01-52-54-00-12-34-56",
        "0A000007",
        "0A00000",
        "0A0000",
        "0A000",
        "0A00",
        "0A0",
        "0A",
    ] {
        let sent = bench.ask(
            peer(49_153),
            &rrq(&format!("pxelinux.cfg/{name}"), &[(OptionKind::Tsize, 0)]),
        );
        assert_eq!((sent.len(), sent[0].error()), (1, Some(1)), "{name}");
        lanes.push(sent[0].lane);
    }
    let sent = bench.ask(
        peer(49_153),
        &rrq("pxelinux.cfg/default", &[(OptionKind::Tsize, 0)]),
    );
    assert!(sent[0].is_oack());
    assert!(
        lanes.windows(2).all(|pair| pair[0] != pair[1]),
        "each answer comes from another port"
    );
    assert_eq!(bench.outcomes(), [Outcome::NotFound; 8]);
}

// spec: next-request-replaces
#[test]
fn the_next_request_from_the_same_port_replaces_what_was_there() {
    let content: &'static [u8] = &[1; 2000];
    let mut bench = Bench::new(&[
        ("/kernel", Script::AtHand(content)),
        ("/initrd", Script::AtHand(content)),
    ]);
    let first = bench.ask(peer(2001), &rrq("kernel", &[]))[0].lane;
    bench.ack(peer(2001), first, 1);
    let second = bench.ask(peer(2001), &rrq("initrd", &[]))[0].clone();
    assert_ne!(
        second.lane, first,
        "late packets of the first must not reach the second"
    );
    assert_eq!(second.block(), Some(1));
    assert_eq!(bench.outcomes(), [Outcome::ClientAbort]);
    assert_eq!(
        bench.ack(peer(2001), first, 2),
        [],
        "a late ACK finds nothing"
    );
    assert_eq!(bench.ack(peer(2001), second.lane, 1)[0].block(), Some(2));
}

#[test]
fn a_client_that_moves_on_without_its_last_ack_has_its_file() {
    let mut bench = Bench::new(&[
        ("/a", Script::AtHand(&[1; 700])),
        ("/b", Script::AtHand(b"b")),
    ]);
    let lane = bench.ask(peer(2001), &rrq("a", &[]))[0].lane;
    assert_eq!(bench.ack(peer(2001), lane, 1)[0].block(), Some(2));
    bench.ask(peer(2001), &rrq("b", &[]));
    assert_eq!(bench.outcomes(), [Outcome::Complete]);
}

/// It took part of a window, said nothing, and starts over: it has not got the file.
// spec: next-request-replaces
#[test]
fn a_client_that_starts_over_within_a_window_has_nothing() {
    let options = [(OptionKind::Blksize, 512), (OptionKind::Windowsize, 64)];
    for (name, again) in [("a", "a"), ("a", "b")] {
        let mut bench = Bench::new(&[
            ("/a", Script::AtHand(&[1; 512 * 20])),
            ("/b", Script::AtHand(b"b")),
        ]);
        let lane = bench.ask(peer(2001), &rrq(name, &options))[0].lane;
        bench.ack(peer(2001), lane, 0);
        bench.wait(Duration::from_millis(50));
        if name == again {
            // A request that was doubled on the way must not end its own transfer.
            assert_eq!(bench.ask(peer(2001), &rrq(again, &options)), []);
            bench.wait(Duration::from_secs(1));
        }
        let next = bench.ask(peer(2001), &rrq(again, &options));
        assert!(next[0].is_oack());
        assert_ne!(next[0].lane, lane);
        let record = &bench.records()[0];
        assert_eq!((record.outcome, record.bytes), (Outcome::ClientAbort, 0));
        let detail = record.detail.as_deref().unwrap();
        assert!(detail.contains("before it acknowledged"), "{detail}");
    }
}

/// It asks for another file, and has not said that anything of the first one came: its address may
/// be forged.
// spec: next-request-replaces
#[test]
fn who_never_answered_has_no_file() {
    let mut bench = Bench::new(&[("/a", Script::AtHand(b"a")), ("/b", Script::AtHand(b"b"))]);
    bench.ask(peer(2001), &rrq("a", &[]));
    bench.ask(peer(2001), &rrq("b", &[]));
    assert_eq!(bench.outcomes(), [Outcome::ClientAbort]);
}

/// The memory of turns is bounded; what a peer has right now is known for sure.
// spec: rfc1350-own-tid
#[test]
fn a_restart_gets_another_port_although_its_turn_was_forgotten() {
    let mut bench = Bench::new(&[("/a", Script::AtHand(&[1; 2000]))]);
    for _ in 0..8 {
        let lane = bench.ask(peer(2001), &rrq("a", &[]))[0].lane;
        bench.ack(peer(2001), lane, 1);
        bench.engine.recent = crate::server::recent::RecentPeers::new(bench.now);
        bench.wait(Duration::from_millis(1500));
        let again = bench.ask(peer(2001), &rrq("a", &[]));
        assert_eq!(again[0].block(), Some(1));
        assert_ne!(again[0].lane, lane);
        bench.wait(Duration::from_secs(20));
    }
}

#[test]
fn an_echo_of_the_request_does_not_disturb_a_transfer_that_moves() {
    let mut bench = Bench::new(&[("/a", Script::AtHand(&[1; 2000]))]);
    let lane = bench.ask(peer(2001), &rrq("a", &[]))[0].lane;
    bench.ack(peer(2001), lane, 1);
    assert_eq!(bench.ask(peer(2001), &rrq("a", &[])), []);
    assert_eq!(bench.ack(peer(2001), lane, 2)[0].block(), Some(3));
    bench.wait(Duration::from_millis(900));
    bench.ack(peer(2001), lane, 2);
    bench.wait(Duration::from_millis(900));
    bench.ask(peer(2001), &rrq("a", &[]));
    assert_eq!(
        bench.calls(),
        1,
        "the client speaks still: its request waited in a queue"
    );

    bench.wait(Duration::from_secs(2));
    let again = bench.ask(peer(2001), &rrq("a", &[]));
    assert_eq!(
        again[0].block(),
        Some(1),
        "later it is a client that started over"
    );
    assert_eq!(bench.outcomes(), [Outcome::ClientAbort]);
}

#[test]
fn names_that_climb_out_never_reach_a_handler() {
    let mut bench = Bench::new(&[]);
    for name in ["../etc/passwd", "a/../../x", "..\\x", "/.."] {
        let sent = bench.ask(peer(3000), &rrq(name, &[]));
        assert_eq!(sent[0].error(), Some(2), "{name}");
    }
    assert_eq!(bench.calls(), 0);
    assert_eq!(bench.outcomes(), [Outcome::Denied; 4]);
}

#[test]
fn a_handler_that_never_answers_is_answered_for() {
    let mut bench = Bench::new(&[("/slow", Script::Later)]);
    bench.ask(peer(1), &rrq("slow", &[]));
    let sent = bench.wait(Duration::from_secs(13));
    assert_eq!((sent.len(), sent[0].error()), (1, Some(0)));
    assert_eq!(bench.outcomes(), [Outcome::Internal]);

    let key = bench.engine.host.calls[0].0;
    let result = Ok(Reply::text("too late").into());
    assert_eq!(bench.message(Message::Answered { key, result }), []);
}

#[test]
fn the_same_file_asked_for_again_right_after_it_was_sent_is_sent_again() {
    let mut bench = Bench::new(&[("/a", Script::AtHand(&[1; 700]))]);
    let first = bench.ask(peer(2001), &rrq("a", &[]))[0].lane;
    assert_eq!(bench.ack(peer(2001), first, 1)[0].block(), Some(2));
    // The last ACK and the next request came on different sockets; the request was read first.
    let again = bench.ask(peer(2001), &rrq("a", &[]));
    assert_eq!(again[0].block(), Some(1));
    assert_ne!(again[0].lane, first);
    assert_eq!(bench.ack(peer(2001), first, 2), []);
    assert_eq!(bench.outcomes(), [Outcome::Complete]);
}
