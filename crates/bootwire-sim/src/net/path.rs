//! The way between one client and the server.

use std::time::Duration;

use bootwire_proto::Instant;

use super::Bursts;
use crate::random::Random;

/// Bytes of IP and UDP headers.
const HEADERS: usize = 28;

/// What happens to a packet that is larger than the path's MTU and must not be cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OverMtu {
    /// It is cut in pieces all the same, each of which can be lost.
    Fragment,
    /// It vanishes, and nobody is told (a firewall eats the ICMP message).
    Vanish,
    /// It vanishes, and the sender's kernel hears of it: the next one is refused at once.
    Tell,
}

/// One direction of a path.
#[derive(Clone, Copy, Debug)]
pub struct Line {
    /// Time on the way.
    pub delay: Duration,
    /// At most as much again, different for each packet; the order is kept.
    pub jitter: Duration,
    /// Loss.
    pub loss: Bursts,
    /// Chance in a million that a packet arrives twice.
    pub doubles: u32,
    /// Chance in a million that a packet is overtaken by those behind it.
    pub overtaken: u32,
    /// How long an overtaken packet or a double is late, at most.
    pub late: Duration,
    /// Bytes a second; 0 for no limit.
    pub rate: u64,
    /// Bytes that wait for a limited rate; what comes on top is lost.
    pub queue: u64,
    /// When the last byte of the queue will have left.
    busy_until: Instant,
    /// The arrival of the last packet that was not overtaken.
    last: Instant,
}

impl Line {
    /// A line with this delay and no faults.
    #[must_use]
    pub fn clean(delay: Duration) -> Self {
        Self {
            delay,
            jitter: Duration::ZERO,
            loss: Bursts::default(),
            doubles: 0,
            overtaken: 0,
            late: Duration::from_millis(20),
            rate: 0,
            queue: 0,
            busy_until: Instant::ZERO,
            last: Instant::ZERO,
        }
    }
}

/// Why a packet never arrives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lost {
    /// Chance.
    Chance,
    /// The queue was full.
    Queue,
    /// It was larger than the MTU.
    Mtu,
    /// The path was cut.
    Cut,
}

impl Lost {
    /// One word for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Chance => "lost",
            Self::Queue => "queue full",
            Self::Mtu => "over MTU",
            Self::Cut => "path cut",
        }
    }
}

/// What becomes of one packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// Arrives then, and perhaps once more.
    Arrives(Instant, Option<Instant>),
    /// Does not.
    Lost(Lost),
}

/// Which way a packet goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// From a client, who lets it be cut in pieces.
    Up,
    /// From the server.
    Down {
        /// It may be cut in pieces.
        fragment: bool,
    },
}

/// Both directions.
#[derive(Clone, Debug)]
pub struct Path {
    /// From the client.
    pub up: Line,
    /// To the client.
    pub down: Line,
    /// Largest IP packet.
    pub mtu: usize,
    /// What happens to larger ones.
    pub over_mtu: OverMtu,
    /// When nothing passes: from, until.
    pub cut: Option<(Instant, Instant)>,
}

impl Path {
    /// A path without faults.
    #[must_use]
    pub fn clean(delay: Duration) -> Self {
        Self {
            up: Line::clean(delay),
            down: Line::clean(delay),
            mtu: 1500,
            over_mtu: OverMtu::Fragment,
            cut: None,
        }
    }

    /// The longest a packet and its answer can be on the way, if neither is overtaken nor waits in
    /// a queue.
    #[must_use]
    pub fn round_trip(&self) -> Duration {
        self.up.delay + self.up.jitter + self.down.delay + self.down.jitter
    }

    /// Whether packets can be lost.
    #[must_use]
    pub fn loses(&self) -> bool {
        let line = |line: &Line| line.loss.loses() || line.rate > 0;
        line(&self.up) || line(&self.down) || self.cut.is_some() || self.mtu < 1500
    }

    /// Whether packets arrive once and in order.
    #[must_use]
    pub const fn keeps_order(&self) -> bool {
        self.up.doubles == 0
            && self.down.doubles == 0
            && self.up.overtaken == 0
            && self.down.overtaken == 0
    }

    /// Whether a datagram of `len` bytes has to be cut in pieces.
    #[must_use]
    pub const fn is_over_mtu(&self, len: usize) -> bool {
        len + HEADERS > self.mtu
    }

