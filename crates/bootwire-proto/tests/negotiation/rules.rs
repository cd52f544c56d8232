//! What is granted, rule by rule.

use std::time::Duration;

use bootwire_proto::negotiate::{MAX_OACK, MAX_OPTIONS};
use bootwire_proto::{
    Agreed, Limits, Mode, Op, OptionKind, OptionSet, Options, Request, Rollover, negotiate,
};

use crate::{ask, oack};

pub(crate) fn read_within(options: &str, limits: &Limits) -> Agreed {
    ask(Op::Read, Mode::Octet, options, Some(1_000_000), limits)
}

pub(crate) fn read(options: &str) -> Agreed {
    read_within(options, &Limits::default())
}

pub(crate) fn write(options: &str) -> Agreed {
    ask(Op::Write, Mode::Octet, options, None, &Limits::default())
}

#[track_caller]
pub(crate) fn assert_oack(agreed: &Agreed, expected: &str) {
    assert_eq!(oack(agreed).as_deref(), Some(expected));
}

#[track_caller]
pub(crate) fn assert_plain(agreed: &Agreed) {
    assert_eq!(*agreed, Agreed::plain());
}

#[test]
fn without_options_it_is_rfc_1350() {
    assert_plain(&read(""));
    assert_plain(&write(""));
}

#[test]
fn the_oack_is_exact_on_the_wire() {
    let agreed = read("tsize=0 blksize=1408");
    assert_eq!(
        agreed.encode_oack(&mut [0xff; MAX_OACK]),
        b"\0\x06tsize\x001000000\0blksize\x001408\0"
    );
}

// spec: clients-rule-1
#[test]
fn rule_1_names_in_any_case_and_any_order() {
    assert_oack(&read("BLKSIZE=1024 TSize=0"), "blksize=1024 tsize=1000000");
    assert_oack(&read("TSize=0 BLKSIZE=1024"), "tsize=1000000 blksize=1024");
}

// spec: clients-rule-1
#[test]
fn rule_1_unknown_options_are_ignored() {
    assert_oack(
        &read("multicast= rsize=4096 blksize=1024 seek=0"),
        "blksize=1024",
    );
    assert_plain(&read("multicast= rsize=4096"));
}

// spec: clients-rule-1
#[test]
fn rule_1_of_a_repeated_option_the_first_counts() {
    assert_oack(
        &read("blksize=1024 blksize=512 BlkSize=4096"),
        "blksize=1024",
    );
    assert_plain(&read("windowsize=0 windowsize=16"));
}

// spec: clients-rule-1
#[test]
fn rule_1_options_beyond_the_bound_are_ignored() {
    let padding = "x= ".repeat(MAX_OPTIONS - 1);
    assert_oack(
        &read(&format!("{padding} blksize=1024 tsize=0")),
        "blksize=1024",
    );
}

// spec: clients-rule-2
#[test]
fn rule_2_the_oack_keeps_the_order_and_adds_nothing() {
    assert_oack(
        &read("rollover=0 windowsize=4 utimeout=500000 blksize2=1024 tsize=0"),
        "rollover=0 windowsize=4 utimeout=500000 blksize2=1024 tsize=1000000",
    );
    let agreed = read("windowsize=4 timeout=0 blksize=1024");
    assert!(
        agreed
            .granted()
            .eq([OptionKind::Windowsize, OptionKind::Blksize])
    );
    assert_eq!(agreed.value(OptionKind::Tsize), None);
    assert_eq!(agreed.tsize, None);
}

// spec: clients-rule-3
#[test]
fn rule_3_an_oack_answers_even_for_one_byte() {
    let agreed = ask(
        Op::Read,
        Mode::Octet,
        "blksize=1024 tsize=0",
        Some(1),
        &Limits::default(),
    );
    assert_oack(&agreed, "blksize=1024 tsize=1");
    assert_oack(
        &read("blksize=512 tsize=0 windowsize=1 timeout=5"),
        "blksize=512 tsize=1000000 windowsize=1 timeout=5",
    );
}

// spec: clients-rule-3, clients-rule-4
#[test]
fn rule_3_an_oack_answers_even_when_blksize_is_dropped() {
    let agreed = read("blksize=4 tsize=0");
    assert_oack(&agreed, "tsize=1000000");
    assert_eq!(agreed.blksize, 512);
}

