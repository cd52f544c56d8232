//! Errors of one kind: the first few get lines, the rest a count.
//!
//! When an origin is down, thousands of machines fail alike. Their lines would bury the one that
//! matters.

use std::collections::HashMap;
use std::fmt::Write;
use std::hash::{BuildHasher, RandomState};
use std::time::{Duration, Instant};

use bootwire::{Op, Outcome, TransferRecord, escape};

use super::text;

/// How long errors of one kind are counted.
const PERIOD: Duration = Duration::from_secs(10);
/// Lines of one kind in this time, before the rest is counted.
const LINES: u32 = 10;
/// Lines about requests that cannot be read: anyone can send those.
const MALFORMED_LINES: u32 = 20;
/// Kinds that are told apart at a time. More of them, such as made-up names, are told apart by
/// their outcome alone.
const KINDS_MAX: usize = 256;
/// Of a path or a pattern, so much is kept for the line that sums up.
const SHOWN_MAX: usize = 200;

/// What went wrong lately, and how often.
#[derive(Debug)]
pub(super) struct Repeated {
    /// By a hash with a secret key: who chooses names cannot make two kinds one.
    kinds: HashMap<u64, Kind>,
    hasher: RandomState,
    malformed: Malformed,
    /// No kind's time is over before.
    due: Option<Instant>,
}

#[derive(Debug)]
struct Kind {
    since: Instant,
    lines: u32,
    more: u64,
    like: Like,
}

/// Requests that cannot be read, lately.
#[derive(Debug, Default)]
struct Malformed {
    since: Option<Instant>,
    lines: u32,
}

/// Errors of one kind that got no line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct More {
    pub(super) count: u64,
    pub(super) like: Like,
}

/// What errors of one kind have in common.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Like {
    pub(super) op: Op,
    pub(super) outcome: Outcome,
    pub(super) what: What,
}

/// What was asked for, or who answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum What {
    Path(String),
    Route(String),
    /// Too many to tell apart.
    Various,
}

/// Whether a record gets a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Line,
    /// It is counted, and [`Repeated::over`] tells of it.
    Counted,
    /// It is one of too many that cannot be read.
    Withheld,
}

impl Repeated {
    pub(super) fn new() -> Self {
        Self {
            kinds: HashMap::new(),
            hasher: RandomState::new(),
            malformed: Malformed::default(),
            due: None,
        }
    }

    /// Whether the record gets a line. Errors are counted only if this log `sums_up`.
    pub(super) fn take(&mut self, record: &TransferRecord, sums_up: bool, now: Instant) -> Verdict {
        match record.outcome {
            Outcome::Complete | Outcome::Probe => return Verdict::Line,
            Outcome::Malformed => return self.malformed.take(now),
            _ if !sums_up => return Verdict::Line,
            _ => {}
        }
        let what = what(record);
        let mut key = self.hasher.hash_one((record.op, record.outcome, what));
        let is_known = self.kinds.contains_key(&key);
        let is_various = !is_known && self.kinds.len() >= KINDS_MAX;
        if is_various {
            key = self.hasher.hash_one((record.op, record.outcome));
        }
        self.due.get_or_insert(now + PERIOD);
        let kind = self.kinds.entry(key).or_insert_with(|| Kind {
            since: now,
            lines: 0,
            more: 0,
            like: Like {
                op: record.op,
                outcome: record.outcome,
                what: match what {
                    _ if is_various => What::Various,
                    (true, path) => What::Path(shortened(path)),
                    (false, route) => What::Route(shortened(route)),
                },
            },
        });
        if kind.lines < LINES {
            kind.lines += 1;
            Verdict::Line
        } else {
            kind.more += 1;
            Verdict::Counted
        }
    }

    /// When to ask again what is [`over`](Self::over), if at all.
    pub(super) const fn due(&self) -> Option<Instant> {
        self.due
    }

    /// The kinds whose time is over by now, if errors of them got no line. They begin anew.
    pub(super) fn over(&mut self, now: Instant) -> Vec<More> {
        if self.due.is_none_or(|due| now < due) {
            return Vec::new();
        }
        self.end(|kind| now.saturating_duration_since(kind.since) >= PERIOD)
    }

    /// All kinds if errors of them got no line: the log ends.
    pub(super) fn rest(&mut self) -> Vec<More> {
        self.end(|_| true)
    }

    fn end(&mut self, is_over: impl Fn(&Kind) -> bool) -> Vec<More> {
        let ended = self.kinds.extract_if(|_, kind| is_over(kind));
        let mut ended: Vec<_> = ended
            .map(|(_, kind)| kind)
            .filter(|kind| kind.more > 0)
            .collect();
        ended.sort_by_key(|kind| kind.since);
        let oldest = self.kinds.values().map(|kind| kind.since).min();
        self.due = oldest.map(|since| since + PERIOD);
        let more = ended.into_iter().map(|kind| More {
            count: kind.more,
            like: kind.like,
        });
        more.collect()
    }
}

impl Malformed {
    fn take(&mut self, now: Instant) -> Verdict {
        let is_over = |since| now.saturating_duration_since(since) >= PERIOD;
        if self.since.is_none_or(is_over) {
            self.since = Some(now);
            self.lines = 0;
        }
        if self.lines == MALFORMED_LINES {
            return Verdict::Withheld;
        }
        self.lines += 1;
        Verdict::Line
    }
}

