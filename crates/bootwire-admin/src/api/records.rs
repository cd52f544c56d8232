//! Transfers that have ended.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The record of a transfer, with the members that `docs/reference/record.md` describes: those that
/// everybody needs by name, the others as they are.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(default)]
pub struct Record {
    /// Number of the transfer since the server started.
    pub id: u64,
    /// When it ended.
    pub time: String,
    /// When the request came.
    pub started: String,
    /// `read` or `write`.
    pub op: String,
    /// The client's address and port.
    pub peer: String,
    /// The path it asked for.
    pub path: String,
    /// How it ended: `complete`, `probe`, `not_found`, `timeout` …
    pub outcome: String,
    /// Bytes that arrived.
    pub bytes: u64,
    /// Size of the content, if it was known.
    pub size: Option<u64>,
    /// From the request to the end.
    pub duration_us: u64,
    /// The pattern of the route that answered.
    pub route: Option<String>,
    /// The machine, if it is known.
    pub machine: Option<String>,
    /// What the operator should know and the client was not told.
    pub detail: Option<String>,
    /// Everything else: see the reference of the record.
    #[serde(flatten)]
    pub more: serde_json::Map<String, serde_json::Value>,
}

/// Makes a query of records: the filter's keys, and keys of its own. What is in the query part of a
/// URL is flat.
macro_rules! filtered {
    (
        $(#[$doc:meta])*
        $name:ident { $($(#[$key_doc:meta])* $key:ident: $type:ty,)* }
    ) => {
        $(#[$doc])*
        #[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
        #[serde(default, deny_unknown_fields)]
        pub struct $name {
            $($(#[$key_doc])* #[serde(skip_serializing_if = "Option::is_none")] pub $key: Option<$type>,)*
            /// Only this machine's
            #[serde(skip_serializing_if = "Option::is_none")]
            pub machine: Option<String>,
            /// Only those of this address or network, like 10.0.0.7 or 10.0.0.0/24
            #[serde(skip_serializing_if = "Option::is_none")]
            pub peer: Option<String>,
            /// Only paths like this; * stands for anything, ? for a letter
            #[serde(skip_serializing_if = "Option::is_none")]
            pub path: Option<String>,
            /// Only those that ended so; several with commas between them
            #[serde(skip_serializing_if = "Option::is_none")]
            pub outcome: Option<String>,
            /// Only those that failed: neither complete, nor size probes, nor a boot loader's search
            #[serde(skip_serializing_if = "Option::is_none")]
            pub failed: Option<bool>,
            /// Without what a boot loader only tries, as in the log: searches and size probes
            #[serde(skip_serializing_if = "Option::is_none")]
            pub quiet: Option<bool>,
            /// Only those of the route with this pattern
            #[serde(skip_serializing_if = "Option::is_none")]
            pub route: Option<String>,
        }

        impl $name {
            /// What it says of records.
            #[must_use]
            pub fn filter(&self) -> $crate::api::RecordFilter {
                $crate::api::RecordFilter {
                    machine: self.machine.clone(),
                    peer: self.peer.clone(),
                    path: self.path.clone(),
                    outcome: self.outcome.clone(),
                    failed: self.failed,
                    quiet: self.quiet,
                    route: self.route.clone(),
                }
            }
        }
    };
}

pub(super) use filtered;

/// Which records.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RecordFilter {
    /// Only this machine's.
    pub machine: Option<String>,
    /// Only those of this address or network.
    pub peer: Option<String>,
    /// Only paths like this.
    pub path: Option<String>,
    /// Only those that ended so; several with commas between them.
    pub outcome: Option<String>,
    /// Only those that failed.
    pub failed: Option<bool>,
    /// Without what a boot loader only tries.
    pub quiet: Option<bool>,
    /// Only those of the route with this pattern.
    pub route: Option<String>,
}

filtered! {
    /// Which records, and how many.
    RecordsQuery {
        /// How many at most, up to 1000 [default: 100]
        limit: usize,
    }
}

/// The newest records that are still in memory.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(default)]
pub struct RecordsPage {
    /// From the newest to the oldest.
    pub records: Vec<Record>,
    /// How many are in memory at all.
    pub kept: usize,
}
