//! Who is there: clients drawn one by one.

use std::time::Duration;

use bootwire_proto::{Instant, Offer};

use super::{Kind, SERVER, Scenario};
use crate::app::{File, Serving, Taking};
use crate::check::Resending;
use crate::clients::{
    Grub, Habit, Loader, Lockstep, OnePort, Patience, Pauser, Pausing, Pxelinux, RaspberryPi, Rude,
    Rudeness, Slow, Uboot, Uefi, Upload, Windowed, Windows,
};
use crate::net::{Bursts, Path};
use crate::random::Random;

/// Adds a client with a habit drawn for this kind of scenario.
pub(super) fn add_client(
    scenario: &mut Scenario,
    kind: Kind,
    path: Path,
    start: Instant,
    random: &mut Random,
) {
    let habit = draw_habit(scenario, kind, &path, random);
    add_habit(scenario, kind, habit, path, start, random);
}

/// Adds a client.
pub(super) fn add_habit(
    scenario: &mut Scenario,
    kind: Kind,
    habit: Box<dyn Habit>,
    path: Path,
    start: Instant,
    random: &mut Random,
) {
    let ip = scenario.next_ip();
    let own = random.fork();
    let loader = Loader::new(habit, ip, SERVER, start, own);
    let steady = scenario
        .files
        .iter()
        .all(|file| matches!(file.serving, Serving::AtHand | Serving::Later(_)));
    if loader.is_prompt() && steady {
        match kind {
            Kind::Calm | Kind::Pausing => {
                scenario.rules.no_resends.insert(ip, Resending::Never);
            }
            Kind::Doubling if path.up.overtaken == 0 && path.down.overtaken == 0 => {
                scenario.rules.no_resends.insert(ip, Resending::Rarely);
            }
            Kind::Lossy => {
                let within = 6 * path.round_trip() + Duration::from_millis(250);
                scenario.rules.resend_within.insert(ip, within);
            }
            _ => {}
        }
    }
    scenario.add(loader, path);
}

/// A file that can be had, drawn from those there are.
fn some_file(scenario: &Scenario, random: &mut Random) -> String {
    let good: Vec<_> = scenario
        .files
        .iter()
        .filter(|file| file.can_be_had())
        .collect();
    name(&good, random)
}

fn any_file(scenario: &Scenario, random: &mut Random) -> String {
    let all: Vec<_> = scenario.files.iter().collect();
    name(&all, random)
}

fn name(files: &[&File], random: &mut Random) -> String {
    let index = random.below(files.len() as u64) as usize;
    files[index].path.trim_start_matches('/').to_owned()
}

fn draw_habit(scenario: &Scenario, kind: Kind, way: &Path, random: &mut Random) -> Box<dyn Habit> {
    if kind == Kind::Pausing {
        return draw_pausing(scenario, random);
    }
    let path = some_file(scenario, random);
    let path = path.as_str();
    let others = match kind {
        Kind::Harsh => 18,
        Kind::Hostile => 18,
        _ => 12,
    };
    match random.below(others) {
        0 => Box::new(Uefi::new(path, random)),
        1 => {
            let names = (0..random.within(1..=3)).map(|_| some_file(scenario, random));
            let mut names: Vec<_> = names.map(|name| format!("/{name}")).collect();
            names.insert(0, "/boot/grub/i386-pc/command.lst".to_owned());
            let stall = (kind == Kind::Harsh).then(|| random.millis(500..=30_000));
            Box::new(Grub::new(names, stall))
        }
        2 => {
            let config = some_file(scenario, random);
            Box::new(Pxelinux::new(&config, path))
        }
        3 => Box::new(RaspberryPi::new(path, random)),
        4 => Box::new(Windows::new(path, random)),
        5 => {
            let window = random.pick(&[1, 1, 4, 16, 64]);
            let takes = (kind == Kind::Harsh && window > 16).then_some(34);
            Box::new(Uboot::new(path, window, takes, random))
        }
        6 | 7 => {
            let kinds = [
                Patience::TftpHpa,
                Patience::Curl,
                Patience::Busybox,
                Patience::Atftp,
            ];
            // Where all packets of half a minute are lost it is not the server that leaves atftp
            // waiting.
            let even = way.up.loss.is_even() && way.down.loss.is_even();
            let steady = kind != Kind::Harsh && even;
            let kind = random.pick(&kinds[..if steady { 4 } else { 3 }]);
            let lockstep = Lockstep::new(kind, path, random);
            if random.chance(400_000) {
                Box::new(lockstep.blksize(random.pick(&[64, 512, 1000, 1428])))
            } else {
                Box::new(lockstep)
            }
        }
        // With one port for everything, a packet that is late cannot be told from the next
        // transfer's.
        8 if way.keeps_order() && !way.loses() => {
            let names = (0..random.within(2..=4)).map(|_| some_file(scenario, random));
            Box::new(OnePort::new(names.collect()))
        }
        8 | 9 => {
            let offer = draw_offer(random);
            Box::new(Windowed::new(path, offer, random))
        }
        10 | 11 => {
            let len = random.pick(&[0, 1, 511, 512, 513, 3000, 20_000, 70_000]);
            let taking = match kind {
                Kind::Harsh => draw_taking(len, random),
                _ => Taking::Gladly,
            };
            let offer = draw_offer(random);
            Box::new(Upload::new(taking, len, offer, random))
        }
        12 => {
            let (every, pause) = (random.within(1..=20), random.millis(1000..=30_000));
            let window = random.pick(&[1, 8, 64]);
            Box::new(Slow::new(path, every, pause, window, random))
        }
        13 => {
            let offer = draw_offer(random);
            Box::new(Windowed::new(path, offer, random))
        }
        _ => {
            let after = random.within(1..=8);
            let kinds = [
                Rudeness::Vanishes(after),
                Rudeness::Aborts(after),
                Rudeness::WithholdsLast,
                Rudeness::AcksErrors,
                Rudeness::OnlyAsks,
                Rudeness::ChangesItsMind(after),
                Rudeness::Impatient(random.millis(1..=1500)),
            ];
            // What changes its mind keeps its port, too.
            let orderly = way.keeps_order() && !way.loses();
            let rudeness = random.pick(&kinds[..if orderly { 7 } else { 5 }]);
            let [path, second] = [(); 2].map(|()| any_file(scenario, random));
            let windowsize = random.pick(&[1, 4, 16]);
            Box::new(Rude::new(rudeness, [&path, &second], windowsize, random))
        }
    }
}

