//! Clients of people and scripts: tftp-hpa, curl, busybox. Lockstep, with or without options, and
//! most of them acknowledge every block they had before.

use std::time::Duration;

use super::{Ended, Habit, Manners, Step, TRIES};
use crate::random::Random;

/// Which client it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Patience {
    /// tftp-hpa: no options, five seconds.
    TftpHpa,
    /// curl: three options, six seconds.
    Curl,
    /// busybox: tsize, a tenth of a second.
    Busybox,
    /// atftp asked for a timeout of a second: its own timer is one of five all the same, ignores
    /// old blocks and starts anew with each.
    Atftp,
}

/// A lockstep client.
pub struct Lockstep {
    kind: Patience,
    path: String,
    blksize: Option<u64>,
    port: u16,
    tries: u32,
}

impl Lockstep {
    /// Gets `path`.
    #[must_use]
    pub fn new(kind: Patience, path: &str, random: &mut Random) -> Self {
        Self {
            kind,
            path: path.to_owned(),
            blksize: None,
            port: random.within(32_768..=60_000) as u16,
            tries: 0,
        }
    }

    /// Asks for blocks of this size.
    #[must_use]
    pub const fn blksize(mut self, bytes: u64) -> Self {
        self.blksize = Some(bytes);
        self
    }

    fn ask(&mut self, after: Duration) -> Step {
        self.port += 1;
        let (every, mut options) = match self.kind {
            Patience::TftpHpa => (Duration::from_secs(5), vec![]),
            Patience::Curl => (
                Duration::from_secs(6),
                vec![("tsize", 0), ("blksize", 512), ("timeout", 5)],
            ),
            Patience::Busybox => (Duration::from_millis(100), vec![("tsize", 0)]),
            Patience::Atftp => (Duration::from_secs(5), vec![("timeout", 1)]),
        };
        if let Some(bytes) = self.blksize {
            options.retain(|(name, _)| *name != "blksize");
            options.push(("blksize", bytes));
        }
        let atftp = self.kind == Patience::Atftp;
        let manners = Manners {
            ask_every: every,
            asks: if every.as_millis() < 1000 { 120 } else { 6 },
            repeat_ack: Some(every),
            patience: if atftp {
                Duration::from_secs(45)
            } else {
                Duration::from_secs(30)
            },
            never_gives_up: atftp,
            restarts: atftp,
            ack_old: !atftp,
            corrects_strangers: self.kind == Patience::TftpHpa,
            ..Manners::default()
        };
        Step::fetch(after, &self.path, self.port, manners, options)
    }
}

impl Habit for Lockstep {
    fn name(&self) -> &'static str {
        match self.kind {
            Patience::TftpHpa => "tftp-hpa",
            Patience::Curl => "curl",
            Patience::Busybox => "busybox",
            Patience::Atftp => "atftp",
        }
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
                self.ask(random.millis(500..=3000))
            }
        }
    }
}
