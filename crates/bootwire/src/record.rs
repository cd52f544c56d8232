//! What happened to one transfer.

mod outcome;
#[cfg(feature = "schema")]
mod schema;
#[cfg(feature = "serde")]
mod serialise;
mod waits;

use std::borrow::Cow;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bootwire_proto::Agreed;

pub use self::outcome::Outcome;
pub use self::waits::{Limit, Waits};
use crate::provenance::{CacheUse, Said};
use crate::request::Facts;
use crate::{ErrorCode, Mode, Op};

/// One transfer from its request to its end, successful or not. Made exactly once for each, and for
/// each request that is answered with an ERROR and becomes no transfer.
///
/// With the feature `serde` it can be serialised, and read again: as the object that
/// `bootwire serve --log json` writes, without its last member, `search`. `docs/reference/record.md`
/// describes it; with the feature `schema` it tells its own JSON Schema.
#[derive(Clone, Debug, PartialEq, Eq)]
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
    /// The machine, as the inventory or whoever answered knows it: its name, or the MAC address, UUID
    /// or serial number it was known by. See [`crate::Request::known_as`].
    pub machine: Option<String>,
    /// The path after normalisation, see [`crate::Request::path`].
    pub path: String,
    /// The file name as sent; may hold any bytes.
    pub filename: Vec<u8>,
    /// The W3C trace context that stood at the end of the file name and was taken off, see
    /// [`Server::traceparent`](crate::Server::traceparent).
    pub traceparent: Option<String>,
    /// Transfer mode; `None` if the request cannot be read ([`Outcome::Malformed`]).
    pub mode: Option<Mode>,
    /// The options as sent, in order.
    pub options: Vec<(String, String)>,
    /// The options granted by an OACK, in order; empty without one.
    pub granted: Vec<(String, String)>,
    /// The pattern of the route that answered.
    pub route: Option<String>,
    /// Labels the handler added.
    pub labels: Vec<(String, String)>,
    /// What kind of answer it was: `dir`, `origin`, `template`, `text`, `exec`, `http`, `upload`,
    /// `refuse`, `probe`, or a program's own word. `None` if nobody said.
    pub answer: Option<Cow<'static, str>>,
    /// How the cache served it, where there is one.
    pub cache: Option<CacheUse>,
    /// Which version of the content it was: an ETag, or size and time of a file.
    pub version: Option<String>,
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
    /// Gaps that the client's ACKs told of (reads), or that were seen in what came (writes).
    pub gaps: u32,
    /// Times our retransmission timer ran out.
    pub timeouts: u32,
    /// ACKs that told nothing new (reads).
    pub duplicate_acks: u32,
    /// Smoothed round-trip time at the end.
    pub round_trip: Option<Duration>,
    /// Smallest round-trip time.
    pub round_trip_min: Option<Duration>,
    /// Whether the last ACK never came although everything else was acknowledged.
    pub last_ack_missing: bool,
    /// From the request to the handler's answer.
    pub handler_time: Duration,
    /// From the request to the first DATA sent or received.
    pub first_data: Option<Duration>,
    /// Whom the transfer waited for, and how long.
    pub waits: Waits,
    /// Who held it up most; `None` if no block moved.
    pub limited_by: Option<Limit>,
    /// From the request to the end.
    pub duration: Duration,
}

impl TransferRecord {
    /// The version of the record's schema, its first member where it is serialised. It grows when a
    /// member changes its meaning or goes; new members leave it as it is.
    pub const SCHEMA: u32 = 1;

    /// A record made by hand, for tests of what observes records: complete, of nothing, in no time. Set
    /// what else it should tell.
    ///
    /// ```
    /// use bootwire::{Op, TransferRecord};
    ///
    /// let mut record = TransferRecord::new(Op::Read, "10.0.0.7:49152".parse().unwrap(), "/boot/vmlinuz");
    /// record.bytes = 10_000_000;
    /// assert_eq!(record.filename, b"/boot/vmlinuz");
    /// ```
    #[must_use]
    pub fn new(op: Op, peer: SocketAddr, path: impl Into<String>) -> Self {
        let path = path.into();
        Self {
            id: 0,
            started: SystemTime::now(),
            op,
            peer,
            local: SocketAddr::new(peer.ip(), 69),
            machine: None,
            filename: path.clone().into_bytes(),
            path,
            traceparent: None,
            mode: Some(Mode::Octet),
            options: Vec::new(),
            granted: Vec::new(),
            route: None,
            labels: Vec::new(),
            answer: None,
            cache: None,
            version: None,
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
            gaps: 0,
            timeouts: 0,
            duplicate_acks: 0,
            round_trip: None,
            round_trip_min: None,
            last_ack_missing: false,
            handler_time: Duration::ZERO,
            first_data: None,
            waits: Waits::default(),
            limited_by: None,
            duration: Duration::ZERO,
        }
    }

