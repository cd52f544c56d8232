//! Where one boot ends and the next begins.

use std::time::Duration;

use bootwire::{Outcome, TransferRecord};

use super::open::{Open, Restart, is_ipxe};
use super::{Limits, judge};
use crate::Stage;
use crate::times::between;

impl Open {
    /// Whether a transfer is the first of another boot.
    pub(super) fn begins_anew(&self, record: &TransferRecord, limits: &Limits) -> Option<Restart> {
        let boot = &self.boot;
        let gap = between(boot.last, record.started);
        let restart = Restart {
            gap,
            apart: between(boot.started, record.started),
        };
        let is_expected = || judge::is_expected(self, &record.path);
        if gap > limits.silence {
            return (!is_expected()).then_some(restart);
        }
        let least = |seconds: u64| gap >= Duration::from_secs(seconds);
        let searched = |step: &&crate::Step| step.stage != Stage::Search;
        let first = boot.steps.iter().find(searched);
        let is_first_again =
            record.path == self.first_path || first.is_some_and(|first| first.path == record.path);
        let went_on = |from: Stage| boot.steps.iter().any(|step| step.stage == from);
        if !is_first_again {
            // The firmware may take another file than the last time.
            let by_name = Stage::of_path(&record.path);
            let is_loader = by_name == Stage::Loader && went_on(Stage::Kernel) && least(2);
            let is_anew = is_loader || self.starts_over(&record.path);
            return (is_anew && !is_expected()).then_some(restart);
        }
        // What replaces a transfer that never ended.
        let cut_off = boot.steps.iter().rfind(searched).is_some_and(|last| {
            matches!(last.outcome, Outcome::ClientAbort | Outcome::Timeout)
                && last.path != record.path
        });
        let Some(first) = first else {
            // All it did was search.
            return least(10).then_some(restart);
        };
        if first.stage != Stage::Loader {
            // A Raspberry Pi reads config.txt twice: before its loader and by it.
            let loader = |step: &crate::Step| step.stage == Stage::Loader && step.is_complete();
            let loaded = boot.steps.iter().skip_while(|step| !loader(step));
            let is_read_twice = loaded.skip(1).any(|step| step.path == first.path);
            let is_anew = if went_on(Stage::Kernel) || went_on(Stage::Initrd) {
                cut_off || least(2)
            } else if is_read_twice {
                least(1)
            } else {
                least(10)
            };
            return is_anew.then_some(restart);
        }
        let progressed = boot.steps.iter().any(|step| {
            step.path != first.path && step.stage != Stage::Search && step.is_complete()
        });
        let is_anew = match (progressed, first.is_complete()) {
            (true, _) => cut_off || least(1),
            // Firmware tries again what failed; iPXE may be sent to itself.
            (false, false) => false,
            (false, true) if is_ipxe(&first.path) => false,
            (false, true) => least(5),
        };
        is_anew.then_some(restart)
    }

    /// Whether a loader is asked for that came whole, after what comes before it was read again: of a
    /// machine that does not ask for its loader first.
    fn starts_over(&self, path: &str) -> bool {
        let steps = &self.boot.steps;
        let first = steps.iter().find(|step| step.stage != Stage::Search);
        let Some(first) = first.filter(|first| first.stage != Stage::Loader) else {
            return false;
        };
        let is_whole = |step: &&crate::Step| step.is_complete() && step.files == 1;
        let mut later = steps.iter().filter(is_whole);
        later.any(|step| step.stage == Stage::Loader && step.path == path)
            && later.any(|step| step.path == first.path)
    }
}
