//! `[otlp]` and `[[webhook]]`: other systems that are told what happens.

use std::collections::BTreeMap;
use std::path::PathBuf;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::config::value::{Many, Time};

/// What a webhook is told of.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub(crate) enum WebhookEvent {
    /// A transfer ended, however.
    Transfer,
    /// A machine began to boot.
    Boot,
    /// A boot is over, and has its verdict.
    Verdict,
}

/// A collector of OpenTelemetry's that gets metrics and traces, by OTLP over HTTP.
#[derive(Clone, Default, Deserialize, JsonSchema, PartialEq)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Otlp {
    /// The collector's base URL, like "http://127.0.0.1:4318": v1/metrics and v1/traces are below it
    pub(crate) url: Option<String>,
    /// Headers to send with each request
    pub(crate) headers: BTreeMap<String, String>,
    /// The file that holds the bearer token
    pub(crate) bearer_file: Option<PathBuf>,
    /// The environment variable that holds the bearer token
    pub(crate) bearer_env: Option<String>,
    /// Certificates of a private authority, PEM
    pub(crate) ca: Option<PathBuf>,
    /// Send metrics [default: true]
    pub(crate) metrics: Option<bool>,
    /// Send traces: one for each boot, a span for each transfer [default: true]
    pub(crate) traces: Option<bool>,
    /// How often to send metrics [default: 15s]
    pub(crate) every: Option<Time>,
    /// How long a request may take [default: 10s]
    pub(crate) timeout: Option<Time>,
}

/// A web server that events are posted to, as JSON.
#[derive(Clone, Default, Deserialize, JsonSchema, PartialEq)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Webhook {
    /// The URL to post to
    pub(crate) url: Option<String>,
    /// What to post: "transfer", "boot", "verdict" [default: boot, verdict]
    pub(crate) events: Option<Many<WebhookEvent>>,
    /// Headers to send with each request
    pub(crate) headers: BTreeMap<String, String>,
    /// The file that holds the bearer token
    pub(crate) bearer_file: Option<PathBuf>,
    /// The environment variable that holds the bearer token
    pub(crate) bearer_env: Option<String>,
    /// Certificates of a private authority, PEM
    pub(crate) ca: Option<PathBuf>,
    /// Most events in a request [default: 100]
    pub(crate) batch: Option<u32>,
    /// Most events that wait; what comes then is dropped and counted [default: 10000]
    pub(crate) queue: Option<u32>,
    /// How long a request may take [default: 10s]
    pub(crate) timeout: Option<Time>,
    /// How often to send again what did not arrive [default: 5]
    pub(crate) retries: Option<u32>,
}
