//! A sender, call by call.

use bootwire_proto::{
    Ack, Agreed, Available, Evidence, Instant, Rollover, Run, Schedule, SendFailure, Sender,
    SenderStatus, Transmit,
};

use crate::common::{ms, secs, windowed};

const ALL: Available = Available {
    upto: 100_000,
    end: true,
};

fn ack(block: u16) -> Ack {
    Ack {
        block,
        next_window: None,
    }
}

/// A sender past its opening.
fn opened(agreed: &Agreed) -> (Sender, Instant) {
    let mut sender = Sender::serve(Instant::ZERO, agreed, &Schedule::default(), 9);
    assert_eq!(sender.poll(Instant::ZERO, ALL, 64), Some(Transmit::Opening));
    sender.on_ack(Instant::ZERO + ms(10), ack(0));
    (sender, Instant::ZERO + ms(10))
}

fn data(sender: &mut Sender, now: Instant, available: Available) -> Option<Run> {
    match sender.poll(now, available, 64) {
        Some(Transmit::Data(run)) => Some(run),
        other => {
            assert_eq!(other, None);
            None
        }
    }
}

fn blocks(run: Option<Run>) -> (u64, u64) {
    run.map_or((0, 0), |run| (run.first, run.last()))
}

// spec: rfc1123-apprentice
#[test]
fn a_duplicate_ack_in_lockstep_changes_nothing() {
    let (mut sender, mut now) = opened(&windowed(512, 1));
    assert_eq!(blocks(data(&mut sender, now, ALL)), (1, 1));
    now = now + ms(10);
    sender.on_ack(now, ack(1));
    assert_eq!(blocks(data(&mut sender, now, ALL)), (2, 2));
    let deadline = sender.deadline();
    for _ in 0..1000 {
        sender.on_ack(now + ms(9), ack(1));
        assert_eq!(data(&mut sender, now + ms(9), ALL), None);
    }
    assert_eq!(sender.deadline(), deadline, "the timer runs on");
    assert_eq!(sender.counts().duplicate_acks, 1000);
}

// spec: repeated-ack, rfc1123-apprentice
#[test]
fn an_ack_repeated_after_two_timeouts_gets_the_block_at_once_in_lockstep() {
    let (mut sender, start) = opened(&windowed(512, 1));
    assert_eq!(blocks(data(&mut sender, start, ALL)), (1, 1));
    let mut now = start;
    for timeouts in 1..=6 {
        now = sender.deadline().unwrap();
        sender.on_time(now);
        assert_eq!(blocks(data(&mut sender, now, ALL)), (1, 1));
        sender.on_ack(now + ms(5), ack(0));
        assert_eq!(data(&mut sender, now + ms(5), ALL), None, "an echo");
        let asked = now + ms(40);
        sender.on_ack(asked, ack(0));
        let sent = data(&mut sender, asked, ALL).is_some();
        assert_eq!(sent, timeouts >= 2, "after {timeouts} timeouts");
        for again in [80, 120] {
            sender.on_ack(now + ms(again), ack(0));
            assert_eq!(data(&mut sender, now + ms(again), ALL), None, "once");
        }
    }
    sender.on_ack(now + ms(130), ack(1));
    assert_eq!(blocks(data(&mut sender, now + ms(130), ALL)), (2, 2));
}

// spec: window-apprentice
#[test]
fn a_duplicate_ack_in_a_window_goes_back_once_and_not_too_soon() {
    let (mut sender, start) = opened(&windowed(512, 16));
    assert_eq!(blocks(data(&mut sender, start, ALL)), (1, 16));
    sender.on_ack(start + ms(7), ack(0));
    assert_eq!(
        data(&mut sender, start + ms(7), ALL),
        None,
        "sooner than 3/4 of a round trip"
    );
    sender.on_ack(start + ms(8), ack(0));
    assert_eq!(blocks(data(&mut sender, start + ms(8), ALL)), (1, 16));
    sender.on_ack(start + ms(17), ack(0));
    assert_eq!(
        data(&mut sender, start + ms(17), ALL),
        None,
        "once for each number"
    );
    let deadline = sender.deadline().unwrap();
    sender.on_time(deadline);
    assert_eq!(blocks(data(&mut sender, deadline, ALL)), (1, 16));
    for (after, answer) in [(9, Some((1, 16))), (18, None), (27, None)] {
        let now = deadline + ms(after);
        sender.on_ack(now, ack(0));
        let sent = data(&mut sender, now, ALL).map(|run| blocks(Some(run)));
        assert_eq!(sent, answer, "and once more after each timeout");
    }
}

