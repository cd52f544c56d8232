//! What a server did in its life, for its last line.

use std::sync::Mutex;
use std::time::Duration;

use bootwire::{Op, Outcome, TransferRecord};
use bootwire_telemetry::log;

use crate::size;

/// Sums over all records.
#[derive(Debug, Default)]
pub(crate) struct Totals(Mutex<Sums>);

#[derive(Clone, Copy, Debug, Default)]
struct Sums {
    outcomes: [u64; Outcome::ALL.len()],
    sent: u64,
    received: u64,
    /// Of what was not found, what boot loaders try and do without.
    searches: u64,
}

impl Totals {
    pub(crate) fn count(&self, record: &TransferRecord) {
        let search = log::is_search(record);
        self.add(record.op, record.outcome, record.bytes, search);
    }

    fn add(&self, op: Op, outcome: Outcome, bytes: u64, search: bool) {
        // Sums are right at every step, so a panic elsewhere cannot have spoilt them.
        let mut sums = self
            .0
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner());
        let index = Outcome::ALL.iter().position(|&known| known == outcome);
        if let Some(count) = index.and_then(|index| sums.outcomes.get_mut(index)) {
            *count += 1;
        }
        sums.searches += u64::from(search);
        match op {
            Op::Read => sums.sent += bytes,
            Op::Write => sums.received += bytes,
        }
    }

    /// The last line.
    pub(crate) fn summary(&self, uptime: Duration) -> String {
        let sums = *self
            .0
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner());
        let whole = Duration::from_secs(uptime.as_secs());
        let outcomes: Vec<_> = Outcome::ALL
            .iter()
            .zip(&sums.outcomes)
            .flat_map(|(&outcome, &count)| {
                let words = log::words(outcome);
                let searches = match outcome {
                    Outcome::NotFound => sums.searches,
                    _ => 0,
                };
                [
                    (count.saturating_sub(searches), words),
                    (searches, "not found in boot loaders' searches".to_owned()),
                ]
            })
            .filter(|&(count, _)| count > 0)
            .map(|(count, words)| format!("{count} {words}"))
            .collect();
        let outcomes = if outcomes.is_empty() {
            String::new()
        } else {
            format!(" ({})", outcomes.join(", "))
        };
        format!(
            "stopped after {}: {}{outcomes}, {} sent, {} received",
            humantime::format_duration(whole),
            size::count(sums.outcomes.iter().sum(), "transfer", "transfers"),
            size::count(sums.sent, "byte", "bytes"),
            size::count(sums.received, "byte", "bytes")
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_line_sums_up() {
        let totals = Totals::default();
        assert_eq!(
            totals.summary(Duration::from_millis(1_900)),
            "stopped after 1s: 0 transfers, 0 bytes sent, 0 bytes received"
        );
        totals.add(Op::Read, Outcome::Complete, 1000, false);
        totals.add(Op::Read, Outcome::Complete, 24, false);
        totals.add(Op::Read, Outcome::NotFound, 0, false);
        totals.add(Op::Read, Outcome::NotFound, 0, true);
        totals.add(Op::Read, Outcome::NotFound, 0, true);
        totals.add(Op::Write, Outcome::Complete, 1, false);
        assert_eq!(
            totals.summary(Duration::from_secs(3_720)),
            "stopped after 1h 2m: 6 transfers (3 complete, 1 not found, 2 not found in boot \
             loaders' searches), 1024 bytes sent, 1 byte received"
        );
    }
}
