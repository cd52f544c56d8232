//! Packets lost, doubled and late.

use std::time::Duration;

use bootwire_proto::{Agreed, Rollover, SenderStatus};

use super::{read, write};
use crate::common::{Passage, To, losing_once, ms, rolling, secs, windowed};

// spec: rfc1350-resend, polite-until-proven
#[test]
fn the_first_lost_block_costs_a_second_in_lockstep_and_the_next_ones_a_round_trip() {
    let net = read(
        5000,
        windowed(512, 1),
        losing_once(ms(1), |p| p.is_data(4)),
        40,
    );
    let counts = net.server.machine().counts();
    assert_eq!((counts.blocks_resent, counts.timeouts), (1, 1));
    let longest = ms(2 * 12) + ms(1100) + secs(10);
    assert!(net.elapsed() < longest, "{:?}", net.elapsed());
    assert!(net.elapsed() > secs(11), "{:?}", net.elapsed());

    let net = read(
        512 * 40,
        windowed(512, 1),
        losing_once(ms(1), |p| p.is_data(4) || p.is_data(9) || p.is_data(15)),
        120,
    );
    let counts = net.server.machine().counts();
    assert_eq!((counts.blocks_resent, counts.timeouts), (3, 3));
    let longest = ms(2 * 45) + ms(1100) + ms(2 * 12) + secs(10);
    assert!(
        net.elapsed() < longest,
        "the adaptive timeout is short: {:?}",
        net.elapsed()
    );
}

// spec: rfc7440-go-back, rfc7440-ack-gap
#[test]
fn a_lost_block_in_a_window_is_resent_at_once_from_the_gap() {
    let net = read(
        512 * 32,
        windowed(512, 16),
        losing_once(ms(5), |p| p.is_data(5)),
        90,
    );
    let counts = net.server.machine().counts();
    assert_eq!(counts.timeouts, 0, "the receiver reports the gap");
    assert_eq!(counts.blocks_resent, 12, "blocks 5 to 16 and no other");
}

// spec: window-probe
#[test]
fn the_lost_tail_of_a_window_is_sent_again_alone() {
    let net = read(
        512 * 64,
        windowed(512, 16),
        losing_once(ms(5), |p| p.is_data(32)),
        120,
    );
    assert_eq!(net.server.machine().counts().blocks_resent, 1);
    assert!(net.elapsed() < ms(300) + secs(10), "{:?}", net.elapsed());
}

// spec: never-against-silence
#[test]
fn the_lost_tail_of_the_first_window_waits_longer() {
    let net = read(
        512 * 32,
        windowed(512, 16),
        losing_once(ms(5), |p| p.is_data(16)),
        120,
    );
    assert!(net.elapsed() < ms(1200) + secs(10), "{:?}", net.elapsed());
}

#[test]
fn any_one_packet_may_be_lost() {
    for agreed in [
        Agreed::plain(),
        windowed(512, 1),
        windowed(512, 4),
        windowed(512, 64),
    ] {
        for len in [0, 512, 6000] {
            for index in 0..16 {
                for to in [To::Client, To::Server] {
                    let lost = |passage: Passage<'_>| {
                        let hit = passage.index == index && passage.to == to;
                        if hit { vec![] } else { vec![ms(1)] }
                    };
                    let net = read(len, agreed, lost, 120);
                    assert!(net.elapsed() < secs(24), "{:?}", net.elapsed());
                    let net = write(len, agreed, lost, 120);
                    assert!(net.elapsed() < secs(24), "{:?}", net.elapsed());
                }
            }
        }
    }
}

#[test]
fn any_two_packets_may_be_lost() {
    for agreed in [Agreed::plain(), windowed(512, 4)] {
        for first in 0..10 {
            for second in 0..10 {
                let lost = |passage: Passage<'_>| match passage.to {
                    To::Client if passage.index == first => vec![],
                    To::Server if passage.index == second => vec![],
                    _ => vec![ms(1)],
                };
                read(4000, agreed, lost, 120);
                write(4000, agreed, lost, 120);
            }
        }
    }
}

