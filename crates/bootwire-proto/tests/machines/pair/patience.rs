//! What a sender does while nothing new comes.

use bootwire_proto::{
    Ack, Agreed, Available, Instant, Schedule, SendFailure, Sender, SenderStatus,
};

use crate::common::{ms, secs, windowed};

const MUCH: Available = Available {
    upto: 1_000_000,
    end: true,
};

/// A sender whose first window is on its way.
fn moving(agreed: &Agreed) -> (Sender, Instant) {
    let mut sender = Sender::serve(Instant::ZERO, agreed, &Schedule::default(), 9);
    sender.poll(Instant::ZERO, MUCH, 64);
    let now = Instant::ZERO + ms(2);
    let block = u16::from(!agreed.has_oack());
    sender.on_ack(
        now,
        Ack {
            block,
            next_window: None,
        },
    );
    while sender.poll(now, MUCH, 64).is_some() {}
    (sender, now)
}

// spec: give-up
#[test]
fn a_peer_that_repeats_itself_lives_but_not_for_ever() {
    let (mut sender, start) = moving(&windowed(512, 1));
    let mut now = start;
    while sender.status() == SenderStatus::Moving {
        now = now + secs(10);
        sender.on_ack(
            now,
            Ack {
                block: 0,
                next_window: None,
            },
        );
        sender.on_time(now);
        while sender.poll(now, MUCH, 64).is_some() {}
        assert!(now.since(start) <= secs(620));
    }
    assert!(now.since(start) >= secs(600));
    let failure = SendFailure::TimedOut { proven: true };
    assert_eq!(sender.status(), SenderStatus::Failed(failure));
}

// spec: rfc6298-backoff, no-stand-off, rfc2349-timeout-floor
#[test]
fn resends_are_at_least_the_timeout_and_at_most_the_ceiling_apart() {
    for (timeout, floor, ceiling) in [
        (None, secs(1), secs(8)),
        (Some(ms(10)), ms(10), secs(8)),
        (Some(secs(2)), secs(2), secs(8)),
        (Some(secs(20)), secs(20), secs(32)),
        (Some(secs(255)), secs(255), secs(408)),
    ] {
        let mut agreed = windowed(512, 1);
        agreed.timeout = timeout;
        let (mut sender, start) = moving(&agreed);
        let (mut last, mut resends) = (start, 0);
        while let Some(deadline) = sender.deadline() {
            sender.on_time(deadline);
            if sender.poll(deadline, MUCH, 64).is_some() {
                resends += 1;
                let gap = deadline.since(last);
                assert!(gap >= floor && gap <= ceiling, "{timeout:?}: {gap:?}");
                last = deadline;
            }
        }
        let end = secs(60).max(2 * timeout.unwrap_or_default());
        assert!(last.since(start) + ceiling >= end);
        assert!((1..45).contains(&resends), "{resends}");
    }
}

// spec: rfc2349-there-after-timeout
#[test]
fn a_peer_may_be_silent_for_the_timeout_it_was_granted() {
    for timeout in [1, 30, 100, 255] {
        let mut agreed = windowed(512, 1);
        agreed.timeout = Some(secs(timeout));
        let (mut sender, start) = moving(&agreed);
        let pause = start + secs(timeout) + secs(1);
        while let Some(deadline) = sender.deadline()
            && deadline < pause
        {
            sender.on_time(deadline);
            while sender.poll(deadline, MUCH, 64).is_some() {}
        }
        let next_window = None;
        sender.on_ack(
            pause,
            Ack {
                block: 1,
                next_window,
            },
        );
        assert!(sender.poll(pause, MUCH, 64).is_some(), "{timeout}");
    }
}