/// Clients that pause for less than the time before a resend.
fn draw_pausing(scenario: &Scenario, random: &mut Random) -> Box<dyn Habit> {
    let kinds = [
        Pauser::Counts,
        Pauser::Virtio,
        Pauser::Nameless,
        Pauser::Robust,
    ];
    let kind = random.pick(&kinds);
    let window = random.pick(&[1, 4, 16, 32, 64]);
    // A window without a granted timeout waits for a fifth of a second, in which the round trip
    // has to fit as well.
    let longest = match kind {
        Pauser::Nameless | Pauser::Robust if window > 1 => 140,
        _ => 900,
    };
    // Who cannot be told from others is not pushed further only before it has taken a window.
    let files = match kind {
        Pauser::Nameless => 1,
        _ => random.within(1..=4),
    };
    let paths = (0..files).map(|_| some_file(scenario, random)).collect();
    // Between two windows: what it pauses within one adds up.
    let every = window * random.within(1..=20);
    let pause = random.millis(1..=longest);
    Box::new(Pausing::new(kind, paths, every, pause, window, random))
}

fn draw_offer(random: &mut Random) -> Offer {
    Offer {
        blksize: random
            .chance(700_000)
            .then(|| random.pick(&[64, 512, 1024, 1428, 1468, 8192])),
        windowsize: random
            .chance(700_000)
            .then(|| random.pick(&[1, 2, 4, 16, 64])),
        timeout: random.chance(200_000).then(|| random.within(1..=5) as u8),
        tsize: random.chance(600_000).then_some(0),
        rollover: None,
    }
}

fn draw_taking(len: usize, random: &mut Random) -> Taking {
    match random.below(8) {
        0 | 1 => Taking::Slowly(random.millis(1..=2000)),
        2 => Taking::Until(len / 2),
        3 => Taking::InVain,
        4 => Taking::Never,
        5 => Taking::AtMost(random.pick(&[len as u64, len as u64 / 2])),
        _ => Taking::Gladly,
    }
}

/// A file of more than 65535 blocks, for one client, with a little loss.
pub(super) fn wrap(scenario: &mut Scenario, random: &mut Random) {
    let len = 8 * 65_535 + random.within(1..=4000) as usize;
    scenario
        .files
        .push(File::new("/large", random.next(), len, Serving::AtHand));
    let mut path = Path::clean(random.micros(20..=200));
    path.down.loss = Bursts::even(random.pick(&[0, 100, 500]));
    path.up.loss = path.down.loss;
    let habit: Box<dyn Habit> = if random.chance(500_000) {
        Box::new(Lockstep::new(Patience::Busybox, "large", random).blksize(8))
    } else {
        let offer = Offer {
            blksize: Some(8),
            windowsize: Some(random.pick(&[16, 64])),
            ..Offer::default()
        };
        Box::new(Windowed::new("large", offer, random))
    };
    add_habit(scenario, Kind::Wrap, habit, path, Instant::ZERO, random);
}
