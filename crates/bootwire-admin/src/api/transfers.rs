//! Transfers that run now.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A transfer that runs now.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(default)]
pub struct Transfer {
    /// Its number since the server started; its record will have the same.
    pub id: u64,
    /// When the request came.
    pub started: String,
    /// `read` or `write`.
    pub op: String,
    /// The client's address and port.
    pub peer: String,
    /// The address it asked, with the port the transfer uses.
    pub local: String,
    /// The path it asked for.
    pub path: String,
    /// The pattern of the route that answers, once it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub route: Option<String>,
    /// The machine, if it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub machine: Option<String>,
    /// What kind of answer it is: `dir`, `origin`, `template` …
    #[serde(skip_serializing_if = "Option::is_none")]
    pub answer: Option<String>,
    /// What it waits for: `handler` (the answer), `content` (its bytes), `client`, `network` (something
    /// was lost), `server`, or another word.
    pub phase: String,
    /// Block size in bytes.
    pub blksize: u16,
    /// Window in blocks.
    pub windowsize: u16,
    /// Size of the content in bytes, if it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub size: Option<u64>,
    /// Content bytes acknowledged so far.
    pub bytes: u64,
    /// Bytes a second lately; nothing before it was looked at twice.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rate: Option<u64>,
    /// DATA packets sent again.
    pub blocks_resent: u64,
    /// Times the retransmission timer ran out.
    pub timeouts: u32,
    /// Smoothed round-trip time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub round_trip_us: Option<u64>,
    /// Since the request.
    pub duration_us: u64,
    /// Since the client was heard last.
    pub idle_us: u64,
}

/// Which transfers, in which order.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct TransfersQuery {
    /// Only those with this text in path, peer, machine or route, whatever its case
    #[serde(skip_serializing_if = "Option::is_none")]
    pub search: Option<String>,
    /// Only this machine's
    #[serde(skip_serializing_if = "Option::is_none")]
    pub machine: Option<String>,
    /// Only those of this address
    #[serde(skip_serializing_if = "Option::is_none")]
    pub peer: Option<String>,
    /// Only those of the route with this pattern
    #[serde(skip_serializing_if = "Option::is_none")]
    pub route: Option<String>,
    /// By which column [default: started]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sort: Option<SortOrder>,
    /// From the highest to the lowest [default: false]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub descending: Option<bool>,
    /// How many to leave out before the first [default: 0]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub offset: Option<usize>,
    /// How many at most, up to 1000 [default: 100]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<usize>,
}

/// What transfers can be sorted by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SortOrder {
    /// When the request came
    #[default]
    Started,
    /// The client's address
    Peer,
    /// The machine
    Machine,
    /// The path
    Path,
    /// The part that is done
    Progress,
    /// The size
    Size,
    /// Bytes a second
    Rate,
    /// Blocks sent again
    Resent,
    /// How long the client was silent
    Idle,
    /// The round-trip time
    RoundTrip,
}

/// A page of transfers.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(default)]
pub struct TransfersPage {
    /// When they were looked at.
    pub at: String,
    /// How many there are that were asked for.
    pub total: usize,
    /// Whether there are more than a server looks at, so that some are not here.
    pub truncated: bool,
    /// This page of them.
    pub transfers: Vec<Transfer>,
}
