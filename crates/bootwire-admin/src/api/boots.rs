//! Boots, and the machines they are of.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A boot in a list.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(default)]
pub struct Boot {
    /// Its number, which stays.
    pub id: String,
    /// The machine: the inventory's name of it, or what it was known by.
    pub machine: String,
    /// The client's address.
    pub peer: String,
    /// When its first request came.
    pub started: String,
    /// When it ended, or was heard of last.
    pub last: String,
    /// Whether it goes on.
    pub state: BootState,
    /// The stage it is in, or ended in: `firmware`, `loader`, `config`, `kernel`, `initrd` …
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stage: Option<String>,
    /// What came of it, once it has ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub verdict: Option<BootVerdict>,
    /// Transfers, misses and probes among them.
    pub transfers: u64,
    /// Bytes that arrived.
    pub bytes: u64,
    /// From its first request to the last that was heard of it.
    pub duration_us: u64,
}

/// Whether a boot goes on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum BootState {
    /// It goes on.
    #[default]
    Running,
    /// It got all it asked for.
    Complete,
    /// It stopped before it had what it needed.
    Failed,
    /// It ended, and nobody can tell how.
    Unknown,
}

/// What came of a boot, in words.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(default)]
pub struct BootVerdict {
    /// A word for machines: `complete`, `stopped_before_kernel`, `loop` …
    pub kind: String,
    /// What happened.
    pub text: String,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub advice: Option<String>,
}

/// A boot with all that is known of it.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(default)]
pub struct BootDetail {
    /// As in a list.
    pub boot: Boot,
    /// Its stages and gaps, in order.
    pub stages: Vec<BootStage>,
    /// All of the boot as the tracker keeps it: see the reference of boots.
    pub detail: serde_json::Value,
}

/// One bar of a boot's timeline.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(default)]
pub struct BootStage {
    /// `firmware`, `loader`, `config`, `kernel`, `initrd` …; `gap` where nothing was asked for.
    pub stage: String,
    /// The file, or what stands for several.
    pub path: String,
    /// From the beginning of the boot.
    pub start_us: u64,
    /// How long it took.
    pub duration_us: u64,
    /// How it ended, in the words of records; `running` while it goes on.
    pub outcome: String,
    /// Bytes that arrived.
    pub bytes: u64,
    /// Size, if it was known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub size: Option<u64>,
    /// How many requests are folded into this one.
    pub count: u64,
    /// DATA packets sent again.
    pub blocks_resent: u64,
    /// What is worth a word: `limited by the client` …
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// Which boots.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct BootsQuery {
    /// Only this machine's
    #[serde(skip_serializing_if = "Option::is_none")]
    pub machine: Option<String>,
    /// Only those with this text in machine, address or verdict
    #[serde(skip_serializing_if = "Option::is_none")]
    pub search: Option<String>,
    /// Only those in this state
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<BootState>,
    /// Only those that began at this time or later, in RFC 3339
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<String>,
    /// Where the last page ended: its `next`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
    /// How many at most, up to 1000 [default: 100]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<usize>,
}

/// A page of boots, from the newest to the oldest.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(default)]
pub struct BootsPage {
    /// This page.
    pub boots: Vec<Boot>,
    /// Where the next one begins; nothing if this is the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// A machine that was heard of.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(default)]
pub struct Machine {
    /// The inventory's name of it, or what it was known by: a hardware address, a UUID.
    pub machine: String,
    /// Its hardware address, if that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mac: Option<String>,
    /// Whether the inventory knows it. Nothing without an inventory, or if it did not answer in time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub known: Option<bool>,
    /// Its address, when it was heard of last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub peer: Option<String>,
    /// When it was heard of first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_seen: Option<String>,
    /// When it was heard of last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_seen: Option<String>,
    /// How many boots of it are kept.
    pub boots: u64,
    /// The last of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_boot: Option<Boot>,
}

/// A machine, its boots and what runs now.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(default)]
pub struct MachineDetail {
    /// As in a list.
    pub machine: Machine,
    /// Its newest boots, 20 at most.
    pub boots: Vec<Boot>,
    /// What it transfers now.
    pub transfers: Vec<super::Transfer>,
    /// Its newest records that are still in memory.
    pub records: Vec<super::Record>,
}

/// Which machines.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct MachinesQuery {
    /// Only those with this text in name or address
    #[serde(skip_serializing_if = "Option::is_none")]
    pub search: Option<String>,
    /// Only those that the inventory does not know
    #[serde(skip_serializing_if = "Option::is_none")]
    pub discovered: Option<bool>,
    /// Only those whose last boot is in this state
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<BootState>,
    /// Where the last page ended: its `next`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
    /// How many at most, up to 1000 [default: 100]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<usize>,
}

/// A page of machines, those heard of last first.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(default)]
pub struct MachinesPage {
    /// This page.
    pub machines: Vec<Machine>,
    /// Where the next one begins; nothing if this is the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}
