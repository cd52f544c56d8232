//! Machines that pause for a moment, as firmware does that draws a menu or writes flash, and cannot
//! bear what a server sends them meanwhile.

use std::time::Duration;

use super::{Ended, Gaps, Habit, Manners, Step};
use crate::random::Random;

/// What it cannot bear.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pauser {
    /// A Raspberry Pi's second stage takes every block for the next one.
    Counts,
    /// U-Boot's network card has 32 buffers, and is deaf once they are overrun.
    Virtio,
    /// The same in a client that cannot be told from others.
    Nameless,
    /// Nothing in particular.
    Robust,
}

/// A client that pauses.
pub struct Pausing {
    kind: Pauser,
    /// Files that are still to come.
    paths: Vec<String>,
    every: u64,
    pause: Duration,
    window: u64,
    port: u16,
}

impl Pausing {
    /// Gets `paths` one after the other, and pauses after each `every` blocks.
    #[must_use]
    pub fn new(
        kind: Pauser,
        paths: Vec<String>,
        every: u64,
        pause: Duration,
        window: u64,
        random: &mut Random,
    ) -> Self {
        let window = match kind {
            Pauser::Counts => 1,
            Pauser::Virtio | Pauser::Nameless | Pauser::Robust => window,
        };
        Self {
            kind,
            paths,
            every,
            pause,
            window,
            port: random.within(1024..=40_000) as u16,
        }
    }

    fn ask(&mut self, after: Duration) -> Step {
        let Some(path) = self.paths.pop() else {
            return Step::Done(true);
        };
        self.port += 1;
        let manners = Manners {
            ask_every: Duration::from_secs(5),
            repeat_ack: Some(Duration::from_secs(5)),
            gaps: Gaps::AckOnce,
            stalls: Some((self.every, self.pause)),
            counts_duplicates: self.kind == Pauser::Counts,
            buffers: match self.kind {
                Pauser::Counts | Pauser::Robust => None,
                Pauser::Virtio | Pauser::Nameless => Some(32),
            },
            queues: true,
            ..Manners::default()
        };
        let mut options = vec![("blksize", 1024)];
        if self.kind == Pauser::Virtio {
            options.insert(0, ("timeout", 5));
        }
        if self.window > 1 {
            options.push(("windowsize", self.window));
        }
        Step::fetch(after, &path, self.port, manners, options)
    }
}

impl Habit for Pausing {
    fn name(&self) -> &'static str {
        match self.kind {
            Pauser::Counts => "counts-duplicates",
            Pauser::Virtio => "32-buffers",
            Pauser::Nameless => "32-buffers-too",
            Pauser::Robust => "pauses",
        }
    }

    fn next(&mut self, last: Option<&Ended>, random: &mut Random) -> Step {
        match last {
            None => self.ask(Duration::ZERO),
            Some(Ended::Whole(_)) => self.ask(random.millis(0..=500)),
            Some(_) => Step::Done(false),
        }
    }
}
