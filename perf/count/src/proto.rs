//! The protocol without a socket: state machines, parser, negotiation.

use std::error::Error;
use std::hint::black_box;

use bootwire_proto::negotiate::MAX_OACK;
use bootwire_proto::{
    Agreed, Available, Data, Instant, Limits, Packet, Receiver, Reception, Rollover, Schedule,
    Sender, Transmit, negotiate,
};

/// What a UEFI client asks with.
const REQUEST: &[u8] =
    b"\x00\x01boot/grub/x86_64-efi/core.efi\x00octet\x00tsize\x000\x00blksize\x001468\x00windowsize\x004\x00";
/// The same with a window of 64.
const WINDOWED: &[u8] = b"\x00\x01image\x00octet\x00blksize\x001468\x00windowsize\x0064\x00";
/// Virtual time between two events.
const STEP_US: u64 = 200;

pub fn run(scenario: &str, count: u64) -> Result<(), Box<dyn Error>> {
    match scenario {
        "sender-lockstep" => sender(&Agreed::plain(), count),
        "sender-window-64" => sender(&agreed(WINDOWED), count),
        "receiver-lockstep" => receiver(count),
        "request" => (0..count).for_each(|_| request()),
        _ => Err(format!("no scenario {scenario}"))?,
    }
    Ok(())
}

/// The terms a server grants for a request.
fn agreed(datagram: &[u8]) -> Agreed {
    match Packet::parse(black_box(datagram)) {
        Ok(Packet::Request(request)) => negotiate(&request, Some(1 << 30), &Limits::default()),
        other => panic!("a request, not {other:?}"),
    }
}

/// Parses a request, negotiates, writes the OACK.
fn request() {
    let mut oack = [0; MAX_OACK];
    black_box(agreed(REQUEST).encode_oack(&mut oack));
}

/// A server's sender: an ACK in, the next window's headers out, until `blocks` are sent.
fn sender(agreed: &Agreed, blocks: u64) {
    let mut clock = 0;
    let mut now = || {
        clock += STEP_US;
        Instant::from_micros(clock)
    };
    let available = Available {
        upto: u64::MAX / 2,
        end: false,
    };
    let mut sender = Sender::serve(now(), agreed, &Schedule::default(), 1);
    let mut sent = 0;
    let mut answer = None;
    while sent < blocks {
        if let Some(block) = answer.take() {
            let [high, low] = u16::to_be_bytes(block);
            let datagram = black_box([0, 4, high, low]);
            match Packet::parse(&datagram) {
                Ok(Packet::Ack(ack)) => sender.on_ack(now(), ack),
                other => panic!("an ACK, not {other:?}"),
            }
        }
        let time = now();
        while let Some(transmit) = sender.poll(time, available, 44) {
            answer = Some(match transmit {
                Transmit::Opening => 0,
                Transmit::Data(run) => {
                    for header in run.headers() {
                        black_box(header);
                    }
                    sent = run.last();
                    Rollover::Zero.wire(sent).expect("numbers go on from 0")
                }
            });
        }
        black_box(sender.deadline());
    }
}

/// A server's receiver: DATA in, ACK out, `blocks` times.
fn receiver(blocks: u64) {
    let mut clock = 0;
    let mut now = || {
        clock += STEP_US;
        Instant::from_micros(clock)
    };
    let payload = [0x5a; 512];
    let mut receiver = Receiver::serve(now(), &Agreed::plain(), &Schedule::default(), 1);
    black_box(receiver.poll(now(), true));
    for position in 1..=blocks {
        let block = Rollover::Zero.wire(position).expect("numbers go on from 0");
        let data = black_box(Data {
            block,
            payload: &payload,
        });
        match receiver.on_data(now(), data) {
            Reception::Accepted { .. } => {}
            other => panic!("block {position}: {other:?}"),
        }
        let answer = receiver.poll(now(), true);
        black_box(answer.expect("every block is acknowledged"));
        black_box(receiver.deadline());
    }
}
