//! What happened to one transfer.

#[cfg(feature = "serde")]
mod serialise;

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use crate::request::Facts;
use crate::{ErrorCode, Mode, Op};

/// How a transfer ended, in the words used by records, logs and metrics alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Outcome {
    /// Every byte arrived.
    Complete,
    /// The client asked for the size and then ended the transfer, as UEFI does before each boot
    /// file. Not a failure.
    Probe,
    /// There was no such file.
    NotFound,
    /// The request was not allowed.
    Denied,
    /// What was sent cannot be read as a request: no file name, an unknown mode.
    Malformed,
    /// The client ended it with an ERROR, or started another transfer in its place.
    ClientAbort,
    /// The client fell silent.
    Timeout,
    /// The place the content comes from failed.
    OriginError,
    /// The server had too much to do.
    Busy,
    /// An upload found no space.
    DiskFull,
    /// An upload is larger than uploads may be.
    TooLarge,
    /// The file changed while it was sent.
    Changed,
    /// The handler or the server failed.
    Internal,
}

impl Outcome {
    /// Every outcome, in a fixed order.
    pub const ALL: [Self; 13] = [
        Self::Complete,
        Self::Probe,
        Self::NotFound,
        Self::Denied,
        Self::Malformed,
        Self::ClientAbort,
        Self::Timeout,
        Self::OriginError,
        Self::Busy,
        Self::DiskFull,
        Self::TooLarge,
        Self::Changed,
        Self::Internal,
    ];

    /// The word, such as `client_abort`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Complete => "complete",
            Self::Probe => "probe",
            Self::NotFound => "not_found",
            Self::Denied => "denied",
            Self::Malformed => "malformed",
            Self::ClientAbort => "client_abort",
            Self::Timeout => "timeout",
            Self::OriginError => "origin_error",
            Self::Busy => "busy",
            Self::DiskFull => "disk_full",
            Self::TooLarge => "too_large",
            Self::Changed => "changed",
            Self::Internal => "internal",
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One transfer from its request to its end, successful or not. Made exactly once for each, and for
/// each request that is answered with an ERROR and becomes no transfer.
///
/// With the feature `serde` it can be serialised: as the object that `bootwire serve --log json` writes,
/// without its last member, `search`. `docs/reference/record.md` describes it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct TransferRecord {
    /// Number of the transfer since the server started, from 1.
    pub id: u64,
    /// When the request arrived.
    pub started: SystemTime,
    /// Read or write.
    pub op: Op,
    /// The client's address and port.
    pub peer: SocketAddr,
    /// The address the client asked, with the port the transfer used.
    pub local: SocketAddr,
    /// The path after normalisation, see [`crate::Request::path`].
    pub path: String,
    /// The file name as sent; may hold any bytes.
    pub filename: Vec<u8>,
    /// Transfer mode; `None` if the request cannot be read ([`Outcome::Malformed`]).
    pub mode: Option<Mode>,
    /// The options as sent, in order.
    pub options: Vec<(String, String)>,
    /// The pattern of the route that answered.
    pub route: Option<String>,
    /// Labels the handler added.
    pub labels: Vec<(String, String)>,
    /// How it ended.
    pub outcome: Outcome,
    /// The ERROR that ended it and its text, sent or received.
    pub error: Option<(ErrorCode, String)>,
    /// What the operator should know and the client was not told.
    pub detail: Option<String>,
    /// Agreed block size in bytes.
    pub blksize: u16,
    /// Agreed window in blocks.
    pub windowsize: u16,
    /// Agreed timeout.
    pub timeout: Option<Duration>,
    /// Size of the content in bytes, where it was known.
    pub size: Option<u64>,
    /// Content bytes acknowledged by the client (reads) or stored (writes).
    pub bytes: u64,
    /// Blocks sent (reads) or taken (writes), each counted once however often it came.
    pub blocks: u64,
    /// DATA packets sent again (reads) or received in vain (writes).
    pub blocks_resent: u64,
    /// Times our retransmission timer ran out.
    pub timeouts: u32,
    /// ACKs that told nothing new (reads).
    pub duplicate_acks: u32,
    /// Smoothed round-trip time at the end.
    pub round_trip: Option<Duration>,
    /// Whether the last ACK never came although everything else was acknowledged.
    pub last_ack_missing: bool,
    /// From the request to the handler's answer.
    pub handler_time: Duration,
    /// From the request to the first DATA sent or received.
    pub first_data: Option<Duration>,
    /// From the request to the end.
    pub duration: Duration,
}

