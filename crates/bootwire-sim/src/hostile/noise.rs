//! Rubbish.

use std::net::{IpAddr, SocketAddr};

use super::{Hostile, Pace};
use crate::node::{Datagram, Node};
use crate::random::Random;

/// Sends what is no TFTP, or almost none, to every port of the server.
#[must_use]
pub fn noise(ip: IpAddr, targets: Vec<SocketAddr>, pace: Pace, random: Random) -> impl Node {
    Hostile::new("noise", pace, random, move |random: &mut Random| Datagram {
        from: SocketAddr::new(ip, 2000 + random.below(8) as u16),
        to: targets[random.below(targets.len() as u64) as usize],
        payload: rubbish(random),
    })
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