// spec: window-probe
#[test]
fn a_silent_window_is_asked_for_with_one_block_then_with_all_then_with_less() {
    let (mut sender, start) = opened(&windowed(512, 16));
    data(&mut sender, start, ALL);
    sender.on_ack(start + ms(2), ack(16));
    assert_eq!(blocks(data(&mut sender, start + ms(2), ALL)), (17, 32));
    let mut last = start + ms(2);
    for (resent, floor) in [((32, 32), 200), ((17, 32), 400), ((17, 24), 800)] {
        let deadline = sender.deadline().unwrap();
        assert!(
            deadline.since(last) >= ms(floor),
            "{:?}",
            deadline.since(last)
        );
        sender.on_time(deadline);
        assert_eq!(blocks(data(&mut sender, deadline, ALL)), resent);
        assert_eq!(data(&mut sender, deadline, ALL), None);
        last = deadline;
    }
}

// spec: never-against-silence
#[test]
fn a_client_silent_since_ack_0_gets_no_second_window() {
    let (mut sender, start) = opened(&windowed(512, 32));
    assert_eq!(blocks(data(&mut sender, start, ALL)), (1, 32));
    let (mut now, mut blocks) = (start, 0);
    while now.since(start) < secs(30) {
        now = sender.deadline().unwrap();
        sender.on_time(now);
        while let Some(run) = data(&mut sender, now, ALL) {
            assert_eq!(run.blocks, 1);
            blocks += 1;
        }
    }
    assert!(blocks <= 8, "{blocks}");
}

// spec: repeated-ack, polite-until-proven
#[test]
fn a_client_that_asks_itself_gets_its_block_at_once_and_shows_that_packets_get_lost() {
    let (mut sender, start) = opened(&windowed(512, 1));
    data(&mut sender, start, ALL);
    sender.on_ack(start + ms(2), ack(1));
    assert_eq!(blocks(data(&mut sender, start + ms(2), ALL)), (2, 2));
    sender.on_ack(start + ms(20), ack(1));
    assert_eq!(data(&mut sender, start + ms(20), ALL), None, "an echo");
    sender.on_ack(start + ms(100), ack(1));
    assert_eq!(blocks(data(&mut sender, start + ms(100), ALL)), (2, 2));
    sender.on_ack(start + ms(200), ack(1));
    assert_eq!(data(&mut sender, start + ms(200), ALL), None, "once");
    sender.on_ack(start + ms(202), ack(2));
    assert_eq!(blocks(data(&mut sender, start + ms(202), ALL)), (3, 3));
    assert_eq!(sender.evidence(), None, "a second ACK may come");
    sender.on_ack(start + ms(204), ack(3));
    assert_eq!(sender.evidence(), Some(Evidence::Loss));
}

// spec: polite-until-proven
#[test]
fn a_second_ack_of_a_block_sent_twice_is_no_evidence_of_loss() {
    for (second, evidence) in [(true, None), (false, Some(Evidence::Loss))] {
        let (mut sender, start) = opened(&windowed(512, 1));
        data(&mut sender, start, ALL);
        let deadline = sender.deadline().unwrap();
        sender.on_time(deadline);
        assert_eq!(blocks(data(&mut sender, deadline, ALL)), (1, 1));
        let now = deadline + ms(20);
        sender.on_ack(now, ack(1));
        data(&mut sender, now, ALL);
        if second {
            sender.on_ack(now, ack(1));
        }
        sender.on_ack(now + ms(10), ack(2));
        assert_eq!(sender.evidence(), evidence);
    }
}

// spec: evidence-remembered
#[test]
fn a_sender_that_knows_its_peer_s_network_is_quick_from_the_start() {
    let schedule = Schedule::default();
    let agreed = windowed(512, 1);
    let mut sender = Sender::serve(Instant::ZERO, &agreed, &schedule, 1);
    sender.recall(Evidence::Loss, &schedule);
    sender.poll(Instant::ZERO, ALL, 1);
    let deadline = sender.deadline().unwrap();
    assert!((250..=275).contains(&(deadline.as_micros() / 1000)));
}

