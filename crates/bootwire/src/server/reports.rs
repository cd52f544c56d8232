//! What the network reports of a client (ICMP).

use bootwire_proto::Instant;

/// What was reported since the client was heard last.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Reports {
    heard: Instant,
    timeouts: u32,
    count: u8,
}

impl Reports {
    /// Whether there was any.
    pub(super) const fn any(&self) -> bool {
        self.count > 0
    }

    /// One more, about what was sent after so many timeouts. Answers how many there are.
    pub(super) fn add(&mut self, heard: Instant, timeouts: u32) -> u8 {
        if self.count == 0 || self.heard != heard {
            *self = Self {
                heard,
                timeouts,
                count: 1,
            };
        } else if self.timeouts != timeouts {
            self.timeouts = timeouts;
            self.count = self.count.saturating_add(1);
        }
        self.count
    }
}
