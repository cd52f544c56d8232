//! A client with windows, made of the protocol core's own receiver.

use std::time::Duration;

use bootwire_proto::Offer;

use super::{Ask, Ended, Habit, Step, TRIES, Way};
use crate::random::Random;

/// `bootwire get`, or one like it.
pub struct Windowed {
    path: String,
    offer: Offer,
    port: u16,
    tries: u32,
}

impl Windowed {
    /// Gets `path` with these options.
    #[must_use]
    pub fn new(path: &str, offer: Offer, random: &mut Random) -> Self {
        Self {
            path: path.to_owned(),
            offer,
            port: random.within(32_768..=60_000) as u16,
            tries: 0,
        }
    }
}

impl Habit for Windowed {
    fn name(&self) -> &'static str {
        "windowed"
    }

    fn next(&mut self, last: Option<&Ended>, random: &mut Random) -> Step {
        let after = match last {
            None => Duration::ZERO,
            Some(Ended::Whole(_) | Ended::Stored | Ended::Left(_)) => return Step::Done(true),
            Some(Ended::Refused(_) | Ended::GaveUp) => random.millis(500..=3000),
        };
        self.tries += 1;
        if self.tries > TRIES {
            return Step::Done(false);
        }
        self.port += 1;
        let ask = Ask {
            path: self.path.clone(),
            port: self.port,
            way: Way::Read(self.offer),
        };
        Step::ask(after, ask)
    }
}
