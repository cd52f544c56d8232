//! Bounds that a flood of made-up addresses meets.

use std::net::Ipv4Addr;

use bootwire::{Op, Outcome};

use super::table::STRANGERS_MAX;
use super::*;

/// A request from an address, which acknowledged nothing or all of it.
fn record(number: u32, outcome: Outcome) -> TransferRecord {
    let peer = (Ipv4Addr::from(0x0a00_0000 + number), 2070).into();
    let mut record = TransferRecord::new(Op::Read, peer, "/pxelinux.0");
    record.started = SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000);
    record.outcome = outcome;
    record
}

#[test]
fn strangers_make_room_among_themselves_and_are_counted() {
    let mut tracker = Tracker::new(Limits::default());
    let known = 100;
    for number in 0..known {
        tracker.record(&record(number, Outcome::Complete));
    }
    let made_up = 3 * STRANGERS_MAX as u32;
    let mut told = 0;
    for number in known..known + made_up {
        told += tracker.record(&record(number, Outcome::Timeout)).len();
    }
    assert_eq!(tracker.machines(), known as usize + STRANGERS_MAX);
    assert_eq!(tracker.strangers_gone(), 2 * STRANGERS_MAX as u64);
    assert_eq!(told, 0, "nobody hears of who left before a second passed");
    // Whoever acknowledged something is still there.
    let open = tracker.open();
    for number in 0..known {
        let peer = Ipv4Addr::from(0x0a00_0000 + number);
        assert!(open.iter().any(|boot| boot.peer == peer), "{peer}");
    }
    // A stranger who acknowledges something is one no more.
    let last = known + made_up - 1;
    tracker.record(&record(last, Outcome::Complete));
    for number in 0..STRANGERS_MAX as u32 {
        tracker.record(&record(last + 1 + number, Outcome::Timeout));
    }
    let peer = Ipv4Addr::from(0x0a00_0000 + last);
    assert!(tracker.open().iter().any(|boot| boot.peer == peer));
}

/// Of a stranger that somebody has heard of, the end is told.
#[test]
fn strangers_that_were_told_of_end_when_they_make_room() {
    let mut tracker = Tracker::new(Limits::default());
    let first = record(0, Outcome::Timeout);
    tracker.record(&first);
    let began = tracker.tick(first.started + Duration::from_secs(1));
    assert!(matches!(began.as_slice(), [Change::Began(_)]), "{began:?}");
    let mut changes = Vec::new();
    for number in 1..=STRANGERS_MAX as u32 {
        changes.extend(tracker.record(&record(number, Outcome::Timeout)));
    }
    let [Change::Ended(boot)] = changes.as_slice() else {
        panic!("{changes:?}")
    };
    assert_eq!(boot.peer, Ipv4Addr::from(0x0a00_0000));
    assert_eq!(tracker.strangers_gone(), 1);
}
