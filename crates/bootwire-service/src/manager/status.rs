//! One line on how the server is doing, as `systemctl status` shows it.

use std::time::{Duration, Instant};

use bootwire::ServerStats;

use crate::size;

/// What was counted when the last line was made.
#[derive(Debug, Default)]
pub(super) struct Rates(Option<(Instant, u64)>);

impl Rates {
    /// The line for `stats`, with the rate since the last one. `outdated`: the configuration on the
    /// disk has mistakes, and an older one is served.
    pub(super) fn line(&mut self, stats: &ServerStats, outdated: bool) -> String {
        let now = Instant::now();
        let moved = stats.bytes_out.saturating_add(stats.bytes_in);
        let rate = self.0.replace((now, moved)).map(|(then, before)| {
            let time = now.duration_since(then);
            (moved.saturating_sub(before), time)
        });
        line(stats, rate, outdated)
    }
}

fn line(stats: &ServerStats, moved: Option<(u64, Duration)>, outdated: bool) -> String {
    let running = match stats.active {
        0 => "Ready".to_owned(),
        active => size::count(active, "transfer", "transfers"),
    };
    let megabytes = moved.map_or(0.0, |(bytes, time)| {
        bytes as f64 / 1e6 / time.as_secs_f64().max(1e-3)
    });
    let rate = if megabytes < 0.1 {
        String::new()
    } else {
        format!(", {megabytes:.1} MB/s")
    };
    let ended = stats.outcomes.iter().sum();
    let ended = size::count(ended, "transfer", "transfers");
    let outdated = if outdated {
        "; the configuration on the disk has mistakes, an older one is served"
    } else {
        ""
    };
    format!("{running}{rate}; {ended} since the start{outdated}")
}

/// The line of a server that ends.
pub(super) fn draining(running: u64, limit: Duration) -> String {
    match running {
        0 => "Ends".to_owned(),
        running => format!(
            "Lets {} finish, for at most {} s",
            size::count(running, "transfer", "transfers"),
            limit.as_secs()
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_has_transfers_and_their_rate() {
        let mut stats = ServerStats::default();
        assert_eq!(
            line(&stats, None, false),
            "Ready; 0 transfers since the start"
        );
        stats.active = 1;
        stats.outcomes[0] = 41_207;
        let second = Duration::from_secs(1);
        let told = line(&stats, Some((0, second)), false);
        assert_eq!(told, "1 transfer; 41207 transfers since the start");
        stats.active = 12;
        let told = line(&stats, Some((600_000_000, 5 * second)), true);
        assert_eq!(
            told,
            "12 transfers, 120.0 MB/s; 41207 transfers since the start; the configuration on the \
             disk has mistakes, an older one is served"
        );
        // A clock that stands still, and numbers as large as they get.
        line(&stats, Some((u64::MAX, Duration::ZERO)), true);
    }

    #[test]
    fn the_rate_is_of_what_was_moved_since_the_last_line() {
        let mut rates = Rates::default();
        let mut stats = ServerStats::default();
        stats.bytes_out = 5_000_000_000;
        assert!(!rates.line(&stats, false).contains("/s"));
        assert!(!rates.line(&stats, false).contains("/s"));
        stats.bytes_in = 5_000_000_000;
        assert!(rates.line(&stats, false).contains("/s"));
    }

    #[test]
    fn a_drain_says_how_long_it_may_take() {
        assert_eq!(draining(0, Duration::ZERO), "Ends");
        assert_eq!(
            draining(3, Duration::from_secs(30)),
            "Lets 3 transfers finish, for at most 30 s"
        );
    }
}
