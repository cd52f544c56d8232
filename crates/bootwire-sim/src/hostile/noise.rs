//! Rubbish.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use bootwire_proto::Instant;

use crate::node::{Datagram, Node};
use crate::random::Random;

/// Sends what is no TFTP, or almost none, to every port of the server.
pub struct Noise {
    ip: IpAddr,
    targets: Vec<SocketAddr>,
    left: u32,
    every: Duration,
    next: Instant,
    random: Random,
}

impl Noise {
    /// Sends `count` packets, `every` so often on average.
    #[must_use]
    pub const fn new(
        ip: IpAddr,
        targets: Vec<SocketAddr>,
        count: u32,
        every: Duration,
        start: Instant,
        random: Random,
    ) -> Self {
        Self {
            ip,
            targets,
            left: count,
            every,
            next: start,
            random,
        }
    }
}

/// A packet that is wrong in some way.
pub(super) fn rubbish(random: &mut Random) -> Vec<u8> {
    const SHAPES: [&[u8]; 14] = [
        b"",
        b"\0",
        b"\0\x01",
        b"\0\x01file",
        b"\0\x01file\0octet",
        b"\0\x01\0octet\0",
        b"\0\x01file\0mail\0",
        b"\0\x01../../etc/passwd\0octet\0",
        b"\0\x02file\0octet\0tsize\0",
        b"\0\x01file\0octet\0blksize\x0099999999999999999999999\0windowsize\x000\0",
        b"\0\x03\0",
        b"\0\x04\0",
        b"\0\x05\0",
        b"\0\x06blksize",
    ];
    let mut bytes = SHAPES[random.below(SHAPES.len() as u64) as usize].to_vec();
    if random.chance(500_000) {
        let extra = random.below(40);
        bytes.extend((0..extra).map(|_| random.next() as u8));
    }
    if random.chance(200_000) && !bytes.is_empty() {
        let at = random.below(bytes.len() as u64) as usize;
        bytes[at] ^= 1 << random.below(8);
    }
    bytes
}

impl Node for Noise {
    fn name(&self) -> &'static str {
        "noise"
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
        let target = self.targets[self.random.below(self.targets.len() as u64) as usize];
        let port = 2000 + self.random.below(8) as u16;
        out.push(Datagram {
            from: SocketAddr::new(self.ip, port),
            to: target,
            payload: rubbish(&mut self.random),
        });
    }

    fn receive(&mut self, _now: Instant, _datagram: &Datagram, _out: &mut Vec<Datagram>) {}

    fn finished(&self) -> bool {
        self.left == 0
    }
}
