//! What the generator does to its own packets: losing, doubling and delaying them.

use std::time::Duration;

/// A share of events, written in percent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Share(u64);

impl Share {
    /// All of 2^32 parts.
    const ALL: u64 = 1 << 32;

    pub(super) const fn is_none(self) -> bool {
        self.0 == 0
    }

    /// Whether it is one of them this time.
    pub(super) fn hits(self, random: &mut Random) -> bool {
        !self.is_none() && random.next() >> 32 < self.0
    }
}

impl std::str::FromStr for Share {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.trim_end_matches('%')
            .parse::<f64>()
            .ok()
            .filter(|percent| (0.0..=100.0).contains(percent))
            .map(|percent| Self((percent / 100.0 * Self::ALL as f64).round() as u64))
            .ok_or("write a percentage from 0 to 100, like 0.5")
    }
}

/// A generator of numbers that only look random (SplitMix64): the same seed, the same run.
#[derive(Clone, Debug)]
pub(super) struct Random(u64);

impl Random {
    /// A stream of its own for each `stream`.
    pub(super) fn new(seed: u64, stream: u64) -> Self {
        let mut random = Self(seed ^ stream.wrapping_mul(0xd1b5_4a32_d192_ed03));
        random.next();
        random
    }

    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `bound`, or 0.
    pub(super) fn below(&mut self, bound: u64) -> u64 {
        // The high half of the product: even enough for a test.
        let wide = u128::from(self.next()) * u128::from(bound);
        u64::try_from(wide >> 64).unwrap_or(0)
    }
}

/// What may happen to a packet, in either direction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Faults {
    pub(super) loss: Share,
    pub(super) duplicate: Share,
    pub(super) delay: Share,
    /// Longest delay.
    pub(super) delay_max: Duration,
}

/// What happens to one packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    Passes,
    Lost,
    Doubled,
    Late(Duration),
}

impl Faults {
    pub(super) const fn is_none(&self) -> bool {
        self.loss.is_none() && self.duplicate.is_none() && self.delay.is_none()
    }

    pub(super) fn fate(&self, random: &mut Random) -> Fate {
        if self.is_none() {
            Fate::Passes
        } else if self.loss.hits(random) {
            Fate::Lost
        } else if self.duplicate.hits(random) {
            Fate::Doubled
        } else if self.delay.hits(random) {
            let most = u64::try_from(self.delay_max.as_micros()).unwrap_or(u64::MAX);
            Fate::Late(Duration::from_micros(random.below(most).max(1)))
        } else {
            Fate::Passes
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn share(text: &str) -> Share {
        text.parse().unwrap()
    }

    #[test]
    fn a_share_is_hit_as_often_as_it_says() {
        let mut random = Random::new(1, 0);
        for (text, least, most) in [
            ("0", 0, 0),
            ("1", 800, 1200),
            ("50%", 49_000, 51_000),
            ("100", 100_000, 100_000),
        ] {
            let hits = (0..100_000)
                .filter(|_| share(text).hits(&mut random))
                .count();
            assert!((least..=most).contains(&hits), "{text}: {hits}");
        }
        assert_eq!(share("0.5"), Share(Share::ALL / 200));
        for text in ["", "-1", "101", "x", "nan"] {
            assert!(text.parse::<Share>().is_err(), "{text}");
        }
    }

    #[test]
    fn the_same_seed_gives_the_same_run() {
        let faults = Faults {
            loss: share("20"),
            duplicate: share("20"),
            delay: share("50"),
            delay_max: Duration::from_millis(20),
        };
        let run = |seed, stream| {
            let mut random = Random::new(seed, stream);
            (0..64)
                .map(|_| faults.fate(&mut random))
                .collect::<Vec<_>>()
        };
        assert_eq!(run(7, 1), run(7, 1));
        assert_ne!(run(7, 1), run(7, 2));
        assert_ne!(run(7, 1), run(8, 1));
        let fates = run(7, 1);
        assert!(fates.contains(&Fate::Lost) && fates.contains(&Fate::Doubled));
        let late = |fate: &Fate| matches!(fate, Fate::Late(by) if *by <= faults.delay_max);
        assert!(fates.iter().any(late));
    }

    #[test]
    fn without_faults_every_packet_passes() {
        let mut random = Random::new(0, 0);
        assert_eq!(Faults::default().fate(&mut random), Fate::Passes);
    }
}
