//! Content that is not all there.

use super::*;

fn piece(bench: &Bench, piece: Option<&'static [u8]>) -> Message {
    let key = bench.engine.host.pumped[0];
    Message::Piece {
        key,
        piece: Ok(piece.map(Bytes::from_static)),
    }
}

#[test]
fn a_stream_flows_as_it_arrives_and_ends_when_it_ends() {
    let mut bench = Bench::new(&[("/log", Script::Stream)]);
    let oack = bench.ask(
        peer(1),
        &rrq(
            "log",
            &[(OptionKind::Tsize, 0), (OptionKind::Windowsize, 4)],
        ),
    )[0]
    .clone();
    assert_eq!(
        oack.bytes, b"\0\x06windowsize\x004\0",
        "the size of a stream is not known"
    );
    assert_eq!(bench.ack(peer(1), oack.lane, 0), [], "nothing has arrived");
    let message = piece(&bench, Some(&[1; 1100]));
    let sent = bench.message(message);
    assert_eq!(
        sent.iter().map(Sent::block).collect::<Vec<_>>(),
        [Some(1), Some(2)],
        "only full blocks"
    );
    let message = piece(&bench, None);
    let sent = bench.message(message);
    assert_eq!(
        (sent.len(), sent[0].block(), sent[0].bytes.len()),
        (1, Some(3), 4 + 76)
    );
    bench.ack(peer(1), oack.lane, 3);
    let records = bench.records();
    assert_eq!(
        (records[0].outcome, records[0].bytes, records[0].size),
        (Outcome::Complete, 1100, None)
    );
}

#[test]
fn a_source_that_fails_ends_the_transfer_with_try_again() {
    let mut bench = Bench::new(&[("/log", Script::Stream)]);
    bench.ask(peer(1), &rrq("log", &[]));
    let key = bench.engine.host.pumped[0];
    let sent = bench.message(Message::Piece {
        key,
        piece: Err(Refusal::origin().because("connection reset")),
    });
    assert_eq!(sent[0].error(), Some(0));
    let records = bench.records();
    assert_eq!(
        (records[0].outcome, records[0].detail.as_deref()),
        (Outcome::OriginError, Some("connection reset"))
    );
}

#[test]
fn a_source_that_stalls_is_given_up_but_not_soon() {
    let mut bench = Bench::new(&[("/log", Script::Stream)]);
    let lane = bench.ask(peer(1), &rrq("log", &[(OptionKind::Blksize, 1024)]))[0].lane;
    bench.ack(peer(1), lane, 0);
    assert_eq!(bench.wait(Duration::from_secs(55)), []);
    let sent = bench.wait(Duration::from_secs(10));
    assert_eq!((sent.len(), sent[0].error()), (1, Some(0)));
    assert_eq!(bench.outcomes(), [Outcome::OriginError]);
}

#[test]
fn a_file_that_was_truncated_ends_the_transfer() {
    let mut bench = Bench::new(&[("/a", Script::AtHand(&[1; 5000]))]);
    let oack = bench.ask(peer(1), &rrq("a", &[(OptionKind::Blksize, 1468)]))[0].clone();
    bench
        .engine
        .on_lane(bench.now, oack.lane, 0, &from(peer(1), &[0, 4, 0, 0]));
    let (mut planned, mut small) = (Vec::new(), Vec::new());
    bench.engine.plan(bench.now, &mut planned, &mut small);
    bench.engine.faulted(bench.now, &planned[0]);
    assert_eq!(bench.rounds()[0].error(), Some(0));
    assert_eq!(bench.outcomes(), [Outcome::OriginError]);
}
