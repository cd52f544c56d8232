//! What happened to one transfer.

use std::fmt;
use std::net::SocketAddr;
use std::time::{Duration, SystemTime};

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
    /// The handler or the server failed.
    Internal,
}

impl Outcome {
    /// Every outcome, in a fixed order.
    pub const ALL: [Self; 10] = [
        Self::Complete,
        Self::Probe,
        Self::NotFound,
        Self::Denied,
        Self::ClientAbort,
        Self::Timeout,
        Self::OriginError,
        Self::Busy,
        Self::DiskFull,
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
            Self::ClientAbort => "client_abort",
            Self::Timeout => "timeout",
            Self::OriginError => "origin_error",
            Self::Busy => "busy",
            Self::DiskFull => "disk_full",
            Self::Internal => "internal",
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One transfer from its request to its end, successful or not. Made exactly once for each.
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
    /// Transfer mode.
    pub mode: Mode,
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
    /// DATA packets sent (reads) or taken (writes), resends included.
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
