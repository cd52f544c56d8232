//! One of thousands of machines that were switched on at once. It repeats its request while nobody
//! answers, comes back later when the server is busy, and stays until it has its file.

use std::time::Duration;

use super::{Ended, Habit, Manners, Step, TRIES};
use crate::random::Random;

/// One machine of many.
pub struct Stormer {
    path: String,
    port: u16,
    /// Requests in all that are made before it may rest.
    tries: u32,
}

impl Stormer {
    /// Boots `path`.
    #[must_use]
    pub fn new(path: &str) -> Self {
        Self {
            path: path.to_owned(),
            port: 1024,
            tries: 0,
        }
    }
}

impl Habit for Stormer {
    fn name(&self) -> &'static str {
        "stormer"
    }

    fn next(&mut self, last: Option<&Ended>, random: &mut Random) -> Step {
        let after = match last {
            None => Duration::ZERO,
            Some(Ended::Whole(_) | Ended::Stored | Ended::Left(_)) => return Step::Done(true),
            Some(Ended::Refused(_) | Ended::GaveUp) => random.millis(300..=1500),
        };
        self.tries += 1;
        if self.tries > TRIES {
            return Step::Done(false);
        }
        self.port += 1;
        let manners = Manners {
            ask_every: Duration::from_millis(250),
            asks: 6,
            repeat_ack: Some(Duration::from_millis(250)),
            ..Manners::default()
        };
        Step::fetch(
            after,
            &self.path,
            self.port,
            manners,
            vec![("blksize", 1432), ("tsize", 0)],
        )
    }
}