#[test]
fn loss_exactly_at_the_wrap() {
    for rollover in [Rollover::Zero, Rollover::One] {
        for window in [1, 16] {
            for number in [65_534, 65_535, 0, 1] {
                // The second block 1 and 2, not the first.
                let mut acks = 0;
                let lost = losing_once(ms(1), |p| {
                    acks += u64::from(p.to == To::Server);
                    let late = acks * u64::from(window) > 60_000;
                    late && (p.is_data(number) || p.is_ack(number))
                });
                let net = read(8 * 65_550, rolling(8, window, rollover), lost, 133_000);
                assert_eq!(net.server.status(), SenderStatus::Complete { acked: true });
            }
        }
    }
}

// spec: rfc1123-apprentice, rfc1350-duplicate-data
#[test]
fn doubled_packets_cause_no_block_in_lockstep() {
    for echo in [1, 4] {
        let doubled = |_: Passage<'_>| vec![ms(1), ms(echo)];
        let net = read(50_000, windowed(512, 1), doubled, 400);
        assert_eq!(net.server.machine().counts().blocks_sent, 98);
        let net = write(50_000, windowed(512, 1), doubled, 400);
        assert_eq!(net.client.machine().counts().blocks_sent, 98);
        let net = write(50_000, Agreed::plain(), doubled, 400);
        assert_eq!(net.client.machine().counts().blocks_sent, 98);
        // Here the doubled request asks for DATA 1 twice.
        let net = read(50_000, Agreed::plain(), doubled, 400);
        assert!(net.server.machine().counts().blocks_sent <= 99);
    }
}

// spec: window-apprentice
#[test]
fn doubled_packets_with_loss_cost_no_more_than_loss() {
    for window in [1, 4, 16, 64] {
        let sent = |copies: &[Duration]| {
            let network = |p: Passage<'_>| {
                let lost = p.index % 31 == 7;
                if lost { vec![] } else { copies.to_vec() }
            };
            let net = read(512 * 500, windowed(512, window), network, 9000);
            net.server.machine().counts().blocks_sent
        };
        let once = sent(&[ms(2)]);
        for echo in [0, 1, 3, 9] {
            let twice = sent(&[ms(2), ms(2 + echo)]);
            let case = format!("window {window}, echo after {echo} ms");
            assert!(
                twice <= once + once / 4,
                "{case}: {twice} instead of {once}"
            );
            assert!(window > 16 || twice < 2 * 501, "{case}: {twice}");
        }
    }
}

#[test]
fn late_packets_do_not_multiply_either() {
    for window in [1, 4, 16] {
        let jitter = |p: Passage<'_>| vec![ms(2 + (p.index * 7) % 11)];
        let net = read(512 * 300, windowed(512, window), jitter, 5000);
        let sent = net.server.machine().counts().blocks_sent;
        // An ACK that tells something new starts one flight, and no ACK starts two.
        let bound = (u64::from(window) * net.sent_to_server).max(4 * 301);
        assert!(sent < bound, "window {window}: {sent} of {bound}");
        assert!(net.elapsed() < secs(30), "{:?}", net.elapsed());
    }
}

// spec: rfc1350-last-ack
#[test]
fn a_lost_last_ack_is_asked_for_again() {
    let net = read(
        5000,
        windowed(512, 4),
        losing_once(ms(1), |p| p.is_ack(10)),
        40,
    );
    assert_eq!(net.server.status(), SenderStatus::Complete { acked: true });
    let silenced = |p: Passage<'_>| if p.is_ack(10) { vec![] } else { vec![ms(1)] };
    let net = read(5000, windowed(512, 1), silenced, 80);
    assert_eq!(net.server.status(), SenderStatus::Complete { acked: false });
    assert!(net.elapsed() < secs(31), "{:?}", net.elapsed());
}

// spec: rfc1123-adaptive-timeout
#[test]
fn a_round_trip_that_grows_is_learnt_anew() {
    let grows = |p: Passage<'_>| vec![if p.index < 50 { ms(1) } else { ms(60) }];
    let net = read(512 * 300, windowed(512, 1), grows, 1400);
    let counts = net.server.machine().counts();
    assert!(counts.blocks_resent < 20, "{counts:?}");
    assert!(net.server.machine().round_trip() > Some(ms(110)));
}
