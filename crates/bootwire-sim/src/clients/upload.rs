//! Clients that write: routers that keep their configuration, machines that leave a core dump.

use std::time::Duration;

use bootwire_proto::Offer;
use bytes::Bytes;

use super::{Ask, Ended, Habit, Step, TRIES, Way};
use crate::app::Taking;
use crate::content;
use crate::random::Random;

/// An upload, made of the protocol core's own sender.
pub struct Upload {
    taking: Taking,
    number: u64,
    offer: Offer,
    content: Bytes,
    port: u16,
    tries: u64,
}

impl Upload {
    /// Writes `len` bytes to a sink that takes them like this.
    #[must_use]
    pub fn new(taking: Taking, len: usize, mut offer: Offer, random: &mut Random) -> Self {
        if offer.tsize.is_some() {
            offer.tsize = Some(len as u64);
        }
        Self {
            taking,
            number: random.below(1 << 32) << 8,
            offer,
            content: content::bytes(random.next(), len),
            port: random.within(32_768..=60_000) as u16,
            tries: 0,
        }
    }

    /// Whether it can succeed.
    fn is_welcome(&self) -> bool {
        match self.taking {
            Taking::Gladly | Taking::Slowly(_) => true,
            Taking::Until(bytes) => self.content.len() <= bytes,
            Taking::AtMost(bytes) => self.content.len() as u64 <= bytes,
            Taking::InVain | Taking::Never => false,
        }
    }
}

impl Habit for Upload {
    fn name(&self) -> &'static str {
        "upload"
    }

    fn next(&mut self, last: Option<&Ended>, random: &mut Random) -> Step {
        let after = match last {
            None => Duration::ZERO,
            Some(Ended::Stored) => return Step::Done(true),
            Some(_) => random.millis(500..=3000),
        };
        let most = if self.is_welcome() {
            u64::from(TRIES)
        } else {
            1
        };
        self.tries += 1;
        if self.tries > most {
            return Step::Done(false);
        }
        self.port += 1;
        let ask = Ask {
            path: self.taking.path(self.number + self.tries),
            port: self.port,
            way: Way::Write(self.offer, self.content.clone()),
        };
        Step::ask(after, ask)
    }

    fn is_prompt(&self) -> bool {
        self.taking == Taking::Gladly
    }

    fn is_patient(&self) -> bool {
        self.is_welcome()
    }
}
