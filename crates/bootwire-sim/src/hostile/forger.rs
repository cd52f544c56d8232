//! Requests in the name of others.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use bootwire_proto::Instant;

use crate::node::{Datagram, Node};
use crate::random::Random;

/// Sends requests that seem to come from bystanders, who never answer.
pub struct Forger {
    server: SocketAddr,
    victims: Vec<IpAddr>,
    paths: Vec<String>,
    left: u32,
    every: Duration,
    next: Instant,
    random: Random,
}

impl Forger {
    /// Asks `count` times for one of `paths`, `every` so often on average.
    #[must_use]
    pub const fn new(
        server: SocketAddr,
        victims: Vec<IpAddr>,
        paths: Vec<String>,
        count: u32,
        every: Duration,
        start: Instant,
        random: Random,
    ) -> Self {
        Self {
            server,
            victims,
            paths,
            left: count,
            every,
            next: start,
            random,
        }
    }

    fn request(&mut self) -> Vec<u8> {
        let random = &mut self.random;
        let path = match random.below(4) {
            0 => "no/such/file",
            _ => &self.paths[random.below(self.paths.len() as u64) as usize],
        };
        let op = if random.chance(100_000) { 2 } else { 1 };
        let mut request = vec![0, op];
        request.extend_from_slice(path.as_bytes());
        request.extend_from_slice(b"\0octet\0");
        if random.chance(400_000) {
            for option in ["tsize\x000\0", "blksize\x001468\0", "windowsize\x0064\0"] {
                if random.chance(500_000) {
                    request.extend_from_slice(option.as_bytes());
                }
            }
        }
        request
    }
}

impl Node for Forger {
    fn name(&self) -> &'static str {
        "forger"
    }

    fn deadline(&self) -> Option<Instant> {
        (self.left > 0).then_some(self.next)
    }

    fn on_time(&mut self, now: Instant, out: &mut Vec<Datagram>) {
        if self.left == 0 || now < self.next {
            return;
        }
        self.left -= 1;
        let mean = self.every.as_micros() as u64;
        self.next = now + self.random.micros(1..=2 * mean);
        let victim = self.victims[self.random.below(self.victims.len() as u64) as usize];
        // Few ports: the same request comes again now and then, as a client's would.
        let port = 1000 + self.random.below(16) as u16;
        let payload = self.request();
        out.push(Datagram {
            from: SocketAddr::new(victim, port),
            to: self.server,
            payload,
        });
    }

    fn receive(&mut self, _now: Instant, _datagram: &Datagram, _out: &mut Vec<Datagram>) {}

    fn finished(&self) -> bool {
        self.left == 0
    }
}
