//! Transfers that are running, for those who look at the server.
//!
//! Whoever looks leaves a [`Survey`] with each worker. In each of its rounds the worker notes a few
//! transfers and goes on with its packets; what it notes takes no text and no memory of a transfer's
//! own. Words are made of it where it is looked at.

#[cfg(feature = "serde")]
mod serialise;

use std::borrow::Cow;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bootwire_proto::{Op, Side};
use tokio::sync::oneshot;

use crate::request::Facts;
use crate::words::words;

words! {
    /// What a running transfer waits for.
    #[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
    #[cfg_attr(feature = "serde", serde(rename_all = "lowercase"))]
    pub enum LivePhase {
        /// Its handler looks for the answer.
        Handler = "handler",
        /// Content that is not at hand; for an upload, the place it is stored.
        Content = "content",
        /// The client.
        Client = "client",
        /// Something was lost, and is not made good yet.
        Network = "network",
        /// Its turn to send.
        Server = "server",
    }
}

impl From<Side> for LivePhase {
    fn from(side: Side) -> Self {
        match side {
            Side::Peer => Self::Client,
            Side::Network => Self::Network,
            Side::Content => Self::Content,
            Side::Own => Self::Server,
        }
    }
}

/// A running transfer, as it was when a worker came by: see
/// [`ServerView::transfers`](crate::ServerView::transfers). Fields that a
/// [`TransferRecord`](crate::TransferRecord) has as well say the same there.
///
/// With the feature `serde` it can be serialised and read again, with durations in whole microseconds
/// as `…_us`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct LiveTransfer {
    /// Number of the transfer since the server started: its record will have the same.
    pub id: u64,
    /// When the request arrived.
    #[cfg_attr(feature = "serde", serde(with = "serialise::time"))]
    pub started: SystemTime,
    /// Read or write.
    #[cfg_attr(feature = "serde", serde(with = "serialise::op"))]
    pub op: Op,
    /// The client's address and port.
    pub peer: SocketAddr,
    /// The address the client asked, with the port the transfer uses.
    pub local: SocketAddr,
    /// The path after normalisation.
    pub path: String,
    /// The pattern of the route that answers.
    pub route: Option<String>,
    /// The machine, as the inventory or whoever answers knows it.
    pub machine: Option<String>,
    /// What kind of answer it is.
    pub answer: Option<Cow<'static, str>>,
    /// What it waits for.
    pub phase: LivePhase,
    /// Agreed block size in bytes.
    pub blksize: u16,
    /// Agreed window in blocks.
    pub windowsize: u16,
    /// Size of the content in bytes, where it is known.
    pub size: Option<u64>,
    /// Content bytes acknowledged by the client (reads) or received from it (writes).
    pub bytes: u64,
    /// DATA packets sent again (reads) or received in vain (writes).
    pub blocks_resent: u64,
    /// Times the retransmission timer ran out.
    pub timeouts: u32,
    /// Smoothed round-trip time.
    #[cfg_attr(
        feature = "serde",
        serde(rename = "round_trip_us", with = "serialise::maybe_micros")
    )]
    pub round_trip: Option<Duration>,
    /// Since the request.
    #[cfg_attr(
        feature = "serde",
        serde(rename = "duration_us", with = "serialise::micros")
    )]
    pub duration: Duration,
    /// Since the client was heard last.
    #[cfg_attr(
        feature = "serde",
        serde(rename = "idle_us", with = "serialise::micros")
    )]
    pub idle: Duration,
}

/// What a worker notes of a transfer.
pub(crate) struct Sighting {
    pub(super) facts: Arc<Facts>,
    pub(super) route: Option<Arc<str>>,
    pub(super) phase: LivePhase,
    pub(super) blksize: u16,
    pub(super) windowsize: u16,
    pub(super) size: Option<u64>,
    pub(super) bytes: u64,
    pub(super) blocks_resent: u64,
    pub(super) timeouts: u32,
    pub(super) round_trip: Option<Duration>,
    pub(super) duration: Duration,
    pub(super) idle: Duration,
}

impl Sighting {
    pub(super) fn id(&self) -> u64 {
        self.facts.id
    }
}

impl From<Sighting> for LiveTransfer {
    fn from(sighting: Sighting) -> Self {
        let facts = &sighting.facts;
        Self {
            id: facts.id,
            started: facts.arrived,
            op: facts.op,
            peer: facts.peer,
            local: facts.local,
            path: String::from_utf8_lossy(facts.path()).into_owned(),
            route: sighting.route.as_deref().map(str::to_owned),
            machine: facts.machine().as_deref().map(str::to_owned),
            answer: facts
                .said(|said| said.provenance.get().answer.clone())
                .flatten(),
            phase: sighting.phase,
            blksize: sighting.blksize,
            windowsize: sighting.windowsize,
            size: sighting.size,
            bytes: sighting.bytes,
            blocks_resent: sighting.blocks_resent,
            timeouts: sighting.timeouts,
            round_trip: sighting.round_trip,
            duration: sighting.duration,
            idle: sighting.idle,
        }
    }
}

/// Somebody's look at a worker's transfers, under way.
pub(crate) struct Survey {
    /// The place to go on from.
    pub(super) next: u32,
    pub(super) max: usize,
    pub(super) seen: Vec<Sighting>,
    pub(super) tell: oneshot::Sender<Vec<Sighting>>,
}

impl Survey {
    /// A look at `max` transfers at most, and where its result will be.
    pub(crate) fn new(max: usize) -> (Self, oneshot::Receiver<Vec<Sighting>>) {
        let (tell, told) = oneshot::channel();
        let survey = Self {
            next: 0,
            max,
            seen: Vec::new(),
            tell,
        };
        (survey, told)
    }
}
