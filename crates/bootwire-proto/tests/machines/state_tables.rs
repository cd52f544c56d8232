//! The state tables of both machines, written by driving them through every state and event, and
//! compared with the tables in this folder.
//!
//! A cell says what is sent because of the event and the state that follows, if it is another one.

use std::fmt::Write as _;

use bootwire_proto::{
    Ack, Agreed, Answer, Available, Data, Instant, Receiver, Schedule, Sender, Transmit,
};

use crate::common::{compare, ms, secs, windowed};

const ALL: Available = Available {
    upto: 64 * 100,
    end: false,
};
const TO_THE_END: Available = Available {
    upto: 64 * 20 + 1,
    end: true,
};

type Setup<M> = (&'static str, fn() -> (M, Instant));
type Event<M> = (&'static str, fn(&mut M, Instant) -> Instant);

/// One line for each state and event.
fn table<M>(
    states: &[Setup<M>],
    events: &[Event<M>],
    row: impl Fn(M, Instant, &Event<M>) -> String,
) -> String {
    let mut text = String::new();
    for (state, setup) in states {
        writeln!(text, "{state}").unwrap();
        for event in events {
            let (machine, now) = setup();
            writeln!(text, "    {:<36}{}", event.0, row(machine, now, event)).unwrap();
        }
    }
    text
}

fn ack(block: u16) -> Ack {
    Ack {
        block,
        next_window: None,
    }
}

fn deliver(sender: &mut Sender, now: Instant, block: u16) -> Instant {
    sender.on_ack(now, ack(block));
    now
}

fn sender(agreed: &Agreed) -> (Sender, Instant) {
    (
        Sender::serve(Instant::ZERO, agreed, &Schedule::default(), 1),
        Instant::ZERO,
    )
}

/// Sends all it may; what that was.
fn sends(sender: &mut Sender, now: Instant, available: Available) -> String {
    let mut sent = Vec::new();
    while let Some(transmit) = sender.poll(now, available, 64) {
        sent.push(match transmit {
            Transmit::Opening => "opening".to_owned(),
            Transmit::Data(run) if run.first == run.last() => format!("DATA {}", run.first),
            Transmit::Data(run) => format!("DATA {}-{}", run.first, run.last()),
        });
    }
    if sent.is_empty() {
        "-".to_owned()
    } else {
        sent.join(", ")
    }
}

/// A server with four blocks of window, past its opening, at a round trip of 10 ms, with blocks 1
/// to 4 acknowledged and 5 to 8 on their way since 10 ms.
fn moving(window: u16, available: Available) -> (Sender, Instant) {
    let (mut machine, mut now) = sender(&windowed(64, window));
    let mut base = 0;
    while base <= 4 {
        sends(&mut machine, now, available);
        now = now + ms(10);
        machine.on_ack(now, ack(base));
        base += window;
    }
    sends(&mut machine, now, available);
    (machine, now + ms(10))
}

#[test]
fn the_sender_keeps_its_table() {
    let states: [Setup<Sender>; 8] = [
        ("Opening", || {
            let (mut machine, now) = sender(&windowed(64, 4));
            sends(&mut machine, now, ALL);
            (machine, now)
        }),
        ("Opening, resends used up", || {
            let (mut machine, mut now) = sender(&windowed(64, 4));
            for _ in 0..2 {
                sends(&mut machine, now, ALL);
                now = machine.deadline().unwrap();
                machine.on_time(now);
            }
            sends(&mut machine, now, ALL);
            (machine, now)
        }),
        ("Moving, unproven: DATA 1 is out", || {
            let (mut machine, now) = sender(&Agreed::plain());
            sends(&mut machine, now, ALL);
            (machine, now)
        }),
        ("Moving, window 1: 4 acknowledged, 5 is out", || {
            moving(1, ALL)
        }),
        ("Moving, window 4: 4 acknowledged, 5-8 are out", || {
            moving(4, ALL)
        }),
        (
            "Moving, everything is out: 20 acknowledged, 21 is the last",
            || {
                let (mut machine, mut now) = moving(4, TO_THE_END);
                for base in [8, 12, 16, 20] {
                    machine.on_ack(now, ack(base));
                    sends(&mut machine, now, TO_THE_END);
                    now = now + ms(10);
                }
                (machine, now)
            },
        ),
        ("Complete", || {
            let (mut machine, now) = sender(&Agreed::plain());
            let empty = Available { upto: 0, end: true };
            sends(&mut machine, now, empty);
            machine.on_ack(now, ack(1));
            (machine, now)
        }),
        ("Failed", || {
            let (mut machine, mut now) = sender(&Agreed::plain());
            sends(&mut machine, now, ALL);
            while let Some(deadline) = machine.deadline() {
                now = deadline;
                machine.on_time(now);
                sends(&mut machine, now, ALL);
            }
            (machine, now)
        }),
    ];
    let events: [Event<Sender>; 11] = [
        ("ACK 0", |machine, now| deliver(machine, now, 0)),
        ("ACK 1", |machine, now| deliver(machine, now, 1)),
        ("ACK 4", |machine, now| deliver(machine, now, 4)),
        ("ACK 5", |machine, now| deliver(machine, now, 5)),
        ("ACK 6", |machine, now| deliver(machine, now, 6)),
        ("ACK 8", |machine, now| deliver(machine, now, 8)),
        ("ACK 20", |machine, now| deliver(machine, now, 20)),
        ("ACK 21", |machine, now| deliver(machine, now, 21)),
        ("request again", |machine, now| {
            machine.on_repeated_request(now);
            now
        }),
        ("timer", |machine, now| {
            let now = machine.deadline().unwrap_or(now);
            machine.on_time(now);
            now
        }),
        ("silence of a minute", |machine, now| {
            let now = now + secs(60);
            machine.on_time(now);
            now
        }),
    ];
    let actual = table(&states, &events, |mut machine, now, event| {
        let before = machine.status();
        let available = if machine.acked() >= 64 * 20 {
            TO_THE_END
        } else {
            ALL
        };
        let now = (event.1)(&mut machine, now);
        let sent = sends(&mut machine, now, available);
        if machine.status() == before {
            sent
        } else {
            format!("{sent} => {:?}", machine.status())
        }
    });
    compare(
        "state_tables/sender.txt",
        &actual,
        include_str!("state_tables/sender.txt"),
    );
}

fn receiver(agreed: &Agreed) -> (Receiver, Instant) {
    let mut machine = Receiver::serve(Instant::ZERO, agreed, &Schedule::default(), 1);
    answers(&mut machine, Instant::ZERO);
    (machine, Instant::ZERO + ms(10))
}

/// Sends all it may; what that was.
fn answers(receiver: &mut Receiver, now: Instant) -> String {
    match receiver.poll(now, true) {
        None => "-".to_owned(),
        Some(Answer::Opening) => "opening".to_owned(),
        Some(Answer::Ack(ack)) => format!("ACK {}", ack.block),
    }
}

fn data(receiver: &mut Receiver, now: Instant, block: u16) -> Instant {
    receiver.on_data(
        now,
        Data {
            block,
            payload: &[0; 64],
        },
    );
    now
}

fn last(receiver: &mut Receiver, now: Instant, block: u16) -> Instant {
    receiver.on_data(
        now,
        Data {
            block,
            payload: &[],
        },
    );
    now
}

/// Blocks 1 to `upto` are here, and a second has passed since.
fn receiving(window: u16, upto: u16) -> (Receiver, Instant) {
    let (mut machine, now) = receiver(&windowed(64, window));
    for block in 1..=upto {
        data(&mut machine, now, block);
        answers(&mut machine, now);
    }
    (machine, now + ms(900))
}

#[test]
fn the_receiver_keeps_its_table() {
    let states: [Setup<Receiver>; 9] = [
        ("Opening", || receiver(&windowed(64, 4))),
        ("Opening, resends used up", || {
            let (mut machine, mut now) = receiver(&windowed(64, 4));
            for _ in 0..2 {
                now = machine.deadline().unwrap();
                machine.on_time(now);
                answers(&mut machine, now);
            }
            (machine, now)
        }),
        ("Moving, window 1: 4 accepted", || receiving(1, 4)),
        ("Moving, window 4: 4 accepted and acknowledged", || {
            receiving(4, 4)
        }),
        ("Moving, window 4: 5 accepted, 4 acknowledged", || {
            receiving(4, 5)
        }),
        ("Received: 5 was the last", || {
            let (mut machine, now) = receiving(4, 4);
            last(&mut machine, now, 5);
            (machine, now)
        }),
        ("Lingering: 5 was the last", || {
            let (mut machine, now) = receiving(4, 4);
            last(&mut machine, now, 5);
            machine.confirm(now);
            answers(&mut machine, now);
            (machine, now + secs(1))
        }),
        ("Complete", || {
            let (mut machine, now) = receiving(4, 4);
            last(&mut machine, now, 5);
            machine.confirm(now);
            answers(&mut machine, now);
            machine.on_time(now + secs(10));
            (machine, now + secs(10))
        }),
        ("Failed", || {
            let (mut machine, now) = receiving(4, 4);
            machine.on_data(
                now,
                Data {
                    block: 5,
                    payload: &[0; 65],
                },
            );
            (machine, now)
        }),
    ];
    let events: [Event<Receiver>; 11] = [
        ("DATA 1", |machine, now| data(machine, now, 1)),
        ("DATA 4", |machine, now| data(machine, now, 4)),
        ("DATA 5", |machine, now| data(machine, now, 5)),
        ("DATA 6", |machine, now| data(machine, now, 6)),
        ("DATA 1000", |machine, now| data(machine, now, 1000)),
        ("DATA 1, the last", |machine, now| last(machine, now, 1)),
        ("DATA 5, the last", |machine, now| last(machine, now, 5)),
        ("DATA 1, too long", |machine, now| {
            machine.on_data(
                now,
                Data {
                    block: 1,
                    payload: &[0; 65],
                },
            );
            now
        }),
        ("request again", |machine, now| {
            machine.on_repeated_request(now);
            now
        }),
        ("stored", |machine, now| {
            machine.confirm(now);
            now
        }),
        ("timer", |machine, now| {
            let now = machine.deadline().unwrap_or(now);
            machine.on_time(now);
            now
        }),
    ];
    let actual = table(&states, &events, |mut machine, now, event| {
        let before = machine.status();
        let now = (event.1)(&mut machine, now);
        let sent = answers(&mut machine, now);
        if machine.status() == before {
            sent
        } else {
            format!("{sent} => {:?}", machine.status())
        }
    });
    compare(
        "state_tables/receiver.txt",
        &actual,
        include_str!("state_tables/receiver.txt"),
    );
}
