//! Loss that comes in bursts.

use crate::random::Random;

/// The model of Gilbert and Elliott: a good state in which few packets are lost, a bad one in which
/// many are. Chances are in a million, for each packet.
#[derive(Clone, Copy, Debug, Default)]
pub struct Bursts {
    /// Loss in the good state.
    pub good_loss: u32,
    /// Loss in the bad state.
    pub bad_loss: u32,
    /// From good to bad.
    pub worsens: u32,
    /// From bad to good.
    pub recovers: u32,
    bad: bool,
}

impl Bursts {
    /// Packets lost one by one, independently.
    #[must_use]
    pub const fn even(loss: u32) -> Self {
        Self {
            good_loss: loss,
            bad_loss: loss,
            worsens: 0,
            recovers: 0,
            bad: false,
        }
    }

    /// Bursts that begin with chance `worsens` and last `length` packets on average, in which
    /// `bad_loss` are lost.
    #[must_use]
    pub const fn bursty(worsens: u32, length: u32, bad_loss: u32) -> Self {
        Self {
            good_loss: 0,
            bad_loss,
            worsens,
            recovers: 1_000_000 / length,
            bad: false,
        }
    }

    /// Whether any packet can be lost.
    #[must_use]
    pub const fn loses(&self) -> bool {
        self.good_loss > 0 || (self.bad_loss > 0 && self.worsens > 0)
    }

    /// Whether packets are lost independently of each other.
    #[must_use]
    pub const fn is_even(&self) -> bool {
        self.worsens == 0
    }

    /// Whether the next packet is lost.
    pub fn strikes(&mut self, random: &mut Random) -> bool {
        if self.bad {
            self.bad = !random.chance(self.recovers);
        } else {
            self.bad = random.chance(self.worsens);
        }
        random.chance(if self.bad {
            self.bad_loss
        } else {
            self.good_loss
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn even_loss_takes_its_share() {
        let (mut bursts, mut random) = (Bursts::even(50_000), Random::new(1));
        let lost = (0..100_000).filter(|_| bursts.strikes(&mut random)).count();
        assert!((4_500..5_500).contains(&lost), "{lost}");
    }

    #[test]
    fn bursts_are_bursts() {
        let (mut bursts, mut random) = (Bursts::bursty(10_000, 10, 1_000_000), Random::new(1));
        let fates: Vec<_> = (0..100_000).map(|_| bursts.strikes(&mut random)).collect();
        let lost = fates.iter().filter(|&&lost| lost).count();
        let begun = fates
            .windows(2)
            .filter(|pair| pair == &[false, true])
            .count();
        assert!(
            (7..=13).contains(&(lost / begun)),
            "{lost} in {begun} bursts"
        );
    }
}
