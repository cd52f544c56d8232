//! Peers that mean no good: they forge addresses, send rubbish and get in the way of others. They
//! are off the path: what they do not send or get themselves they do not see.

mod flood;
mod forger;
mod noise;
mod stranger;

use std::time::Duration;

use bootwire_proto::Instant;

pub use self::flood::Flood;
pub use self::forger::forger;
pub use self::noise::noise;
pub use self::stranger::stranger;
use crate::node::{Datagram, Node};
use crate::random::Random;

/// How much a hostile peer sends.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// When it begins.
    pub start: Instant,
    /// Packets in all.
    pub count: u32,
    /// Time between two, on average.
    pub every: Duration,
}

/// A peer that sends packets of one kind and hears nothing.
pub struct Hostile<F> {
    name: &'static str,
    pace: Pace,
    random: Random,
    make: F,
}

impl<F> Hostile<F> {
    const fn new(name: &'static str, pace: Pace, random: Random, make: F) -> Self {
        Self {
            name,
            pace,
            random,
            make,
        }
    }
}

impl<F: FnMut(&mut Random) -> Datagram + 'static> Node for Hostile<F> {
    fn name(&self) -> &'static str {
        self.name
    }

    fn deadline(&self) -> Option<Instant> {
        (self.pace.count > 0).then_some(self.pace.start)
    }

    fn on_time(&mut self, now: Instant, out: &mut Vec<Datagram>) {
        let Self { pace, random, .. } = self;
        if pace.count == 0 || now < pace.start {
            return;
        }
        pace.count -= 1;
        let mean = pace.every.as_micros() as u64;
        pace.start = now + random.micros(1..=2 * mean);
        out.push((self.make)(random));
    }

    fn receive(&mut self, _now: Instant, _datagram: &Datagram, _out: &mut Vec<Datagram>) {}

    fn finished(&self) -> bool {
        self.pace.count == 0
    }
}
