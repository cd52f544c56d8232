//! Before the peer has proven its address.

use bootwire_proto::{
    Ack, Agreed, Available, Data, Instant, ReceiveFailure, Receiver, ReceiverStatus, Reception,
    Schedule, SendFailure, Sender, SenderStatus, Transmit,
};

use super::{read, write};
use crate::common::ends::{Receiving, Sending};
use crate::common::{Net, To, content, losing_once, ms, secs, steady, windowed};

const ALL: Available = Available {
    upto: 1_000_000,
    end: true,
};

/// Polls a sender that nobody answers until it gives up; the times of its packets.
fn unanswered(mut sender: Sender) -> (Vec<u64>, Vec<Transmit>, u64) {
    let mut now = Instant::ZERO;
    let (mut times, mut packets) = (vec![], vec![]);
    loop {
        while let Some(transmit) = sender.poll(now, ALL, 64) {
            times.push(now.as_micros() / 1000);
            packets.push(transmit);
        }
        let Some(deadline) = sender.deadline() else {
            break;
        };
        now = deadline;
        sender.on_time(now);
    }
    assert_eq!(
        sender.status(),
        SenderStatus::Failed(SendFailure::TimedOut { proven: false })
    );
    (times, packets, now.as_micros() / 1000)
}

// spec: unproven-budget, unproven-small
#[test]
fn a_forged_request_is_answered_three_times_and_forgotten() {
    for agreed in [Agreed::plain(), windowed(1468, 64)] {
        let sender = Sender::serve(Instant::ZERO, &agreed, &Schedule::default(), 4);
        let (times, packets, end) = unanswered(sender);
        let [first, second, third] = times[..] else {
            panic!("{times:?}")
        };
        assert_eq!(first, 0);
        assert!((1000..=1100).contains(&second), "{second}");
        assert!((2000..=2200).contains(&(third - second)), "{third}");
        assert_eq!(end, 10_000);
        for packet in packets {
            match packet {
                Transmit::Opening => assert!(agreed.has_oack()),
                Transmit::Data(run) => assert_eq!((run.first, run.bytes()), (1, 0..512)),
            }
        }
    }
}

// spec: unproven-budget
#[test]
fn a_forged_write_request_is_answered_three_times_and_forgotten() {
    for agreed in [Agreed::plain(), windowed(1468, 64)] {
        let mut receiver = Receiver::serve(Instant::ZERO, &agreed, &Schedule::default(), 4);
        let mut now = Instant::ZERO;
        let mut sent = 0;
        while let Some(deadline) = receiver.deadline() {
            sent += u32::from(receiver.poll(now, true).is_some());
            now = deadline;
            receiver.on_time(now);
        }
        assert_eq!(sent, 3);
        let failure = ReceiveFailure::TimedOut { proven: false };
        assert_eq!(receiver.status(), ReceiverStatus::Failed(failure));
    }
}

/// From no pause to a minute: who has been granted a timeout is waited for as long, everyone for ten
/// seconds; and nobody is sent more than three packets meanwhile.
// spec: unproven-life, rfc2349-there-after-timeout
#[test]
fn a_client_that_pauses_before_its_first_answer_is_waited_for() {
    let mut cases = vec![
        (Agreed::plain(), 10),
        (windowed(512, 1), 10),
        (windowed(512, 16), 10),
    ];
    for timeout in [1, 5, 32, 60] {
        let mut agreed = windowed(512, 1);
        agreed.timeout = Some(secs(timeout));
        cases.push((agreed, (timeout * 5 / 4).max(10)));
    }
    for (agreed, life) in cases {
        for pause in (20..=60_020).step_by(500) {
            let now = Instant::ZERO + ms(pause);
            let there = pause < life * 1000;
            let mut sender = Sender::serve(Instant::ZERO, &agreed, &Schedule::default(), 4);
            let mut packets = 0;
            let mut at = Some(Instant::ZERO);
            while let Some(time) = at.filter(|&time| time < now) {
                sender.on_time(time);
                packets += u32::from(sender.poll(time, ALL, 9).is_some());
                at = sender.deadline();
            }
            assert!(packets <= 3);
            sender.on_time(now);
            let block = u16::from(!agreed.has_oack());
            sender.on_ack(
                now,
                Ack {
                    block,
                    next_window: None,
                },
            );
            assert_eq!(
                sender.is_proven(),
                there || pause == 0,
                "{agreed:?}, {pause} ms"
            );

            let mut receiver = Receiver::serve(Instant::ZERO, &agreed, &Schedule::default(), 4);
            let mut packets = 0;
            let mut at = Some(Instant::ZERO);
            while let Some(time) = at.filter(|&time| time <= now) {
                receiver.on_time(time);
                packets += u32::from(receiver.poll(time, true).is_some());
                at = receiver.deadline();
            }
            assert!(packets <= 3);
            let data = Data {
                block: 1,
                payload: &[7; 512],
            };
            let taken = matches!(receiver.on_data(now, data), Reception::Accepted { .. });
            assert_eq!(taken, there, "WRQ, {agreed:?}, {pause} ms");
        }
    }
}

