//! How busy a thread was: whether a load generator measured the server or itself.

use std::time::{Duration, Instant};

/// Where Linux tells about the calling thread.
const SCHEDSTAT: &str = "/proc/thread-self/schedstat";

/// From here on a thread is taken for the bottleneck.
const TOO_BUSY: f64 = 0.90;

/// From here on a thread is taken for one that has to share its core.
const STARVED: f64 = 0.10;

/// A running measurement of the calling thread.
#[derive(Debug)]
pub(super) struct Meter {
    began: Instant,
    times: Times,
}

/// Times of a thread since its start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Times {
    /// On a core.
    running: Duration,
    /// Ready to run, with no core to run on.
    waiting: Duration,
}

/// Shares of the time a thread lived, from 0 to 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Busy {
    pub(super) running: f64,
    pub(super) waiting: f64,
}

impl Meter {
    /// `None` where the system does not tell.
    pub(super) fn start() -> Option<Self> {
        Some(Self {
            began: Instant::now(),
            times: times()?,
        })
    }

    /// The shares since the start. `idle` is time in which the thread ran, but only looked for
    /// something to do: it does not count.
    pub(super) fn stop(self, idle: Duration) -> Option<Busy> {
        let mut times = times()?;
        times.running = times.running.saturating_sub(idle);
        let wall = self.began.elapsed().as_secs_f64();
        let share = |now: Duration, before: Duration| {
            (now.saturating_sub(before).as_secs_f64() / wall).clamp(0.0, 1.0)
        };
        (wall > 0.0).then(|| Busy {
            running: share(times.running, self.times.running),
            waiting: share(times.waiting, self.times.waiting),
        })
    }
}

impl Busy {
    /// Whether the thread had no time left to be faster.
    pub(super) fn is_bottleneck(self) -> bool {
        self.running > TOO_BUSY || self.is_starved()
    }

    /// Whether others used its core while it had work to do.
    pub(super) fn is_starved(self) -> bool {
        self.waiting > STARVED && self.running + self.waiting > TOO_BUSY
    }
}

fn times() -> Option<Times> {
    parse(&std::fs::read_to_string(SCHEDSTAT).ok()?)
}

fn parse(text: &str) -> Option<Times> {
    let mut fields = text.split_ascii_whitespace();
    let mut nanos = || fields.next()?.parse().ok().map(Duration::from_nanos);
    Some(Times {
        running: nanos()?,
        waiting: nanos()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernels_line_is_read() {
        assert_eq!(
            parse("1500000 2000 17\n"),
            Some(Times {
                running: Duration::from_micros(1500),
                waiting: Duration::from_micros(2),
            })
        );
        assert_eq!(parse("1500000"), None);
        assert_eq!(parse("a b c"), None);
    }

    #[test]
    fn a_thread_without_time_to_spare_is_the_bottleneck() {
        let busy = |running, waiting| Busy { running, waiting };
        for (busy, bottleneck, starved) in [
            (busy(0.5, 0.0), false, false),
            (busy(0.95, 0.01), true, false),
            (busy(0.6, 0.35), true, true),
            (busy(0.3, 0.3), false, false),
        ] {
            assert_eq!(busy.is_bottleneck(), bottleneck, "{busy:?}");
            assert_eq!(busy.is_starved(), starved, "{busy:?}");
        }
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_thread_that_works_is_busier_than_one_that_sleeps() {
        let meter = Meter::start().unwrap();
        let until = Instant::now() + Duration::from_millis(20);
        while Instant::now() < until {
            std::hint::spin_loop();
        }
        let worked = meter.stop(Duration::ZERO).unwrap();
        let meter = Meter::start().unwrap();
        std::thread::sleep(Duration::from_millis(20));
        let slept = meter.stop(Duration::ZERO).unwrap();
        assert!(worked.running > slept.running, "{worked:?} {slept:?}");
        let looked = Meter::start().unwrap().stop(Duration::from_secs(1));
        assert_eq!(looked.unwrap().running, 0.0, "less than nothing");
    }
}
