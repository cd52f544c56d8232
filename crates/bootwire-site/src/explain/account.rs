//! What is known about a request in the end. As JSON it is what `--json` prints.

use std::collections::BTreeMap;

use bootwire_render::inventory::Machine;
use serde::Serialize;

/// A request and everything that came of it.
#[derive(Debug, Serialize)]
pub struct Account {
    /// The request.
    pub request: Question,
    /// Whether the client is in a network that is served.
    pub served: bool,
    /// Those the request was compared with, in order.
    pub routes: Vec<Compared>,
    /// Parameters of the route that takes it.
    pub params: BTreeMap<String, String>,
    /// The client.
    pub identity: Who,
    /// What the inventory says, if there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub inventory: Option<FromInventory>,
    /// What the route does, one after the other.
    pub steps: Vec<Attempt>,
    /// On which terms it is sent, and who says so.
    pub terms: Vec<Term>,
    /// What the client gets.
    pub outcome: Outcome,
    /// Options of the OACK; without any there is none.
    pub granted: BTreeMap<String, u64>,
}

/// The request as a server understands it.
#[derive(Debug, Serialize)]
pub struct Question {
    /// `read` or `write`.
    pub op: &'static str,
    /// Normalised.
    pub path: String,
    /// As it was written, if that is not the same.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sent: Option<String>,
    /// The client's address.
    pub from: String,
    /// The server's address. `None` if nobody said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
    /// The network interface it came in on, if it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub interface: Option<String>,
    /// The options it has.
    pub options: BTreeMap<String, String>,
}

/// A route, and whether it took the request.
#[derive(Debug, Serialize)]
pub struct Compared {
    /// From 1.
    pub number: usize,
    /// `FILE:LINE`.
    pub place: String,
    /// For which paths it is.
    pub pattern: String,
    /// What it does, in words.
    pub leads_to: String,
    /// Whether it took the request.
    pub verdict: Comparison,
}

/// What a route does with a request.
#[derive(Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Comparison {
    /// It is for other paths, or the other kind of request.
    No(String),
    /// It is for this path, but a condition is not met.
    KeptOut(String),
    /// It gave the request this path.
    Renamed(String),
    /// It gave the request this path, and the request begins anew at the first route.
    Restarted(String),
    /// It does.
    Taken,
}

/// The client.
#[derive(Debug, Default, Serialize)]
pub struct Who {
    /// In the order in which inventories look.
    pub known: Vec<Fact>,
    /// The boot loader that asks for such names.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub loader: Option<&'static str>,
}

/// One thing that is known of the client.
#[derive(Debug, Serialize)]
pub struct Fact {
    /// `mac`, `uuid`, `serial`, `ip` or `hostname`.
    pub name: &'static str,
    /// Its value.
    pub value: String,
    /// What says so: parameter, path, lease, neighbour, peer.
    pub from: &'static str,
}

/// What the inventory says.
#[derive(Debug, Serialize)]
pub struct FromInventory {
    /// Which it is.
    pub source: String,
    /// What it knows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub machine: Option<Machine>,
    /// Why it says nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// Something a route does.
#[derive(Debug, Serialize)]
pub struct Attempt {
    /// What, in words.
    pub action: String,
    /// The path looked for, if it is another than the route's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// What came of it, in words.
    pub result: String,
    /// What a hook is asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub question: Option<serde_json::Value>,
}

/// Terms, and who says so: `route`, or the quirk.
#[derive(Debug, Serialize)]
pub struct Term {
    /// Who says so.
    pub by: String,
    /// The terms, in words.
    pub terms: String,
}

/// What the client gets.
#[derive(Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Content.
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
    /// An ERROR.
    Refused {
        /// Its code.
        code: u16,
        /// What the client is told.
        text: String,
        /// What the operator is told.
        #[serde(skip_serializing_if = "Option::is_none")]
        detail: Option<String>,
    },
    /// That is decided elsewhere, and there was no `--run`.
    NotAsked {
        /// Who would be asked.
        who: String,
    },
}
