//! Boot loaders with habits, against our sender.

use std::time::Duration;

use bootwire_proto::{Agreed, Schedule, SenderStatus};

use crate::common::ends::Sending;
use crate::common::peers::{Loader, Strange};
use crate::common::{End, Fate, Net, Passage, content, losing_once, ms, secs, steady, windowed};

fn serve<F: FnMut(Passage<'_>) -> Fate>(
    loader: Loader,
    len: usize,
    agreed: Agreed,
    network: F,
) -> Net<Loader, Sending, F> {
    Net::new(
        loader,
        Sending::server(content(len), agreed, Schedule::default()),
        network,
    )
}

// spec: window-apprentice
#[test]
fn a_client_that_acks_each_block_out_of_order_starts_no_storm() {
    // EDK2, a doubled block and a lost one: a naive server never ends.
    for (window, delay) in [(4, 0), (4, 1), (4, 20), (16, 1), (64, 5)] {
        let agreed = windowed(1468, window);
        let mut loader = Loader::new(agreed);
        loader.strange = Strange::AckEach;
        loader.repeats = Some(secs(4));
        let mut lost = false;
        let network = move |p: Passage<'_>| {
            if p.is_data(9) && !lost {
                lost = true;
                return vec![];
            }
            let usual = Duration::from_micros(100) + ms(delay);
            if p.is_data(3) {
                vec![usual, usual]
            } else {
                vec![usual]
            }
        };
        let mut net = serve(loader, 1468 * 846 + 9, agreed, network);
        net.run(secs(60), 4000);
        assert!(net.client.stored == net.server.content);
        let counts = net.server.machine().counts();
        assert!(
            counts.blocks_sent < 847 + 8 * u64::from(window),
            "{window}: {counts:?}"
        );
    }
}

#[test]
fn a_client_that_acks_every_block_of_a_window_gets_at_most_twice_the_blocks() {
    for window in [4, 16, 64] {
        let agreed = windowed(512, window);
        let mut loader = Loader::new(agreed);
        loader.acks_each = true;
        loader.strange = Strange::AckEach;
        let mut net = serve(loader, 512 * 1000, agreed, steady(ms(3)));
        net.run(secs(60), 8000);
        assert!(net.client.stored == net.server.content);
        let sent = net.server.machine().counts().blocks_sent;
        assert!(
            sent <= 2 * 1001 + u64::from(window),
            "window {window}: {sent}"
        );
    }
}

// spec: give-up
#[test]
fn grub_stalls_every_fifty_blocks_and_never_asks_again() {
    let agreed = windowed(1024, 1);
    let mut loader = Loader::new(agreed);
    loader.stalls = Some((50, secs(20)));
    loader.strange = Strange::AckEach;
    let mut net = serve(
        loader,
        1024 * 220,
        agreed,
        losing_once(ms(1), |p| p.is_data(30)),
    );
    net.run(secs(200), 1500);
    assert!(net.client.stored == net.server.content);
    assert_eq!(net.server.status(), SenderStatus::Complete { acked: true });
    let counts = net.server.machine().counts();
    assert!(counts.blocks_resent < 4 * 15, "patient: {counts:?}");
}

// spec: give-up
#[test]
fn a_client_that_writes_flash_for_thirty_seconds_is_neither_given_up_nor_flooded() {
    for window in [1, 16, 64] {
        let agreed = windowed(512, window);
        let mut loader = Loader::new(agreed);
        loader.stalls = Some((u64::from(window) * 10, secs(30)));
        loader.strange = Strange::AckOnce;
        let len = 512 * usize::from(window) * 25;
        let mut net = serve(loader, len, agreed, steady(ms(1)));
        net.run(secs(200), 20_000);
        assert!(net.client.stored == net.server.content);
        let counts = net.server.machine().counts();
        let most = 2 * (6 * u64::from(window) + 32);
        assert!(counts.blocks_resent < most, "window {window}: {counts:?}");
    }
}

// spec: give-up
#[test]
fn a_client_that_vanishes_is_given_up_after_a_minute() {
    for window in [1, 64] {
        let agreed = windowed(512, window);
        let mut loader = Loader::new(agreed);
        loader.vanishes_after = Some(100);
        let mut net = serve(loader, 512 * 1000, agreed, steady(ms(1)));
        net.run(secs(70), 2000);
        assert!(matches!(net.server.status(), SenderStatus::Failed(_)));
        assert!(net.elapsed() >= secs(60), "{:?}", net.elapsed());
    }
}

