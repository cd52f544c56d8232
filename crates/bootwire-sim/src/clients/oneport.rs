//! LPXELINUX, SLOF and s390-netboot: every request from the same port, the next one right after the
//! last ACK.

use std::time::Duration;

use super::{Ended, Habit, Manners, Step, TRIES};
use crate::random::Random;

const PORT: u16 = 49_153;

/// A boot loader with one port.
pub struct OnePort {
    paths: Vec<String>,
    at: usize,
    tries: u32,
}

impl OnePort {
    /// Fetches `paths` one after the other.
    #[must_use]
    pub const fn new(paths: Vec<String>) -> Self {
        Self {
            paths,
            at: 0,
            tries: 0,
        }
    }

    fn ask(&self, after: Duration) -> Step {
        let manners = Manners {
            ask_every: Duration::from_millis(400),
            asks: 20,
            repeat_ack: Some(Duration::from_millis(400)),
            wants_oack: true,
            ..Manners::default()
        };
        Step::fetch(
            after,
            &self.paths[self.at],
            PORT,
            manners,
            vec![("tsize", 0), ("blksize", 1408)],
        )
    }
}

impl Habit for OnePort {
    fn name(&self) -> &'static str {
        "oneport"
    }

    fn next(&mut self, last: Option<&Ended>, random: &mut Random) -> Step {
        match last {
            None => return self.ask(Duration::ZERO),
            Some(Ended::Whole(_) | Ended::Stored | Ended::Left(_) | Ended::Refused(1)) => {
                self.at += 1;
                if self.at == self.paths.len() {
                    return Step::Done(true);
                }
                return self.ask(Duration::ZERO);
            }
            Some(Ended::Refused(_) | Ended::GaveUp) => {}
        }
        self.tries += 1;
        if self.tries > TRIES {
            return Step::Done(false);
        }
        self.at = 0;
        self.ask(random.millis(1500..=4000))
    }
}
