//! The line that moves while a run goes on.

use std::io::IsTerminal;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use indicatif::ProgressBar;

use super::worker::Live;

/// A line on standard error if that is a terminal; else nothing.
pub(super) struct Progress {
    line: ProgressBar,
    threads: Vec<Arc<Live>>,
    /// Bytes at the last look.
    bytes: u64,
}

impl Progress {
    pub(super) fn new(wanted: bool, threads: Vec<Arc<Live>>) -> Self {
        let line = if wanted && std::io::stderr().is_terminal() {
            ProgressBar::new_spinner()
        } else {
            ProgressBar::hidden()
        };
        Self {
            line,
            threads,
            bytes: 0,
        }
    }

    /// Another second is over.
    pub(super) fn look(&mut self, elapsed: Duration) {
        let sum = |count: fn(&Live) -> &AtomicU64| {
            let counts = self.threads.iter().map(|live| count(live));
            counts.map(|count| count.load(Ordering::Relaxed)).sum()
        };
        let bytes = sum(|live| &live.bytes);
        self.line.set_message(shown(
            elapsed,
            sum(|live| &live.completed),
            sum(|live| &live.failed),
            sum(|live| &live.running),
            bytes - self.bytes,
        ));
        self.line.tick();
        self.bytes = bytes;
    }

    /// Takes the line away.
    pub(super) fn clear(&self) {
        self.line.finish_and_clear();
    }
}

fn shown(elapsed: Duration, completed: u64, failed: u64, running: u64, bytes: u64) -> String {
    format!(
        "{} s: {completed} completed, {failed} failed, {running} running, {:.1} MiB/s",
        elapsed.as_secs(),
        super::report::mib(bytes)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_says_how_far_it_is() {
        assert_eq!(
            shown(Duration::from_millis(3_010), 12, 0, 4, 3 << 19),
            "3 s: 12 completed, 0 failed, 4 running, 1.5 MiB/s"
        );
    }
}
