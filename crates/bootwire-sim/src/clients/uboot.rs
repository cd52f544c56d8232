//! U-Boot: stops at ERROR 1 and 2 and starts over at any other. With a window it acknowledges a gap
//! once; its virtual network card drops the tail of every large burst.

use std::time::Duration;

use super::{Ended, Gaps, Habit, Manners, Step, TRIES};
use crate::random::Random;

/// The boot loader.
pub struct Uboot {
    path: String,
    port: u16,
    window: u64,
    takes: Option<u32>,
    tries: u32,
}

impl Uboot {
    /// Boots `path` with this window; of each burst it gets `takes` blocks.
    #[must_use]
    pub fn new(path: &str, window: u64, takes: Option<u32>, random: &mut Random) -> Self {
        Self {
            path: path.to_owned(),
            port: random.within(1024..=40_000) as u16,
            window,
            takes,
            tries: 0,
        }
    }

    fn ask(&mut self, after: Duration) -> Step {
        self.port += 1;
        let manners = Manners {
            ask_every: Duration::from_secs(5),
            asks: 10,
            repeat_ack: Some(Duration::from_secs(5)),
            patience: Duration::from_secs(60),
            gaps: Gaps::AckOnce,
            takes: self
                .takes
                .map(|blocks| (blocks, Duration::from_micros(500))),
            ..Manners::default()
        };
        let mut options = vec![("timeout", 5), ("blksize", 1468)];
        if self.window > 1 {
            options.push(("windowsize", self.window));
        }
        Step::fetch(after, &self.path, self.port, manners, options)
    }
}

impl Habit for Uboot {
    fn name(&self) -> &'static str {
        "uboot"
    }

    fn next(&mut self, last: Option<&Ended>, random: &mut Random) -> Step {
        match last {
            None => self.ask(Duration::ZERO),
            Some(Ended::Whole(_) | Ended::Stored | Ended::Left(_)) => Step::Done(true),
            Some(Ended::Refused(1 | 2)) => Step::Done(false),
            Some(Ended::Refused(_) | Ended::GaveUp) => {
                self.tries += 1;
                if self.tries > TRIES {
                    return Step::Done(false);
                }
                self.ask(random.millis(10..=2000))
            }
        }
    }

    fn is_prompt(&self) -> bool {
        self.takes.is_none()
    }
}
