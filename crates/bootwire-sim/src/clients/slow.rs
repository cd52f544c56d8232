//! Machines that write each piece to flash, or unpack it, before they go on.

use std::time::Duration;

use super::{Ended, Gaps, Habit, Manners, Step, TRIES};
use crate::random::Random;

/// A slow acknowledger.
pub struct Slow {
    path: String,
    every: u64,
    pause: Duration,
    window: u64,
    port: u16,
    tries: u32,
}

impl Slow {
    /// Gets `path` and rests for `pause` after each `every` blocks.
    #[must_use]
    pub fn new(path: &str, every: u64, pause: Duration, window: u64, random: &mut Random) -> Self {
        Self {
            path: path.to_owned(),
            every,
            pause,
            window,
            port: random.within(1024..=60_000) as u16,
            tries: 0,
        }
    }
}

impl Habit for Slow {
    fn name(&self) -> &'static str {
        "slow"
    }

    fn next(&mut self, last: Option<&Ended>, random: &mut Random) -> Step {
        let after = match last {
            None => Duration::ZERO,
            Some(Ended::Whole(_) | Ended::Stored | Ended::Left(_)) => return Step::Done(true),
            Some(Ended::Refused(_) | Ended::GaveUp) => random.millis(500..=2000),
        };
        self.tries += 1;
        if self.tries > TRIES {
            return Step::Done(false);
        }
        self.port += 1;
        let manners = Manners {
            repeat_ack: Some(Duration::from_secs(3)),
            gaps: Gaps::AckOnce,
            stalls: Some((self.every, self.pause)),
            patience: Duration::from_secs(60),
            ..Manners::default()
        };
        let mut options = vec![("blksize", 1024)];
        if self.window > 1 {
            options.push(("windowsize", self.window));
        }
        Step::fetch(after, &self.path, self.port, manners, options)
    }

    fn is_prompt(&self) -> bool {
        false
    }
}