// spec: resend-min
#[test]
fn nothing_is_sent_again_before_the_least_time() {
    let schedule = Schedule {
        resend_min: Some(secs(3)),
        ..Schedule::default()
    };
    for window in [1, 16] {
        let agreed = windowed(512, window);
        let mut sender = Sender::serve(Instant::ZERO, &agreed, &schedule, 1);
        sender.recall(Evidence::Loss, &schedule);
        sender.poll(Instant::ZERO, ALL, 1);
        assert!(sender.deadline() >= Some(Instant::ZERO + secs(1)));
        let now = Instant::ZERO + ms(10);
        sender.on_ack(now, ack(0));
        data(&mut sender, now, ALL);
        sender.on_ack(now + ms(10), ack(window));
        data(&mut sender, now + ms(10), ALL);
        assert!(sender.deadline() >= Some(now + ms(10) + secs(3)));
    }
}

// spec: stray-ack
#[test]
fn acks_of_what_is_not_on_its_way_change_nothing() {
    let (mut sender, now) = opened(&windowed(512, 4));
    data(&mut sender, now, ALL);
    sender.on_ack(now + ms(10), ack(4));
    data(&mut sender, now + ms(10), ALL);
    for number in [0, 1, 2, 3, 9, 10, 1000, 65_535] {
        sender.on_ack(now + ms(20), ack(number));
        assert_eq!(sender.acked(), 4 * 512, "ACK {number}");
        assert_eq!(data(&mut sender, now + ms(20), ALL), None);
    }
    assert_eq!(sender.counts().duplicate_acks, 8);
}

// spec: rfc7440-go-back
#[test]
fn an_ack_from_the_middle_goes_back_to_the_gap_only() {
    let (mut sender, now) = opened(&windowed(512, 16));
    data(&mut sender, now, ALL);
    sender.on_ack(now + ms(10), ack(5));
    let run = data(&mut sender, now + ms(10), ALL).unwrap();
    assert_eq!((run.first, run.last(), run.resend), (6, 16, true));
    let run = data(&mut sender, now + ms(10), ALL).unwrap();
    assert_eq!((run.first, run.last(), run.resend), (17, 21, false));
    assert_eq!(sender.counts().blocks_resent, 11);
}

#[test]
fn an_ack_that_comes_before_the_window_is_out_moves_it_on() {
    let (mut sender, now) = opened(&windowed(512, 16));
    assert!(matches!(sender.poll(now, ALL, 6), Some(Transmit::Data(run)) if run.blocks == 6));
    sender.on_ack(now + ms(1), ack(6));
    assert_eq!(blocks(data(&mut sender, now + ms(1), ALL)), (7, 22));
    assert_eq!(sender.counts().blocks_resent, 0);
}

// spec: msftwindow-next
#[test]
fn with_msftwindow_the_ack_sizes_the_next_window() {
    let mut agreed = windowed(512, 4);
    agreed.msftwindow = true;
    agreed.windowsize_max = 32;
    let mut sender = Sender::serve(Instant::ZERO, &agreed, &Schedule::default(), 9);
    sender.poll(Instant::ZERO, ALL, 64);
    let mut now = Instant::ZERO;
    let mut base = 0;
    for (asked, granted) in [
        (None, 4),
        (Some(8), 8),
        (Some(0), 8),
        (Some(255), 32),
        (Some(1), 1),
        (None, 1),
    ] {
        now = now + ms(10);
        sender.on_ack(
            now,
            Ack {
                block: base,
                next_window: asked,
            },
        );
        let run = data(&mut sender, now, ALL).unwrap();
        assert_eq!(run.blocks, granted, "{asked:?}");
        base += granted;
    }
    // Without the option the byte means nothing.
    let (mut sender, now) = opened(&windowed(512, 4));
    data(&mut sender, now, ALL);
    sender.on_ack(
        now,
        Ack {
            block: 4,
            next_window: Some(9),
        },
    );
    assert_eq!(data(&mut sender, now, ALL).unwrap().blocks, 4);
}

