//! Transfers without trouble: every packet that is sent is needed.

use bootwire_proto::{Agreed, Rollover, Schedule, SenderStatus};

use super::{read, write};
use crate::common::ends::{Receiving, Sending};
use crate::common::{Net, content, ms, rolling, secs, steady, windowed};

// spec: rfc1350-lockstep, rfc1350-last-block, rfc1350-read-opening
#[test]
fn a_plain_read_takes_one_ack_for_each_block() {
    for (len, blocks) in [(0, 1), (1, 1), (511, 1), (512, 2), (513, 2), (5120, 11)] {
        let net = read(len, Agreed::plain(), steady(ms(1)), 100);
        assert_eq!(net.sent_to_client, blocks, "{len} bytes");
        assert_eq!(
            net.sent_to_server,
            1 + blocks,
            "the request and an ACK each"
        );
        assert_eq!(net.server.status(), SenderStatus::Complete { acked: true });
        assert_eq!(net.server.machine().counts().blocks_resent, 0);
    }
}

// spec: rfc1350-write-opening
#[test]
fn a_plain_write_is_opened_by_ack_0() {
    for (len, blocks) in [(0, 1), (512, 2), (5120, 11)] {
        let net = write(len, Agreed::plain(), steady(ms(1)), 100);
        assert_eq!(net.sent_to_server, 1 + blocks, "{len} bytes");
        assert_eq!(net.sent_to_client, 1 + blocks);
        assert_eq!(net.client.machine().acked(), len as u64);
    }
}

// spec: rfc2347-oack-first, rfc2347-ack-zero, rfc7440-window, rfc7440-ack-window
#[test]
fn a_windowed_read_takes_one_ack_for_each_window() {
    for window in [1, 4, 16, 64_u16] {
        for len in [0, 99, 100, 1600, 6400, 12_850] {
            let net = read(len, windowed(100, window), steady(ms(1)), 400);
            let blocks = len as u64 / 100 + 1;
            assert_eq!(
                net.sent_to_client,
                1 + blocks,
                "window {window}, {len} bytes"
            );
            let acks = blocks.div_ceil(u64::from(window));
            assert_eq!(net.sent_to_server, 2 + acks, "window {window}, {len} bytes");
        }
    }
}

// spec: rfc2347-data-answers-oack
#[test]
fn a_windowed_write_takes_one_ack_for_each_window() {
    for window in [1, 4, 16, 64_u16] {
        for len in [0, 100, 6400, 12_850] {
            let net = write(len, windowed(100, window), steady(ms(1)), 400);
            let blocks = len as u64 / 100 + 1;
            assert_eq!(
                net.sent_to_server,
                1 + blocks,
                "window {window}, {len} bytes"
            );
            let acks = blocks.div_ceil(u64::from(window));
            assert_eq!(net.sent_to_client, 1 + acks, "window {window}, {len} bytes");
        }
    }
}

// spec: rollover-zero, rollover-one
#[test]
fn block_numbers_wrap_twice() {
    for rollover in [Rollover::Zero, Rollover::One] {
        let net = read(
            8 * 140_000,
            rolling(8, 64, rollover),
            steady(ms(1)),
            200_000,
        );
        assert_eq!(net.server.machine().counts().blocks_sent, 140_001);
    }
}

#[test]
fn the_round_trip_is_measured_on_both_sides() {
    for window in [1, 16] {
        let net = read(50_000, windowed(512, window), steady(ms(20)), 400);
        assert_eq!(net.server.machine().round_trip(), Some(ms(40)));
        assert_eq!(net.client.machine().round_trip(), Some(ms(40)));
        assert_eq!(net.server.machine().counts().timeouts, 0);
    }
}

#[test]
fn a_bound_on_blocks_for_each_poll_changes_nothing_on_the_wire() {
    let agreed = windowed(100, 16);
    let client = Receiving::client(agreed, Schedule::default());
    let mut server = Sending::server(content(9999), agreed, Schedule::default());
    server.max_blocks = 3;
    let mut net = Net::new(client, server, steady(ms(1)));
    net.run(secs(30), 400);
    assert!(net.client.stored == net.server.content);
    assert_eq!(net.sent_to_client, 1 + 100);
}
