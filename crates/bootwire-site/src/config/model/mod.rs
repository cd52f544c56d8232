//! What a configuration file can say.
//!
//! These are the tables of the TOML file, key by key; their doc comments are the texts of the
//! published schema. Everything is optional here: defaults are applied where a value is used, so
//! that files, drop-ins and the environment can be laid over each other.
//!
//! No table has `Debug`: headers, settings and variables may be secrets.

mod hook;
mod origin;
mod route;

use std::collections::BTreeMap;
use std::path::PathBuf;

use schemars::JsonSchema;
use serde::Deserialize;

pub(crate) use hook::{Exec, Http, Output};
pub(crate) use origin::{Origin, Pin};
pub(in crate::config) use route::{Caps, Operation, Quirk, Refuse, Route};
pub(crate) use route::{Existing, Finished, Links, Unknown};

use super::value::{Many, Net, Size, Spanned, Time, Unlimited};

/// The configuration of `bootwire serve`.
#[derive(Clone, Default, Deserialize, JsonSchema, PartialEq)]
#[serde(deny_unknown_fields, default)]
pub struct Document {
    /// Addresses and ports to listen on [default: "[::]:69", IPv6 and IPv4]
    pub listen: Option<Many<String>>,
    /// Answer from the listening port instead of a port for the transfer [default: false]
    pub single_port: Option<bool>,
    /// Take transfer ports from this range, for a firewall: "30000-30063"
    pub ports: Option<String>,
    /// Clients to serve: networks, addresses, "private" or "any" [default: "private"]
    pub allow: Option<Many<Net>>,
    /// Largest block to grant, in bytes: 8 to 65464 [default: what the interface carries]
    pub blksize_max: Option<u16>,
    /// Largest window to grant, in blocks: 1 to 32767 [default: 64]
    pub windowsize_max: Option<u16>,
    /// Largest window to grant to a client that has not acknowledged a whole one yet, in blocks: 1
    /// to 32767 [default: 32]
    pub windowsize_first: Option<u16>,
    /// Least time before something is sent again: 1ms to 60s [default: 1s or the granted timeout,
    /// 200ms for a window, until the network has proven lossy; then as the round trip allows]
    pub resend_min: Option<Time>,
    /// Grant blocks larger than the interface carries, to travel in fragments [default: false]
    pub fragment: Option<bool>,
    /// Worker threads: 1 to 1024 [default: one for each core]
    pub workers: Option<u16>,
    /// Most transfers at a time [default: 100000]
    pub transfers_max: Option<usize>,
    /// How long a client may be silent before it is given up: 1s to 1h [default: 60s]
    pub give_up: Option<Time>,
    /// How long an answer may take to be found, for routes without a deadline [default: 10s]
    pub deadline: Option<Time>,
    /// How long running transfers may take to finish on SIGTERM [default: 30s]
    pub drain: Option<Time>,
    /// How long workers look for packets before they sleep: up to 10ms; 0s never
    /// [default: up to 50us for at most four transfers]
    pub spin: Option<Time>,
    /// How to log transfers [default: "text"]
    pub log: Option<Log>,
    /// Log names that boot loaders try and do without, too; JSON always has them [default: false]
    pub log_searches: Option<bool>,
    /// Compare paths with routes without regard to case [default: false]
    pub case_insensitive: Option<bool>,
    /// What may be asked before anyone has proven to be where they say
    pub budgets: Budgets,
    /// What the server gives up before it answers anyone
    pub sandbox: Sandbox,
    /// Where images come from that are not on this machine, by name
    pub(crate) origin: BTreeMap<String, Origin>,
    /// The directory where objects of origins are kept
    pub(crate) cache: Cache,
    /// Who is asking, where the request does not tell
    pub(crate) identity: Identity,
    /// What is known of machines
    pub(crate) inventory: Inventory,
    /// Texts with places for what is known of a machine
    pub(crate) templates: Templates,
    /// What is answered, tried in this order
    pub(in crate::config) route: Vec<Spanned<Route>>,
    /// Clients that need other options than they ask for
    pub(in crate::config) quirk: Vec<Spanned<Quirk>>,
}

/// How transfers are logged.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum Log {
    /// A line in plain words.
    Text,
    /// An object with all that is known.
    Json,
}

/// What may be asked before anyone has proven to be where they say.
#[derive(Clone, Default, Deserialize, JsonSchema, PartialEq)]
#[serde(deny_unknown_fields, default)]
pub struct Budgets {
    /// Networks without budgets of their own: networks, addresses, "loopback", "private", "any" or
    /// "none" [default: "loopback"]
    pub unlimited: Option<Many<Unlimited>>,
    /// Most transfers at a time that an address asked for and never answered; 0 is no limit
    /// [default: 8]
    pub unproven_per_address: Option<u32>,
    /// The same for a network (/24, or /64 of IPv6), and for an address that answered lately
    /// [default: 64]
    pub unproven_per_network: Option<u32>,
    /// The same for all together [default: 32768]
    pub unproven_max: Option<u32>,
    /// Memory for what is held of such transfers, like text made for one machine: so much for
    /// strangers, and as much for addresses that answered lately; 0 is no limit [default: "64MiB"]
    pub unproven_memory: Option<Size>,
    /// Most requests a second of an address; 0 is no limit [default: 1000]
    pub requests_per_address: Option<u32>,
    /// The same for a network, and for an address that answered lately [default: 10000]
    pub requests_per_network: Option<u32>,
    /// Do not answer requests from ports below 1024 [default: false]
    pub refuse_low_ports: Option<bool>,
}

