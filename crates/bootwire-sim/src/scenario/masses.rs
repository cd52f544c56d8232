//! Many machines at once.

use std::time::Duration;

use bootwire_proto::{Instant, Offer};

use super::crowd::add_habit;
use super::{Kind, Scenario};
use crate::app::{File, Serving};
use crate::clients::{Lockstep, Patience, Stormer, Windowed};
use crate::hostile::Flood;
use crate::net::Path;
use crate::random::Random;

/// How large a storm is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Size {
    machines: u32,
    /// Time within which all are switched on.
    within: Duration,
    places: usize,
}

/// 20,000 machines against 2000 places.
pub(super) const STORM: Size = Size {
    machines: 20_000,
    within: Duration::from_secs(2),
    places: 2000,
};

/// Machines that are switched on at once and stay until they are served, each from an address of
/// its own, and a server with few places and a slow origin.
pub(super) fn storm(scenario: &mut Scenario, random: &mut Random, size: Size) {
    scenario.settings.transfers_max = size.places;
    scenario.settings.transfers_per_peer_max = 4;
    let slow = Serving::Later(Duration::from_millis(500));
    scenario
        .files
        .push(File::new("/boot", random.next(), 4000, slow));
    let within = size.within.as_micros() as u64;
    for _ in 0..size.machines {
        let path = Path::clean(random.micros(50..=500));
        let start = Instant::ZERO + random.micros(0..=within);
        let habit = Box::new(Stormer::new("boot"));
        add_habit(scenario, Kind::Storm, habit, path, start, random);
    }
}

/// A small storm for every day.
pub(super) fn crush(scenario: &mut Scenario, random: &mut Random) {
    let size = Size {
        machines: random.within(5..=60) as u32,
        within: random.millis(1..=1000),
        places: random.within(1..=10) as usize,
    };
    storm(scenario, random, size);
}

/// Garbage a second.
const FLOOD_RATE: u32 = 200_000;

/// Transfers that run for seconds, and rubbish meanwhile if `flooded`.
pub(super) fn flood(scenario: &mut Scenario, random: &mut Random, flooded: bool) {
    let (key, len) = (random.next(), 400_000);
    scenario
        .files
        .push(File::new("/image", key, len, Serving::AtHand));
    for number in 0..8 {
        let path = Path::clean(Duration::from_micros(250));
        let start = Instant::ZERO + random.millis(0..=10);
        let offer = Offer {
            blksize: Some(1428),
            windowsize: Some(8),
            ..Offer::default()
        };
        let habit: Box<dyn crate::clients::Habit> = match number % 2 {
            0 => Box::new(Lockstep::new(Patience::TftpHpa, "image", random)),
            _ => Box::new(Windowed::new("image", offer, random)),
        };
        add_habit(scenario, Kind::Flood, habit, path, start, random);
    }
    if flooded {
        let until = Instant::ZERO + Duration::from_secs(2);
        let own = random.fork();
        let ip = scenario.next_ip();
        let sockets = scenario.sockets();
        let flood = Flood::new(ip, sockets, FLOOD_RATE, Instant::ZERO, until, own);
        scenario.add(flood, Path::clean(Duration::from_micros(20)));
    }
}
