//! Machines driven by arbitrary bytes: the harness of the property tests, and of fuzzing.
//!
//! Each byte string is a list of operations. Whatever they are, the machine must not panic and
//! must keep the promises asserted here.

use std::time::Duration;

use bootwire_proto::{
    Ack, Agreed, Answer, Available, Data, Instant, Limits, Mode, Offer, Op, Packet, Receiver,
    ReceiverStatus, Reception, Rollover, Schedule, Sender, SenderStatus, Transmit, negotiate,
};

/// Bytes read as small numbers; zeros at the end.
struct Choices<'a>(&'a [u8]);

impl Choices<'_> {
    fn byte(&mut self) -> u8 {
        let Some((first, rest)) = self.0.split_first() else {
            return 0;
        };
        self.0 = rest;
        *first
    }

    fn short(&mut self) -> u16 {
        u16::from_be_bytes([self.byte(), self.byte()])
    }

    /// From a microsecond to four minutes.
    fn duration(&mut self) -> Duration {
        Duration::from_micros(1 << (self.byte() % 28))
    }

    fn agreed(&mut self) -> Agreed {
        let mut agreed = if self.byte().is_multiple_of(4) {
            Agreed::plain()
        } else {
            with_oack()
        };
        if agreed.has_oack() {
            agreed.blksize = [8, 16, 512, 1468][usize::from(self.byte() % 4)];
            agreed.windowsize = [1, 2, 16, 64][usize::from(self.byte() % 4)];
            agreed.windowsize_max = agreed.windowsize.max(32);
            agreed.msftwindow = self.byte().is_multiple_of(4);
            agreed.timeout = [
                None,
                Some(Duration::from_secs(1)),
                Some(Duration::from_secs(255)),
            ][usize::from(self.byte() % 3)];
        }
        agreed.rollover =
            [Rollover::Zero, Rollover::One, Rollover::Refuse][usize::from(self.byte() % 3)];
        agreed
    }
}

/// Any agreement that owes an OACK.
fn with_oack() -> Agreed {
    let mut request = Vec::new();
    let offer = Offer {
        blksize: Some(512),
        ..Offer::default()
    };
    offer.encode_request(Op::Read, b"f", Mode::Octet, &mut request);
    match Packet::parse(&request) {
        Ok(Packet::Request(request)) => negotiate(&request, None, &Limits::default()),
        other => panic!("{other:?} is no request"),
    }
}

/// Feeds a server's sender with the operations `bytes` stand for.
///
/// # Panics
/// If the sender breaks a promise.
pub fn drive_sender(bytes: &[u8]) {
    let mut choices = Choices(bytes);
    let agreed = choices.agreed();
    let schedule = Schedule::default();
    let mut now = Instant::from_micros(u64::from(choices.short()));
    let mut sender = Sender::serve(now, &agreed, &schedule, u32::from(choices.short()));
    let mut available = Available {
        upto: 0,
        end: false,
    };
    let mut unproven_budget = 1 + u64::from(schedule.unproven_resends);
    let mut answered = false;
    let mut last = None;
    let mut handed_out = 0_u64;
    let mut fresh = true;
    let mut guessing = false;
    while !choices.0.is_empty() {
        let before = sender.status();
        match choices.byte() % 8 {
            0 => now = now + choices.duration(),
            1 => {
                now = sender.deadline().map_or(now, |deadline| deadline.max(now));
                sender.on_time(now);
                assert!(
                    sender.deadline().is_none_or(|next| next > now),
                    "a deadline that stays"
                );
            }
            2 => {
                let block = choices.short();
                fresh = false;
                let next_window = Some(choices.byte()).filter(|byte| byte.is_multiple_of(3));
                sender.on_ack(now, Ack { block, next_window });
            }
            3 => {
                // An ACK near what was sent.
                fresh = false;
                let back = u64::from(choices.byte() % 80);
                let position = handed_out.saturating_sub(back);
                let block = agreed.rollover.wire(position).unwrap_or(u16::MAX);
                sender.on_ack(
                    now,
                    Ack {
                        block,
                        next_window: None,
                    },
                );
            }
            4 => {
                if !answered {
                    unproven_budget += 1;
                }
                sender.on_repeated_request(now);
            }
            5 if !available.end => {
                available.upto += u64::from(choices.short()) * 64;
                available.end = choices.byte() > 200;
            }
            6 => {
                // The kernel took nothing of what was polled last. Where an ACK came in between,
                // what counts as sent is anybody's guess.
                if let Some(transmit) = last.take() {
                    sender.unsent(transmit);
                    unproven_budget += 1;
                    match transmit {
                        Transmit::Data(run) if !run.resend && fresh => handed_out = run.first - 1,
                        Transmit::Data(_) if !fresh => guessing = true,
                        _ => {}
                    }
                }
            }
            _ => {
                let max_blocks = u16::from(choices.byte());
                // The window is as of the last call that told the time.
                if before == SenderStatus::Moving {
                    assert_eq!(sender.poll(now, available, 0), None);
                }
                let window = sender.window();
                let acked = sender.acked();
                let polled = sender.poll(now, available, max_blocks);
                answered |= acked > 0 || (agreed.has_oack() && before != SenderStatus::Opening);
                if polled.is_some() && !answered {
                    assert!(unproven_budget > 0, "more than the unproven budget");
                    unproven_budget -= 1;
                }
                if let Some(Transmit::Data(run)) = polled {
                    let bytes = run.bytes();
                    assert!(run.blocks >= 1 && run.blocks <= max_blocks);
                    assert!(bytes.end <= available.upto, "{run:?} of {available:?}");
                    // A probe is a block that was in the window already.
                    let probe = run.resend && run.blocks == 1 && bytes.end <= window.start;
                    assert!(bytes.start >= acked && (probe || bytes.start >= window.start));
                    assert!(
                        bytes.end <= window.end.max(acked),
                        "{run:?} outside {window:?}"
                    );
                    assert_eq!(run.headers().len(), usize::from(run.blocks));
                    assert!(run.last_len <= agreed.blksize);
                    assert_eq!(run.end, run.last_len < agreed.blksize);
                    assert!(!run.end || (available.end && bytes.end == available.upto));
                    let most = agreed.windowsize.max(agreed.windowsize_max);
                    let acked_blocks = acked / u64::from(agreed.blksize);
                    assert!(run.last() - acked_blocks <= u64::from(most));
                    assert!(answered || (run.first == 1 && run.blocks == 1));
                    assert!(agreed.rollover.wire(run.last()).is_some());
                    assert!(
                        guessing || run.resend == (run.first <= handed_out),
                        "{run:?}"
                    );
                    handed_out = handed_out.max(run.last());
                }
                if let Some(Transmit::Opening) = polled {
                    assert!(agreed.has_oack() && before == SenderStatus::Opening);
                }
                last = polled;
                fresh = true;
            }
        }
        let finished = matches!(
            before,
            SenderStatus::Complete { .. } | SenderStatus::Failed(_)
        );
        assert!(
            !finished || sender.status() == before,
            "no way back from {before:?}"
        );
        assert!(!finished || sender.deadline().is_none());
        assert!(sender.acked() <= available.upto);
        let counts = sender.counts();
        assert!(counts.blocks_resent <= counts.blocks_sent);
    }
}

