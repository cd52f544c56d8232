//! Looking at the transfers while they run.

use tokio::sync::oneshot::Receiver;

use super::super::survey::NOTED;
use super::*;
use crate::LivePhase;
use crate::server::live::{LiveTransfer, Sighting, Survey};

fn look(bench: &mut Bench, max: usize) -> Receiver<Vec<Sighting>> {
    let (survey, told) = Survey::new(max);
    bench
        .engine
        .on_message(bench.now, Message::Look(Box::new(survey)));
    told
}

fn seen(mut told: Receiver<Vec<Sighting>>) -> Vec<LiveTransfer> {
    let seen = told.try_recv().expect("it is done");
    seen.into_iter().map(LiveTransfer::from).collect()
}

#[test]
fn five_thousand_transfers_are_seen_whole_a_few_in_each_round() {
    const COUNT: u16 = 5000;
    let mut bench = Bench::with(&[("/later", Script::Later)], |_| {}, places(10_000));
    for number in 0..COUNT {
        bench.ask(peer(10_000 + number), &rrq("later", &[]));
    }
    let told = look(&mut bench, 10_000);
    let noted = |bench: &Bench| bench.engine.survey.as_ref().map(|survey| survey.seen.len());
    let (mut before, mut rounds) = (0, 0);
    while bench.engine.has_work() {
        bench.round();
        rounds += 1;
        if let Some(now) = noted(&bench) {
            assert!(now - before <= NOTED, "{} in one round", now - before);
            before = now;
        }
    }
    assert_eq!(
        rounds,
        usize::from(COUNT).div_ceil(NOTED),
        "and no more rounds"
    );
    let mut seen = seen(told);
    seen.sort_by_key(|transfer| transfer.id);
    let ids: Vec<u64> = seen.iter().map(|transfer| transfer.id).collect();
    assert!(
        ids.iter().copied().eq(1..=u64::from(COUNT)),
        "each of them, once"
    );
    assert!(
        seen.iter()
            .all(|transfer| transfer.phase == LivePhase::Handler)
    );
}

#[test]
fn a_transfer_is_seen_as_it_stands() {
    let content: &[u8] = &[7; 512 * 4];
    let mut bench = Bench::new(&[("/a", Script::AtHand(content))]);
    let lane = bench.ask(peer(2001), &rrq("a", &[(OptionKind::Blksize, 512)]))[0].lane;
    for block in 0..=2 {
        bench.now = bench.now + Duration::from_millis(10);
        bench.ack(peer(2001), lane, block);
    }
    bench.now = bench.now + Duration::from_millis(3);
    let told = look(&mut bench, 10);
    bench.rounds();
    let [transfer] = &seen(told)[..] else {
        panic!("one runs")
    };
    assert_eq!((transfer.id, transfer.op), (1, Op::Read));
    assert_eq!(transfer.peer, peer(2001));
    assert_eq!(transfer.path, "/a");
    assert_eq!(transfer.phase, LivePhase::Client);
    assert_eq!((transfer.bytes, transfer.size), (1024, Some(2048)));
    assert_eq!(transfer.duration, Duration::from_millis(33));
    assert_eq!(transfer.idle, Duration::from_millis(3));
    assert_eq!(transfer.round_trip, Some(Duration::from_millis(10)));
    let text = serde_json::to_string(transfer).unwrap();
    assert_eq!(
        serde_json::from_str::<LiveTransfer>(&text).unwrap(),
        *transfer
    );
}

#[test]
fn what_has_ended_is_not_seen_and_no_more_than_asked_for() {
    let scripts = [
        ("/later", Script::Later),
        ("/no", Script::Refuse(Refusal::denied())),
    ];
    let mut bench = Bench::with(&scripts, |_| {}, places(100));
    for number in 0..40 {
        bench.ask(peer(2000 + number), &rrq("later", &[]));
        bench.ask(peer(3000 + number), &rrq("no", &[]));
    }
    let told = look(&mut bench, 100);
    bench.rounds();
    assert_eq!(seen(told).len(), 40);
    let told = look(&mut bench, 7);
    bench.rounds();
    assert_eq!(seen(told).len(), 7);
    let told = look(&mut bench, 0);
    bench.rounds();
    assert_eq!(seen(told).len(), 0);
}

#[test]
fn nobody_asking_costs_nothing_and_an_asker_who_has_gone_no_more() {
    let mut bench = Bench::with(&[("/later", Script::Later)], |_| {}, places(1000));
    for number in 0..500 {
        bench.ask(peer(2000 + number), &rrq("later", &[]));
    }
    assert!(!bench.engine.has_work());
    let told = look(&mut bench, 1000);
    bench.round();
    assert!(bench.engine.has_work());
    drop(told);
    bench.round();
    assert!(!bench.engine.has_work());
}
