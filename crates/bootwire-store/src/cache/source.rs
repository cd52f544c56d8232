//! An origin as the cache asks it: with patience, and for so much at a time.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bootwire::{Turn, Turns};
use tokio::sync::Semaphore;
use tokio::time::{Instant, sleep, timeout};

use super::disk::Disk;
use super::event::Monitor;
use super::key::Key;
use super::storage::Clock;
use crate::origin::{
    Ask, Condition, Content, Got, ObjectName, Origin, OriginError, OriginErrorKind,
};

/// How long an origin that did not answer is left alone where there is something to send without
/// it, in milliseconds.
const DOWN_FOR: u64 = 5000;
/// Objects an origin is asked about at a time, at most: whoever makes up names takes no more than
/// that from others.
const LOOKUPS_MAX: usize = 64;
/// Bodies of an origin that are open at a time, at most: those that stall keep no others away, but
/// each takes a connection.
const BODIES_MAX: usize = 256;
/// The pause after the first failure, doubled after each.
const PAUSE_FIRST: Duration = Duration::from_millis(100);
const PAUSE_MAX: Duration = Duration::from_secs(5);
/// An attempt gets at least this fraction of the time there is for all.
const ATTEMPT_MIN: u32 = 5;

/// An origin and how it is asked. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Source {
    origin: Arc<dyn Origin>,
    pub(super) name: Arc<str>,
    /// Who may fetch its objects.
    access: Arc<str>,
    pub(super) limits: Limits,
    pub(super) permits: Arc<Permits>,
    clock: Arc<dyn Clock>,
    monitor: Arc<Monitor>,
}

/// How long an origin may take, and how much of it may be on its way.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    pub(super) in_flight: u64,
    pub(super) answer_within: Duration,
    pub(super) stall: Duration,
    pub(super) give_up: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            in_flight: 32 << 20,
            answer_within: Duration::from_secs(5),
            stall: Duration::from_secs(10),
            give_up: Duration::from_secs(30),
        }
    }
}

/// What all who read an origin share.
pub(super) struct Permits {
    /// KiB that may be on their way.
    pub(super) bytes: Arc<Semaphore>,
    /// Bodies that may be open at a time, those that stall included.
    pub(super) bodies: Arc<Semaphore>,
    /// Objects that may be asked about at a time.
    lookups: Turns,
    /// Until when the origin is taken for dead, in milliseconds from `made` on.
    down_until: AtomicU64,
    made: Instant,
}

impl Permits {
    fn new(in_flight: u64) -> Arc<Self> {
        Arc::new(Self {
            bytes: Arc::new(Semaphore::new(units(in_flight) as usize)),
            bodies: Arc::new(Semaphore::new(BODIES_MAX)),
            lookups: Turns::new(LOOKUPS_MAX),
            down_until: AtomicU64::new(0),
            made: Instant::now(),
        })
    }