// spec: oack-never-empty
#[test]
fn nothing_granted_is_answered_without_oack() {
    for options in [
        "blksize=4",
        "windowsize=0 timeout=0",
        "msftwindow=1 rollover=7",
        "timeout=3000",
    ] {
        assert_plain(&read(options));
    }
    assert_plain(&ask(
        Op::Read,
        Mode::Octet,
        "tsize=0",
        None,
        &Limits::default(),
    ));
}

// spec: oack-never-empty
#[test]
fn a_server_without_options_answers_as_rfc_1350_has_it() {
    let limits = Limits {
        options: false,
        ..Limits::default()
    };
    assert_plain(&read_within("blksize=1468 tsize=0 windowsize=4", &limits));
}

#[test]
fn an_option_that_is_refused_might_as_well_not_be_there() {
    let refusing = |kinds: &[OptionKind]| Limits {
        refused: kinds
            .iter()
            .fold(OptionSet::new(), |set, kind| set.with(*kind)),
        ..Limits::default()
    };
    let limits = refusing(&[OptionKind::Blksize, OptionKind::Windowsize]);
    assert_oack(
        &read_within("blksize=1468 windowsize=4 timeout=3", &limits),
        "timeout=3",
    );
    assert_plain(&read_within("blksize=1468 windowsize=4", &limits));
    assert_oack(
        &read_within("blksize=1468 blksize2=1024", &limits),
        "blksize2=1024",
    );
    let limits = refusing(&OptionKind::ALL);
    assert_plain(&read_within("blksize=1468 timeout=3 windowsize=4", &limits));
    let all: Vec<_> = limits.refused.iter().collect();
    assert_eq!(all, OptionKind::ALL);
}

// spec: clients-rule-4
#[test]
fn rule_4_blksize_is_the_smaller_of_asked_and_cap() {
    let limits = Limits {
        blksize_max: 1428,
        ..Limits::default()
    };
    assert_oack(&read_within("blksize=1427", &limits), "blksize=1427");
    assert_oack(&read_within("blksize=1428", &limits), "blksize=1428");
    assert_oack(&read_within("blksize=65464", &limits), "blksize=1428");
    assert_oack(&read_within("blksize=8", &limits), "blksize=8");
}

// spec: clients-rule-4
#[test]
fn rule_4_a_huge_blksize_is_capped() {
    for huge in [
        "65465",
        "65536",
        "4294967808",
        "18446744073709551616",
        &"9".repeat(40),
    ] {
        assert_oack(&read(&format!("blksize={huge}")), "blksize=65464");
    }
}

// spec: clients-rule-4
#[test]
fn rule_4_a_blksize_below_8_or_rubbish_is_dropped() {
    for rubbish in ["7", "0", "-1", "+512", "512x", "", "0x200", "5e2"] {
        let agreed = read(&format!("tsize=0 blksize={rubbish}"));
        assert_oack(&agreed, "tsize=1000000");
        assert_eq!(agreed.blksize, 512);
    }
    assert_oack(&read("blksize=0001024"), "blksize=1024");
}

// spec: clients-rule-5
#[test]
fn rule_5_windowsize_is_capped_in_blocks() {
    let limits = Limits {
        windowsize_max: 16,
        ..Limits::default()
    };
    for (asked, granted) in [
        ("1", 1),
        ("16", 16),
        ("17", 16),
        ("65535", 16),
        ("65536", 16),
        (&"9".repeat(40), 16),
    ] {
        let agreed = read_within(&format!("windowsize={asked}"), &limits);
        assert_oack(&agreed, &format!("windowsize={granted}"));
        assert_eq!(
            (agreed.windowsize, agreed.windowsize_max),
            (granted, granted)
        );
    }
}

