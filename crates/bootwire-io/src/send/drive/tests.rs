//! A kernel that says what the test wants, and remembers what it was handed.

use std::{collections::VecDeque, iter, net::SocketAddr};

use super::*;
use crate::send::{Blocks, Destination, Payload, queue::Queue};

/// One answer of the kernel to a call for messages: how many it takes, or an error.
type Answer = Result<usize, i32>;

#[derive(Default)]
struct Script {
    answers: VecDeque<Answer>,
    /// Answers to single datagrams; `Ok` when there are no more.
    singles: VecDeque<Result<(), i32>>,
    /// First bytes of what went out: of every message, or of every single datagram.
    sent: Vec<Vec<u8>>,
}

impl Transmit for Script {
    fn messages(&mut self, queue: Live<'_>, first: usize) -> io::Result<usize> {
        let rest = &queue.messages()[first..];
        let count = match self.answers.pop_front() {
            Some(Ok(count)) => count,
            Some(Err(errno)) => return Err(io::Error::from_raw_os_error(errno)),
            None => rest.len(),
        };
        for message in &rest[..count] {
            let mut bytes = Vec::new();
            queue.gather(message, message.pieces.clone(), &mut bytes)?;
            self.sent.push(bytes);
        }
        Ok(count)
    }

    fn datagram(
        &mut self,
        queue: Live<'_>,
        message: usize,
        pieces: Range<usize>,
    ) -> io::Result<()> {
        if let Some(Err(errno)) = self.singles.pop_front() {
            return Err(io::Error::from_raw_os_error(errno));
        }
        let mut bytes = Vec::new();
        queue.gather(&queue.messages()[message], pieces, &mut bytes)?;
        self.sent.push(bytes);
        Ok(())
    }
}

fn nobody() -> Destination {
    Destination::from(SocketAddr::from(([192, 0, 2, 1], 1069)))
}

/// Packets `[tag]` for tags 0, 1 and 2.
fn three_packets() -> Queue {
    let mut queue = Queue::new();
    for tag in 0..3 {
        queue.packet(nobody(), u32::from(tag), &[tag]).unwrap();
    }
    queue
}

/// A run of `count` blocks of 8 bytes, the last of 3, headed by their number.
fn add_run(queue: &mut Queue, tag: u32, gso: bool, count: u8) {
    static PAYLOAD: [u8; 2048] = [0xaa; 2048];
    let payload = &PAYLOAD[..usize::from(count) * 8 - 5];
    let headers = (0..count)
        .map(|number| [0, 3, 0, number])
        .collect::<Vec<_>>();
    let pieces = payload.chunks(5).map(Payload::Bytes);
    let run = Blocks {
        gso,
        blksize: 8,
        headers: headers.into_iter(),
        pieces,
    };
    queue.blocks(nobody(), tag, run).unwrap();
}

fn run(queue: &Queue, script: &mut Script) -> (SendReport, bool) {
    let mut report = SendReport::new();
    // SAFETY: all payloads of these tests are copied into the queue or static.
    let live = unsafe { Live::new(queue) };
    let gso_works = drive(live, script, &mut report);
    (report, gso_works)
}

/// Tag, block and the kind's name of every failure.
fn failures(report: &SendReport) -> Vec<(u32, u32, String)> {
    let kind = |kind: &FailureKind| match kind {
        FailureKind::Peer(error) => format!("Peer({})", error.raw_os_error().unwrap_or(0)),
        other => format!("{other:?}"),
    };
    report
        .failures
        .iter()
        .map(|failure| (failure.tag, failure.block, kind(&failure.kind)))
        .collect()
}

fn failure(tag: u32, block: u32, kind: &str) -> (u32, u32, String) {
    (tag, block, kind.to_owned())
}

#[test]
fn a_message_the_kernel_refuses_does_not_stop_the_others() {
    let queue = three_packets();
    let mut script = Script {
        answers: [Ok(1), Err(libc::EPERM)].into(),
        ..Script::default()
    };
    let (report, _) = run(&queue, &mut script);
    assert_eq!(script.sent, [[0], [2]]);
    assert_eq!(
        failures(&report),
        [failure(1, 0, &format!("Peer({})", libc::EPERM))]
    );
    assert_eq!(
        (report.calls, report.datagrams, report.blocked),
        (3, 2, false)
    );
}

#[test]
fn an_error_left_by_an_earlier_datagram_costs_nothing_but_a_call() {
    for errno in [
        libc::ECONNREFUSED,
        libc::EHOSTUNREACH,
        libc::EINTR,
        libc::EMSGSIZE,
    ] {
        let queue = three_packets();
        let mut script = Script {
            answers: [Err(errno)].into(),
            ..Script::default()
        };
        let (report, _) = run(&queue, &mut script);
        assert_eq!(script.sent, [[0], [1], [2]]);
        assert!(report.failures.is_empty());
    }
}

#[test]
fn the_same_error_twice_belongs_to_the_message() {
    let queue = three_packets();
    let twice = [Err(libc::EHOSTUNREACH), Err(libc::EHOSTUNREACH)];
    let mut script = Script {
        answers: twice.into(),
        ..Script::default()
    };
    let (report, _) = run(&queue, &mut script);
    assert_eq!(script.sent, [[1], [2]]);
    assert_eq!(
        failures(&report),
        [failure(0, 0, &format!("Peer({})", libc::EHOSTUNREACH))]
    );
}

