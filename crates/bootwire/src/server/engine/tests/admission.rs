//! Who gets an answer, and of what kind.

use super::*;

#[test]
fn strangers_to_the_allowed_networks_get_silence() {
    let allow = Some(["192.168.0.0/16".parse().unwrap()].into());
    let mut bench = Bench::with(
        &[("/a", Script::AtHand(b"a"))],
        |_| {},
        Admission::new(allow, Arc::default(), 10, 10),
    );
    assert_eq!(bench.ask(peer(1), &rrq("a", &[])), []);
    assert_eq!(
        bench.ask(peer(1), b"\0\x01a\0mail\0"),
        [],
        "not even for a malformed request"
    );
    assert_eq!((bench.calls(), bench.stats().not_allowed), (0, 2));
    let insider = "192.168.3.4:1000".parse().unwrap();
    assert_eq!(bench.ask(insider, &rrq("a", &[]))[0].block(), Some(1));
}

#[test]
fn one_too_many_is_told_to_try_again() {
    let mut bench = Bench::with(&[("/slow", Script::Later)], |_| {}, places(2));
    bench.ask(peer(1), &rrq("slow", &[]));
    bench.ask(peer(2), &rrq("slow", &[]));
    let sent = bench.ask(peer(3), &rrq("slow", &[]));
    assert_eq!(sent[0].error(), Some(0));
    assert_eq!((bench.calls(), bench.stats().over_limit), (2, 1));
    let record = &bench.records()[0];
    assert_eq!((record.peer, record.outcome), (peer(3), Outcome::Busy));
    assert_eq!(record.path, "/slow");
    assert_eq!(bench.engine.active(), 2);
    let key = bench.engine.host.calls[0].0;
    bench.message(Message::Answered {
        key,
        result: Err(Refusal::not_found()),
    });
    assert_eq!(
        bench.ask(peer(3), &rrq("slow", &[])),
        [],
        "a place is free again"
    );
    assert_eq!(bench.calls(), 3);
}

// spec: rfc1123-broadcast
#[test]
fn requests_to_a_broadcast_address_get_silence() {
    let mut bench = Bench::new(&[("/a", Script::AtHand(b"a"))]);
    let request = rrq("a", &[]);
    let datagram = Datagram {
        unicast: false,
        ..from(peer(1), &request)
    };
    bench
        .engine
        .on_listener(bench.now, LISTENER, &datagram, &mut bench.lanes);
    assert_eq!(bench.rounds(), []);
    assert_eq!((bench.calls(), bench.stats().broadcasts), (0, 1));
}

// spec: listener-silence
#[test]
fn malformed_requests_get_error_4_and_other_rubbish_gets_silence() {
    let mut bench = Bench::new(&[]);
    for request in [
        &b"\0\x01"[..],
        b"\0\x01name",
        b"\0\x01name\0",
        b"\0\x01\0octet\0",
        b"\0\x02name\0mail\0",
        b"\0\x01name\0oct",
    ] {
        let sent = bench.ask(peer(1), request);
        assert_eq!((sent.len(), sent[0].error()), (1, Some(4)), "{request:?}");
    }
    for rubbish in [
        &b""[..],
        b"\0",
        b"\0\0",
        b"\0\x03",
        b"\0\x03\0\x01data",
        b"\0\x04\0\x01",
        b"\0\x05\0\x01text\0",
        b"\0\x06",
        b"\0\x07",
        b"\xff\xff\xff\xff\xff",
    ] {
        assert_eq!(bench.ask(peer(1), rubbish), [], "{rubbish:?}");
    }
    assert_eq!(
        bench.outcomes(),
        [Outcome::Malformed; 6],
        "who got an ERROR"
    );
    assert_eq!((bench.stats().malformed, bench.stats().strays), (12, 4));
    assert_eq!(bench.stats().ended(Outcome::Malformed), 6);
    assert_eq!(bench.engine.active(), 0);
}

#[test]
fn the_record_of_a_request_that_cannot_be_read_says_why() {
    let long = [b"\0\x01".as_slice(), &[b'x'; 600], b"\0octet\0"].concat();
    for (request, name, detail) in [
        (&b"\0\x01a\x1b\0mail\0"[..], "a\x1b", "the mode is \"mail\""),
        (
            b"\0\x02name\0oct",
            "name",
            "no NUL behind the name or the mode",
        ),
        (b"\0\x01name", "name", "no NUL behind the name or the mode"),
        (b"\0\x01\0octet\0", "", "the name is empty"),
        (&long, &"x".repeat(128), "the name has 600 bytes"),
    ] {
        let mut bench = Bench::new(&[]);
        bench.ask(peer(7), request);
        let record = &bench.records()[0];
        assert_eq!(record.outcome, Outcome::Malformed);
        assert_eq!(record.peer, peer(7));
        assert_eq!((&*record.filename, &*record.path), (name.as_bytes(), name));
        assert_eq!(record.detail.as_deref(), Some(detail));
        assert_eq!(record.mode, None);
        let op = if request[1] == 2 { Op::Write } else { Op::Read };
        assert_eq!(record.op, op);
    }
}