// spec: rollover-refuse
#[test]
fn block_numbers_may_run_out() {
    let mut agreed = windowed(8, 64);
    agreed.rollover = Rollover::Refuse;
    let (mut sender, mut now) = opened(&agreed);
    let available = Available {
        upto: 8 * 65_536,
        end: true,
    };
    while sender.status() == SenderStatus::Moving {
        while let Some(run) = data(&mut sender, now, available) {
            assert!(run.last() <= 65_535);
            now = now + ms(1);
            sender.on_ack(now, ack(u16::try_from(run.last()).unwrap()));
        }
    }
    assert_eq!(
        sender.status(),
        SenderStatus::Failed(SendFailure::BlockNumbersExhausted)
    );
    assert_eq!(sender.counts().blocks_sent, 65_535);

    // One block less fits.
    let (mut sender, now) = opened(&agreed);
    let available = Available {
        upto: 8 * 65_535 - 1,
        end: true,
    };
    while let Some(run) = data(&mut sender, now, available) {
        sender.on_ack(now, ack(u16::try_from(run.last()).unwrap()));
    }
    assert_eq!(sender.status(), SenderStatus::Complete { acked: true });
}

// spec: rfc1350-last-block
#[test]
fn a_stream_may_end_late() {
    let (mut sender, now) = opened(&windowed(512, 4));
    let so_far = |upto| Available { upto, end: false };
    assert_eq!(data(&mut sender, now, so_far(0)), None);
    assert_eq!(sender.deadline(), None, "nothing is on its way");
    assert_eq!(
        data(&mut sender, now, so_far(511)),
        None,
        "half a block may yet grow"
    );
    assert_eq!(blocks(data(&mut sender, now, so_far(1024))), (1, 2));
    assert!(
        sender.deadline() >= Some(now + secs(1)),
        "no hurry while the window is not full"
    );
    assert_eq!(data(&mut sender, now, so_far(1024)), None);
    let run = data(
        &mut sender,
        now,
        Available {
            upto: 1024,
            end: true,
        },
    )
    .unwrap();
    assert_eq!(
        (run.first, run.last_len, run.end),
        (3, 0, true),
        "an empty block ends it"
    );
    assert_eq!(sender.acked(), 0);
    sender.on_ack(now + ms(1), ack(3));
    assert_eq!(sender.status(), SenderStatus::Complete { acked: true });
    assert_eq!((sender.acked(), sender.deadline()), (1024, None));
}

#[test]
fn what_the_kernel_did_not_take_is_given_again() {
    let (mut sender, now) = opened(&windowed(512, 16));
    let before = sender.counts();
    let run = data(&mut sender, now, ALL).unwrap();
    sender.unsent(Transmit::Data(run));
    assert_eq!((sender.counts(), sender.deadline()), (before, None));
    assert_eq!(
        data(&mut sender, now, ALL),
        Some(run),
        "the same, and no resend"
    );
    let mut tail = run;
    tail.first += 10;
    tail.blocks -= 10;
    sender.unsent(Transmit::Data(tail));
    assert_eq!(sender.counts().blocks_sent, 10);
    let again = data(&mut sender, now, ALL).unwrap();
    assert_eq!((again.first, again.last(), again.resend), (11, 16, false));

    let mut sender = Sender::serve(Instant::ZERO, &windowed(512, 4), &Schedule::default(), 9);
    let opening = sender.poll(now, ALL, 1).unwrap();
    sender.unsent(opening);
    assert_eq!(sender.poll(now, ALL, 1), Some(Transmit::Opening));
}

#[test]
fn a_caller_that_is_late_with_half_a_window_is_not_taken_for_loss() {
    let (mut sender, now) = opened(&windowed(512, 64));
    assert!(sender.poll(now, ALL, 44).is_some());
    let deadline = sender.deadline().unwrap();
    sender.on_time(deadline);
    assert_eq!(sender.counts().timeouts, 0);
    assert_eq!(blocks(data(&mut sender, deadline, ALL)), (45, 64));
}

// spec: unproven-small
#[test]
fn the_window_says_which_bytes_are_wanted() {
    let mut sender = Sender::serve(Instant::ZERO, &Agreed::plain(), &Schedule::default(), 9);
    assert_eq!(sender.window(), 0..512);
    data(&mut sender, Instant::ZERO, ALL);
    assert!(sender.window().is_empty());

    let mut sender = Sender::serve(Instant::ZERO, &windowed(1000, 8), &Schedule::default(), 9);
    assert!(sender.window().is_empty(), "the OACK comes first");
    sender.poll(Instant::ZERO, ALL, 1);
    sender.on_ack(Instant::ZERO, ack(0));
    assert_eq!(sender.window(), 0..8000);
    sender.poll(Instant::ZERO, ALL, 3);
    assert_eq!(sender.window(), 3000..8000);
    assert_eq!(sender.acked(), 0);
}
