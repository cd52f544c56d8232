//! Reads on their way: probes, vanishing clients, turns, and what the kernel refuses.

use super::*;

// spec: clients-rule-8
#[test]
fn the_size_probe_of_uefi_is_no_failure_and_the_read_that_follows_is_served() {
    let mut bench = Bench::new(&[("/shim.efi", Script::AtHand(&[1; 3000]))]);
    let probe = rrq(
        "shim.efi",
        &[
            (OptionKind::Tsize, 0),
            (OptionKind::Blksize, 1468),
            (OptionKind::Windowsize, 4),
        ],
    );
    let sent = bench.ask(peer(1700), &probe);
    assert_eq!(
        sent[0].bytes,
        b"\0\x06tsize\x003000\0blksize\x001468\0windowsize\x004\0"
    );
    assert_eq!(
        bench.packet(
            peer(1700),
            sent[0].lane,
            b"\0\x05\0\x08User aborted the transfer\0"
        ),
        []
    );
    assert_eq!(bench.outcomes(), [Outcome::Probe]);

    let read = rrq(
        "shim.efi",
        &[(OptionKind::Blksize, 1468), (OptionKind::Windowsize, 4)],
    );
    let oack = bench.ask(peer(1701), &read)[0].clone();
    let window = bench.ack(peer(1701), oack.lane, 0);
    assert_eq!(
        window.iter().map(Sent::block).collect::<Vec<_>>(),
        [Some(1), Some(2), Some(3)]
    );
    bench.ack(peer(1701), oack.lane, 3);
    assert_eq!(bench.outcomes(), [Outcome::Probe, Outcome::Complete]);
}

// spec: clients-rule-8
#[test]
fn a_client_that_refuses_the_options_is_served_at_once_without_them() {
    let mut bench = Bench::new(&[("/a", Script::AtHand(b"a"))]);
    let lane = bench.ask(peer(1), &rrq("a", &[(OptionKind::Blksize, 1024)]))[0].lane;
    assert_eq!(bench.packet(peer(1), lane, b"\0\x05\0\x08no options\0"), []);
    assert_eq!(bench.outcomes(), [Outcome::ClientAbort]);
    assert_eq!(bench.ask(peer(1), &rrq("a", &[]))[0].block(), Some(1));
}

#[test]
fn a_client_that_never_answers_gets_three_packets_and_is_given_up() {
    for options in [&[][..], &[(OptionKind::Blksize, 1468)]] {
        let mut bench = Bench::new(&[("/a", Script::AtHand(&[1; 9000]))]);
        let mut sent = bench.ask(peer(1), &rrq("a", options));
        sent.extend(bench.wait(Duration::from_secs(120)));
        assert_eq!(sent.len(), 3);
        assert!(sent.iter().all(|packet| packet.bytes.len() <= 516));
        assert_eq!(bench.outcomes(), [Outcome::Timeout]);
        assert_eq!(bench.engine.next_due(), None, "nothing is left behind");
    }
}

#[test]
fn greedy_windows_take_turns_with_lockstep() {
    let mut bench = Bench::with(
        &[("/big", Script::AtHand(&[1; 1 << 20]))],
        |config| {
            (config.limits.windowsize_max, config.limits.window_bytes_max) = (8192, u32::MAX);
            config.windowsize_first = 8192;
        },
        places(10),
    );
    let greedy: Vec<Sent> = (1..=4)
        .map(|port| {
            bench.ask(peer(port), &rrq("big", &[(OptionKind::Windowsize, 8192)]))[0].clone()
        })
        .collect();
    for oack in &greedy {
        let datagram = [0, 4, 0, 0];
        bench
            .engine
            .on_lane(bench.now, oack.lane, 0, &from(oack.to, &datagram));
    }
    let request = rrq("big", &[]);
    bench.engine.on_listener(
        bench.now,
        LISTENER,
        &from(peer(9), &request),
        &mut bench.lanes,
    );
    let round = bench.round();
    let lockstep = round.iter().filter(|sent| sent.to == peer(9)).count();
    assert_eq!(lockstep, 1, "its block goes out in the first round");
    for oack in &greedy {
        let blocks = round.iter().filter(|sent| sent.to == oack.to).count();
        assert_eq!(blocks, bootwire_io::MAX_RUN_BLOCKS);
    }
}

#[test]
fn what_the_kernel_did_not_take_is_sent_when_it_does() {
    let mut bench = Bench::new(&[("/a", Script::AtHand(&[1; 5000]))]);
    let oack = bench.ask(peer(1), &rrq("a", &[(OptionKind::Windowsize, 8)]))[0].clone();
    bench
        .engine
        .on_lane(bench.now, oack.lane, 0, &from(peer(1), &[0, 4, 0, 0]));
    let (mut planned, mut small) = (Vec::new(), Vec::new());
    bench.engine.plan(bench.now, &mut planned, &mut small);
    bench.engine.unsent(&planned[0], 3);
    bench.engine.retry(planned[0].index);
    let rest: Vec<_> = bench.rounds().iter().filter_map(Sent::block).collect();
    assert_eq!(rest, [4, 5, 6, 7, 8]);
}

/// With nothing on its way the sender waits for nobody: that the socket never takes a packet again
/// must end it all the same.
#[test]
fn a_transfer_whose_socket_stays_full_is_given_up() {
    let mut bench = Bench::new(&[("/a", Script::AtHand(&[1; 5000]))]);
    let oack = bench.ask(peer(1), &rrq("a", &[(OptionKind::Windowsize, 8)]))[0].clone();
    bench
        .engine
        .on_lane(bench.now, oack.lane, 0, &from(peer(1), &[0, 4, 0, 0]));
    let (mut planned, mut small) = (Vec::new(), Vec::new());
    bench.engine.plan(bench.now, &mut planned, &mut small);
    bench.engine.unsent(&planned[0], 0);
    bench.wait(Duration::from_secs(59));
    assert_eq!(bench.outcomes(), []);
    bench.wait(Duration::from_secs(2));
    assert_eq!(bench.outcomes(), [Outcome::Internal]);
}

