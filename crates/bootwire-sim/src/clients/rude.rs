//! Clients that do not say goodbye.

use std::time::Duration;

use super::{Ended, Gaps, Habit, Manners, Step};
use crate::random::Random;

/// What a client leaves out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rudeness {
    /// It falls silent after so many blocks.
    Vanishes(u64),
    /// It ends the transfer after so many blocks.
    Aborts(u64),
    /// It never acknowledges the last block.
    WithholdsLast,
    /// It asks for what is not there and acknowledges the ERROR.
    AcksErrors,
    /// It asks for one file and, before that is here, for another one from the same port.
    ChangesItsMind(u64),
    /// It asks for one file and, as no answer comes for so long, for another one from the same port.
    Impatient(Duration),
    /// It asks and is gone.
    OnlyAsks,
}

/// A client that does not say goodbye.
pub struct Rude {
    rudeness: Rudeness,
    path: String,
    /// What it asks for next, if it does.
    second: String,
    windowsize: u64,
    port: u16,
    asked: u32,
}

impl Rude {
    /// Asks for `path`, and then perhaps for `second`.
    #[must_use]
    pub fn new(
        rudeness: Rudeness,
        [path, second]: [&str; 2],
        windowsize: u64,
        random: &mut Random,
    ) -> Self {
        Self {
            rudeness,
            path: path.to_owned(),
            second: second.to_owned(),
            windowsize,
            port: random.within(1024..=60_000) as u16,
            asked: 0,
        }
    }

    fn ask(&mut self, after: Duration) -> Step {
        self.asked += 1;
        let first = self.asked == 1;
        let mut manners = Manners {
            gaps: Gaps::AckOnce,
            ..Manners::default()
        };
        let mut path = self.path.clone();
        match self.rudeness {
            Rudeness::Vanishes(after) => manners.vanishes_after = Some(after),
            Rudeness::Aborts(after) => manners.leaves_after = Some(after),
            Rudeness::WithholdsLast => manners.withholds_last = true,
            Rudeness::AcksErrors => {
                manners.acks_errors = true;
                path = "not/there".to_owned();
            }
            Rudeness::ChangesItsMind(after) if first => manners.vanishes_after = Some(after),
            Rudeness::Impatient(wait) if first => {
                manners.asks = 1;
                manners.ask_every = wait;
                manners.leaves_at_oack = Some(0);
            }
            Rudeness::ChangesItsMind(_) | Rudeness::Impatient(_) => {
                manners.wants_oack = true;
                manners.is_picky = true;
                path.clone_from(&self.second);
            }
            Rudeness::OnlyAsks => {
                manners.asks = 1;
                manners.leaves_at_oack = None;
                manners.vanishes_after = Some(0);
            }
        }
        let mut options = vec![("blksize", 1000)];
        if self.windowsize > 1 {
            options.push(("windowsize", self.windowsize));
        }
        if self.rudeness == Rudeness::OnlyAsks {
            options.clear();
        }
        if !first {
            // So that an answer to the first request cannot be taken for one to this.
            options = vec![("tsize", 0)];
        }
        Step::fetch(after, &path, self.port, manners, options)
    }
}

impl Habit for Rude {
    fn name(&self) -> &'static str {
        match self.rudeness {
            Rudeness::Vanishes(_) => "vanishing",
            Rudeness::Aborts(_) => "aborting",
            Rudeness::WithholdsLast => "lastless",
            Rudeness::AcksErrors => "acks-error",
            Rudeness::ChangesItsMind(_) => "fickle",
            Rudeness::Impatient(_) => "impatient",
            Rudeness::OnlyAsks => "asker",
        }
    }

    fn next(&mut self, _last: Option<&Ended>, _random: &mut Random) -> Step {
        match self.rudeness {
            _ if self.asked == 0 => self.ask(Duration::ZERO),
            Rudeness::ChangesItsMind(_) | Rudeness::Impatient(_) if self.asked == 1 => {
                self.ask(Duration::ZERO)
            }
            _ => Step::Done(false),
        }
    }

    fn is_prompt(&self) -> bool {
        false
    }

    fn is_patient(&self) -> bool {
        false
    }
}