    /// A datagram with `len` bytes leaves now.
    pub fn offer(&mut self, now: Instant, way: Way, len: usize, random: &mut Random) -> Fate {
        if self
            .cut
            .is_some_and(|(from, until)| from <= now && now < until)
        {
            return Fate::Lost(Lost::Cut);
        }
        let pieces = (len + HEADERS).div_ceil(self.mtu);
        let whole = way == Way::Down { fragment: false };
        if pieces > 1 && whole && self.over_mtu != OverMtu::Fragment {
            return Fate::Lost(Lost::Mtu);
        }
        let line = match way {
            Way::Up => &mut self.up,
            Way::Down { .. } => &mut self.down,
        };
        line.offer(now, len + HEADERS, pieces, random)
    }
}

impl Line {
    fn offer(&mut self, now: Instant, len: usize, pieces: usize, random: &mut Random) -> Fate {
        let mut leaves = now;
        if let Some(micros) = (len as u64 * 1_000_000).checked_div(self.rate) {
            let waiting = self.busy_until.since(now).as_micros() as u64 * self.rate / 1_000_000;
            if waiting > self.queue {
                return Fate::Lost(Lost::Queue);
            }
            self.busy_until = self.busy_until.max(now) + Duration::from_micros(micros);
            leaves = self.busy_until;
        }
        // One piece lost is all lost; the others pass all the same.
        let lost = (0..pieces).filter(|_| self.loss.strikes(random)).count();
        if lost > 0 {
            return Fate::Lost(Lost::Chance);
        }
        let jitter = random.below(self.jitter.as_micros() as u64 + 1);
        let mut arrives = leaves + self.delay + Duration::from_micros(jitter);
        let late = self.late.as_micros() as u64;
        if random.chance(self.overtaken) {
            arrives = arrives + Duration::from_micros(random.below(late) + 1);
        } else {
            arrives = arrives.max(self.last);
            self.last = arrives;
        }
        let again = random
            .chance(self.doubles)
            .then(|| arrives + Duration::from_micros(random.below(late)));
        Fate::Arrives(arrives, again)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: u64) -> Instant {
        Instant::from_micros(millis * 1000)
    }

    const WHOLE: Way = Way::Down { fragment: false };
    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn a_clean_path_delivers_after_its_delay() {
        let mut path = Path::clean(3 * MS);
        let fate = path.offer(at(10), Way::Up, 512, &mut Random::new(1));
        assert_eq!(fate, Fate::Arrives(at(13), None));
    }

    #[test]
    fn a_limited_rate_spaces_packets_and_drops_what_its_queue_does_not_hold() {
        let mut path = Path::clean(MS);
        path.down.rate = 1_000_000;
        path.down.queue = 2000;
        let mut random = Random::new(1);
        let fates: Vec<_> = (0..4)
            .map(|_| path.offer(at(0), WHOLE, 972, &mut random))
            .collect();
        let arrives = |millis| Fate::Arrives(at(millis), None);
        assert_eq!(
            fates,
            [arrives(2), arrives(3), arrives(4), Fate::Lost(Lost::Queue)]
        );
    }

    #[test]
    fn nothing_passes_a_cut_path_or_one_too_narrow() {
        let mut path = Path::clean(MS);
        path.cut = Some((at(5), at(9)));
        path.mtu = 1000;
        path.over_mtu = OverMtu::Vanish;
        let mut random = Random::new(1);
        assert_eq!(
            path.offer(at(5), Way::Up, 4, &mut random),
            Fate::Lost(Lost::Cut)
        );
        assert_eq!(
            path.offer(at(9), WHOLE, 1468, &mut random),
            Fate::Lost(Lost::Mtu)
        );
        assert_eq!(
            path.offer(at(9), Way::Up, 4, &mut random),
            Fate::Arrives(at(10), None)
        );
    }

    #[test]
    fn jitter_keeps_the_order_and_overtaking_does_not() {
        let (mut path, mut random) = (Path::clean(MS), Random::new(1));
        path.up.jitter = 5 * MS;
        let mut arrivals = |path: &mut Path| {
            (0..50)
                .map(|_| match path.offer(at(0), Way::Up, 4, &mut random) {
                    Fate::Arrives(at, _) => at,
                    Fate::Lost(_) => panic!("nothing is lost here"),
                })
                .collect::<Vec<_>>()
        };
        assert!(arrivals(&mut path).is_sorted());
        path.up.overtaken = 200_000;
        assert!(!arrivals(&mut path).is_sorted());
    }
}
