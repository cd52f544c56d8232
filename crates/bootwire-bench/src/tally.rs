//! What a thread counts; threads' counts add up to a report.

use std::time::Duration;

use super::histogram::Histogram;

/// Why a transfer failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Failing {
    NoAnswer,
    TimedOut,
    NotFound,
    Denied,
    Remote,
    Content,
    Protocol,
    Network,
}

impl Failing {
    pub(super) const ALL: [Self; 8] = [
        Self::NoAnswer,
        Self::TimedOut,
        Self::NotFound,
        Self::Denied,
        Self::Remote,
        Self::Content,
        Self::Protocol,
        Self::Network,
    ];

    /// Its name in JSON.
    pub(super) const fn key(self) -> &'static str {
        match self {
            Self::NoAnswer => "no_answer",
            Self::TimedOut => "timed_out",
            Self::NotFound => "not_found",
            Self::Denied => "denied",
            Self::Remote => "remote_error",
            Self::Content => "wrong_content",
            Self::Protocol => "protocol",
            Self::Network => "network",
        }
    }

    /// The same in plain words.
    pub(super) const fn words(self) -> &'static str {
        match self {
            Self::NoAnswer => "the server did not answer",
            Self::TimedOut => "the server fell silent",
            Self::NotFound => "not found",
            Self::Denied => "denied",
            Self::Remote => "the server reported an error",
            Self::Content => "wrong content",
            Self::Protocol => "the server broke the protocol",
            Self::Network => "the network refused to send",
        }
    }
}

/// Failures of one kind.
#[derive(Clone, Debug, Default)]
pub(super) struct Failures {
    pub(super) count: u64,
    /// What there was to say about the first one.
    pub(super) example: Option<String>,
}

/// What came again, or was sent again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Again {
    /// RRQs and WRQs sent again.
    pub(super) requests: u64,
    /// ACKs sent again.
    pub(super) acks: u64,
    /// DATA sent again.
    pub(super) data: u64,
    /// DATA received that brought nothing new.
    pub(super) data_received: u64,
    /// ACKs received that brought nothing new.
    pub(super) acks_received: u64,
    /// Timers that ran out.
    pub(super) timeouts: u64,
}

/// All counts of a thread.
#[derive(Clone, Debug)]
pub(super) struct Tally {
    /// Transfers that run now.
    pub(super) running: u64,
    pub(super) completed: u64,
    /// Answered with "not found", where that is allowed.
    pub(super) missing: u64,
    /// Left by the client on purpose.
    pub(super) vanished: u64,
    /// Still running at the end.
    pub(super) unfinished: u64,
    failures: [Failures; Failing::ALL.len()],
    /// Bytes received in order, or sent and acknowledged.
    pub(super) bytes: u64,
    /// Blocks of the same.
    pub(super) blocks: u64,
    pub(super) again: Again,
    /// Datagrams that no server of a running transfer had sent.
    pub(super) strangers: u64,
    /// From the request to the first DATA (reads) or the first answer (writes).
    pub(super) first: Histogram,
    /// From the request to the last ACK.
    pub(super) total: Histogram,
    /// Sequences that completed, and how long they took.
    pub(super) sequences: Histogram,
    pub(super) sequences_completed: u64,
    pub(super) sequences_failed: u64,
    /// Block size and window granted last.
    pub(super) granted: Option<(u16, u16)>,
}

impl Tally {
    pub(super) fn new() -> Self {
        Self {
            running: 0,
            completed: 0,
            missing: 0,
            vanished: 0,
            unfinished: 0,
            failures: std::array::from_fn(|_| Failures::default()),
            bytes: 0,
            blocks: 0,
            again: Again::default(),
            strangers: 0,
            first: Histogram::new(),
            total: Histogram::new(),
            sequences: Histogram::new(),
            sequences_completed: 0,
            sequences_failed: 0,
            granted: None,
        }
    }

    pub(super) fn fail(&mut self, kind: Failing, example: impl FnOnce() -> String) {
        if let Some(failures) = self.failures.get_mut(kind as usize) {
            failures.count += 1;
            failures.example.get_or_insert_with(example);
        }
    }

    pub(super) fn sequence_completed(&mut self, time: Duration) {
        self.sequences_completed += 1;
        self.sequences.add(time);
    }

    /// The kinds that happened.
    pub(super) fn failures(&self) -> impl Iterator<Item = (Failing, &Failures)> {
        Failing::ALL
            .into_iter()
            .zip(&self.failures)
            .filter(|(_, failures)| failures.count > 0)
    }

    pub(super) fn failed(&self) -> u64 {
        self.failures.iter().map(|failures| failures.count).sum()
    }

    pub(super) fn merge(&mut self, other: &Self) {
        self.completed += other.completed;
        self.missing += other.missing;
        self.vanished += other.vanished;
        self.unfinished += other.unfinished;
        for (mine, theirs) in self.failures.iter_mut().zip(&other.failures) {
            mine.count += theirs.count;
            if mine.example.is_none() {
                mine.example.clone_from(&theirs.example);
            }
        }
        self.bytes += other.bytes;
        self.blocks += other.blocks;
        self.again.requests += other.again.requests;
        self.again.acks += other.again.acks;
        self.again.data += other.again.data;
        self.again.data_received += other.again.data_received;
        self.again.acks_received += other.again.acks_received;
        self.again.timeouts += other.again.timeouts;
        self.strangers += other.strangers;
        self.first.merge(&other.first);
        self.total.merge(&other.total);
        self.sequences.merge(&other.sequences);
        self.sequences_completed += other.sequences_completed;
        self.sequences_failed += other.sequences_failed;
        self.granted = self.granted.or(other.granted);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_its_own_place() {
        for (place, kind) in Failing::ALL.into_iter().enumerate() {
            assert_eq!(kind as usize, place, "{}", kind.key());
        }
    }

    #[test]
    fn failures_keep_the_first_example_and_add_up() {
        let mut one = Tally::new();
        one.fail(Failing::Remote, || "busy".to_owned());
        one.fail(Failing::Remote, || "later".to_owned());
        let mut sum = Tally::new();
        sum.fail(Failing::NoAnswer, String::new);
        sum.merge(&one);
        assert_eq!(sum.failed(), 3);
        let kinds: Vec<_> = sum
            .failures()
            .map(|(kind, failures)| (kind, failures.count, failures.example.as_deref()))
            .collect();
        assert_eq!(
            kinds,
            [
                (Failing::NoAnswer, 1, Some("")),
                (Failing::Remote, 2, Some("busy"))
            ]
        );
    }
}
