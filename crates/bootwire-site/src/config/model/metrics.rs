//! Where metrics are sent to.

use schemars::JsonSchema;
use serde::Deserialize;

/// A StatsD server.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
pub struct Statsd {
    /// Its host and port, like "127.0.0.1:8125"
    pub address: String,
    /// What names begin with, before a dot [default: "bootwire"]
    #[serde(default = "prefix")]
    pub prefix: String,
    /// How labels are sent [default: "none"]
    #[serde(default)]
    pub tags: StatsdTags,
}

/// How labels are sent to StatsD.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum StatsdTags {
    /// As parts of the name
    #[default]
    None,
    /// As tags, which Datadog and others read
    Dogstatsd,
}

fn prefix() -> String {
    "bootwire".to_owned()
}
