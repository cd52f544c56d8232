//! Readiness of sockets, and waking from other threads.

use std::{
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

use crate::common::{PATIENCE, bind, kernels, payloads, to};
use bootwire_io::{Poller, Ready, SendBatch, SendReport};

const NOW: Option<Duration> = Some(Duration::ZERO);

#[test]
fn sockets_with_datagrams_are_ready_until_they_are_read() {
    for kernel in kernels() {
        let sockets = [bind("127.0.0.1:0"), bind("127.0.0.1:0"), bind("[::1]:0")];
        let sender = bind("127.0.0.1:0");
        let mut poller = Poller::new(kernel).unwrap();
        for (socket, token) in sockets.iter().zip([10, 0, 77]) {
            poller.add(socket, token).unwrap();
        }
        let mut ready = vec![Ready {
            token: 1,
            readable: true,
            writable: true,
        }];
        poller.wait(NOW, &mut ready).unwrap();
        assert!(ready.is_empty());

        let mut batch = SendBatch::new(kernel);
        let mut round = batch.round();
        round.packet(to(&sockets[0]), 0, b"x").unwrap();
        round.send(&sender, &mut SendReport::new());
        for _ in 0..2 {
            poller.wait(Some(PATIENCE), &mut ready).unwrap();
            assert_eq!(
                ready,
                [Ready {
                    token: 10,
                    readable: true,
                    writable: false
                }]
            );
        }
        assert_eq!(payloads(kernel, &sockets[0], 1), [b"x"]);
        poller.wait(NOW, &mut ready).unwrap();
        assert!(ready.is_empty());
    }
}

#[test]
fn room_to_send_is_told_only_while_it_is_asked_for() {
    for kernel in kernels() {
        let socket = bind("127.0.0.1:0");
        let mut poller = Poller::new(kernel).unwrap();
        let mut ready = Vec::new();
        poller.add(&socket, 3).unwrap();
        poller.want_write(&socket, 3, true).unwrap();
        poller.wait(Some(PATIENCE), &mut ready).unwrap();
        assert_eq!(
            ready,
            [Ready {
                token: 3,
                readable: false,
                writable: true
            }]
        );
        poller.want_write(&socket, 3, false).unwrap();
        poller.wait(NOW, &mut ready).unwrap();
        assert!(ready.is_empty());
    }
}

#[test]
fn a_removed_socket_is_heard_of_no_more() {
    for kernel in kernels() {
        let socket = bind("127.0.0.1:0");
        let mut poller = Poller::new(kernel).unwrap();
        let mut ready = Vec::new();
        assert!(poller.remove(&socket, 3).is_err());
        assert!(poller.want_write(&socket, 3, true).is_err());
        poller.add(&socket, 3).unwrap();
        assert!(poller.add(&socket, 3).is_err());
        poller.want_write(&socket, 3, true).unwrap();
        poller.remove(&socket, 3).unwrap();
        poller.wait(NOW, &mut ready).unwrap();
        assert!(ready.is_empty());
    }
}

#[test]
fn the_wakers_token_is_not_for_sockets() {
    for kernel in kernels() {
        let mut poller = Poller::new(kernel).unwrap();
        assert!(poller.add(&bind("127.0.0.1:0"), usize::MAX).is_err());
    }
}

#[test]
fn another_thread_ends_a_wait() {
    for kernel in kernels() {
        let mut poller = Poller::new(kernel).unwrap();
        let waker = poller.waker();
        let (sender, receiver) = mpsc::channel();
        let thread = thread::spawn(move || {
            sender.send("work").unwrap();
            waker.wake();
        });
        let mut ready = Vec::new();
        // Without an end, so that only the waker can end it.
        poller.wait(None, &mut ready).unwrap();
        assert!(ready.is_empty());
        assert_eq!(receiver.try_recv(), Ok("work"));
        thread.join().unwrap();
    }
}

#[test]
fn many_calls_are_one_wake_up() {
    for kernel in kernels() {
        let mut poller = Poller::new(kernel).unwrap();
        let waker = poller.waker();
        let mut ready = Vec::new();
        for _ in 0..3 {
            for _ in 0..100_000 {
                waker.clone().wake();
            }
            // A wake-up from before the wait counts.
            poller.wait(None, &mut ready).unwrap();
            let start = Instant::now();
            let pause = Duration::from_millis(20);
            poller.wait(Some(pause), &mut ready).unwrap();
            assert!(start.elapsed() >= pause, "woken twice");
        }
    }
}

/// Every item handed over before a call is seen after the wait that the call ended.
#[test]
fn no_call_is_lost() {
    const ITEMS: u32 = 20_000;
    for kernel in kernels() {
        let mut poller = Poller::new(kernel).unwrap();
        let (sender, receiver) = mpsc::channel();
        let threads: Vec<_> = (0..2)
            .map(|_| {
                let (sender, waker) = (sender.clone(), poller.waker());
                thread::spawn(move || {
                    for item in 0..ITEMS {
                        sender.send(item).unwrap();
                        waker.wake();
                    }
                })
            })
            .collect();
        let mut ready = Vec::new();
        let mut seen = 0;
        while seen < 2 * ITEMS {
            let start = Instant::now();
            poller.wait(Some(PATIENCE), &mut ready).unwrap();
            assert!(
                start.elapsed() < PATIENCE,
                "a call was lost after {seen} items"
            );
            seen += u32::try_from(receiver.try_iter().count()).unwrap();
        }
        for thread in threads {
            thread.join().unwrap();
        }
    }
}

#[test]
fn an_endless_timeout_is_accepted() {
    for kernel in kernels() {
        let mut poller = Poller::new(kernel).unwrap();
        poller.waker().wake();
        poller.wait(Some(Duration::MAX), &mut Vec::new()).unwrap();
    }
}
