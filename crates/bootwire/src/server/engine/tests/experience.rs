//! What one transfer shows holds for the next ones of its client.

use bootwire_proto::OptionKind;

use super::*;

const FILE: &[u8] = &[7; 512 * 100];

fn bench() -> Bench {
    Bench::new(&[("/a", Script::AtHand(FILE))])
}

fn windowsize(oack: &Sent) -> u16 {
    let text = String::from_utf8_lossy(&oack.bytes[2..]).into_owned();
    let mut words = text.split('\0');
    words.find(|word| *word == "windowsize").expect("granted");
    words.next().unwrap().parse().unwrap()
}

/// Reads all of `/a` and answers every window at once; the window that was granted.
fn read(bench: &mut Bench, port: u16, options: &[(OptionKind, u64)]) -> u16 {
    let oack = bench.ask(peer(port), &rrq("a", options))[0].clone();
    let window = windowsize(&oack);
    let mut sent = bench.ack(peer(port), oack.lane, 0);
    let mut most = 0;
    while let Some(last) = sent.iter().rev().find_map(Sent::block) {
        most = most.max(sent.len());
        sent = bench.ack(peer(port), oack.lane, last);
    }
    assert!(most <= usize::from(window));
    window
}

// spec: first-window
#[test]
fn a_client_gets_a_larger_window_once_it_has_taken_one() {
    let mut bench = bench();
    let options = [(OptionKind::Windowsize, 64)];
    let windows: Vec<_> = (1..4)
        .map(|port| read(&mut bench, port, &options))
        .collect();
    assert_eq!(windows, [32, 64, 64]);
    let small = [(OptionKind::Windowsize, 4)];
    assert_eq!(read(&mut bench, 9, &small), 4);
}

// spec: first-window
#[test]
fn uboot_never_gets_more_blocks_than_its_card_has_buffers() {
    let mut bench = bench();
    let options = [(OptionKind::Timeout, 5), (OptionKind::Windowsize, 64)];
    for port in 1..4 {
        assert_eq!(read(&mut bench, port, &options), 32);
    }
}

// spec: first-window, never-against-silence
#[test]
fn a_client_that_says_nothing_after_ack_0_gets_one_window() {
    let mut bench = bench();
    let options = [(OptionKind::Timeout, 5), (OptionKind::Windowsize, 64)];
    let lane = bench.ask(peer(1), &rrq("a", &options))[0].lane;
    assert_eq!(bench.ack(peer(1), lane, 0).len(), 32);
    assert_eq!(bench.wait(Duration::from_secs(5)), []);
}

/// The time from the send of block 2 to its resend.
fn resent_after(bench: &mut Bench, port: u16) -> Duration {
    let lane = bench.ask(peer(port), &rrq("a", &[]))[0].lane;
    bench.wait(Duration::from_millis(2));
    assert_eq!(bench.ack(peer(port), lane, 1)[0].block(), Some(2));
    let sent = bench.now;
    loop {
        let again = bench.wait(Duration::from_millis(1));
        if again.iter().any(|sent| sent.to == peer(port)) {
            let resent = bench.now.since(sent);
            for block in 2..=101 {
                bench.wait(Duration::from_millis(2));
                bench.ack(peer(port), lane, block);
            }
            return resent;
        }
    }
}

// spec: evidence-remembered
#[test]
fn a_loss_makes_the_next_transfer_quick() {
    let mut bench = bench();
    assert!(resent_after(&mut bench, 1) >= Duration::from_secs(1));
    assert!(resent_after(&mut bench, 2) <= Duration::from_millis(15));
}

// spec: evidence-remembered, resend-min
#[test]
fn a_client_that_counts_duplicates_is_never_hurried() {
    let polite = Script::Polite(FILE);
    let mut bench = Bench::new(&[("/start4.elf", polite), ("/a", Script::AtHand(FILE))]);
    let lane = bench.ask(peer(1), &rrq("start4.elf", &[]))[0].lane;
    for block in 1..=101 {
        bench.ack(peer(1), lane, block);
    }
    for port in 2..5 {
        assert!(resent_after(&mut bench, port) >= Duration::from_secs(1));
    }
}

/// A worker that was kept from the processor hears what has come in before it sends again.
#[test]
fn an_overdue_timer_waits_for_what_was_not_heard_yet() {
    let mut bench = bench();
    let lane = bench.ask(peer(1), &rrq("a", &[]))[0].lane;
    assert!(!bench.engine.is_overdue(bench.now));
    bench.now = bench.now + Duration::from_secs(2);
    assert!(
        bench.engine.is_overdue(bench.now),
        "and nothing is sent yet"
    );
    assert_eq!(bench.rounds(), []);
    let now = bench.now;
    bench
        .engine
        .on_lane(now, lane, 0, &from(peer(1), &[0, 4, 0, 1]));
    bench.engine.on_time(now);
    let sent = bench.rounds();
    assert_eq!(sent.iter().map(Sent::block).collect::<Vec<_>>(), [Some(2)]);
}
