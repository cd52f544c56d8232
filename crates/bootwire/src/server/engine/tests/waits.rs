//! Whom transfers wait for.

use super::*;
use crate::{Limit, Waits};

static BLOCKS: [u8; 512 * 40] = [7; 512 * 40];

fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

impl Bench {
    /// The record of the one transfer there was, whose parts make the whole.
    fn waited(&self) -> (Waits, TransferRecord) {
        let record = self.records().pop().unwrap();
        assert_eq!(self.records().len(), 1);
        assert_eq!(record.waits.total(), record.duration);
        assert_eq!(record.limited_by, record.waits.longest());
        (record.waits, record)
    }

    /// The client acknowledges these blocks, each so long after it was sent.
    fn takes(&mut self, lane: u16, blocks: std::ops::RangeInclusive<u16>, each: Duration) {
        for block in blocks {
            self.now = self.now + each;
            self.ack(peer(2001), lane, block);
        }
    }
}

#[test]
fn a_slow_client_holds_itself_up() {
    let mut bench = Bench::new(&[("/a", Script::AtHand(&BLOCKS))]);
    let lane = bench.ask(peer(2001), &rrq("a", &[]))[0].lane;
    bench.takes(lane, 1..=41, Duration::from_micros(1900));
    let (waits, record) = bench.waited();
    assert_eq!(record.limited_by, Some(Limit::Client));
    assert_eq!(waits.client, record.duration);
    assert_eq!(record.client_per_block(), Some(Duration::from_micros(1900)));
    assert_eq!(record.server_per_block(), Some(Duration::ZERO));
    assert_eq!(record.round_trip_min, Some(Duration::from_micros(1900)));
}

#[test]
fn a_client_slower_than_the_timer_is_no_loss() {
    let mut bench = Bench::new(&[("/a", Script::AtHand(&BLOCKS))]);
    let lane = bench.ask(peer(2001), &rrq("a", &[]))[0].lane;
    bench.takes(lane, 1..=4, millis(900));
    for block in 5..=41 {
        // Its answer comes just after the block was sent again.
        let again = bench.wait(millis(1150));
        bench.ack(peer(2001), lane, block);
        assert!(again.iter().all(|sent| sent.block() == Some(block)));
    }
    let (waits, record) = bench.waited();
    assert_eq!(record.limited_by, Some(Limit::Client), "{waits:?}");
}

#[test]
fn lost_packets_hold_a_transfer_up() {
    let mut bench = Bench::new(&[("/a", Script::AtHand(&BLOCKS))]);
    let lane = bench.ask(peer(2001), &rrq("a", &[]))[0].lane;
    bench.takes(lane, 1..=20, millis(10));
    // Block 21 is lost, and comes when it is sent again.
    let again = bench.wait(millis(1200));
    assert_eq!(again[0].block(), Some(21));
    bench.takes(lane, 21..=41, millis(10));
    let (waits, record) = bench.waited();
    assert_eq!(record.limited_by, Some(Limit::Network));
    assert_eq!(waits.client, millis(400));
    assert_eq!(waits.network, millis(1210));
}

#[test]
fn a_gap_in_a_window_holds_it_up_until_it_is_filled() {
    let mut bench = Bench::new(&[("/a", Script::AtHand(&BLOCKS))]);
    let options = [(OptionKind::Windowsize, 8)];
    let lane = bench.ask(peer(2001), &rrq("a", &options))[0].lane;
    bench.takes(lane, 0..=0, millis(10));
    bench.takes(lane, 8..=8, millis(10));
    // Of the next window blocks 11 to 16 are lost, and then none.
    bench.takes(lane, 10..=10, millis(10));
    for block in [18, 26, 34, 41] {
        bench.takes(lane, block..=block, millis(10));
    }
    let (waits, record) = bench.waited();
    assert_eq!(record.outcome, Outcome::Complete);
    assert_eq!((record.gaps, record.timeouts), (1, 0));
    assert_eq!(waits.network, millis(10));
    assert_eq!(record.granted, [("windowsize".to_owned(), "8".to_owned())]);
}

#[test]
fn a_client_that_falls_silent_is_not_taken_for_loss() {
    let mut bench = Bench::new(&[("/a", Script::AtHand(&BLOCKS))]);
    let lane = bench.ask(peer(2001), &rrq("a", &[]))[0].lane;
    bench.takes(lane, 1..=4, millis(10));
    bench.wait(Duration::from_secs(200));
    let (waits, record) = bench.waited();
    assert_eq!(record.outcome, Outcome::Timeout);
    assert_eq!(
        (waits.network, waits.client),
        (Duration::ZERO, record.duration)
    );
}

