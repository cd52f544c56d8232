//! What is known about a request in the end. As JSON it is what `--json` prints.

use std::collections::BTreeMap;

use bootwire_render::inventory::Machine;
use serde::Serialize;

/// A request and everything that came of it.
#[derive(Debug, Serialize)]
pub(super) struct Account {
    pub(super) request: Question,
    /// Whether the client is in a network that is served.
    pub(super) served: bool,
    /// Those the request was compared with, in order.
    pub(super) routes: Vec<Compared>,
    /// Parameters of the route that takes it.
    pub(super) params: BTreeMap<String, String>,
    pub(super) identity: Who,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) inventory: Option<Found>,
    /// What the route does, one after the other.
    pub(super) steps: Vec<Step>,
    /// On which terms it is sent, and who says so.
    pub(super) terms: Vec<Term>,
    pub(super) outcome: Outcome,
    /// Options of the OACK; without any there is none.
    pub(super) granted: BTreeMap<String, u64>,
}

/// The request as a server understands it.
#[derive(Debug, Serialize)]
pub(super) struct Question {
    pub(super) op: &'static str,
    /// Normalised.
    pub(super) path: String,
    /// As it was written, if that is not the same.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) sent: Option<String>,
    pub(super) from: String,
    /// `None` if nobody said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) to: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) interface: Option<String>,
    pub(super) options: BTreeMap<String, String>,
}

/// A route, and whether it took the request.
#[derive(Debug, Serialize)]
pub(super) struct Compared {
    /// From 1.
    pub(super) number: usize,
    /// `FILE:LINE`.
    pub(super) place: String,
    pub(super) pattern: String,
    /// What it does, in words.
    pub(super) leads_to: String,
    pub(super) verdict: Verdict,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Verdict {
    /// It is for other paths, or the other kind of request.
    No(String),
    /// It is for this path, but a condition is not met.
    KeptOut(String),
    /// It gave the request this path.
    Renamed(String),
    /// It does.
    Taken,
}

/// Who is asking.
#[derive(Debug, Default, Serialize)]
pub(super) struct Who {
    /// In the order in which inventories look.
    pub(super) known: Vec<Piece>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) loader: Option<&'static str>,
}

#[derive(Debug, Serialize)]
pub(super) struct Piece {
    pub(super) name: &'static str,
    pub(super) value: String,
    /// What says so: parameter, path, lease, neighbour, peer.
    pub(super) from: &'static str,
}

/// What the inventory says.
#[derive(Debug, Serialize)]
pub(super) struct Found {
    /// Which it is.
    pub(super) source: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) machine: Option<Machine>,
    /// Why it says nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) error: Option<String>,
}

/// Something a route does.
#[derive(Debug, Serialize)]
pub(super) struct Step {
    /// What, in words.
    pub(super) action: String,
    /// The path looked for, if it is another than the route's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) path: Option<String>,
    /// What came of it, in words.
    pub(super) result: String,
    /// What a hook is asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) question: Option<serde_json::Value>,
}

/// Terms, and who says so: `route`, or the quirk.
#[derive(Debug, Serialize)]
pub(super) struct Term {
    pub(super) by: String,
    pub(super) terms: String,
}

/// What the client gets.
#[derive(Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Outcome {
    Content {
        /// In bytes; not known for what is streamed.
        #[serde(skip_serializing_if = "Option::is_none")]
        size: Option<u64>,
        /// If it is a text in memory.
        #[serde(skip_serializing_if = "Option::is_none")]
        text: Option<String>,
    },
    /// It may send.
    Upload {
        /// Under which name below the directory it would be.
        name: String,
    },
    Refused {
        code: u16,
        /// What the client is told.
        text: String,
        /// What the operator is told.
        #[serde(skip_serializing_if = "Option::is_none")]
        detail: Option<String>,
    },
    /// That is decided elsewhere, and there was no `--run`.
    NotAsked { who: String },
}
