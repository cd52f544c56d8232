//! Small scenarios of every kind: files, a network and a few machines.

use std::time::Duration;

use bootwire_proto::Instant;

use super::crowd::add_client;
use super::{Kind, SERVER, Scenario, ip_of};
use crate::app::{File, Serving};
use crate::hostile::{Pace, forger, noise, stranger};
use crate::net::{Bursts, Line, OverMtu, Path};
use crate::random::Random;

/// Fills a scenario.
pub(super) fn draw(scenario: &mut Scenario, kind: Kind, random: &mut Random) {
    if random.chance(100_000) {
        scenario.settings.lanes = 0;
    }
    if kind == Kind::Harsh {
        scenario.kernel.full = random.pick(&[0, 0, 1000, 20_000]);
        scenario.kernel.buffer = random.pick(&[4096, 4096, 16]);
        if random.chance(300_000) {
            scenario.settings.transfers_max = random.within(1..=6) as usize;
        }
        if random.chance(200_000) {
            scenario.settings.transfers_per_peer_max = random.within(1..=2) as usize;
        }
    }
    for number in 0..random.within(1..=3) {
        let path = format!("/file{number}");
        let len = match kind {
            Kind::Pausing => random.within(1..=150_000) as usize,
            _ => draw_len(random),
        };
        let serving = draw_serving(kind, number == 0, len, random);
        scenario
            .files
            .push(File::new(path, random.next(), len, serving));
    }
    for _ in 0..random.within(1..=4) {
        let path = draw_path(kind, random);
        let start = Instant::ZERO + random.millis(0..=1500);
        add_client(scenario, kind, path, start, random);
    }
    if kind == Kind::Hostile || (kind == Kind::Harsh && random.chance(300_000)) {
        add_hostile(scenario, random);
    }
}

fn draw_len(random: &mut Random) -> usize {
    let around = |random: &mut Random, block: usize| {
        let blocks = random.within(1..=12) as usize;
        (blocks * block + random.below(3) as usize).saturating_sub(1)
    };
    match random.below(10) {
        0 => random.below(3) as usize,
        1 | 2 => around(random, 512),
        3 => around(random, 1468),
        4 => around(random, 1024),
        5..=8 => random.within(1..=20_000) as usize,
        _ => random.within(20_000..=120_000) as usize,
    }
}

/// The largest block there is, in bytes.
const LARGEST_BLOCK: u64 = 65_464;
/// The longest a file's first block takes, in milliseconds: less than any client's patience.
const FIRST_BLOCK_MS: u64 = 2500;

fn draw_serving(kind: Kind, first: bool, len: usize, random: &mut Random) -> Serving {
    let stream = |random: &mut Random, slowest: u64| {
        let piece = random.within(len as u64 / 12 + 1..=len as u64 / 4 + 100);
        // A client that has left before its first block can be full never gets one.
        let pieces = (len as u64).min(LARGEST_BLOCK).div_ceil(piece) + 1;
        Serving::Stream {
            piece: piece as usize,
            every: random.millis(0..=slowest.min(FIRST_BLOCK_MS / pieces)),
            sized: random.chance(700_000),
        }
    };
    match (kind, random.below(10)) {
        (Kind::Harsh, 0..=2) => stream(random, 800),
        (Kind::Harsh, 3) => Serving::Later(random.millis(1..=FIRST_BLOCK_MS)),
        (Kind::Harsh, 4) => Serving::Flaky(random.within(1..=3) as usize),
        // One file can always be had.
        (Kind::Harsh, 5) if !first => Serving::Breaks(len / 2),
        (Kind::Harsh, 6) if !first => Serving::Promises(random.within(1..=2000)),
        (Kind::Harsh, 7) if !first => Serving::Hangs(len / 3),
        (Kind::Harsh, 8) if !first => Serving::Never,
        (Kind::Calm | Kind::Hostile, 0) => stream(random, 50),
        (Kind::Hostile, 1..=3) => Serving::Later(random.millis(1..=1500)),
        (Kind::Lossy, 0..=1) => Serving::Later(random.millis(1..=200)),
        (Kind::Doubling, 0..=3) => Serving::Later(random.millis(1..=400)),
        _ => Serving::AtHand,
    }
}

