//! The Windows boot manager: a window whose size the client changes with each ACK, if the server
//! knows how.

use std::time::Duration;

use super::{Ended, Gaps, Habit, Manners, Step, TRIES};
use crate::random::Random;

/// The boot manager.
pub struct Windows {
    path: String,
    port: u16,
    window: u64,
    tries: u32,
}

impl Windows {
    /// Boots `path`.
    #[must_use]
    pub fn new(path: &str, random: &mut Random) -> Self {
        Self {
            path: path.replace('/', "\\"),
            port: random.within(1024..=40_000) as u16,
            window: random.pick(&[4, 4, 16, 64]),
            tries: 0,
        }
    }

    fn ask(&mut self, after: Duration) -> Step {
        self.port += 1;
        let manners = Manners {
            gaps: Gaps::AckOnce,
            resizes: true,
            asks: 10,
            ..Manners::default()
        };
        let options = vec![
            ("tsize", 0),
            ("blksize", 1456),
            ("windowsize", self.window),
            ("msftwindow", 31_416),
        ];
        Step::fetch(after, &self.path, self.port, manners, options)
    }
}

impl Habit for Windows {
    fn name(&self) -> &'static str {
        "windows"
    }

    fn next(&mut self, last: Option<&Ended>, random: &mut Random) -> Step {
        match last {
            None => self.ask(Duration::ZERO),
            Some(Ended::Whole(_) | Ended::Stored | Ended::Left(_)) => Step::Done(true),
            Some(Ended::Refused(_) | Ended::GaveUp) => {
                self.tries += 1;
                if self.tries > TRIES {
                    return Step::Done(false);
                }
                self.ask(random.millis(1000..=3000))
            }
        }
    }
}