/// Nor does an upload wait for ever whose OACK never leaves.
#[test]
fn an_upload_whose_socket_stays_full_is_given_up() {
    let mut bench = Bench::new(&[("/a", Script::Take(None))]);
    let request = wrq("a", &[(OptionKind::Blksize, 512)]);
    bench.engine.on_listener(
        bench.now,
        LISTENER,
        &from(peer(1), &request),
        &mut bench.lanes,
    );
    let (mut planned, mut small) = (Vec::new(), Vec::new());
    bench.engine.plan(bench.now, &mut planned, &mut small);
    bench.engine.unsent(&planned[0], 0);
    bench.wait(Duration::from_secs(61));
    assert_eq!(bench.outcomes(), [Outcome::Internal]);
}

#[test]
fn a_path_narrower_than_the_interface_gets_fragments() {
    let mut bench = Bench::new(&[("/a", Script::AtHand(&[1; 5000]))]);
    let oack = bench.ask(peer(1), &rrq("a", &[(OptionKind::Blksize, 1468)]))[0].clone();
    bench
        .engine
        .on_lane(bench.now, oack.lane, 0, &from(peer(1), &[0, 4, 0, 0]));
    let (mut planned, mut small) = (Vec::new(), Vec::new());
    bench.engine.plan(bench.now, &mut planned, &mut small);
    bench.engine.too_big(&planned[0], 0);
    planned.clear();
    while planned.is_empty() {
        bench.engine.plan(bench.now, &mut planned, &mut small);
    }
    assert!(planned[0].fragment);
    assert_eq!(sent_planned(&bench.engine, &planned[0])[0].block(), Some(1));
}

#[test]
fn blocks_fit_the_interface() {
    let mut bench = Bench::new(&[("/a", Script::AtHand(&[1; 5000]))]);
    let sent = bench.ask(peer(1), &rrq("a", &[(OptionKind::Blksize, 65_464)]));
    assert_eq!(sent[0].bytes, b"\0\x06blksize\x001468\0");
    let v6 = "[fd00::7]:1000".parse().unwrap();
    let sent = bench.ask(v6, &rrq("a", &[(OptionKind::Blksize, 65_464)]));
    assert_eq!(sent[0].bytes, b"\0\x06blksize\x001448\0");
}

#[test]
fn a_last_ack_that_never_comes_is_no_failure() {
    let mut bench = Bench::new(&[("/a", Script::AtHand(&[1; 700]))]);
    let lane = bench.ask(peer(1), &rrq("a", &[]))[0].lane;
    bench.ack(peer(1), lane, 1);
    bench.wait(Duration::from_secs(15));
    let records = bench.records();
    assert_eq!(
        (
            records.len(),
            records[0].outcome,
            records[0].last_ack_missing
        ),
        (1, Outcome::Complete, true)
    );
}

#[test]
fn a_client_that_vanishes_is_given_up_after_bounded_resends() {
    let mut bench = Bench::new(&[("/a", Script::AtHand(&[1; 9000]))]);
    let lane = bench.ask(peer(1), &rrq("a", &[]))[0].lane;
    bench.ack(peer(1), lane, 1);
    let resent = bench.wait(Duration::from_secs(200));
    assert!((5..40).contains(&resent.len()), "{} resends", resent.len());
    assert_eq!(bench.outcomes(), [Outcome::Timeout]);
}

// spec: rfc1350-error-ends, error-never-answered
#[test]
fn a_second_error_or_ack_after_the_end_changes_nothing() {
    let mut bench = Bench::new(&[("/a", Script::AtHand(&[1; 9000]))]);
    let lane = bench.ask(peer(1), &rrq("a", &[]))[0].lane;
    bench.ack(peer(1), lane, 1);
    for _ in 0..3 {
        assert_eq!(
            bench.packet(peer(1), lane, b"\0\x05\0\0Early terminate\0"),
            []
        );
    }
    let records = bench.records();
    assert_eq!(
        (records.len(), records[0].outcome),
        (1, Outcome::ClientAbort)
    );
    assert_eq!(records[0].error.as_ref().unwrap().1, "Early terminate");
}

#[test]
fn a_full_socket_is_left_alone_until_it_takes_packets_again() {
    let mut bench = Bench::new(&[("/a", Script::AtHand(&[1; 100_000]))]);
    let options = [(OptionKind::Blksize, 512), (OptionKind::Windowsize, 64)];
    let lane = bench.ask(peer(1), &rrq("a", &options))[0].lane;
    bench
        .engine
        .on_lane(bench.now, lane, 0, &from(peer(1), &[0, 4, 0, 0]));
    let (mut planned, mut small) = (Vec::new(), Vec::new());
    bench.engine.plan(bench.now, &mut planned, &mut small);
    bench.engine.unsent(&planned[0], 3);
    planned.clear();
    bench.engine.plan(bench.now, &mut planned, &mut small);
    assert_eq!(planned.len(), 0, "it would not go out either");
    assert!(!bench.engine.has_work(), "a worker would spin");
    bench.engine.retry(0);
    let blocks: Vec<_> = bench.rounds().iter().map(|sent| sent.block()).collect();
    assert_eq!(
        blocks.first(),
        Some(&Some(4)),
        "from the first that did not"
    );
    assert_eq!(blocks.last(), Some(&Some(32)), "to the end of the window");
}