/// Feeds a server's receiver with the operations `bytes` stand for.
///
/// # Panics
/// If the receiver breaks a promise.
pub fn drive_receiver(bytes: &[u8]) {
    let mut choices = Choices(bytes);
    let agreed = choices.agreed();
    let schedule = Schedule::default();
    let mut now = Instant::from_micros(u64::from(choices.short()));
    let mut receiver = Receiver::serve(now, &agreed, &schedule, u32::from(choices.short()));
    let mut stored = 0_u64;
    let mut accepted = 0_u64;
    let mut unproven_budget = 1 + u32::from(schedule.unproven_resends);
    let payload = [0; 2000];
    while !choices.0.is_empty() {
        let before = receiver.status();
        match choices.byte() % 7 {
            0 => now = now + choices.duration(),
            1 => {
                now = receiver
                    .deadline()
                    .map_or(now, |deadline| deadline.max(now));
                receiver.on_time(now);
                assert!(
                    receiver.deadline().is_none_or(|next| next > now),
                    "a deadline that stays"
                );
            }
            2 => {
                receiver.on_repeated_request(now);
                unproven_budget += 1;
            }
            3 => receiver.confirm(now),
            4 | 5 => {
                let offset = u64::from(choices.byte());
                let position = match offset {
                    0..100 => accepted + 1,
                    100..150 => (accepted + 101).saturating_sub(offset),
                    _ => accepted + offset - 149,
                };
                let block = agreed.rollover.wire(position).unwrap_or(0);
                let len = match choices.byte() {
                    0 => usize::from(agreed.blksize) + 1,
                    1 => usize::from(agreed.blksize) - 1,
                    _ => usize::from(agreed.blksize),
                };
                let data = Data {
                    block,
                    payload: &payload[..len],
                };
                if let Reception::Accepted { offset, last } = receiver.on_data(now, data) {
                    assert_eq!(offset, stored);
                    assert_eq!(last, len < usize::from(agreed.blksize));
                    stored += len as u64;
                    accepted += 1;
                }
            }
            _ => {
                let room = choices.byte() > 40;
                match receiver.poll(now, room) {
                    Some(Answer::Ack(ack)) => {
                        assert_eq!(Some(ack.block), agreed.rollover.wire(accepted));
                        assert!(room || before == ReceiverStatus::Lingering);
                        assert_ne!(before, ReceiverStatus::Received, "not stored yet");
                    }
                    Some(Answer::Opening) => assert_eq!(before, ReceiverStatus::Opening),
                    None => continue,
                }
                if before == ReceiverStatus::Opening {
                    assert!(unproven_budget > 0, "more than the unproven budget");
                    unproven_budget -= 1;
                }
                assert_eq!(receiver.poll(now, true), None, "one answer at a time");
            }
        }
        assert_eq!(receiver.received(), stored);
        let finished = matches!(before, ReceiverStatus::Complete | ReceiverStatus::Failed(_));
        assert!(
            !finished || receiver.status() == before,
            "no way back from {before:?}"
        );
        assert!(!finished || receiver.deadline().is_none());
    }
}
