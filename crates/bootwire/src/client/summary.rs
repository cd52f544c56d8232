//! What a transfer is doing, and what it did.

use std::time::Duration;

use tokio::time::Instant;

use super::Observer;

/// Time between two progress reports.
const REPORT_EVERY: Duration = Duration::from_millis(100);

/// A transfer on its way.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Progress {
    /// Content bytes received, or acknowledged by the server; as on the wire, so in netascii with
    /// its line ends.
    pub bytes: u64,
    /// Size of the content in bytes, where it is known.
    pub size: Option<u64>,
    /// Agreed block size in bytes.
    pub blksize: u16,
    /// Agreed window in blocks.
    pub windowsize: u16,
    /// Blocks that came in vain (get) or were sent again (put).
    pub blocks_resent: u64,
    /// Time since the request was sent.
    pub elapsed: Duration,
    /// Smoothed round-trip time, once measured.
    pub round_trip: Option<Duration>,
}

/// A transfer that succeeded.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Summary {
    /// Content bytes moved, as on the wire: in netascii with its line ends.
    pub bytes: u64,
    /// From the first request to the last ACK.
    pub duration: Duration,
    /// Agreed block size in bytes.
    pub blksize: u16,
    /// Agreed window in blocks.
    pub windowsize: u16,
    /// Blocks that came in vain (get) or were sent again (put): what loss cost.
    pub blocks_resent: u64,
    /// Times the client's own timer ran out.
    pub timeouts: u32,
    /// Smoothed round-trip time, once measured.
    pub round_trip: Option<Duration>,
    /// Size the server announced (get) or was told (put).
    pub tsize: Option<u64>,
    /// Options were asked for, and the file moved without any: the server does not know them or
    /// did not want them.
    pub options_refused: bool,
    /// The server never confirmed the last block of a put, although it confirmed all others.
    pub last_ack_missing: bool,
}

/// Calls the observer often enough for an eye, not for each packet.
pub(super) struct Reporter<'a> {
    observer: Option<&'a Observer>,
    due: Instant,
}

impl<'a> Reporter<'a> {
    pub(super) fn new(observer: Option<&'a Observer>) -> Self {
        Self {
            observer,
            due: Instant::now(),
        }
    }

    /// Reports if it is time to.
    pub(super) fn step(&mut self, progress: impl FnOnce() -> Progress) {
        if self.observer.is_some() && Instant::now() >= self.due {
            self.now(progress);
        }
    }

    /// Reports whatever the time.
    pub(super) fn now(&mut self, progress: impl FnOnce() -> Progress) {
        if let Some(observer) = self.observer {
            observer(&progress());
            self.due = Instant::now() + REPORT_EVERY;
        }
    }
}
