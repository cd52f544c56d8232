//! Requests in the name of others.

use std::net::{IpAddr, SocketAddr};

use super::{Hostile, Pace};
use crate::node::{Datagram, Node};
use crate::random::Random;

/// Asks for one of `paths` in the name of bystanders, who never answer.
#[must_use]
pub fn forger(
    server: SocketAddr,
    victims: Vec<IpAddr>,
    paths: Vec<String>,
    pace: Pace,
    random: Random,
) -> impl Node {
    Hostile::new("forger", pace, random, move |random: &mut Random| {
        let victim = victims[random.below(victims.len() as u64) as usize];
        // Few ports: the same request comes again now and then, as a client's would.
        let port = 1000 + random.below(16) as u16;
        Datagram {
            from: SocketAddr::new(victim, port),
            to: server,
            payload: request(&paths, random),
        }
    })
}

fn request(paths: &[String], random: &mut Random) -> Vec<u8> {
    let path = match random.below(4) {
        0 => "no/such/file",
        _ => &paths[random.below(paths.len() as u64) as usize],
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