// spec: repeated-request
#[test]
fn a_repeated_request_is_answered_at_once_and_once() {
    for agreed in [Agreed::plain(), windowed(512, 4)] {
        let mut sender = Sender::serve(Instant::ZERO, &agreed, &Schedule::default(), 4);
        assert!(sender.poll(Instant::ZERO, ALL, 9).is_some());
        assert_eq!(sender.poll(Instant::ZERO, ALL, 9), None);
        for repeat in 1..6 {
            let now = Instant::ZERO + ms(60 * repeat);
            sender.on_repeated_request(now);
            assert!(sender.poll(now, ALL, 9).is_some());
            assert_eq!(sender.poll(now, ALL, 9), None);
        }
        assert_eq!(
            sender.counts().timeouts,
            0,
            "no resend of the timer is used up"
        );
        let now = Instant::ZERO + ms(400);
        let block = u16::from(!agreed.has_oack());
        sender.on_ack(
            now,
            Ack {
                block,
                next_window: None,
            },
        );
        while sender.poll(now, ALL, 9).is_some() {}
        sender.on_repeated_request(now);
        assert_eq!(sender.poll(now, ALL, 9), None, "the client has moved on");
    }
}

#[test]
fn a_repeated_write_request_is_answered_at_once_and_once() {
    for agreed in [Agreed::plain(), windowed(512, 4)] {
        let mut receiver = Receiver::serve(Instant::ZERO, &agreed, &Schedule::default(), 4);
        let first = receiver.poll(Instant::ZERO, true);
        assert!(first.is_some());
        receiver.on_repeated_request(Instant::ZERO + ms(60));
        assert_eq!(receiver.poll(Instant::ZERO + ms(60), true), first);
        assert_eq!(receiver.poll(Instant::ZERO + ms(60), true), None);
    }
}

#[test]
fn lost_openings_are_repeated() {
    let lost_oack = losing_once(ms(1), |p| p.to == To::Client && p.index == 0);
    let net = read(5000, windowed(512, 4), lost_oack, 60);
    assert_eq!(net.server.openings, 2);
    let lost_ack_0 = losing_once(ms(1), |p| p.is_ack(0));
    let net = read(5000, windowed(512, 4), lost_ack_0, 60);
    assert_eq!(net.server.status(), SenderStatus::Complete { acked: true });
    let lost_request = losing_once(ms(1), |p| p.to == To::Server && p.index == 0);
    let net = write(5000, windowed(512, 4), lost_request, 60);
    assert_eq!(net.client.openings, 2);
}

// spec: rfc2347-plain-fallback
#[test]
fn a_client_whose_options_are_ignored_goes_on_without() {
    let client = Receiving::client(windowed(1468, 16), Schedule::default());
    let server = Sending::server(content(3000), Agreed::plain(), Schedule::default());
    let mut net = Net::new(client, server, steady(ms(1)));
    net.run(secs(30), 20);
    assert!(net.client.stored == net.server.content);
    assert_eq!(net.sent_to_client, 6, "blocks of 512 bytes, one at a time");

    let client = Sending::client(content(3000), windowed(1468, 16), Schedule::default());
    let server = Receiving::server(Agreed::plain(), Schedule::default());
    let mut net = Net::new(client, server, steady(ms(1)));
    net.run(secs(30), 20);
    assert!(net.server.stored == net.client.content);
    assert_eq!(net.sent_to_server, 7);
}
