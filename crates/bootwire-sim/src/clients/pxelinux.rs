//! PXELINUX: looks for its configuration under one name after the other, each from the next port,
//! then for the kernel. It repeats a request and an ACK after a tenth of a second.

use std::time::Duration;

use super::{Ended, Habit, Manners, Step, TRIES};
use crate::random::Random;

const FIRST_PORT: u16 = 49_152;

/// The boot loader.
pub struct Pxelinux {
    paths: Vec<String>,
    /// Requests after this one must be answered.
    search: usize,
    at: usize,
    port: u16,
    tries: u32,
}

impl Pxelinux {
    /// Finds `config` after nine names that are not there, then fetches `kernel`.
    #[must_use]
    pub fn new(config: &str, kernel: &str) -> Self {
        let mut paths = vec!["pxelinux.cfg/01-88-99-aa-bb-cc-dd".to_owned()];
        paths.extend(
            (1..=8)
                .rev()
                .map(|len| format!("pxelinux.cfg/{}", &"C0A8025B"[..len])),
        );
        let search = paths.len();
        paths.extend([config.to_owned(), kernel.to_owned()]);
        Self {
            paths,
            search,
            at: 0,
            port: FIRST_PORT,
            tries: 0,
        }
    }

    fn ask(&mut self, after: Duration) -> Step {
        let manners = Manners {
            ask_every: Duration::from_millis(100),
            asks: 120,
            repeat_ack: Some(Duration::from_millis(100)),
            ..Manners::default()
        };
        let port = self.port;
        self.port = self.port.checked_add(1).unwrap_or(FIRST_PORT);
        Step::fetch(
            after,
            &self.paths[self.at],
            port,
            manners,
            vec![("tsize", 0), ("blksize", 1408)],
        )
    }
}

impl Habit for Pxelinux {
    fn name(&self) -> &'static str {
        "pxelinux"
    }

    fn next(&mut self, last: Option<&Ended>, random: &mut Random) -> Step {
        match last {
            None => return self.ask(Duration::ZERO),
            Some(Ended::Refused(1)) if self.at < self.search => {
                self.at += 1;
                return self.ask(Duration::from_micros(200));
            }
            Some(Ended::Whole(_) | Ended::Stored | Ended::Left(_)) => {
                self.at += 1;
                if self.at == self.paths.len() {
                    return Step::Done(true);
                }
                return self.ask(Duration::from_micros(200));
            }
            Some(Ended::Refused(_) | Ended::GaveUp) => {}
        }
        self.tries += 1;
        if self.tries > TRIES {
            return Step::Done(false);
        }
        self.at = 0;
        self.port = FIRST_PORT;
        self.ask(random.millis(2000..=5000))
    }
}
