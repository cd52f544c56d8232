//! UEFI firmware (EDK2): asks for the size first and ends that transfer, then asks for the file
//! with a window of four, from the next port. It acknowledges each block out of order at once.

use std::time::Duration;

use super::{Ended, Gaps, Habit, Manners, Step, TRIES};
use crate::random::Random;

/// The firmware's PXE client.
pub struct Uefi {
    path: String,
    port: u16,
    probed: bool,
    tries: u32,
}

impl Uefi {
    /// Boots `path`.
    #[must_use]
    pub fn new(path: &str, random: &mut Random) -> Self {
        Self {
            path: path.to_owned(),
            port: random.within(1024..=40_000) as u16,
            probed: false,
            tries: 0,
        }
    }

    fn ask(&mut self, after: Duration) -> Step {
        self.port += 1;
        let manners = Manners {
            ask_every: Duration::from_secs(4),
            asks: 5,
            repeat_ack: Some(Duration::from_secs(4)),
            gaps: Gaps::AckEach,
            wants_oack: true,
            leaves_at_oack: (!self.probed).then_some(8),
            ..Manners::default()
        };
        let mut options = vec![("blksize", 1468), ("windowsize", 4)];
        if !self.probed {
            options.insert(0, ("tsize", 0));
        }
        Step::fetch(after, &self.path, self.port, manners, options)
    }
}

impl Habit for Uefi {
    fn name(&self) -> &'static str {
        "uefi"
    }

    fn next(&mut self, last: Option<&Ended>, random: &mut Random) -> Step {
        match last {
            None => self.ask(Duration::ZERO),
            Some(Ended::Left(_)) => {
                self.probed = true;
                self.ask(Duration::from_millis(1))
            }
            Some(Ended::Whole(_) | Ended::Stored) => Step::Done(true),
            Some(Ended::Refused(_) | Ended::GaveUp) => {
                self.tries += 1;
                if self.tries > TRIES {
                    return Step::Done(false);
                }
                self.probed = false;
                self.ask(random.millis(500..=3000))
            }
        }
    }
}