impl More {
    /// `… and 312 more like this in 10 s: read /boot/vmlinuz: not found`.
    pub(super) fn write(&self, out: &mut String) {
        let seconds = PERIOD.as_secs();
        // Writing to a String cannot fail.
        let _ = write!(out, "… and {} more like this in {seconds} s: ", self.count);
        out.push_str(text::op(self.like.op));
        match &self.like.what {
            What::Path(path) => {
                out.push(' ');
                escape::write_word(out, path.as_bytes());
            }
            What::Route(route) => {
                out.push_str(" by ");
                escape::write_word(out, route.as_bytes());
            }
            What::Various => out.push_str(" of various files"),
        }
        out.push_str(": ");
        super::write_words(out, self.like.outcome);
    }
}

/// What makes errors alike: the file if it is the client's choice that is wrong, the route if it is
/// what answers.
fn what(record: &TransferRecord) -> (bool, &str) {
    let is_the_clients = matches!(
        record.outcome,
        Outcome::NotFound | Outcome::Denied | Outcome::ClientAbort | Outcome::Changed
    );
    match &record.route {
        Some(route) if !is_the_clients => (false, route),
        _ => (true, &record.path),
    }
}

fn shortened(text: &str) -> String {
    let end = text.floor_char_boundary(SHOWN_MAX);
    match &text[..end] {
        whole if whole.len() == text.len() => whole.to_owned(),
        begin => format!("{begin}…"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample;

    async fn failed(outcome: Outcome, path: &str) -> TransferRecord {
        let mut record = sample::record().await;
        record.outcome = outcome;
        record.path = path.to_owned();
        record
    }

    fn told(more: &[More]) -> Vec<String> {
        let tell = |more: &More| {
            let mut line = String::new();
            more.write(&mut line);
            line
        };
        more.iter().map(tell).collect()
    }

    #[tokio::test]
    async fn the_first_ten_get_lines_and_the_rest_a_count() {
        let mut repeated = Repeated::new();
        let record = failed(Outcome::NotFound, "/images/13/vmlinuz").await;
        let start = Instant::now();
        let mut lines = 0;
        for at in 0..322 {
            let now = start + Duration::from_millis(at * 20);
            assert_eq!(repeated.over(now), []);
            lines += u32::from(repeated.take(&record, true, now) == Verdict::Line);
        }
        assert_eq!(lines, LINES);
        let end = repeated.due().unwrap();
        assert_eq!(end, start + PERIOD);
        assert_eq!(
            told(&repeated.over(end)),
            ["… and 312 more like this in 10 s: read /images/13/vmlinuz: not found"]
        );
        assert_eq!(repeated.due(), None);
        assert_eq!(repeated.take(&record, true, end), Verdict::Line, "anew");
        assert_eq!(told(&repeated.rest()), [""; 0], "it had its line");
    }

    #[tokio::test]
    async fn what_is_not_alike_is_not_summed_up() {
        let mut repeated = Repeated::new();
        let now = Instant::now();
        let one = failed(Outcome::NotFound, "/a").await;
        let other = failed(Outcome::NotFound, "/b").await;
        let whole = failed(Outcome::Complete, "/a").await;
        for record in [&one, &other] {
            for _ in 0..LINES {
                assert_eq!(repeated.take(record, true, now), Verdict::Line);
            }
        }
        for _ in 0..1000 {
            assert_eq!(repeated.take(&whole, true, now), Verdict::Line);
            assert_eq!(repeated.take(&one, false, now), Verdict::Line);
        }
        assert_eq!(repeated.take(&one, true, now), Verdict::Counted);
    }

    #[tokio::test]
    async fn an_origin_that_is_down_is_one_kind_whatever_is_asked_for() {
        let mut repeated = Repeated::new();
        let now = Instant::now();
        for at in 0..100 {
            let mut record = failed(Outcome::OriginError, &format!("/boot/{at}")).await;
            record.route = Some("/boot/{*path}".to_owned());
            repeated.take(&record, true, now);
        }
        assert_eq!(
            told(&repeated.rest()),
            ["… and 90 more like this in 10 s: read by /boot/{*path}: origin error"]
        );
    }

    #[tokio::test]
    async fn made_up_names_take_no_more_memory_and_no_more_lines() {
        let mut repeated = Repeated::new();
        let now = Instant::now();
        let mut record = failed(Outcome::NotFound, "").await;
        let mut lines = 0;
        for at in 0..10_000 {
            record.path = format!("/{at}\n{}", "x".repeat(500));
            lines += usize::from(repeated.take(&record, true, now) == Verdict::Line);
        }
        assert_eq!(lines, KINDS_MAX + LINES as usize);
        assert_eq!(repeated.kinds.len(), KINDS_MAX + 1);
        let kept = repeated.kinds.values().map(|kind| match &kind.like.what {
            What::Path(text) | What::Route(text) => text.len(),
            What::Various => 0,
        });
        assert!(kept.max().unwrap() < SHOWN_MAX + 10);
        let told = told(&repeated.rest());
        assert_eq!(told.len(), 1);
        assert!(told[0].ends_with("more like this in 10 s: read of various files: not found"));
    }
}
