//! Content that is not all there.

use super::*;
use crate::file::Filling;

fn piece(bench: &Bench, piece: Option<&'static [u8]>) -> Message {
    let key = bench.engine.host.brought[0].0;
    let arrival = piece.map_or(Arrival::End, |piece| {
        Arrival::Piece(Bytes::from_static(piece))
    });
    Message::Arrived {
        key,
        result: Ok(arrival),
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
    let key = bench.engine.host.brought[0].0;
    let sent = bench.message(Message::Arrived {
        key,
        result: Err(Refusal::origin().because("connection reset")),
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
    assert_eq!(bench.outcomes(), [Outcome::Changed]);
}

/// A filling that is never asked: the test speaks for it.
struct Silent;

impl Filling for Silent {
    fn here(&self, _from: u64) -> u64 {
        unreachable!("nobody is sent for content in these tests")
    }

    fn ready(&self, _range: Range<u64>) -> BoxFuture<'_, Result<(), Refusal>> {
        unreachable!("nobody is sent for content in these tests")
    }
}

fn partial(size: u64) -> Script {
    let file = tempfile::tempfile().unwrap();
    file.set_len(size).unwrap();
    Script::Partial(PartialFile::new(file, size, Arc::new(Silent)).unwrap())
}

/// The last file part that was asked for comes, up to byte `upto`.
fn arrived(bench: &mut Bench, upto: u64) -> Vec<Sent> {
    let key = bench.engine.host.brought.last().unwrap().0;
    let result = Ok(Arrival::Upto(upto));
    bench.message(Message::Arrived { key, result })
}

fn blocks(sent: &[Sent]) -> Vec<u16> {
    sent.iter().filter_map(Sent::block).collect()
}

#[test]
fn a_file_that_fills_up_flows_as_it_arrives() {
    let mut bench = Bench::new(&[("/image", partial(2000))]);
    let options = [(OptionKind::Tsize, 0), (OptionKind::Windowsize, 4)];
    let oack = bench.ask(peer(1), &rrq("image", &options))[0].clone();
    assert_eq!(
        oack.bytes, b"\0\x06tsize\x002000\0windowsize\x004\0",
        "its size is known before its content"
    );
    assert_eq!(bench.ack(peer(1), oack.lane, 0), [], "nothing has arrived");
    assert_eq!(bench.engine.host.brought.len(), 1, "one errand at a time");
    assert_eq!(bench.engine.host.brought[0].1.start, 0);
    let sent = arrived(&mut bench, 1100);
    assert_eq!(blocks(&sent), [1, 2], "only full blocks");
    assert_eq!(bench.engine.host.brought[1].1.start, 1100);
    let sent = arrived(&mut bench, 2000);
    assert_eq!(blocks(&sent), [3, 4]);
    assert_eq!(sent[1].bytes.len(), 4 + 2000 - 3 * 512);
    bench.ack(peer(1), oack.lane, 4);
    assert_eq!(bench.engine.host.brought.len(), 2, "all of it is here");
    assert_eq!(bench.outcomes(), [Outcome::Complete]);
}

#[test]
fn a_part_that_cannot_be_had_ends_the_transfer_with_try_again() {
    let mut bench = Bench::new(&[("/image", partial(2000))]);
    let lane = bench.ask(peer(1), &rrq("image", &[(OptionKind::Tsize, 0)]))[0].lane;
    bench.ack(peer(1), lane, 0);
    arrived(&mut bench, 600);
    let (key, _) = bench.engine.host.brought[1];
    let result = Err(Refusal::origin().because("connection reset"));
    let sent = bench.message(Message::Arrived { key, result });
    assert_eq!(sent[0].error(), Some(0));
    let records = bench.records();
    assert_eq!(
        (records[0].outcome, records[0].detail.as_deref()),
        (Outcome::OriginError, Some("connection reset"))
    );
}

#[test]
fn what_comes_next_is_asked_for_long_before_it_is_needed() {
    const SIZE: u64 = 32 << 20;
    let mut bench = Bench::new(&[("/image", partial(SIZE))]);
    let options = [(OptionKind::Blksize, 1024), (OptionKind::Tsize, 0)];
    let lane = bench.ask(peer(1), &rrq("image", &options))[0].lane;
    bench.ack(peer(1), lane, 0);
    let first = bench.engine.host.brought[0].1.end;
    let mut sent = arrived(&mut bench, first);
    let mut served = 1;
    for block in 1..=(SIZE / 1024) as u16 {
        assert_eq!(blocks(&sent), [block], "lockstep never waits");
        let due = bench.engine.host.brought.len() > served;
        sent = bench.ack(peer(1), lane, block);
        if due {
            // It comes a block late.
            let range = bench.engine.host.brought[served].1.clone();
            served += 1;
            assert_eq!(arrived(&mut bench, range.end.min(SIZE)), []);
        }
    }
    assert_eq!(blocks(&sent), [(SIZE / 1024) as u16 + 1]);
    bench.ack(peer(1), lane, (SIZE / 1024) as u16 + 1);
    assert_eq!(bench.outcomes(), [Outcome::Complete]);
    assert!(served < 20, "{served} errands for 32 MiB");
}

#[test]
fn a_file_that_stops_to_fill_up_is_given_up_but_not_soon() {
    let mut bench = Bench::new(&[("/image", partial(2000))]);
    let lane = bench.ask(peer(1), &rrq("image", &[(OptionKind::Tsize, 0)]))[0].lane;
    bench.ack(peer(1), lane, 0);
    assert_eq!(bench.wait(Duration::from_secs(55)), []);
    let sent = bench.wait(Duration::from_secs(10));
    assert_eq!((sent.len(), sent[0].error()), (1, Some(0)));
    assert_eq!(bench.outcomes(), [Outcome::OriginError]);
}