    fn age(&self) -> u64 {
        u64::try_from(self.made.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}

/// A bound in KiB; at least one small object's.
pub(super) fn units(in_flight: u64) -> u64 {
    (in_flight / 1024).clamp(64, u64::from(u32::MAX) / 2)
}

impl Source {
    pub(super) fn new(origin: Arc<dyn Origin>, disk: &Disk) -> Self {
        let limits = Limits::default();
        Self {
            name: origin.name().into(),
            access: disk.salt().name(&origin.access()).into(),
            origin,
            limits,
            permits: Permits::new(limits.in_flight),
            clock: Arc::clone(disk.clock()),
            monitor: Arc::clone(&disk.monitor),
        }
    }

    pub(super) fn set_in_flight(&mut self, bytes: u64) {
        self.limits.in_flight = bytes;
        self.permits = Permits::new(bytes);
    }

    pub(super) fn key(&self, object: &ObjectName) -> Key {
        Key {
            origin: Arc::clone(&self.name),
            access: Arc::clone(&self.access),
            object: object.clone(),
        }
    }

    pub(super) fn is_down(&self) -> bool {
        self.permits.age() < self.permits.down_until.load(Ordering::Relaxed)
    }

    pub(super) fn went_down(&self) {
        let until = self.permits.age().saturating_add(DOWN_FOR);
        self.permits.down_until.store(until, Ordering::Relaxed);
    }

    pub(super) fn came_up(&self) {
        self.permits.down_until.store(0, Ordering::Relaxed);
    }

    /// Waits for a turn to ask about an object; `proven` says whether who asks is.
    pub(super) async fn turn(&self, proven: bool) -> Result<Turn, OriginError> {
        let turn = self.permits.lookups.turn(proven);
        let turn = timeout(self.limits.answer_within, turn).await;
        turn.map_err(|_| OriginError::unavailable("too many objects are being asked for"))
    }

    /// Patience until `limit` is over.
    pub(super) fn patience(&self, limit: Duration) -> Patience {
        Patience {
            clock: Arc::clone(&self.clock),
            limit,
            since: Instant::now(),
            pause: PAUSE_FIRST,
        }
    }

    /// Asks the origin, which has to answer within `limit`.
    pub(super) async fn ask(
        &self,
        object: &ObjectName,
        ask: &Ask,
        limit: Duration,
    ) -> Result<Got, OriginError> {
        self.monitor.asked.add(1);
        match timeout(limit, self.origin.get(object, ask)).await {
            Ok(answer) => answer,
            Err(_) => Err(OriginError::unavailable(format_args!(
                "gave no answer within {:?}",
                in_words(limit)
            ))),
        }
    }

    /// Asks until there is an answer or time is up; with `once` no longer than that, and once.
    pub(super) async fn ask_patiently(
        &self,
        object: &ObjectName,
        ask: &Ask,
        once: Option<Duration>,
    ) -> Result<Got, OriginError> {
        let within = self.limits.answer_within;
        let mut patience = self.patience(within);
        loop {
            let limit = once.map_or_else(|| patience.left(), |once| once.min(within));
            match self.ask(object, ask, limit).await {
                Err(error) if once.is_none() && patience.outlasts(&error).await => {
                    self.monitor.retried.add(1);
                }
                answer => return answer,
            }
        }
    }

    /// Asks for the whole object, of whatever version.
    pub(super) async fn all_of(&self, object: &ObjectName) -> Result<Content, OriginError> {
        let ask = Ask {
            range: None,
            condition: Condition::None,
        };
        match self.ask(object, &ask, self.limits.answer_within).await? {
            Got::Content(content) if content.start == 0 => Ok(content),
            _ => Err(OriginError::unusable("sent a part, asked for the whole")),
        }
    }
}

/// How long to go on in spite of failures.
pub(super) struct Patience {
    clock: Arc<dyn Clock>,
    limit: Duration,
    since: Instant,
    pause: Duration,
}

impl Patience {
    /// Bytes came: the clock starts again.
    pub(super) fn renew(&mut self) {
        self.since = Instant::now();
        self.pause = PAUSE_FIRST;
    }

    /// Time that is left.
    pub(super) fn left(&self) -> Duration {
        self.limit.saturating_sub(self.since.elapsed())
    }

    /// Whether it is worth another attempt after `error`; waits before that.
    pub(super) async fn outlasts(&mut self, error: &OriginError) -> bool {
        error.kind() == OriginErrorKind::Unavailable && self.pause().await
    }

    /// Waits before the next attempt; `false` if there should be none.
    pub(super) async fn pause(&mut self) -> bool {
        // Not all at the same moment: the clock's low digits add up to a quarter.
        let digits = (self.clock.nanos() % 256) as u32;
        let pause = self.pause + self.pause * digits / 1024;
        // An attempt without time would only hide what went wrong with the others.
        if pause + self.limit / ATTEMPT_MIN >= self.left() {
            return false;
        }
        sleep(pause).await;
        self.pause = (self.pause * 2).min(PAUSE_MAX);
        true
    }
}

/// A time as people say it: of what is left of a limit nobody wants nine digits.
fn in_words(limit: Duration) -> Duration {
    let step = if limit >= Duration::from_secs(1) {
        100
    } else {
        1
    };
    let millis = limit.as_micros().div_ceil(1000) as u64;
    let rounded = (millis + step / 2) / step * step;
    Duration::from_millis(rounded.max(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_of_a_limit_is_told_in_few_digits() {
        for (limit, words) in [
            (Duration::from_nanos(1_999_999_758), "2s"),
            (Duration::from_micros(1_549_000), "1.5s"),
            (Duration::from_nanos(249_999_990), "250ms"),
            (Duration::from_nanos(3), "1ms"),
        ] {
            assert_eq!(format!("{:?}", in_words(limit)), words);
        }
    }
}