impl TransferRecord {
    /// A record of a transfer that came to nothing yet, made by hand: for tests of what observes
    /// records. All else can be set.
    #[must_use]
    pub fn new(op: Op, peer: SocketAddr, path: impl Into<String>) -> Self {
        let path = path.into();
        Self {
            id: 0,
            started: SystemTime::now(),
            op,
            peer,
            local: SocketAddr::new(peer.ip(), 69),
            filename: path.clone().into_bytes(),
            path,
            mode: Some(Mode::Octet),
            options: Vec::new(),
            route: None,
            labels: Vec::new(),
            outcome: Outcome::Complete,
            error: None,
            detail: None,
            blksize: 512,
            windowsize: 1,
            timeout: None,
            size: None,
            bytes: 0,
            blocks: 0,
            blocks_resent: 0,
            timeouts: 0,
            duplicate_acks: 0,
            round_trip: None,
            last_ack_missing: false,
            handler_time: Duration::ZERO,
            first_data: None,
            duration: Duration::ZERO,
        }
    }

    /// When it ended: `started` and `duration` together, so that it does not jump if the clock is
    /// set in between.
    #[must_use]
    pub fn ended(&self) -> SystemTime {
        self.started
            .checked_add(self.duration)
            .unwrap_or(self.started)
    }
}

/// A transfer that has ended, as the worker leaves it: nothing is copied or formatted on a worker
/// thread, [`TransferRecord::from`] does that where the observers are.
pub(crate) struct Ended {
    pub(crate) facts: Arc<Facts>,
    pub(crate) route: Option<Arc<str>>,
    pub(crate) labels: Vec<(String, String)>,
    pub(crate) outcome: Outcome,
    pub(crate) error: Option<(ErrorCode, String)>,
    pub(crate) detail: Option<String>,
    pub(crate) figures: Figures,
}

/// The numbers of a record; see there.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Figures {
    pub(crate) blksize: u16,
    pub(crate) windowsize: u16,
    pub(crate) timeout: Option<Duration>,
    pub(crate) size: Option<u64>,
    pub(crate) bytes: u64,
    pub(crate) blocks: u64,
    pub(crate) blocks_resent: u64,
    pub(crate) timeouts: u32,
    pub(crate) duplicate_acks: u32,
    pub(crate) round_trip: Option<Duration>,
    pub(crate) last_ack_missing: bool,
    pub(crate) handler_time: Duration,
    pub(crate) first_data: Option<Duration>,
    pub(crate) duration: Duration,
}

impl From<Ended> for TransferRecord {
    fn from(ended: Ended) -> Self {
        let Ended {
            facts,
            route,
            labels,
            outcome,
            error,
            detail,
            figures,
        } = ended;
        let options = facts
            .options()
            .map(|(name, value)| (name.into_owned(), value.into_owned()));
        Self {
            id: facts.id,
            started: facts.arrived,
            op: facts.op,
            peer: facts.peer,
            local: facts.local,
            path: String::from_utf8_lossy(facts.path()).into_owned(),
            filename: facts.filename().to_vec(),
            mode: facts.readable.then_some(facts.mode),
            options: options.collect(),
            route: route.as_deref().map(str::to_owned),
            labels,
            outcome,
            error,
            detail,
            blksize: figures.blksize,
            windowsize: figures.windowsize,
            timeout: figures.timeout,
            size: figures.size,
            bytes: figures.bytes,
            blocks: figures.blocks,
            blocks_resent: figures.blocks_resent,
            timeouts: figures.timeouts,
            duplicate_acks: figures.duplicate_acks,
            round_trip: figures.round_trip,
            last_ack_missing: figures.last_ack_missing,
            handler_time: figures.handler_time,
            first_data: figures.first_data,
            duration: figures.duration,
        }
    }
}
