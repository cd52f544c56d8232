//! GRUB: wants an OACK, tells by tsize how much to expect, and never sends anything twice but its
//! request. Once fifty packets wait unread it says nothing for a while, then repeats old ACKs. It
//! fetches one module after the other, from the next port each, and from the first again at each
//! boot.

use std::time::Duration;

use super::{Ended, Habit, Manners, Step, TRIES};
use crate::random::Random;

const FIRST_PORT: u16 = 25_300;

/// The boot loader.
pub struct Grub {
    paths: Vec<String>,
    at: usize,
    port: u16,
    stall: Option<Duration>,
    tries: u32,
}

impl Grub {
    /// Fetches `paths` one by one; after each fifty blocks it does nothing for `stall`.
    #[must_use]
    pub fn new(paths: Vec<String>, stall: Option<Duration>) -> Self {
        Self {
            paths,
            at: 0,
            port: FIRST_PORT,
            stall,
            tries: 0,
        }
    }

    fn ask(&mut self, after: Duration) -> Step {
        let manners = Manners {
            ask_every: Duration::from_millis(400),
            asks: 8,
            repeat_ack: None,
            patience: Duration::from_secs(90),
            wants_oack: true,
            stalls: self.stall.map(|pause| (50, pause)),
            ..Manners::default()
        };
        let port = self.port;
        self.port += 1;
        Step::fetch(
            after,
            &self.paths[self.at],
            port,
            manners,
            vec![("blksize", 1024), ("tsize", 0)],
        )
    }
}

impl Habit for Grub {
    fn name(&self) -> &'static str {
        "grub"
    }

    fn next(&mut self, last: Option<&Ended>, random: &mut Random) -> Step {
        match last {
            None => return self.ask(Duration::ZERO),
            // A module that is not there is left out.
            Some(Ended::Whole(_) | Ended::Stored | Ended::Left(_) | Ended::Refused(1)) => {
                self.at += 1;
                if self.at == self.paths.len() {
                    return Step::Done(true);
                }
                return self.ask(Duration::from_millis(2));
            }
            Some(Ended::Refused(_) | Ended::GaveUp) => {}
        }
        self.tries += 1;
        if self.tries > TRIES {
            return Step::Done(false);
        }
        // The machine is switched off and on.
        self.at = 0;
        self.port = FIRST_PORT;
        self.ask(random.millis(3000..=6000))
    }

    fn is_prompt(&self) -> bool {
        self.stall.is_none()
    }
}