#[test]
fn a_slow_handler_and_a_slow_source_are_the_content() {
    let mut bench = Bench::new(&[("/later", Script::Later)]);
    bench.ask(peer(2001), &rrq("later", &[]));
    let key = bench.engine.host.calls[0].0;
    bench.now = bench.now + millis(300);
    let lane = bench.message(Message::Answered {
        key,
        result: Ok(Reply::source(Nothing).answered_by("slow").into()),
    });
    assert_eq!(lane, [], "nothing is there yet");
    for block in 1..=10 {
        bench.now = bench.now + millis(100);
        let piece = Arrival::Piece(Bytes::from_static(&BLOCKS[..512]));
        let sent = bench.message(Message::Arrived {
            key,
            result: Ok(piece),
        });
        assert_eq!(sent[0].block(), Some(block));
        bench.now = bench.now + millis(10);
        bench.ack(peer(2001), sent[0].lane, block);
    }
    bench.now = bench.now + millis(100);
    let sent = bench.message(Message::Arrived {
        key,
        result: Ok(Arrival::End),
    });
    bench.now = bench.now + millis(10);
    bench.ack(peer(2001), sent[0].lane, 11);
    let (waits, record) = bench.waited();
    assert_eq!(record.limited_by, Some(Limit::Content));
    assert_eq!(waits.content, millis(300 + 11 * 100));
    assert_eq!(waits.client, millis(11 * 10));
    assert_eq!(record.handler_time, millis(300));
    assert_eq!(record.answer.as_deref(), Some("slow"));
}

#[test]
fn a_busy_server_holds_its_clients_up() {
    let mut bench = Bench::new(&[("/a", Script::AtHand(&BLOCKS))]);
    let lane = bench.ask(peer(2001), &rrq("a", &[]))[0].lane;
    for block in 1..=41_u16 {
        bench.now = bench.now + millis(1);
        let [high, low] = block.to_be_bytes();
        let ack = [0, 4, high, low];
        bench
            .engine
            .on_lane(bench.now, lane, 0, &from(peer(2001), &ack));
        // Others have their turn first.
        bench.now = bench.now + millis(5);
        bench.rounds();
    }
    let (waits, record) = bench.waited();
    assert_eq!(record.limited_by, Some(Limit::Server));
    assert_eq!((waits.client, waits.server), (millis(41), millis(40 * 5)));
}

#[test]
fn a_socket_that_takes_nothing_is_the_server_s() {
    let mut bench = Bench::new(&[("/a", Script::AtHand(&BLOCKS[..100]))]);
    let (mut planned, mut small) = (Vec::new(), Vec::new());
    let request = rrq("a", &[]);
    bench.engine.on_listener(
        bench.now,
        LISTENER,
        &from(peer(2001), &request),
        &mut bench.lanes,
    );
    bench.engine.plan(bench.now, &mut planned, &mut small);
    bench.engine.unsent(&planned[0], 0);
    bench.now = bench.now + millis(50);
    bench.engine.retry(planned[0].index);
    let sent = bench.rounds();
    bench.takes(sent[0].lane, 1..=1, millis(10));
    let (waits, _) = bench.waited();
    assert_eq!((waits.server, waits.client), (millis(50), millis(10)));
}

#[test]
fn an_upload_waits_for_its_client_and_for_the_disk() {
    let mut bench = Bench::new(&[("/up", Script::Take(None))]);
    let lane = bench.ask(peer(2001), &wrq("up", &[]))[0].lane;
    let key = bench.engine.host.stored[0];
    bench.now = bench.now + millis(30);
    bench.packet(peer(2001), lane, &[0, 3, 0, 1, b'x']);
    bench.now = bench.now + millis(70);
    bench.message(Message::StoreEnded {
        key,
        result: Ok(()),
    });
    let (waits, record) = bench.waited();
    assert_eq!((waits.client, waits.content), (millis(30), millis(70)));
    assert_eq!(record.limited_by, Some(Limit::Content));
}

#[test]
fn a_refusal_has_no_limit_and_says_who_refused() {
    let refusal = Refusal::not_found().answered_by("dir").machine("web1");
    let mut bench = Bench::new(&[("/a", Script::Refuse(refusal))]);
    bench.ask(peer(2001), &rrq("a", &[]));
    let record = bench.records().pop().unwrap();
    assert_eq!((record.limited_by, record.waits), (None, Waits::default()));
    assert_eq!(record.answer.as_deref(), Some("dir"));
    assert_eq!(record.machine.as_deref(), Some("web1"));
}

#[test]
fn a_trace_context_is_taken_off_where_that_is_asked_for() {
    const TRACE: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    for on in [true, false] {
        let script = [("/a", Script::AtHand(&BLOCKS[..10]))];
        let mut bench = Bench::with(&script, |config| config.traceparent = on, places(10));
        let name = format!("a-{TRACE}");
        let sent = bench.ask(peer(2001), &rrq(&name, &[]));
        if on {
            bench.ack(peer(2001), sent[0].lane, 1);
        }
        let record = bench.records().pop().unwrap();
        assert_eq!(record.filename, name.as_bytes());
        if on {
            assert_eq!(record.path, "/a");
            assert_eq!(record.traceparent.as_deref(), Some(TRACE));
            assert_eq!(record.outcome, Outcome::Complete);
        } else {
            assert_eq!(record.path, format!("/{name}"));
            assert_eq!(record.traceparent, None);
        }
    }
}
