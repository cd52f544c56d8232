//! What leaves no transfer and so no log line, told now and then: an operator whose client gets no
//! answer must not have to guess.

use std::sync::Mutex;
use std::time::Duration;

use bootwire::ServerStats;

use crate::size;

/// Time between two looks.
pub(super) const LOOK_EVERY: Duration = Duration::from_secs(10);

/// The counts that were told already.
#[derive(Debug, Default)]
pub(super) struct Unanswered(Mutex<Counts>);

#[derive(Clone, Copy, Debug, Default)]
struct Counts {
    not_allowed: u64,
    over_limit: u64,
    malformed: u64,
    kernel_drops: u64,
}

impl Unanswered {
    /// Lines about what is new since the last look; none if nothing is.
    pub(super) fn news(&self, stats: &ServerStats) -> Vec<String> {
        // Counts only ever grow, so a panic elsewhere cannot have spoilt them.
        let mut told = self
            .0
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        let now = Counts {
            not_allowed: stats.not_allowed,
            over_limit: stats.over_limit,
            malformed: stats.malformed,
            kernel_drops: stats.kernel_drops,
        };
        let before = std::mem::replace(&mut *told, now);
        [
            (
                now.not_allowed.saturating_sub(before.not_allowed),
                "request",
                "requests",
                "not answered: the client is in no network that --allow names",
            ),
            (
                now.over_limit.saturating_sub(before.over_limit),
                "request",
                "requests",
                "turned away: too many transfers at a time",
            ),
            (
                now.malformed.saturating_sub(before.malformed),
                "packet",
                "packets",
                "ignored: not TFTP",
            ),
            (
                now.kernel_drops.saturating_sub(before.kernel_drops),
                "packet",
                "packets",
                "dropped by the kernel: its receive buffer was full",
            ),
        ]
        .into_iter()
        .filter(|&(count, ..)| count > 0)
        .map(|(count, one, many, what)| format!("{} {what}", size::count(count, one, many)))
        .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_new_is_told() {
        let unanswered = Unanswered::default();
        let mut stats = ServerStats::default();
        assert_eq!(unanswered.news(&stats), [""; 0]);
        stats.not_allowed = 2;
        stats.malformed = 1;
        assert_eq!(
            unanswered.news(&stats),
            [
                "2 requests not answered: the client is in no network that --allow names",
                "1 packet ignored: not TFTP",
            ]
        );
        assert_eq!(unanswered.news(&stats), [""; 0]);
        stats.not_allowed = 3;
        assert_eq!(
            unanswered.news(&stats),
            ["1 request not answered: the client is in no network that --allow names"]
        );
    }
}