/// What the server gives up before it answers anyone.
#[derive(Clone, Default, Deserialize, JsonSchema, PartialEq)]
#[serde(deny_unknown_fields, default)]
pub struct Sandbox {
    /// How strict [default: "best-effort"]
    pub level: Option<SandboxLevel>,
    /// The user to become, also "USER:GROUP" [default: "nobody" when started as root]
    pub user: Option<String>,
    /// Files and directories to keep in sight beside those the configuration names: a later
    /// configuration may use them without a restart
    pub read: Option<Many<PathBuf>>,
    /// The same, to be written to as well
    pub write: Option<Many<PathBuf>>,
    /// Files and directories programs of hooks need beside /usr, /bin, /lib and /lib64
    pub execute: Option<Many<PathBuf>>,
}

/// How strict the sandbox is.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
pub enum SandboxLevel {
    /// Nothing is given up.
    Off,
    /// What this kernel can.
    BestEffort,
    /// All of it, or the server does not start.
    Require,
}

/// The directory where objects of origins are kept.
#[derive(Clone, Default, Deserialize, JsonSchema, PartialEq)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Cache {
    /// The directory; made if it is not there [default: "/var/cache/bootwire"]
    pub(crate) dir: Option<PathBuf>,
    /// Most it may hold [default: 20 GiB]
    pub(crate) max: Option<Size>,
    /// Most of small objects to keep in memory [default: 64 MiB]
    pub(crate) memory_max: Option<Size>,
}

/// Who is asking, where the request does not tell.
#[derive(Clone, Default, Deserialize, JsonSchema, PartialEq)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Identity {
    /// Lease files of dnsmasq
    pub(crate) dnsmasq: Option<Many<PathBuf>>,
    /// Lease files of ISC dhcpd
    pub(crate) isc: Option<Many<PathBuf>>,
    /// Lease files of Kea
    pub(crate) kea: Option<Many<PathBuf>>,
    /// Ask the kernel's neighbour table [default: false]
    pub(crate) neighbours: Option<bool>,
}

/// What is known of machines. One of files, sqlite, postgres, http.
#[derive(Clone, Default, Deserialize, JsonSchema, PartialEq)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Inventory {
    /// TOML, JSON and YAML files, directories of them, or "machines/*.toml"
    pub(crate) files: Option<Many<PathBuf>>,
    /// An SQLite database; made if it is not there
    pub(crate) sqlite: Option<PathBuf>,
    /// A PostgreSQL database: postgres://USER@HOST/DATABASE
    pub(crate) postgres: Option<String>,
    /// PostgreSQL: the query that finds a machine by :mac, :uuid, :serial, :ip, :hostname
    pub(crate) query: Option<String>,
    /// PostgreSQL: a file with the password
    pub(crate) password_file: Option<PathBuf>,
    /// An API that answers in JSON: URLs with {mac}, {uuid}, {serial}, {ip}, {hostname}, asked in
    /// order until one knows the machine
    pub(crate) http: Option<Many<String>>,
    /// API: JSON pointer to the machine in the answer, like "/results/0"
    pub(crate) machine: Option<String>,
    /// API: JSON pointers from there to what is known, by name
    pub(crate) fields: BTreeMap<String, String>,
    /// API: how to ask
    pub(crate) headers: BTreeMap<String, String>,
    /// API: a file with the bearer token
    pub(crate) bearer_file: Option<PathBuf>,
    /// API: the environment variable with the bearer token
    pub(crate) bearer_env: Option<String>,
    /// API: certificates of a private authority, PEM
    pub(crate) ca: Option<PathBuf>,
    /// How long an answer may take [default: 3s]
    pub(crate) timeout: Option<Time>,
    /// How long an answer about a known machine serves [default: 30s; SQLite: 2s]
    pub(crate) fresh_for: Option<Time>,
    /// How long it serves that a machine is unknown [default: 5s; SQLite: 1s]
    pub(crate) absent_for: Option<Time>,
    /// How long old answers serve while the source fails [default: 1day]
    pub(crate) stale_for: Option<Time>,
}

/// Texts with places for what is known of a machine.
#[derive(Clone, Default, Deserialize, JsonSchema, PartialEq)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Templates {
    /// The directory of the *.j2 files [default: "templates" beside the configuration, if there]
    pub(crate) dir: Option<PathBuf>,
    /// Variables for all templates
    pub(crate) vars: BTreeMap<String, serde_json::Value>,
    /// Most instructions of one rendering [default: 200000]
    pub(crate) fuel: Option<u64>,
    /// Longest text [default: 4 MiB]
    pub(crate) size_max: Option<Size>,
}

/// All networks that a list of them names.
pub(in crate::config) fn networks(nets: &Many<Net>) -> Vec<ipnet::IpNet> {
    nets.0.iter().flat_map(|net| net.networks()).collect()
}
