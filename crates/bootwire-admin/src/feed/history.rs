//! The last minutes, second by second.

use std::collections::VecDeque;
use std::time::SystemTime;

use bootwire::{DropReason, Outcome, ServerStats};

use crate::api;

/// Samples that are kept: 15 minutes.
const KEPT: usize = 900;
/// Milliseconds between two.
pub(crate) const EVERY_MS: u64 = 1_000;

#[derive(Default)]
pub(crate) struct History {
    samples: VecDeque<api::Sample>,
    before: Option<(ServerStats, u64)>,
}

impl History {
    /// Adds the second that ends now; `lost` is how many records exporters lost so far.
    pub(crate) fn add(&mut self, stats: &ServerStats, lost: u64) -> api::Sample {
        // The first second of a history would have all that was before it.
        let (before, lost_before) = self.before.get_or_insert_with(|| (stats.clone(), lost));
        let since = stats.since(before);
        let sample = sample(&since, lost.saturating_sub(*lost_before));
        *before = stats.clone();
        *lost_before = lost;
        if self.samples.len() == KEPT {
            self.samples.pop_front();
        }
        self.samples.push_back(sample.clone());
        sample
    }

    pub(crate) fn view(&self) -> api::History {
        api::History {
            every_ms: EVERY_MS,
            samples: self.samples.iter().cloned().collect(),
        }
    }
}

fn sample(since: &ServerStats, lost: u64) -> api::Sample {
    let ended = |outcomes: &[Outcome]| outcomes.iter().map(|&outcome| since.ended(outcome)).sum();
    let completed = ended(&[Outcome::Complete, Outcome::Probe]);
    let not_found = ended(&[Outcome::NotFound]);
    let all: u64 = ended(&Outcome::ALL);
    let dropped = DropReason::ALL.iter().map(|&reason| since.dropped(reason));
    api::Sample {
        time: api::time(SystemTime::now()),
        active: since.active,
        completed,
        failed: all - completed - not_found,
        not_found,
        refused: dropped.sum::<u64>() + since.over_limit,
        bytes_out: since.bytes_out,
        bytes_in: since.bytes_in,
        packets_out: since.packets_out,
        blocks_resent: since.blocks_resent,
        kernel_drops: since.kernel_drops,
        records_dropped: lost + since.records_dropped,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sample_is_what_one_second_brought() {
        let mut history = History::default();
        let mut stats = ServerStats::default();
        stats.bytes_out = 1_000_000;
        stats.active = 3;
        let first = history.add(&stats, 5);
        assert_eq!(
            (first.bytes_out, first.active, first.records_dropped),
            (0, 3, 0)
        );
        stats.bytes_out += 500;
        stats.outcomes[0] += 2;
        stats.outcomes[1] += 1;
        stats.outcomes[2] += 4;
        stats.outcomes[6] += 1;
        let second = history.add(&stats, 7);
        assert_eq!((second.bytes_out, second.records_dropped), (500, 2));
        assert_eq!(
            (second.completed, second.not_found, second.failed),
            (3, 4, 1)
        );
        for _ in 0..2 * KEPT {
            history.add(&stats, 7);
        }
        assert_eq!(history.view().samples.len(), KEPT);
    }
}
