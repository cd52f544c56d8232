//! Any sequence of records: no panic, bounded memory, each transfer in exactly one boot.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr};
use std::time::{Duration, SystemTime};

use bootwire::{Op, Outcome, TransferRecord};
use bootwire_boots::{Change, Limits, Tracker};
use proptest::prelude::*;

const PATHS: [&str; 16] = [
    "/pxelinux.0",
    "/ipxe.efi",
    "/bootx64.efi",
    "/ldlinux.c32",
    "/grub/x86_64-efi/normal.mod",
    "/grub/x86_64-efi/fs.lst",
    "/pxelinux.cfg/01-52-54-00-12-34-56",
    "/pxelinux.cfg/01-52-54-00-12-34-57",
    "/pxelinux.cfg/4c4c4544-0042-3510-8051-b4c04f4d3233",
    "/pxelinux.cfg/C000",
    "/pxelinux.cfg/default",
    "/grub/grub.cfg",
    "/vmlinuz",
    "/initrd.img",
    "/1a2b3c4d/config.txt",
    "/\u{1b}[31m\u{202e}",
];

const CONFIG: &[u8] = b"DEFAULT a\nLABEL a\nKERNEL vmlinuz\nINITRD initrd.img\n";

#[derive(Clone, Debug)]
struct Event {
    wait: u32,
    took: u32,
    peer: u8,
    path: usize,
    outcome: usize,
    write: bool,
    size: u64,
    name: Option<u8>,
    served: bool,
    runs: bool,
}

fn event() -> impl Strategy<Value = Event> {
    let time = prop_oneof![0..2_000_u32, 0..300_000_u32];
    (
        (
            time.clone(),
            time,
            0..4_u8,
            0..PATHS.len(),
            0..Outcome::ALL.len(),
        ),
        (
            prop::bool::weighted(0.05),
            0..10_000_000_u64,
            prop::option::weighted(0.1, 0..3_u8),
            any::<bool>(),
            prop::bool::weighted(0.1),
        ),
    )
        .prop_map(
            |((wait, took, peer, path, outcome), (write, size, name, served, runs))| Event {
                wait,
                took,
                peer,
                path,
                outcome,
                write,
                size,
                name,
                served,
                runs,
            },
        )
}

/// Transfers of each boot, as the last change of it says.
#[derive(Default)]
struct Counted {
    boots: HashMap<String, u64>,
    largest: usize,
}

impl Counted {
    fn take(&mut self, changes: &[Change]) {
        for change in changes {
            if let Change::Joined { id, .. } = change {
                self.boots.remove(id);
            }
            let boot = change.boot();
            self.boots.insert(boot.id.clone(), boot.transfers);
            self.largest = self.largest.max(boot.steps.len());
            let steps: u64 = boot
                .steps
                .iter()
                .map(|step| u64::from(step.transfers))
                .sum();
            assert_eq!(steps + boot.more, boot.transfers, "{boot:#?}");
            assert!(boot.verdict.is_some() || !boot.over, "{boot:#?}");
        }
    }
}

proptest! {
    #[test]
    fn each_transfer_is_in_exactly_one_boot(
        events in prop::collection::vec(event(), 0..120),
        machines in 1..6_usize,
    ) {
        let mut limits = Limits::default();
        limits.machines = machines;
        limits.steps = 8;
        let mut tracker = Tracker::new(limits);
        let mut counted = Counted::default();
        let mut now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000);
        for event in &events {
            now += Duration::from_millis(event.wait.into());
            let ip = IpAddr::V4(Ipv4Addr::new(10, 0, 0, event.peer));
            let op = if event.write { Op::Write } else { Op::Read };
            let mut record = TransferRecord::new(op, (ip, 2070).into(), PATHS[event.path]);
            record.started = now - Duration::from_millis(event.took.into());
            record.duration = Duration::from_millis(event.took.into());
            record.outcome = Outcome::ALL[event.outcome];
            record.size = Some(event.size);
            record.bytes = event.size / 2;
            record.machine = event.name.map(|name| format!("node-{name}"));
            if event.runs {
                tracker.running(record.peer, &record.path, record.started, now);
            }
            let content = event.served.then_some(CONFIG);
            counted.take(&tracker.record_of(&record, content));
            prop_assert!(tracker.machines() <= machines);
            if event.wait % 3 == 0 {
                counted.take(&tracker.tick(now));
            }
        }
        counted.take(&tracker.finish());
        let all: u64 = counted.boots.values().sum();
        prop_assert_eq!(all, events.len() as u64);
        prop_assert!(counted.largest <= 8);
        prop_assert_eq!(tracker.machines(), 0);
        prop_assert_eq!(tracker.memory(), 0);
    }
}

/// Made-up machines from made-up addresses, without an end.
#[test]
fn memory_is_bounded_whatever_comes() {
    let mut limits = Limits::default();
    limits.memory = 2 << 20;
    let mut tracker = Tracker::new(limits);
    let start = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000);
    let mut ended = 0;
    for number in 0..40_000_u32 {
        let ip = Ipv4Addr::from(number / 3);
        let path = match number % 3 {
            0 => format!("/{}", "x".repeat(400)),
            1 => format!(
                "/pxelinux.cfg/01-52-54-{:02x}-{:02x}-{:02x}-00",
                number >> 16,
                (number >> 8) & 255,
                number & 255
            ),
            _ => format!("/{number:08x}/config.txt"),
        };
        let mut record = TransferRecord::new(Op::Read, (ip, 2070).into(), path);
        record.started = start + Duration::from_millis(number.into());
        record.outcome = Outcome::ALL[number as usize % Outcome::ALL.len()];
        ended += tracker.record(&record).len();
        assert!(tracker.memory() <= limits.memory);
    }
    assert!(ended > 1000);
    tracker.tick(start + Duration::from_secs(100_000));
    tracker.tick(start + Duration::from_secs(200_000));
    assert_eq!((tracker.machines(), tracker.memory()), (0, 0));
}