#[test]
fn errors_to_strangers_have_a_budget() {
    let mut bench = Bench::new(&[]);
    let sent: usize = (0..3000)
        .map(|port| bench.ask(peer(port), b"\0\x01name\0mail\0").len())
        .sum();
    assert_eq!(sent, super::super::STRANGERS_PER_SECOND as usize);
    assert_eq!(bench.outcomes().len(), sent, "records have the same");
    bench.wait(Duration::from_secs(1));
    assert_eq!(bench.ask(peer(1), b"\0\x01name\0mail\0").len(), 1);
}

// spec: rfc1350-foreign-tid, error-never-answered
#[test]
fn a_stranger_gets_error_5_and_the_transfer_goes_on() {
    let mut bench = Bench::new(&[("/a", Script::AtHand(&[1; 2000]))]);
    let lane = bench.ask(peer(1), &rrq("a", &[]))[0].lane;
    let stranger = "10.9.9.9:999".parse().unwrap();
    let sent = bench.ack(stranger, lane, 1);
    assert_eq!(
        (sent.len(), sent[0].to, sent[0].error()),
        (1, stranger, Some(5))
    );
    assert_eq!(
        bench.packet(stranger, lane, b"\0\x05\0\0go away\0"),
        [],
        "an ERROR is never answered"
    );
    assert_eq!(bench.ack(peer(1), lane, 1)[0].block(), Some(2));
}

// spec: listener-silence
#[test]
fn what_is_no_request_gets_silence_on_the_listening_port_even_when_transfers_run() {
    let mut bench = Bench::new(&[("/a", Script::AtHand(&[1; 2000]))]);
    bench.ask(peer(1), &rrq("a", &[]));
    let stranger = "10.9.9.9:999".parse().unwrap();
    assert_eq!(bench.ack(stranger, LISTENER, 1), []);
    assert_eq!(bench.packet(stranger, LISTENER, b"\0\x03\0\x01data"), []);
    assert_eq!(bench.stats().strays, 2);
}

#[test]
fn late_packets_of_an_ended_transfer_get_silence() {
    let mut bench = Bench::new(&[("/a", Script::AtHand(b"a"))]);
    let lane = bench.ask(peer(1), &rrq("a", &[]))[0].lane;
    bench.ack(peer(1), lane, 1);
    assert_eq!(bench.outcomes(), [Outcome::Complete]);
    assert_eq!(bench.ack(peer(1), lane, 1), [], "the ACK came twice");
    let lane = bench.ask(peer(1), &rrq("missing", &[]))[0].lane;
    assert_eq!(
        bench.ack(peer(1), lane, 0),
        [],
        "some clients acknowledge an ERROR"
    );
    assert_eq!(bench.outcomes().len(), 2);
}

#[test]
fn a_drain_takes_no_requests_and_lets_transfers_finish() {
    let mut bench = Bench::new(&[("/a", Script::AtHand(&[1; 600]))]);
    let lane = bench.ask(peer(1), &rrq("a", &[]))[0].lane;
    bench.engine.drain();
    assert_eq!(bench.ask(peer(2), &rrq("a", &[])), []);
    assert_eq!(bench.ask(peer(3), b"\0\x01a\0mail\0"), []);
    assert_eq!(bench.engine.active(), 1);
    bench.ack(peer(1), lane, 1);
    bench.ack(peer(1), lane, 2);
    assert_eq!(
        (bench.engine.active(), bench.outcomes()),
        (0, vec![Outcome::Complete])
    );
}

#[test]
fn a_stop_tells_every_client() {
    let mut bench = Bench::new(&[("/a", Script::AtHand(&[1; 600])), ("/slow", Script::Later)]);
    bench.ask(peer(1), &rrq("a", &[]));
    bench.ask(peer(2), &rrq("slow", &[]));
    bench.engine.stop(bench.now);
    let sent = bench.rounds();
    assert_eq!(
        sent.iter().map(Sent::error).collect::<Vec<_>>(),
        [Some(0), Some(0)]
    );
    assert_eq!(bench.outcomes(), [Outcome::Busy; 2]);
    assert_eq!(bench.engine.active(), 0);
}
