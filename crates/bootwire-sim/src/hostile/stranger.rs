//! Packets into transfers of others.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use bootwire_proto::Instant;

use crate::node::{Datagram, Node};
use crate::random::Random;

/// Sends well-formed ACKs, DATA, OACKs and ERRORs to the server's transfer ports, in its own name
/// and from the addresses of clients, but never from a port that has a transfer.
pub struct Stranger {
    ips: Vec<IpAddr>,
    targets: Vec<SocketAddr>,
    left: u32,
    every: Duration,
    next: Instant,
    random: Random,
}

/// The ports of strangers: no client uses them.
const PORTS: u64 = 900;

impl Stranger {
    /// Sends `count` packets, `every` so often on average; the first of `ips` is its own.
    #[must_use]
    pub const fn new(
        ips: Vec<IpAddr>,
        targets: Vec<SocketAddr>,
        count: u32,
        every: Duration,
        start: Instant,
        random: Random,
    ) -> Self {
        Self {
            ips,
            targets,
            left: count,
            every,
            next: start,
            random,
        }
    }
}

impl Node for Stranger {
    fn name(&self) -> &'static str {
        "stranger"
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
        let random = &mut self.random;
        let [high, low] = (random.below(40) as u16).to_be_bytes();
        let payload = match random.below(4) {
            0 => vec![0, 4, high, low],
            1 => [&[0, 3, high, low][..], &[0xEE; 512]].concat(),
            2 => b"\0\x05\0\0go away\0".to_vec(),
            _ => b"\0\x06blksize\x008\0".to_vec(),
        };
        let ip = self.ips[random.below(self.ips.len() as u64) as usize];
        out.push(Datagram {
            from: SocketAddr::new(ip, random.below(PORTS) as u16 + 1),
            to: self.targets[random.below(self.targets.len() as u64) as usize],
            payload,
        });
    }

    fn receive(&mut self, _now: Instant, _datagram: &Datagram, _out: &mut Vec<Datagram>) {}

    fn finished(&self) -> bool {
        self.left == 0
    }
}
