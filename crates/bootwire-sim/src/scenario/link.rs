//! One client and its way to the server: what a transfer takes on such a way.

use std::time::Duration;

use bootwire_proto::Instant;

use super::crowd::add_habit;
use super::{Kind, Scenario};
use crate::app::{File, Serving};
use crate::clients::Silent;
use crate::net::{Bursts, Path};
use crate::random::Random;

/// Bytes of a block.
const BLKSIZE: u64 = 1468;

/// A way to the server, and what is fetched over it.
#[derive(Clone, Copy, Debug)]
pub struct Link {
    /// Time there and back.
    pub round_trip: Duration,
    /// Chance in a million that a packet is lost, in each direction.
    pub lost: u32,
    /// Blocks of a window.
    pub window: u16,
    /// Blocks of the file, of 1468 bytes.
    pub blocks: u32,
}

impl Scenario {
    /// A client that only ever answers fetches a file over `link`.
    #[must_use]
    pub fn of_link(seed: u64, link: Link) -> Self {
        let mut random = Random::new(seed);
        let mut scenario = Self::empty(seed);
        let len = BLKSIZE as usize * (link.blocks as usize).saturating_sub(1) + 7;
        let file = File::new("/file", random.next(), len, Serving::AtHand);
        scenario.files.push(file);
        let mut path = Path::clean(link.round_trip / 2);
        path.up.loss = Bursts::even(link.lost);
        path.down.loss = Bursts::even(link.lost);
        let habit = Silent::new("file", BLKSIZE, link.window.into(), &mut random);
        let start = Instant::ZERO;
        add_habit(
            &mut scenario,
            Kind::Harsh,
            Box::new(habit),
            path,
            start,
            &mut random,
        );
        scenario.settled()
    }
}
