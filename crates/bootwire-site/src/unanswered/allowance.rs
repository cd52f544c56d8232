//! So many lines about one kind of thing in so much time: what strangers send must not fill a log.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// The lines that may still be written.
#[derive(Debug)]
pub(super) struct Allowance {
    lines: u32,
    period: Duration,
    left: Mutex<Left>,
}

#[derive(Debug)]
struct Left {
    since: Option<Instant>,
    lines: u32,
}

impl Allowance {
    /// At most `lines` in each `period`.
    pub(super) const fn new(lines: u32, period: Duration) -> Self {
        Self {
            lines,
            period,
            left: Mutex::new(Left {
                since: None,
                lines: 0,
            }),
        }
    }

    /// Whether one more may be written.
    pub(super) fn take(&self, now: Instant) -> bool {
        // Counts are right at every step, so a panic elsewhere cannot have spoilt them.
        let mut left = self.left.lock().unwrap_or_else(PoisonError::into_inner);
        let over = left
            .since
            .is_none_or(|since| now.saturating_duration_since(since) >= self.period);
        if over {
            left.since = Some(now);
            left.lines = self.lines;
        }
        let may = left.lines > 0;
        left.lines = left.lines.saturating_sub(1);
        may
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn so_many_lines_in_each_period() {
        let allowance = Allowance::new(3, Duration::from_secs(10));
        let start = Instant::now();
        let written = |after: u64| {
            let now = start + Duration::from_secs(after);
            (0..10).filter(|_| allowance.take(now)).count()
        };
        assert_eq!(written(0), 3);
        assert_eq!(written(9), 0);
        assert_eq!(written(10), 3);
    }
}
