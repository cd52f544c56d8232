//! How a run goes, while it goes.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::worker::Live;

/// How far a run is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Progress {
    /// Since the start.
    pub elapsed: Duration,
    /// Transfers that completed.
    pub completed: u64,
    /// Transfers that failed.
    pub failed: u64,
    /// Transfers under way.
    pub running: u64,
    /// Bytes moved since the last look, a second ago.
    pub bytes: u64,
}

/// The counts of the threads, and what was seen of them.
pub(super) struct Counts {
    threads: Vec<Arc<Live>>,
    /// Bytes at the last look.
    bytes: u64,
}

impl Counts {
    pub(super) const fn new(threads: Vec<Arc<Live>>) -> Self {
        Self { threads, bytes: 0 }
    }

    pub(super) fn look(&mut self, elapsed: Duration) -> Progress {
        let sum = |count: fn(&Live) -> &AtomicU64| {
            let counts = self.threads.iter().map(|live| count(live));
            counts.map(|count| count.load(Ordering::Relaxed)).sum()
        };
        let bytes: u64 = sum(|live| &live.bytes);
        let before = std::mem::replace(&mut self.bytes, bytes);
        Progress {
            elapsed,
            completed: sum(|live| &live.completed),
            failed: sum(|live| &live.failed),
            running: sum(|live| &live.running),
            bytes: bytes - before,
        }
    }
}

/// `3 s: 12 completed, 0 failed, 4 running, 1.5 MiB/s`
impl fmt::Display for Progress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} s: {} completed, {} failed, {} running, {:.1} MiB/s",
            self.elapsed.as_secs(),
            self.completed,
            self.failed,
            self.running,
            super::report::mib(self.bytes)
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_says_how_far_it_is() {
        let progress = Progress {
            elapsed: Duration::from_millis(3_010),
            completed: 12,
            failed: 0,
            running: 4,
            bytes: 3 << 19,
        };
        let told = "3 s: 12 completed, 0 failed, 4 running, 1.5 MiB/s";
        assert_eq!(progress.to_string(), told);
    }
}