// spec: clients-rule-5
#[test]
fn rule_5_windowsize_is_capped_in_bytes_of_the_granted_blksize() {
    let limits = Limits {
        window_bytes_max: 8192,
        ..Limits::default()
    };
    assert_oack(
        &read_within("blksize=1024 windowsize=64", &limits),
        "blksize=1024 windowsize=8",
    );
    assert_oack(
        &read_within("windowsize=64 blksize=1024", &limits),
        "windowsize=8 blksize=1024",
    );
    assert_oack(
        &read_within("windowsize=64 blksize2=2047", &limits),
        "windowsize=8 blksize2=1024",
    );
    assert_oack(&read_within("windowsize=64", &limits), "windowsize=16");
    assert_oack(
        &read_within("blksize=65464 windowsize=64", &limits),
        "blksize=65464 windowsize=1",
    );
}

// spec: clients-rule-5
#[test]
fn rule_5_a_window_of_0_or_rubbish_is_dropped() {
    for rubbish in ["0", "000", "-1", "4 ", "four", ""] {
        let list = [b"windowsize\0", rubbish.as_bytes(), b"\0tsize\x000\0"].concat();
        let request = Request {
            op: Op::Read,
            filename: b"x",
            mode: Mode::Octet,
            options: Options::new(&list),
        };
        let agreed = negotiate(&request, Some(1), &Limits::default());
        assert_oack(&agreed, "tsize=1");
        assert_eq!(agreed.windowsize, 1);
    }
}

// spec: clients-rule-6
#[test]
fn rule_6_tsize_of_a_read_is_exact_or_absent() {
    assert_eq!(read("tsize=0").tsize, Some(1_000_000));
    let huge = ask(
        Op::Read,
        Mode::Octet,
        "tsize=0",
        Some(u64::MAX),
        &Limits::default(),
    );
    assert_oack(&huge, "tsize=18446744073709551615");
    let unknown = ask(
        Op::Read,
        Mode::Netascii,
        "tsize=0 blksize=1024",
        None,
        &Limits::default(),
    );
    assert_oack(&unknown, "blksize=1024");
}

// spec: clients-rule-6
#[test]
fn rule_6_tsize_of_a_write_is_repeated() {
    let agreed = write("tsize=35248001 blksize=1468");
    assert_oack(&agreed, "tsize=35248001 blksize=1468");
    assert_eq!(agreed.tsize, Some(35_248_001));
    assert_oack(&write("tsize=0 blksize=1468"), "tsize=0 blksize=1468");
    assert_oack(
        &ask(
            Op::Write,
            Mode::Octet,
            "tsize=5",
            Some(77),
            &Limits::default(),
        ),
        "tsize=5",
    );
    for rubbish in ["-5", "18446744073709551616", "x", ""] {
        assert_plain(&write(&format!("tsize={rubbish}")));
    }
}

// spec: clients-rule-7
#[test]
fn rule_7_timeout_is_1_to_255_seconds() {
    for seconds in [1, 5, 255] {
        let agreed = read(&format!("timeout={seconds}"));
        assert_oack(&agreed, &format!("timeout={seconds}"));
        assert_eq!(agreed.timeout, Some(Duration::from_secs(seconds)));
    }
    for rubbish in ["0", "256", "3000", "-1", &"9".repeat(40), "1.5", ""] {
        assert_plain(&read(&format!("timeout={rubbish}")));
    }
}

// spec: clients-rule-10, rollover-zero
#[test]
fn rule_10_rollover_is_to_0_unless_forced() {
    assert_eq!(read("blksize=512").rollover, Rollover::Zero);
    for forced in [Rollover::Zero, Rollover::One, Rollover::Refuse] {
        for options in [true, false] {
            let limits = Limits {
                rollover: Some(forced),
                options,
                ..Limits::default()
            };
            assert_eq!(read_within("", &limits).rollover, forced);
            assert_eq!(read_within("blksize=512", &limits).rollover, forced);
        }
    }
}

#[test]
fn senseless_limits_are_bent_into_range() {
    let limits = Limits {
        blksize_max: 0,
        windowsize_max: 0,
        window_bytes_max: 0,
        ..Limits::default()
    };
    assert_oack(
        &read_within("blksize=1468 windowsize=4", &limits),
        "blksize=8 windowsize=1",
    );
    let limits = Limits {
        blksize_max: u16::MAX,
        windowsize_max: u16::MAX,
        window_bytes_max: u32::MAX,
        ..Limits::default()
    };
    assert_oack(
        &read_within("blksize=65535 windowsize=65535", &limits),
        "blksize=65464 windowsize=65535",
    );
}
