//! A receiver, call by call.

use bootwire_proto::{
    Ack, Agreed, Answer, Data, Instant, ReceiveFailure, Receiver, ReceiverStatus, Reception,
    Rollover, Schedule,
};

use crate::common::{ms, secs, windowed};

const FULL: &[u8] = &[7; 512];

fn block(number: u16) -> Data<'static> {
    Data {
        block: number,
        payload: FULL,
    }
}

fn last(number: u16) -> Data<'static> {
    Data {
        block: number,
        payload: b"end",
    }
}

fn acks(receiver: &mut Receiver, now: Instant) -> Option<u16> {
    receiver.poll(now, true).map(|answer| match answer {
        Answer::Ack(Ack {
            block,
            next_window: None,
        }) => block,
        other => panic!("{other:?}"),
    })
}

/// A server's receiver that has answered the request.
fn opened(agreed: &Agreed) -> (Receiver, Instant) {
    let mut receiver = Receiver::serve(Instant::ZERO, agreed, &Schedule::default(), 3);
    assert!(receiver.poll(Instant::ZERO, true).is_some());
    (receiver, Instant::ZERO + ms(10))
}

// spec: rfc1350-duplicate-data
#[test]
fn in_lockstep_each_repeat_of_the_last_block_is_acknowledged() {
    let (mut receiver, now) = opened(&Agreed::plain());
    receiver.on_data(now, block(1));
    assert_eq!(acks(&mut receiver, now), Some(1));
    receiver.on_data(now, block(2));
    assert_eq!(acks(&mut receiver, now), Some(2));
    for _ in 0..3 {
        assert_eq!(receiver.on_data(now, block(2)), Reception::Duplicate);
        assert_eq!(acks(&mut receiver, now), Some(2));
        assert_eq!(receiver.on_data(now, block(1)), Reception::Duplicate);
        assert_eq!(acks(&mut receiver, now), None, "an older one says nothing");
    }
    assert_eq!(receiver.received(), 1024);
    assert_eq!(receiver.counts().blocks_unused, 6);
}

// spec: rfc7440-ack-gap
#[test]
fn a_gap_is_reported_once_until_something_changes() {
    let (mut receiver, now) = opened(&windowed(512, 8));
    receiver.on_data(now, block(1));
    receiver.on_data(now, block(2));
    for number in 4..=8 {
        assert_eq!(receiver.on_data(now, block(number)), Reception::Gap);
    }
    assert_eq!(acks(&mut receiver, now), Some(2));
    for number in 4..=8 {
        receiver.on_data(now, block(number));
    }
    assert_eq!(acks(&mut receiver, now), None);
    receiver.on_data(now, block(3));
    receiver.on_data(now, block(5));
    assert_eq!(
        acks(&mut receiver, now),
        Some(3),
        "progress makes the next gap news"
    );
    let deadline = receiver.deadline().unwrap();
    receiver.on_time(deadline);
    assert_eq!(
        acks(&mut receiver, deadline),
        Some(3),
        "the timer asks again"
    );
}

// spec: rfc7440-ack-window
#[test]
fn a_gap_ack_starts_a_new_window() {
    let (mut receiver, now) = opened(&windowed(512, 4));
    receiver.on_data(now, block(1));
    receiver.on_data(now, block(3));
    assert_eq!(acks(&mut receiver, now), Some(1));
    for number in 2..=4 {
        receiver.on_data(now, block(number));
        assert_eq!(acks(&mut receiver, now), None);
    }
    receiver.on_data(now, block(5));
    assert_eq!(acks(&mut receiver, now), Some(5));
}

#[test]
fn a_doubled_block_of_a_running_window_is_no_reason_for_an_ack() {
    let (mut receiver, now) = opened(&windowed(512, 8));
    for number in 1..=7 {
        receiver.on_data(now, block(number));
        assert_eq!(receiver.on_data(now, block(number)), Reception::Duplicate);
        assert_eq!(acks(&mut receiver, now), None);
    }
    // The sender's timer is another matter.
    let later = now + ms(9);
    receiver.on_data(later, block(1));
    assert_eq!(acks(&mut receiver, later), Some(7));
    receiver.on_data(later, block(2));
    assert_eq!(acks(&mut receiver, later), None);
}

#[test]
fn a_window_that_comes_again_is_acknowledged_sparingly() {
    let (mut receiver, now) = opened(&windowed(512, 4));
    (1..=4).for_each(|number| {
        receiver.on_data(now, block(number));
    });
    assert_eq!(acks(&mut receiver, now), Some(4));
    receiver.on_data(now + ms(1), block(4));
    assert_eq!(
        acks(&mut receiver, now + ms(1)),
        None,
        "the network doubled it"
    );
    let later = now + ms(300);
    let answers: Vec<_> = (1..=4)
        .filter_map(|number| {
            receiver.on_data(later, block(number));
            acks(&mut receiver, later)
        })
        .collect();
    assert_eq!(answers, [4], "one for the whole window");
}

