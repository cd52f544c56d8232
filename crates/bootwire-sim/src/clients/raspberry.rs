//! The boot ROM of a Raspberry Pi: opens the same file two or three times within milliseconds, each
//! from a port of its own, ends all but the last early, and looks for names that are not there.

use std::time::Duration;

use super::{Ended, Habit, Manners, Step, TRIES};
use crate::random::Random;

/// The boot ROM.
pub struct RaspberryPi {
    path: String,
    port: u16,
    step: u32,
    tries: u32,
}

impl RaspberryPi {
    /// Boots `path`.
    #[must_use]
    pub fn new(path: &str, random: &mut Random) -> Self {
        Self {
            path: path.to_owned(),
            port: random.within(1024..=40_000) as u16,
            step: 0,
            tries: 0,
        }
    }

    fn ask(&mut self, after: Duration) -> Step {
        self.port += 1;
        let path = match self.step {
            0 => format!("a1b2c3d4/{}", self.path.trim_start_matches('/')),
            _ => self.path.clone(),
        };
        let manners = Manners {
            asks: 10,
            leaves_at_oack: (self.step == 1).then_some(0),
            leaves_after: (self.step == 2).then_some(1),
            ..Manners::default()
        };
        Step::fetch(
            after,
            &path,
            self.port,
            manners,
            vec![("tsize", 0), ("blksize", 1024)],
        )
    }
}

impl Habit for RaspberryPi {
    fn name(&self) -> &'static str {
        "raspberry"
    }

    fn next(&mut self, last: Option<&Ended>, random: &mut Random) -> Step {
        let miss = self.step == 0;
        match last {
            None => self.ask(Duration::ZERO),
            Some(Ended::Refused(1)) if miss => {
                self.step = 1;
                self.ask(Duration::from_millis(1))
            }
            Some(Ended::Left(_)) => {
                self.step += 1;
                self.ask(random.millis(1..=4))
            }
            Some(Ended::Whole(_)) if self.step >= 2 => Step::Done(true),
            Some(_) => {
                self.tries += 1;
                if self.tries > TRIES {
                    return Step::Done(false);
                }
                self.step = 0;
                self.ask(random.millis(1000..=3000))
            }
        }
    }
}
