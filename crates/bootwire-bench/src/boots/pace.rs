//! How fast a machine is.

use std::time::Duration;

use tokio::time::{Instant, sleep, sleep_until};

/// Time that a machine is ahead of its rate before it waits: timers are not finer.
const AHEAD: Duration = Duration::from_millis(1);

/// How fast a machine takes what it fetches, and how long it thinks in between.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pace {
    /// Most bytes a second that it takes; `None`: as many as come.
    pub rate: Option<u64>,
    /// How long its own work takes, such as its self-test, as a multiple of a quick machine's: 0 for
    /// none at all.
    pub waits: f64,
}

impl Pace {
    /// As fast as can be.
    #[must_use]
    pub const fn unpaced() -> Self {
        Self {
            rate: None,
            waits: 0.0,
        }
    }

    /// Does work that takes a quick machine this long.
    pub(super) async fn work(&self, time: Duration) {
        let time = time.mul_f64(self.waits.clamp(0.0, 1000.0));
        if !time.is_zero() {
            sleep(time).await;
        }
    }

    /// Begins a file.
    pub(super) fn begin(self) -> Taking {
        Taking {
            rate: self.rate.filter(|rate| *rate > 0),
            since: Instant::now(),
            bytes: 0,
        }
    }
}

/// A file that is being taken at its pace.
pub(super) struct Taking {
    rate: Option<u64>,
    since: Instant,
    bytes: u64,
}

impl Taking {
    /// Takes some more bytes, and the time for that.
    pub(super) async fn take(&mut self, bytes: u64) {
        let Some(rate) = self.rate else {
            return;
        };
        self.bytes += bytes;
        let micros = u128::from(self.bytes) * 1_000_000 / u128::from(rate);
        let due = self.since + Duration::from_micros(u64::try_from(micros).unwrap_or(u64::MAX));
        let now = Instant::now();
        if due > now + AHEAD {
            sleep_until(due).await;
        } else if now > due + AHEAD * 50 {
            // Whoever was held up does not make up for it in a burst.
            self.since += now - due;
        }
    }
}