/// atftp and tftp-hpa: a block that comes again is ignored, and starts their own timer anew. Only
/// when that has run out they repeat the ACK that was lost.
// spec: rfc6298-backoff, no-stand-off
#[test]
fn a_client_that_ignores_repeats_gets_its_turn() {
    for timeout in [None, Some(secs(1)), Some(secs(5))] {
        let mut agreed = windowed(512, 1);
        agreed.timeout = timeout;
        let (mut sender, start) = moving(&agreed);
        let mut heard = start;
        let turn = loop {
            let resend = sender.deadline().expect("not given up");
            if resend.since(heard) > secs(5) {
                break heard + secs(5);
            }
            sender.on_time(resend);
            if sender.poll(resend, MUCH, 64).is_some() {
                heard = resend;
            }
        };
        assert!(turn.since(start) <= secs(20), "{:?}", turn.since(start));
    }
}

#[test]
fn early_calls_do_nothing() {
    let (mut sender, now) = moving(&windowed(512, 4));
    let deadline = sender.deadline();
    sender.on_time(now + ms(1));
    assert_eq!(sender.deadline(), deadline);
    assert_eq!(sender.counts().timeouts, 0);
    assert_eq!(sender.poll(now + ms(1), MUCH, 64), None);
}

#[test]
fn transfers_that_began_together_do_not_resend_together() {
    let mut distinct: Vec<_> = (0..50)
        .map(|seed| {
            let agreed = windowed(512, 1);
            let mut sender = Sender::serve(Instant::ZERO, &agreed, &Schedule::default(), seed);
            sender.poll(Instant::ZERO, MUCH, 1);
            sender.deadline()
        })
        .collect();
    distinct.sort_unstable();
    distinct.dedup();
    assert!(distinct.len() > 35, "{}", distinct.len());
}

// spec: give-up, rfc1350-last-ack
#[test]
fn a_client_that_is_slow_in_its_last_window_still_gets_it() {
    let content = Available {
        upto: 512 * 5,
        end: true,
    };
    let mut sender = Sender::serve(Instant::ZERO, &windowed(512, 8), &Schedule::default(), 9);
    sender.poll(Instant::ZERO, content, 64);
    let ack = |block| Ack {
        block,
        next_window: None,
    };
    let mut now = Instant::ZERO + ms(2);
    sender.on_ack(now, ack(0));
    while sender.poll(now, content, 64).is_some() {}
    while now < Instant::ZERO + secs(40) {
        now = sender.deadline().expect("it is still waited for");
        sender.on_time(now);
        while sender.poll(now, content, 64).is_some() {}
    }
    sender.on_ack(now, ack(2));
    assert!(sender.poll(now, content, 64).is_some(), "the rest is sent");
    sender.on_ack(now + ms(1), ack(6));
    assert_eq!(sender.status(), SenderStatus::Complete { acked: true });
}

/// The last block does not reach it, or it does not take it: it acknowledges the one before for as
/// long as it has patience.
// spec: rfc1350-last-ack
#[test]
fn a_peer_that_goes_on_to_ask_for_the_last_block_has_not_got_it() {
    let two_blocks = Available {
        upto: 600,
        end: true,
    };
    for (asks, outcome) in [
        (0, SenderStatus::Complete { acked: false }),
        (1, SenderStatus::Complete { acked: false }),
        (
            8,
            SenderStatus::Failed(SendFailure::TimedOut { proven: true }),
        ),
    ] {
        let ack = |block| Ack {
            block,
            next_window: None,
        };
        let agreed = windowed(512, 1);
        let mut sender = Sender::serve(Instant::ZERO, &agreed, &Schedule::default(), 9);
        sender.poll(Instant::ZERO, two_blocks, 1);
        let mut now = Instant::ZERO + ms(2);
        for block in [0, 1] {
            sender.on_ack(now, ack(block));
            sender.poll(now, two_blocks, 1);
        }
        assert!(sender.lacks_only_last_ack());
        let mut asked = 0;
        while let Some(deadline) = sender.deadline() {
            now = deadline;
            sender.on_time(now);
            if sender.poll(now, two_blocks, 1).is_some() && asked < asks {
                asked += 1;
                now = now + ms(2);
                sender.on_ack(now, ack(1));
            }
        }
        assert_eq!(sender.status(), outcome, "{asks} repeated ACKs");
    }
}
