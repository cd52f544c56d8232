//! What an operator asks of a server: to explain, to reload, to end.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The configuration in force.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(default)]
pub struct ConfigView {
    /// Where it was read.
    pub location: String,
    /// The files it was read from.
    pub files: Vec<String>,
    /// Every key of the server, set or not. Secrets are never among them.
    pub keys: Vec<ConfigKey>,
    /// What is served: routes in the order in which they are tried, origins, the inventory.
    pub serves: Vec<String>,
    /// Where machines are looked up; nothing without an inventory.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub inventory: Option<InventoryView>,
    /// What is probably not meant so.
    pub warnings: Vec<String>,
}

/// Where machines are looked up.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(default)]
pub struct InventoryView {
    /// `sqlite`, `files`, `postgres` or `http`.
    pub kind: String,
    /// The file or the other system, for people.
    pub place: String,
    /// Whether `bootwire machines discovered --add` can write into it. The server never does: its
    /// sandbox lets it only read.
    pub editable: bool,
}

/// A key of the configuration.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(default)]
pub struct ConfigKey {
    /// Its name with that of its table: `budgets.unproven_max`.
    pub key: String,
    /// Its value as it is written, or what holds without it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
    /// What it is for.
    pub help: String,
    /// Where it is set, `FILE:LINE`; nothing if it is not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub place: Option<String>,
    /// Whether a change takes a restart.
    pub needs_restart: bool,
}

/// What would a client get? As `bootwire explain` asks.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Explain {
    /// The request: `GET /path`, `PUT /path`, or a path alone; as the log shows it.
    pub request: String,
    /// The client's address; this host's without it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// The server's address that it asks, if that matters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
    /// Options it sends: `{"tsize": "0"}`.
    pub options: BTreeMap<String, String>,
    /// Whether hooks and origins are asked for real: programs run, services get requests.
    pub run: bool,
}

/// What it would get, and why.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(default)]
pub struct Explained {
    /// In words, as `bootwire explain` prints it.
    pub text: String,
    /// The same for machines, as `bootwire explain --json` prints it.
    pub account: serde_json::Value,
}

/// What came of a reload.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(default)]
pub struct Reloaded {
    /// Whether the new configuration is in force. With mistakes in it everything stays as it was.
    pub reloaded: bool,
    /// What is served now that was not, and warnings; or the mistakes, with file and line.
    pub lines: Vec<String>,
}

/// A server that ends.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(default)]
pub struct Draining {
    /// Transfers that run. New requests get no answer.
    pub active: u64,
    /// How long they may take, in milliseconds.
    pub limit_ms: u64,
}

/// Whether a server is well.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(default)]
pub struct Health {
    /// Whether it is.
    pub ok: bool,
    /// What is wrong.
    pub problems: Vec<String>,
}

/// A token that is exchanged for a cookie.
#[derive(Clone, Default, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct SessionRequest {
    /// The token of the configuration.
    pub token: String,
}
