//! Giving back memory after a crowd has gone.

/// Looks without a crowd before memory is given back. The threads that waited for disks have ended
/// by then.
const QUIET_LOOKS: u32 = 12;
/// Transfers at once, or ended since the last time, that are a crowd.
const CROWD: u64 = 16;

/// What is known of the load.
#[derive(Debug, Default)]
pub(crate) struct Load {
    /// Most transfers at once since memory was given back.
    peak: u64,
    /// Transfers that had ended then.
    ended: u64,
    quiet: u32,
}

impl Load {
    /// Whether a crowd was here and has gone for good, with `active` transfers now and `ended` ones
    /// since the start. Asked in equal steps of time.
    pub(crate) fn has_gone(&mut self, active: u64, ended: u64) -> bool {
        self.peak = self.peak.max(active);
        if active > self.peak / 4 {
            self.quiet = 0;
            return false;
        }
        self.quiet += 1;
        let was_crowd = self.peak.max(ended.saturating_sub(self.ended)) >= CROWD;
        if !was_crowd || self.quiet < QUIET_LOOKS {
            return false;
        }
        *self = Self {
            peak: active,
            ended,
            quiet: 0,
        };
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How many of so many looks say that a crowd has gone.
    fn gone(load: &mut Load, looks: u32, active: u64, ended: u64) -> usize {
        (0..looks).filter(|_| load.has_gone(active, ended)).count()
    }

    #[test]
    fn memory_is_given_back_once_after_each_crowd() {
        let mut load = Load::default();
        assert_eq!(gone(&mut load, 100, 0, 0), 0);
        for round in 1..=3 {
            assert_eq!(gone(&mut load, 20, 40, (round - 1) * 40), 0);
            assert_eq!(gone(&mut load, 100, 2, round * 40), 1, "round {round}");
        }
    }

    #[test]
    fn a_crowd_of_short_transfers_is_one_too() {
        let mut load = Load::default();
        assert_eq!(gone(&mut load, 100, 0, 15), 0);
        assert_eq!(gone(&mut load, 100, 0, 500), 1);
        assert_eq!(gone(&mut load, 100, 0, 500), 0);
    }

    #[test]
    fn a_steady_load_is_left_alone() {
        let mut load = Load::default();
        let mut ended = 0;
        for second in 0..1000 {
            ended += 100;
            assert!(!load.has_gone(20 + second % 20, ended));
        }
    }
}