// spec: data-oversize
#[test]
fn a_block_longer_than_agreed_ends_it() {
    let (mut receiver, now) = opened(&Agreed::plain());
    let data = Data {
        block: 1,
        payload: &[0; 513],
    };
    assert_eq!(receiver.on_data(now, data), Reception::Oversize);
    assert_eq!(
        receiver.status(),
        ReceiverStatus::Failed(ReceiveFailure::Oversize)
    );
    assert_eq!(
        (receiver.poll(now, true), receiver.deadline()),
        (None, None)
    );
}

// spec: stored-before-last-ack, rfc1350-dally
#[test]
fn the_last_ack_waits_for_the_disk_and_is_repeated_for_a_while() {
    for agreed in [Agreed::plain(), windowed(512, 4)] {
        let (mut receiver, now) = opened(&agreed);
        let end = Reception::Accepted {
            offset: 0,
            last: true,
        };
        assert_eq!(receiver.on_data(now, last(1)), end);
        assert_eq!(receiver.status(), ReceiverStatus::Received);
        assert_eq!(receiver.on_data(now, last(1)), Reception::Duplicate);
        assert_eq!(
            (acks(&mut receiver, now), receiver.deadline()),
            (None, None)
        );
        let mut now = now + secs(30);
        receiver.confirm(now);
        assert_eq!(acks(&mut receiver, now), Some(1));
        assert_eq!(receiver.status(), ReceiverStatus::Lingering);
        let mut repeats = 0;
        for _ in 0..40 {
            now = now + ms(500);
            receiver.on_data(now, last(1));
            repeats += u32::from(acks(&mut receiver, now).is_some());
        }
        assert_eq!(repeats, 16, "bounded");
        receiver.on_time(now);
        assert_eq!(
            receiver.status(),
            ReceiverStatus::Complete,
            "12 s after the last repeat"
        );
    }
}

// spec: room-before-ack
#[test]
fn acks_that_bring_more_wait_for_room() {
    let (mut receiver, now) = opened(&windowed(512, 2));
    receiver.on_data(now, block(1));
    receiver.on_data(now, block(2));
    assert_eq!(receiver.poll(now, false), None);
    let mut later = now;
    for _ in 0..20 {
        later = receiver.deadline().unwrap().max(later + secs(10));
        receiver.on_time(later);
    }
    assert_eq!(
        receiver.status(),
        ReceiverStatus::Moving,
        "our own silence is not the peer's"
    );
    assert_eq!(receiver.counts().timeouts, 0);
    assert_eq!(acks(&mut receiver, later), Some(2));
    receiver.on_data(later, last(3));
    receiver.confirm(later);
    assert!(
        receiver.poll(later, false).is_some(),
        "the last ACK brings nothing more"
    );
}

// spec: rollover-refuse
#[test]
fn block_numbers_may_run_out() {
    let mut agreed = windowed(8, 64);
    agreed.rollover = Rollover::Refuse;
    let (mut receiver, now) = opened(&agreed);
    for number in 1..=65_535 {
        assert_eq!(receiver.status() == ReceiverStatus::Opening, number == 1);
        receiver.on_data(
            now,
            Data {
                block: number,
                payload: &[0; 8],
            },
        );
    }
    let failure = ReceiveFailure::BlockNumbersExhausted;
    assert_eq!(receiver.status(), ReceiverStatus::Failed(failure));
}

// spec: give-up
#[test]
fn a_silent_peer_is_asked_again_and_given_up_after_a_minute() {
    for agreed in [Agreed::plain(), windowed(512, 4)] {
        let (mut receiver, start) = opened(&agreed);
        receiver.on_data(start, block(1));
        let mut now = start;
        let mut answers = 0;
        while let Some(deadline) = receiver.deadline() {
            answers += u32::from(acks(&mut receiver, now).is_some());
            now = deadline;
            receiver.on_time(now);
        }
        let failure = ReceiveFailure::TimedOut { proven: true };
        assert_eq!(receiver.status(), ReceiverStatus::Failed(failure));
        assert!(now.since(start) >= secs(60) && now.since(start) < secs(69));
        assert!((10..30).contains(&answers), "{answers}");
    }
}

// spec: rfc2347-ack-zero
#[test]
fn an_oack_that_comes_again_gets_ack_0_again() {
    let agreed = windowed(512, 4);
    let mut receiver = Receiver::request(Instant::ZERO, &Schedule::default(), 3);
    assert_eq!(receiver.poll(Instant::ZERO, true), Some(Answer::Opening));
    let now = Instant::ZERO + ms(5);
    receiver.agree(now, &agreed);
    assert_eq!(acks(&mut receiver, now), Some(0));
    assert_eq!(acks(&mut receiver, now), None);
    receiver.agree(now + ms(5), &agreed);
    assert_eq!(acks(&mut receiver, now + ms(5)), Some(0));
    receiver.on_data(now + ms(6), block(1));
    receiver.agree(now + ms(7), &agreed);
    assert_eq!(acks(&mut receiver, now + ms(7)), None, "DATA moves");
    assert_eq!(receiver.round_trip(), Some(ms(5)));
}
