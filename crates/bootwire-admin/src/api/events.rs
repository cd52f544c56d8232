//! Server-sent events.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::records::filtered;
use super::{Counts, ExporterDrops, Sample, Transfer};

/// What a subscriber hears of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Topic {
    /// A `record` for each transfer that ended
    Records,
    /// `transfers` each second: what began, moved and ended
    Transfers,
    /// A `boot` for each boot that began, got on or ended
    Boots,
    /// `stats` each second
    Stats,
}

filtered! {
    /// What to hear of. Beside topics: of which records; of boots, the machine alone counts.
    EventsQuery {
        /// Topics with commas between them: records, transfers, boots, stats [default: all]
        topics: String,
        /// The id of the last event that was heard; those after it come first. The header
        /// Last-Event-ID says the same
        last_event_id: String,
        /// Records: with the line of the log as `text` [default: false]
        text: bool,
        /// Records: first so many of those that are kept, the newest, up to 1000 [default: 0]
        last: usize,
    }
}

/// `hello`: the first event of a stream.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(default)]
pub struct Hello {
    /// This run of the server. If it is another than before, the server was restarted: begin anew.
    pub instance: String,
    /// Its version.
    pub version: String,
    /// The time of the server.
    pub now: String,
}

/// `lag`: events were lost, because they came faster than they were read or are too long ago.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(default)]
pub struct Lag {
    /// How many; nothing if nobody knows, as after a restart.
    pub missed: Option<u64>,
}

/// `transfers`: what changed since the last event of this kind.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(default)]
pub struct TransfersEvent {
    /// When it was looked.
    pub at: String,
    /// Whether to forget what was known: this is a list from its beginning. A long one comes in
    /// several events, of which the first says this.
    pub reset: bool,
    /// How many transfers run.
    pub total: usize,
    /// Transfers that are new, or changed in more than what [`Progress`] tells.
    pub began: Vec<Transfer>,
    /// How the others got on.
    pub progress: Vec<Progress>,
    /// Numbers of those that ended.
    pub ended: Vec<u64>,
}

/// How a transfer got on. Members that did not change are not there.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(default)]
pub struct Progress {
    /// Which.
    pub id: u64,
    /// Content bytes acknowledged so far.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bytes: Option<u64>,
    /// Bytes a second lately.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rate: Option<u64>,
    /// What it waits for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phase: Option<String>,
    /// DATA packets sent again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub blocks_resent: Option<u64>,
    /// Times the retransmission timer ran out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeouts: Option<u32>,
    /// Smoothed round-trip time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub round_trip_us: Option<u64>,
    /// Since the client was heard last, if that is more than a second.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub idle_us: Option<u64>,
}

/// `stats`: the last second, and all counts since the start.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(default)]
pub struct StatsEvent {
    /// The last second.
    pub sample: Sample,
    /// What was counted since the server started.
    pub counts: Counts,
    /// How busy each worker is, from 0 to 1.
    pub load: Vec<f64>,
    /// Who hears of transfers, and how much each of them lost.
    pub exporters: Vec<ExporterDrops>,
}