    /// The value of a label.
    #[must_use]
    pub fn label(&self, name: &str) -> Option<&str> {
        let mut labels = self.labels.iter();
        labels.find_map(|(known, value)| (known == name).then_some(value.as_str()))
    }

    /// How long the client had the turn, for each block: its own work, and the way there and back.
    /// With windows it is the client's turn once a window. `None` if no block moved.
    #[must_use]
    pub fn client_per_block(&self) -> Option<Duration> {
        self.per_block(self.waits.client)
    }

    /// How long the server had the turn, for each block. `None` if no block moved.
    #[must_use]
    pub fn server_per_block(&self) -> Option<Duration> {
        self.per_block(self.waits.server)
    }

    fn per_block(&self, time: Duration) -> Option<Duration> {
        let nanos = time.as_nanos().checked_div(self.blocks.into())?;
        Some(Duration::from_nanos(
            u64::try_from(nanos).unwrap_or(u64::MAX),
        ))
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
    /// What was agreed, if an OACK said so.
    pub(crate) granted: Option<Agreed>,
    pub(crate) size: Option<u64>,
    pub(crate) bytes: u64,
    pub(crate) blocks: u64,
    pub(crate) blocks_resent: u64,
    pub(crate) gaps: u32,
    pub(crate) timeouts: u32,
    pub(crate) duplicate_acks: u32,
    pub(crate) round_trip: Option<Duration>,
    pub(crate) round_trip_min: Option<Duration>,
    pub(crate) last_ack_missing: bool,
    pub(crate) handler_time: Duration,
    pub(crate) first_data: Option<Duration>,
    pub(crate) waits: Waits,
    pub(crate) duration: Duration,
}

impl From<Ended> for TransferRecord {
    fn from(ended: Ended) -> Self {
        let Ended {
            facts,
            route,
            outcome,
            error,
            detail,
            figures,
        } = ended;
        let options = facts
            .options()
            .map(|(name, value)| (name.into_owned(), value.into_owned()));
        let said = facts.said(Said::clone).unwrap_or_default();
        let provenance = said.provenance.get();
        let limited_by = figures.waits.longest().filter(|_| figures.blocks > 0);
        Self {
            id: facts.id,
            started: facts.arrived,
            op: facts.op,
            peer: facts.peer,
            local: facts.local,
            machine: facts.machine().as_deref().map(str::to_owned),
            path: String::from_utf8_lossy(facts.path()).into_owned(),
            filename: facts.filename().to_vec(),
            traceparent: facts.traceparent().map(str::to_owned),
            mode: facts.readable.then_some(facts.mode),
            options: options.collect(),
            granted: figures.granted.as_ref().map(granted).unwrap_or_default(),
            route: route.as_deref().map(str::to_owned),
            answer: provenance.answer.clone(),
            cache: provenance.cache,
            version: said.version(),
            labels: said.labels,
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
            gaps: figures.gaps,
            timeouts: figures.timeouts,
            duplicate_acks: figures.duplicate_acks,
            round_trip: figures.round_trip,
            round_trip_min: figures.round_trip_min,
            last_ack_missing: figures.last_ack_missing,
            handler_time: figures.handler_time,
            first_data: figures.first_data,
            waits: figures.waits,
            limited_by,
            duration: figures.duration,
        }
    }
}

/// The options of an OACK.
fn granted(agreed: &Agreed) -> Vec<(String, String)> {
    agreed
        .granted()
        .filter_map(|kind| Some((kind.name().to_owned(), agreed.value(kind)?.to_string())))
        .collect()
}

#[cfg(all(test, feature = "schema"))]
mod tests;