#[test]
fn a_full_send_buffer_leaves_the_rest_unsent() {
    for errno in [libc::EAGAIN, libc::ENOBUFS, libc::ENOMEM] {
        let queue = three_packets();
        let mut script = Script {
            answers: [Ok(1), Err(errno)].into(),
            ..Script::default()
        };
        let (report, _) = run(&queue, &mut script);
        assert!(report.blocked);
        assert_eq!(script.sent, [[0]]);
        assert_eq!(
            failures(&report),
            [failure(1, 0, "Unsent"), failure(2, 0, "Unsent")]
        );
    }
}

#[test]
fn a_run_sent_in_part_tells_the_first_block_that_is_missing() {
    let mut queue = Queue::new();
    add_run(&mut queue, 5, false, 4);
    add_run(&mut queue, 6, false, 2);
    let mut script = Script {
        answers: [Ok(3), Err(libc::EAGAIN)].into(),
        ..Script::default()
    };
    let (report, _) = run(&queue, &mut script);
    assert_eq!(
        failures(&report),
        [failure(5, 3, "Unsent"), failure(6, 0, "Unsent")]
    );
}

#[test]
fn blocks_after_a_lost_one_are_not_sent() {
    let mut queue = Queue::new();
    add_run(&mut queue, 5, false, 4);
    queue.packet(nobody(), 6, b"ack").unwrap();
    let mut script = Script {
        answers: [Ok(1), Err(libc::EFAULT)].into(),
        ..Script::default()
    };
    let (report, _) = run(&queue, &mut script);
    assert_eq!(failures(&report), [failure(5, 1, "Fault")]);
    assert_eq!(script.sent.last().unwrap(), b"ack");
    assert_eq!(script.sent.len(), 2);
}

#[test]
fn a_run_that_cannot_be_segmented_goes_out_block_by_block_at_once() {
    // EMSGSIZE may have been left by another datagram: it takes two.
    for (errno, times, works_elsewhere) in [
        (libc::EINVAL, 1, true),
        (libc::EMSGSIZE, 2, true),
        (libc::EIO, 1, false),
    ] {
        let mut queue = Queue::new();
        queue.packet(nobody(), 1, b"oack").unwrap();
        add_run(&mut queue, 5, true, 4);
        queue.packet(nobody(), 6, b"ack").unwrap();
        let mut script = Script {
            answers: iter::once(Ok(1))
                .chain(iter::repeat_n(Err(errno), times))
                .collect(),
            ..Script::default()
        };
        let (report, gso_works) = run(&queue, &mut script);
        assert_eq!(failures(&report), [failure(5, 0, "GsoRefused")]);
        assert_eq!(gso_works, works_elsewhere);
        assert_eq!((report.datagrams, report.calls as usize), (6, 6 + times));
        let lens: Vec<_> = script.sent.iter().map(Vec::len).collect();
        assert_eq!(lens, [4, 12, 12, 12, 7, 3]);
        assert_eq!(script.sent[3][..4], [0, 3, 0, 2]);
    }
}

#[test]
fn a_run_too_big_for_the_path_is_told_so_after_its_blocks_were_tried() {
    let mut queue = Queue::new();
    add_run(&mut queue, 5, true, 4);
    queue.packet(nobody(), 6, b"ack").unwrap();
    let mut script = Script {
        answers: [Err(libc::EMSGSIZE); 2].into(),
        singles: [Err(libc::EMSGSIZE); 2].into(),
        ..Script::default()
    };
    let (report, _) = run(&queue, &mut script);
    assert_eq!(
        failures(&report),
        [failure(5, 0, "GsoRefused"), failure(5, 0, "TooBig")]
    );
    assert_eq!(script.sent, [b"ack"]);
}

#[test]
fn the_send_buffer_may_fill_up_while_a_run_goes_out_block_by_block() {
    let mut queue = Queue::new();
    add_run(&mut queue, 5, true, 4);
    queue.packet(nobody(), 6, b"ack").unwrap();
    let mut script = Script {
        answers: [Err(libc::EIO)].into(),
        singles: [Ok(()), Err(libc::ECONNREFUSED), Ok(()), Err(libc::EAGAIN)].into(),
        ..Script::default()
    };
    let (report, gso_works) = run(&queue, &mut script);
    let expected = [
        failure(5, 0, "GsoRefused"),
        failure(5, 2, "Unsent"),
        failure(6, 0, "Unsent"),
    ];
    assert_eq!(failures(&report), expected);
    assert!(report.blocked && !gso_works);
    assert_eq!(script.sent.len(), 2);
}

#[test]
fn a_run_longer_than_one_message_is_refused_and_reported_once() {
    let mut queue = Queue::new();
    add_run(&mut queue, 5, true, 100);
    assert_eq!(queue.len(), 3); // 44 + 44 + 12
    let mut script = Script {
        answers: [Err(libc::EINVAL), Err(libc::EINVAL)].into(),
        ..Script::default()
    };
    let (report, _) = run(&queue, &mut script);
    assert_eq!(failures(&report), [failure(5, 0, "GsoRefused")]);
    assert_eq!((report.datagrams, script.sent.len()), (100, 88 + 1));
}