// spec: rfc1350-last-ack
#[test]
fn a_client_that_never_acks_the_last_block_has_it_all_the_same() {
    for window in [1, 8] {
        let agreed = windowed(512, window);
        let mut loader = Loader::new(agreed);
        loader.withholds_last = true;
        // The last window holds one block.
        let mut net = serve(loader, 512 * 16 + 5, agreed, steady(ms(1)));
        net.run(secs(30), 200);
        assert!(net.client.stored == net.server.content);
        assert_eq!(net.server.status(), SenderStatus::Complete { acked: false });
        assert!(net.elapsed() < secs(11), "{:?}", net.elapsed());
    }
}

/// U-Boot on virtio-net takes 34 blocks of a burst and tells only when something strange comes.
fn burst_dropper(agreed: Agreed, takes: u32, strange: Strange) -> Loader {
    let mut loader = Loader::new(agreed);
    loader.takes = Some((takes, ms(1)));
    loader.strange = strange;
    loader.repeats = Some(secs(5));
    loader
}

#[test]
fn a_receiver_that_drops_the_tail_of_every_burst_is_served_in_bursts_it_takes() {
    for (takes, strange) in [
        (34, Strange::AckOnce),
        (34, Strange::AckEach),
        (20, Strange::AckOnce),
        (9, Strange::AckOnce),
    ] {
        for delay in [Duration::from_micros(100), ms(1), ms(10)] {
            let agreed = windowed(1468, 64);
            let loader = burst_dropper(agreed, takes, strange);
            let mut net = serve(loader, 1468 * 3000, agreed, steady(delay));
            net.run(secs(60), 9000);
            let case = format!("{takes} blocks, {strange:?}, {delay:?}");
            assert!(net.client.stored == net.server.content, "{case}");
            let counts = net.server.machine().counts();
            // The first time it is waited for politely.
            assert!(
                net.client.longest_wait < ms(1400),
                "{case}: {:?}",
                net.client.longest_wait
            );
            assert!(counts.blocks_resent < 1500, "{case}: {counts:?}");
        }
    }
}

/// How long the same file takes that receiver if the sender knows it from the start: bursts of 32,
/// with the rest it needs between them, or the round trip at the end of a window if that is longer.
fn perfectly_tuned(blocks: u32, round_trip: Duration) -> Duration {
    (blocks / 64) * (ms(1) + round_trip.max(ms(1)))
}

#[test]
fn a_burst_dropper_gets_half_the_speed_of_perfect_bursts_at_least() {
    for strange in [Strange::AckOnce, Strange::AckEach] {
        // Where an answer comes sooner than the receiver has rested, what it takes is hard to see.
        for (delay, most) in [
            (Duration::from_micros(100), 4),
            (ms(1), 2),
            (ms(10), 2),
            (ms(50), 2),
        ] {
            let agreed = windowed(1468, 64);
            let loader = burst_dropper(agreed, 34, strange);
            let mut net = serve(loader, 1468 * 12_000, agreed, steady(delay));
            net.run(secs(60), 40_000);
            assert!(net.client.stored == net.server.content);
            let perfect = perfectly_tuned(12_000, 2 * delay);
            assert!(
                net.elapsed() < most * perfect + ms(1400),
                "{strange:?}, {delay:?}: {:?} instead of {perfect:?}",
                net.elapsed()
            );
        }
    }
}

#[test]
fn a_burst_dropper_that_only_its_own_timer_wakes_is_served_too() {
    let agreed = windowed(1468, 64);
    let mut loader = burst_dropper(agreed, 34, Strange::Silent);
    loader.repeats = Some(ms(500));
    let mut net = serve(loader, 1468 * 3000, agreed, steady(ms(1)));
    net.run(secs(60), 9000);
    assert!(net.client.stored == net.server.content);
    assert!(
        net.client.longest_wait < secs(1),
        "{:?}",
        net.client.longest_wait
    );
}

#[test]
fn plain_loss_is_not_mistaken_for_a_burst_dropper_for_long() {
    let agreed = windowed(512, 64);
    let mut loader = Loader::new(agreed);
    loader.strange = Strange::AckOnce;
    let mut state = 99_u64;
    let network = move |_: Passage<'_>| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        if (state >> 33).is_multiple_of(100) {
            vec![]
        } else {
            vec![ms(1)]
        }
    };
    let mut net = serve(loader, 512 * 20_000, agreed, network);
    net.run(secs(60), 60_000);
    assert!(net.client.stored == net.server.content);
    assert!(
        net.client.longest_wait < ms(300),
        "{:?}",
        net.client.longest_wait
    );
    assert!(net.elapsed() < secs(4), "{:?}", net.elapsed());
    assert!(net.client.done());
}
