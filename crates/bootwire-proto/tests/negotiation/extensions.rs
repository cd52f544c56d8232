//! Options of no RFC, and what single clients need.

use std::time::Duration;

use bootwire_proto::{Limits, Mode, Op, Rollover};

use crate::rules::{assert_oack, assert_plain, read, read_within, write};
use crate::{ask, oack};

// spec: blksize2-power-of-two
#[test]
fn blksize2_is_rounded_down_to_a_power_of_two() {
    let limits = Limits {
        blksize_max: 1468,
        ..Limits::default()
    };
    for (asked, granted) in [
        (8, 8),
        (15, 8),
        (512, 512),
        (1000, 512),
        (1024, 1024),
        (1468, 1024),
        (65_464, 1024),
    ] {
        assert_oack(
            &read_within(&format!("blksize2={asked}"), &limits),
            &format!("blksize2={granted}"),
        );
    }
    assert_oack(&read("blksize2=65464"), "blksize2=32768");
    assert_plain(&read("blksize2=7"));
}

// spec: blksize2-power-of-two
#[test]
fn of_blksize_and_blksize2_the_first_counts() {
    assert_oack(&read("blksize=1000 blksize2=512"), "blksize=1000");
    assert_oack(&read("blksize2=1000 blksize=1468"), "blksize2=512");
}

// spec: tsize-of-empty-file
#[test]
fn tsize_of_an_empty_file_is_left_out_beside_other_options() {
    let empty = |options| ask(Op::Read, Mode::Octet, options, Some(0), &Limits::default());
    assert_oack(
        &empty("tsize=0 blksize=512 timeout=5"),
        "blksize=512 timeout=5",
    );
    assert_oack(&empty("blksize=1024 tsize=0"), "blksize=1024");
    assert_eq!(empty("blksize=1024 tsize=0").tsize, None);
    assert_oack(&empty("tsize=0"), "tsize=0");
    assert_oack(&empty("tsize=0 blksize=4"), "tsize=0");
}

// spec: utimeout-range
#[test]
fn utimeout_is_10_milliseconds_to_255_seconds() {
    for micros in [10_000, 1_500_001, 255_000_000] {
        let agreed = read(&format!("utimeout={micros}"));
        assert_oack(&agreed, &format!("utimeout={micros}"));
        assert_eq!(agreed.timeout, Some(Duration::from_micros(micros)));
    }
    for rubbish in ["0", "9999", "255000001", "-1", &"9".repeat(40)] {
        assert_plain(&read(&format!("utimeout={rubbish}")));
    }
    assert_oack(&read("timeout=2 utimeout=500000"), "timeout=2");
    assert_oack(&read("utimeout=500000 timeout=2"), "utimeout=500000");
}

// spec: rollover-option
#[test]
fn rollover_is_granted_as_asked_or_left_out() {
    assert_oack(&read("rollover=0"), "rollover=0");
    assert_oack(&read("rollover=1"), "rollover=1");
    assert_eq!(read("rollover=1").rollover, Rollover::One);
    assert_plain(&read("rollover=2"));

    let forced = |rollover, options| {
        read_within(
            options,
            &Limits {
                rollover: Some(rollover),
                ..Limits::default()
            },
        )
    };
    assert_oack(&forced(Rollover::One, "rollover=1"), "rollover=1");
    assert_oack(
        &forced(Rollover::Zero, "blksize=512 rollover=1"),
        "blksize=512",
    );
    assert_eq!(
        forced(Rollover::Zero, "rollover=1").rollover,
        Rollover::Zero
    );
    assert_eq!(oack(&forced(Rollover::Refuse, "rollover=0")), None);
    assert_eq!(
        forced(Rollover::Refuse, "rollover=0").rollover,
        Rollover::Refuse
    );
}

// spec: msftwindow-grant
#[test]
fn msftwindow_is_granted_by_its_magic_number() {
    let agreed = read("tsize=0 blksize=1456 windowsize=4 msftwindow=31416");
    assert_oack(
        &agreed,
        "tsize=1000000 blksize=1456 windowsize=4 msftwindow=27182",
    );
    assert!(agreed.msftwindow);
    assert_eq!((agreed.windowsize, agreed.windowsize_max), (4, 64));

    let small = Limits {
        window_bytes_max: 14_560,
        ..Limits::default()
    };
    assert_eq!(
        read_within("blksize=1456 msftwindow=31416", &small).windowsize_max,
        10
    );
}

// spec: msftwindow-grant
#[test]
fn msftwindow_is_dropped_where_it_does_not_belong() {
    for agreed in [
        read("blksize=1456 msftwindow=27182"),
        read("blksize=1456 msftwindow=1"),
        write("blksize=1456 msftwindow=31416"),
        ask(
            Op::Read,
            Mode::Netascii,
            "blksize=1456 msftwindow=31416",
            None,
            &Limits::default(),
        ),
    ] {
        assert_oack(&agreed, "blksize=1456");
        assert!(!agreed.msftwindow);
        assert_eq!(agreed.windowsize_max, 1);
    }
}
