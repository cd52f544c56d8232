//! Rubbish, as much as a link carries.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use bootwire_proto::Instant;

use super::noise::rubbish;
use crate::node::{Datagram, Node};
use crate::random::Random;

/// How often a batch is sent.
const TICK: Duration = Duration::from_micros(200);

/// Sends a steady stream of rubbish and stray ACKs to the server.
pub struct Flood {
    ip: IpAddr,
    targets: Vec<SocketAddr>,
    batch: u32,
    next: Instant,
    until: Instant,
    random: Random,
}

impl Flood {
    /// `rate` packets a second, from `start` until `until`.
    #[must_use]
    pub fn new(
        ip: IpAddr,
        targets: Vec<SocketAddr>,
        rate: u32,
        start: Instant,
        until: Instant,
        random: Random,
    ) -> Self {
        Self {
            ip,
            targets,
            batch: rate / (1_000_000 / TICK.as_micros() as u32),
            next: start,
            until,
            random,
        }
    }
}

impl Node for Flood {
    fn name(&self) -> &'static str {
        "flood"
    }

    fn deadline(&self) -> Option<Instant> {
        (self.next < self.until).then_some(self.next)
    }

    fn on_time(&mut self, now: Instant, out: &mut Vec<Datagram>) {
        if self.next >= self.until || now < self.next {
            return;
        }
        self.next = now + TICK;
        for _ in 0..self.batch {
            let random = &mut self.random;
            let port = random.within(1..=65_535) as u16;
            let target = self.targets[random.below(self.targets.len() as u64) as usize];
            let payload = match random.below(3) {
                0 => vec![0, 4, 0, 1],
                _ => rubbish(random),
            };
            out.push(Datagram {
                from: SocketAddr::new(self.ip, port),
                to: target,
                payload,
            });
        }
    }

    fn receive(&mut self, _now: Instant, _datagram: &Datagram, _out: &mut Vec<Datagram>) {}

    fn finished(&self) -> bool {
        self.next >= self.until
    }
}
