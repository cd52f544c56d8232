//! How a boot ends.

use std::fmt;

use super::{Fetched, Got, Part};

/// A boot, as the machine saw it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Boot {
    /// All that it asked for, in order.
    pub fetched: Vec<Fetched>,
    /// How it ended.
    pub ending: Ending,
}

impl Boot {
    /// The files of this part that it got whole, in order.
    pub fn whole(&self, part: Part) -> impl Iterator<Item = &Fetched> {
        let whole = move |fetched: &&Fetched| fetched.part == part && fetched.got == Got::Whole;
        self.fetched.iter().filter(whole)
    }
}

/// How a boot ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ending {
    /// The kernel was started.
    Booted,
    /// It could not go on. What its screen would say.
    Stopped(String),
    /// It was switched off in mid file.
    Silent,
    /// It hangs.
    Hung,
}

impl fmt::Display for Ending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Booted => f.write_str("booted"),
            Self::Stopped(why) => f.write_str(why),
            Self::Silent => f.write_str("lost its power"),
            Self::Hung => f.write_str("hangs"),
        }
    }
}
