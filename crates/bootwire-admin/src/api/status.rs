//! The server as a whole.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Counts by name, as `docs/reference/metrics.md` has them: `reads`, `bytes_out`, `ended_complete`.
pub type Counts = BTreeMap<String, u64>;

/// What a server is and how it does.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(default)]
pub struct Status {
    /// What serves: `bootwire`, or the program's own name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// This run of the server. It changes with a restart, as numbers of transfers begin anew then.
    pub instance: String,
    /// The time of the server.
    pub now: String,
    /// When it started.
    pub started: String,
    /// Addresses and ports it listens on for TFTP.
    pub listen: Vec<String>,
    /// Worker threads.
    pub workers: usize,
    /// How busy each worker is, from 0 to 1. Empty if it is not known.
    pub load: Vec<f64>,
    /// Whether it takes new requests. It does not once it was told to end.
    pub ready: bool,
    /// Where the configuration was read, and how much it serves. Nothing for a program without one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub configuration: Option<String>,
    /// What needs the operator: problems of files that are read again, settings that wait for a
    /// restart.
    pub problems: Vec<String>,
    /// Bytes of memory the process has.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory: Option<u64>,
    /// What was counted since it started.
    pub counts: Counts,
    /// Who hears of transfers, and how much each of them lost.
    pub exporters: Vec<ExporterDrops>,
}

/// What one exporter got and lost. No transfer waits for one that is dead or slow: it loses records,
/// and they are counted here.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(default)]
pub struct ExporterDrops {
    /// Its name: `webhook`, `otlp`, `statsd`, `log`, `boots`, `events` …
    pub name: String,
    /// Records it took.
    pub sent: u64,
    /// Records that were lost because its queue was full.
    pub dropped: u64,
    /// Records it took and could not deliver.
    pub failed: u64,
}

/// The last minutes, second by second: what a chart shows when it is opened.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(default)]
pub struct History {
    /// Milliseconds from one sample to the next.
    pub every_ms: u64,
    /// From the oldest to the newest.
    pub samples: Vec<Sample>,
}

/// One second. Counts are of this second alone.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(default)]
pub struct Sample {
    /// Its end.
    pub time: String,
    /// Transfers running at its end.
    pub active: u64,
    /// Transfers that ended well, size probes among them.
    pub completed: u64,
    /// Transfers that failed: neither complete, nor probes, nor files that were not found.
    pub failed: u64,
    /// Requests for what was not there.
    pub not_found: u64,
    /// Requests that got no answer: not allowed, over a budget.
    pub refused: u64,
    /// Content bytes sent, resends included.
    pub bytes_out: u64,
    /// Content bytes received.
    pub bytes_in: u64,
    /// Datagrams sent.
    pub packets_out: u64,
    /// DATA packets sent again.
    pub blocks_resent: u64,
    /// Datagrams the kernel dropped because a buffer was full.
    pub kernel_drops: u64,
    /// Records that exporters lost.
    pub records_dropped: u64,
}
