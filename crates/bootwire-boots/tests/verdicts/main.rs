//! Boots of each kind of machine, whole and broken at each step, and the verdict on each.
//!
//! The cases are in `cases/*.txt`, in a notation that `notation.rs` reads:
//!
//! ```text
//! config debian
//!   | menuentry Debian { linux /vmlinuz; initrd /initrd.img }
//!
//! case GRUB: the kernel is missing
//!   0    ok       /grubx64.efi 200k
//!   1    ok       /grub/grub.cfg 1k   config debian
//!   1.1  missing  /vmlinuz
//!   > kernel_missing | /vmlinuz is not there: the kernel that grub.cfg names
//! ```
//!
//! A line is the time of a request in seconds, how the transfer ended, the path, the size, and what else
//! is to be said: `in 3s` (how long it took, else 50 ms), `at 43%` (how much arrived), `lost 12%`,
//! `from ADDRESS`, `like edk2` (options of a client), `config NAME` or `program ARCH` (what was served),
//! `stage WORD`, `machine NAME`, `says TEXT…` (the ERROR or detail). What follows `>` is the kind of
//! verdict and its words, one line for each boot, in the order in which they began.

mod notation;

use std::time::Duration;

use bootwire_boots::{Boot, Change, Limits, Tracker};
use notation::{Case, start};

const CASES: [(&str, &str); 9] = [
    ("uefi", include_str!("cases/uefi.txt")),
    ("grub", include_str!("cases/grub.txt")),
    ("pxelinux", include_str!("cases/pxelinux.txt")),
    ("ipxe", include_str!("cases/ipxe.txt")),
    ("u-boot", include_str!("cases/u-boot.txt")),
    ("raspberry-pi", include_str!("cases/raspberry-pi.txt")),
    ("windows", include_str!("cases/windows.txt")),
    ("devices", include_str!("cases/devices.txt")),
    ("trouble", include_str!("cases/trouble.txt")),
];

/// Runs a case; the boots it makes, in the order in which they began.
fn run(case: &Case) -> Vec<Boot> {
    let mut tracker = Tracker::new(Limits::default());
    let mut changes = Vec::new();
    let mut transfers = case.transfers.clone();
    transfers.sort_by_key(|transfer| transfer.record.ended());
    let mut now = start();
    for transfer in &transfers {
        let end = transfer.record.ended();
        while now + Duration::from_secs(1) <= end {
            now += Duration::from_secs(1);
            changes.extend(tracker.tick(now));
        }
        let content = transfer.content.as_deref();
        changes.extend(tracker.record_of(&transfer.record, content));
    }
    for _ in 0..600 {
        now += Duration::from_secs(1);
        changes.extend(tracker.tick(now));
    }
    let mut boots: Vec<Boot> = Vec::new();
    for change in changes {
        if let Change::Joined { id, .. } = &change {
            boots.retain(|boot| boot.id != *id);
        }
        let boot = Boot::clone(change.boot());
        match boots.iter_mut().find(|known| known.id == boot.id) {
            Some(known) => *known = boot,
            None => boots.push(boot),
        }
    }
    boots.sort_by_key(|boot| boot.started);
    boots
}

/// What a case makes, as its file has it.
fn told(boots: &[Boot]) -> Vec<String> {
    let verdict = |boot: &Boot| match (&boot.verdict, boot.over) {
        (Some(verdict), true) => format!("{} | {}", verdict.kind, verdict.words),
        (Some(verdict), false) => format!("not over: {} | {}", verdict.kind, verdict.words),
        (None, _) => "no verdict".to_owned(),
    };
    boots.iter().map(verdict).collect()
}

#[test]
fn every_boot_gets_its_verdict() {
    let mut wrong = Vec::new();
    for (file, text) in CASES {
        for case in notation::read(text).unwrap_or_else(|what| panic!("{file}.txt: {what}")) {
            let boots = run(&case);
            let told = told(&boots);
            if told != case.verdicts {
                wrong.push(format!(
                    "{file}.txt: {}\n  expected\n    {}\n  got\n    {}",
                    case.name,
                    case.verdicts.join("\n    "),
                    told.join("\n    ")
                ));
            }
            let transfers: u64 = boots.iter().map(|boot| boot.transfers).sum();
            assert_eq!(
                transfers,
                case.transfers.len() as u64,
                "{file}.txt: {}",
                case.name
            );
        }
    }
    assert!(
        wrong.is_empty(),
        "{} wrong:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

#[test]
fn there_are_cases_of_every_kind_of_client() {
    let cases = CASES.iter().map(|(_, text)| notation::read(text).unwrap());
    let count: usize = cases.map(|cases| cases.len()).sum();
    assert!(count >= 40, "{count}");
}

#[test]
fn size_probes_are_no_failures_anywhere() {
    for (file, text) in CASES {
        for mut case in notation::read(text).unwrap() {
            case.transfers
                .retain(|transfer| transfer.record.outcome == bootwire::Outcome::Probe);
            for boot in run(&case) {
                let verdict = boot.verdict.expect("it is over");
                assert!(
                    !verdict.is_failure(),
                    "{file}.txt: {}: {verdict:?}",
                    case.name
                );
            }
        }
    }
}

/// Whatever the verdict, what it says is one line, and there is something to do about bad ones.
#[test]
fn verdicts_are_one_line_and_say_what_to_do() {
    for (_, text) in CASES {
        for case in notation::read(text).unwrap() {
            for boot in run(&case) {
                let verdict = boot.verdict.expect("it is over");
                let texts = [&verdict.words, &verdict.advice];
                assert!(texts.iter().all(|text| !text.contains(char::is_control)));
                assert!(
                    !verdict.is_failure() || !verdict.advice.is_empty(),
                    "{verdict:?}"
                );
            }
        }
    }
}
