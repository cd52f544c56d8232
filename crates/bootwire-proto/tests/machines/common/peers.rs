//! Scripted boot loaders: clients with the habits of real ones.

use std::collections::VecDeque;
use std::time::Duration;

use bootwire_proto::{Ack, Agreed, Instant, Rollover};

use super::{End, Wire};

/// What a loader does with a block that is not the next one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Strange {
    /// Says nothing.
    Silent,
    /// Acknowledges the last block in order, each time (EDK2).
    AckEach,
    /// The same, once for each block expected (U-Boot).
    AckOnce,
}

/// A client that reads one file.
pub(crate) struct Loader {
    agreed: Agreed,
    pub(crate) strange: Strange,
    /// Acknowledges every block, whatever the window.
    pub(crate) acks_each: bool,
    /// After so many blocks it stops for so long.
    pub(crate) stalls: Option<(u64, Duration)>,
    /// Repeats its last ACK after so long without a new block.
    pub(crate) repeats: Option<Duration>,
    /// Falls silent for good after so many blocks.
    pub(crate) vanishes_after: Option<u64>,
    /// Sends no ACK of the last block.
    pub(crate) withholds_last: bool,
    /// Takes so many blocks of each burst; a burst ends after so long without a block.
    pub(crate) takes: Option<(u32, Duration)>,
    pub(crate) stored: Vec<u8>,
    pub(crate) whole: bool,
    pub(crate) accepted: u64,
    acked: u64,
    nacked: Option<u64>,
    outbox: VecDeque<Wire>,
    stalled_until: Option<Instant>,
    active_at: Instant,
    burst: u32,
    burst_at: Instant,
    /// Longest time between two blocks taken.
    pub(crate) longest_wait: Duration,
    pub(crate) data_seen: u64,
}

impl Loader {
    pub(crate) fn new(agreed: Agreed) -> Self {
        Self {
            agreed,
            strange: Strange::Silent,
            acks_each: false,
            stalls: None,
            repeats: None,
            vanishes_after: None,
            withholds_last: false,
            takes: None,
            stored: Vec::new(),
            whole: false,
            accepted: 0,
            acked: 0,
            nacked: None,
            outbox: [Wire::Request].into(),
            stalled_until: None,
            active_at: Instant::ZERO,
            burst: 0,
            burst_at: Instant::ZERO,
            longest_wait: Duration::ZERO,
            data_seen: 0,
        }
    }

    fn ack(&mut self) {
        if self.whole && self.withholds_last {
            return;
        }
        self.acked = self.accepted;
        let block = Rollover::Zero.wire(self.accepted).expect("it can wrap");
        self.outbox.push_back(Wire::Ack(Ack {
            block,
            next_window: None,
        }));
    }

    fn is_gone(&self) -> bool {
        self.vanishes_after
            .is_some_and(|after| self.accepted >= after)
    }

    /// Whether the network card has room for one more block of this burst.
    fn takes(&mut self, now: Instant) -> bool {
        let Some((most, rest)) = self.takes else {
            return true;
        };
        if now.since(self.burst_at) >= rest {
            self.burst = 0;
            self.burst_at = now;
        }
        self.burst += 1;
        self.burst <= most
    }

    fn take(&mut self, now: Instant, payload: &[u8]) {
        self.stored.extend_from_slice(payload);
        self.accepted += 1;
        self.longest_wait = self.longest_wait.max(now.since(self.active_at));
        self.active_at = now;
        self.whole = payload.len() < usize::from(self.agreed.blksize);
        if let Some((every, pause)) = self.stalls
            && self.accepted.is_multiple_of(every)
        {
            self.stalled_until = Some(now + pause);
        } else if self.whole
            || self.acks_each
            || self.accepted - self.acked >= u64::from(self.agreed.windowsize)
        {
            self.ack();
        }
    }
}

impl End for Loader {
    fn deliver(&mut self, now: Instant, packet: &Wire) {
        if self.is_gone() || self.stalled_until.is_some() {
            return;
        }
        match packet {
            Wire::Oack if self.accepted == 0 => {
                self.active_at = now;
                self.ack();
            }
            Wire::Data { block, payload } => {
                self.data_seen += 1;
                if !self.takes(now) {
                    return;
                }
                if Rollover::Zero.wire(self.accepted + 1) == Some(*block) && !self.whole {
                    self.take(now, payload);
                    return;
                }
                let answer = match self.strange {
                    Strange::Silent => false,
                    Strange::AckEach => true,
                    Strange::AckOnce => self.nacked != Some(self.accepted),
                };
                if answer {
                    self.nacked = Some(self.accepted);
                    self.ack();
                }
            }
            _ => {}
        }
    }

    fn on_time(&mut self, now: Instant) {
        if self.deadline().is_none_or(|deadline| now < deadline) {
            return;
        }
        if self.stalled_until.take().is_some() {
            self.active_at = now;
            // GRUB first repeats what it had said before.
            let block = Rollover::Zero.wire(self.acked).expect("it can wrap");
            self.outbox.push_back(Wire::Ack(Ack {
                block,
                next_window: None,
            }));
        }
        self.active_at = now;
        self.ack();
    }

    fn deadline(&self) -> Option<Instant> {
        if self.is_gone() {
            return None;
        }
        self.stalled_until.or_else(|| {
            let after = self.repeats?;
            (!self.whole).then(|| self.active_at + after)
        })
    }

    fn poll(&mut self, _now: Instant) -> Option<Wire> {
        self.outbox.pop_front()
    }

    fn done(&self) -> bool {
        (self.whole && self.outbox.is_empty()) || self.is_gone()
    }
}
