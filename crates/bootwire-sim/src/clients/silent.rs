//! A client that only ever answers, as GRUB does: it sends nothing by itself but its request, and
//! says at once where a gap is.

use std::time::Duration;

use super::{Ended, Gaps, Habit, Manners, Step};
use crate::random::Random;

/// Fetches one file, once.
pub struct Silent {
    path: String,
    blksize: u64,
    windowsize: u64,
    port: u16,
}

impl Silent {
    /// Fetches `path` in blocks and windows of these sizes.
    #[must_use]
    pub fn new(path: &str, blksize: u64, windowsize: u64, random: &mut Random) -> Self {
        Self {
            path: path.to_owned(),
            blksize,
            windowsize,
            port: random.within(32_768..=60_000) as u16,
        }
    }
}

impl Habit for Silent {
    fn name(&self) -> &'static str {
        "silent"
    }

    fn next(&mut self, last: Option<&Ended>, _random: &mut Random) -> Step {
        match last {
            None => {}
            Some(Ended::Whole(_) | Ended::Stored | Ended::Left(_)) => return Step::Done(true),
            Some(Ended::Refused(_) | Ended::GaveUp) => return Step::Done(false),
        }
        let manners = Manners {
            repeat_ack: None,
            patience: Duration::from_secs(90),
            gaps: Gaps::AckEach,
            ..Manners::default()
        };
        let options = vec![("blksize", self.blksize), ("windowsize", self.windowsize)];
        Step::fetch(Duration::ZERO, &self.path, self.port, manners, options)
    }
}
