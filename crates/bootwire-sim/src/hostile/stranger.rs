//! Packets into transfers of others.

use std::net::{IpAddr, SocketAddr};

use super::{Hostile, Pace};
use crate::node::{Datagram, Node};
use crate::random::Random;

/// The ports of strangers: no client uses them.
const PORTS: u64 = 900;

/// Sends well-formed ACKs, DATA, OACKs and ERRORs to the server's transfer ports, in its own name
/// (the first of `ips`) and from the addresses of clients, but never from a port that has a
/// transfer.
#[must_use]
pub fn stranger(
    ips: Vec<IpAddr>,
    targets: Vec<SocketAddr>,
    pace: Pace,
    random: Random,
) -> impl Node {
    Hostile::new("stranger", pace, random, move |random: &mut Random| {
        let [high, low] = (random.below(40) as u16).to_be_bytes();
        let payload = match random.below(4) {
            0 => vec![0, 4, high, low],
            1 => [&[0, 3, high, low][..], &[0xEE; 512]].concat(),
            2 => b"\0\x05\0\0go away\0".to_vec(),
            _ => b"\0\x06blksize\x008\0".to_vec(),
        };
        let ip = ips[random.below(ips.len() as u64) as usize];
        Datagram {
            from: SocketAddr::new(ip, random.below(PORTS) as u16 + 1),
            to: targets[random.below(targets.len() as u64) as usize],
            payload,
        }
    })
}