fn draw_path(kind: Kind, random: &mut Random) -> Path {
    let delay = match random.below(4) {
        0 => random.micros(30..=200),
        1 | 2 => random.micros(200..=2000),
        _ => random.micros(2000..=25_000),
    };
    let mut path = Path::clean(delay);
    let lines = [&mut path.up, &mut path.down];
    match kind {
        Kind::Lossy => lines.into_iter().for_each(|line| {
            line.jitter = delay / 10;
            line.loss = draw_loss(random);
        }),
        Kind::Doubling => {
            let overtaken = random.pick(&[0, 0, 50_000]);
            for line in lines {
                line.doubles = random.within(10_000..=300_000) as u32;
                line.overtaken = overtaken;
                line.late = random.micros(1..=20_000);
            }
        }
        Kind::Harsh => {
            for line in lines {
                harshen(line, delay, random);
            }
            if random.chance(150_000) {
                path.mtu = random.within(576..=1400) as usize;
                // Clients that ask for too much over a path that swallows it never boot.
                path.over_mtu = random.pick(&[OverMtu::Fragment, OverMtu::Tell]);
            }
            if random.chance(200_000) {
                let from = Instant::ZERO + random.millis(0..=3000);
                path.cut = Some((from, from + random.millis(100..=25_000)));
            }
        }
        _ => {
            for line in lines {
                line.jitter = (delay / 10).min(Duration::from_millis(1));
            }
        }
    }
    path
}

fn draw_loss(random: &mut Random) -> Bursts {
    match random.below(3) {
        0 => Bursts::bursty(random.within(500..=10_000) as u32, 5, 800_000),
        _ => Bursts::even(random.within(1000..=80_000) as u32),
    }
}

fn harshen(line: &mut Line, delay: Duration, random: &mut Random) {
    line.jitter = random.pick(&[0, 1, 3]) * delay;
    line.loss = draw_loss(random);
    if random.chance(400_000) {
        line.doubles = random.within(1000..=200_000) as u32;
    }
    if random.chance(400_000) {
        line.overtaken = random.within(1000..=100_000) as u32;
    }
    line.late = random.micros(1..=100_000);
    if random.chance(200_000) {
        line.rate = random.within(100_000..=10_000_000);
        line.queue = random.within(5_000..=200_000);
    }
}

/// Strangers, in a mix of their own.
fn add_hostile(scenario: &mut Scenario, random: &mut Random) {
    let paths: Vec<_> = scenario
        .files
        .iter()
        .map(|file| file.path.trim_start_matches('/').to_owned())
        .collect();
    let clients: Vec<_> = (0..scenario.machines.len()).map(ip_of).collect();
    let quick = Path::clean(Duration::from_micros(100));
    let (start, sockets) = (Instant::ZERO + random.millis(0..=300), scenario.sockets());
    let pace = |random: &mut Random| Pace {
        start,
        count: random.within(1..=200) as u32,
        every: random.micros(50..=15_000),
    };
    if random.chance(700_000) {
        // Bystanders have no machine here: what is sent to them is counted and gone. Some live in
        // the network of the clients.
        let first = random.pick(&[200, 60_000]);
        let victims = (first..first + random.within(1..=5) as usize)
            .map(ip_of)
            .collect();
        let forger = forger(SERVER, victims, paths, pace(random), random.fork());
        scenario.add(forger, quick.clone());
    }
    if random.chance(700_000) {
        let own = scenario.next_ip();
        let noise = noise(own, sockets.clone(), pace(random), random.fork());
        scenario.add(noise, quick.clone());
    }
    if random.chance(700_000) {
        let ips = std::iter::once(scenario.next_ip()).chain(clients).collect();
        let stranger = stranger(ips, sockets, pace(random), random.fork());
        scenario.add(stranger, quick);
    }
}
