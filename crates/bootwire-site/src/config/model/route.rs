//! `[[route]]` and `[[quirk]]`: which requests, and what they get.

use std::collections::BTreeMap;
use std::path::PathBuf;

use schemars::JsonSchema;
use serde::Deserialize;

use super::hook::{Exec, Http};
use crate::config::value::{Many, Net, Size, Spanned, Time};

/// Which requests, and what they get. Each route has one of dir, origin, template, text, empty,
/// refuse, http, exec, upload, try; or only a rewrite.
#[derive(Clone, Default, Deserialize, JsonSchema, PartialEq)]
#[serde(deny_unknown_fields, default)]
pub struct Route {
    /// The pattern of paths: "/grub/grub.cfg-01-{mac}", "/images/{*path}" [default: "/{*path}"]
    pub path: Option<String>,
    /// Only these clients: networks, addresses, "private", "any"
    pub from: Option<Many<Net>>,
    /// Only requests to these addresses or networks of this host
    pub to: Option<Many<Net>>,
    /// Only requests that came in over these network interfaces, by name
    pub interface: Option<Many<String>>,
    /// Reads or writes [default: "write" for upload, else "read"]
    pub op: Option<Operation>,
    /// Only requests with these options: "tsize", "windowsize", "blksize=1468"
    pub option: Option<Many<String>>,
    /// Only requests without these options
    pub without_option: Option<Many<String>>,

    /// The path to look for instead: "/debian/{arch}/{path}", with the parameters of the pattern.
    /// Alone in a route it renames the request for the routes that follow
    pub rewrite: Option<String>,

    /// Answer with a file of this directory: what "{*path}" took, or the rewritten path
    pub dir: Option<PathBuf>,
    /// dir: what symbolic links may do [default: "beneath"]
    pub links: Option<Links>,
    /// dir: find files whatever the case of their name [default: false]
    pub case_insensitive: Option<bool>,
    /// dir: look in a subdirectory named like the client's address first [default: false]
    pub per_client: Option<bool>,

    /// Answer with an object of this origin
    pub origin: Option<String>,

    /// Answer with this template, rendered for the machine
    pub template: Option<String>,
    /// template: what a machine gets that the inventory does not know: "not-found", "denied",
    /// "render", or a profile to render it with [default: "not-found" with an inventory, else
    /// "render"]
    pub unknown: Option<Unknown>,
    /// template: variables, over those of all templates; the machine's own go over both
    pub vars: BTreeMap<String, serde_json::Value>,
    /// template, hooks: answer what boot loaders ask in vain on the spot: GRUB's lists of modules,
    /// shortened addresses [default: true]
    pub probes: Option<bool>,

    /// Answer with this text; parameters of the pattern may stand in it: "{mac}"
    pub text: Option<String>,
    /// Answer with an empty file
    pub empty: Option<bool>,
    /// Answer with an ERROR: "not-found", "denied", "busy", or a code and a text
    pub refuse: Option<Refuse>,

    /// Let an HTTP service decide
    pub http: Option<Http>,
    /// Let a program decide
    pub exec: Option<Exec>,

    /// Take uploads into this directory
    pub upload: Option<PathBuf>,
    /// upload: what happens to a file that is there already [default: "create"]
    pub existing: Option<Existing>,
    /// upload: largest [default: 1 GiB]
    pub size_max: Option<Size>,
    /// upload: space on the disk to leave free [default: 64 MiB]
    pub keep_free: Option<Size>,
    /// upload: make the directories a name needs [default: false]
    pub create_dirs: Option<bool>,
    /// upload: permissions of the files, octal: "0640" [default: "0644"]
    pub mode: Option<String>,
    /// upload: a file with a secret; names must end in "." and the secret, which is cut off
    pub secret_suffix_file: Option<PathBuf>,
    /// upload: a program to run when a file is complete
    pub finished: Option<Finished>,

    /// Answers to try in order until one has the file; each is a route without conditions
    pub r#try: Vec<Spanned<Self>>,

    /// Largest block to grant here, in bytes
    pub blksize_max: Option<u16>,
    /// Largest window to grant here, in blocks
    pub windowsize_max: Option<u16>,
    /// Least time before something is sent again here [default: the server's]
    pub resend_min: Option<Time>,
    /// Whether options are granted at all [default: true]
    pub options: Option<bool>,
    /// What follows block 65535: 0 or 1 [default: what the client asks for, else 0]
    pub rollover: Option<u8>,
    /// How long an answer may take to be found [default: the server's deadline]
    pub deadline: Option<Time>,
    /// Labels for the record of each transfer
    pub labels: BTreeMap<String, String>,
}

/// Reads or writes.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum Operation {
    /// Clients read.
    Read,
    /// Clients write.
    Write,
}

/// What symbolic links may do.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
pub enum Links {
    /// Those that leave the directory are refused.
    Beneath,
    /// Absolute ones are resolved as if the directory were /.
    InRoot,
}

/// What a machine gets that the inventory does not know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unknown {
    /// Code 1: its boot loader tries the next name.
    NotFound,
    /// Code 2: its boot loader stops.
    Denied,
    /// The template, without what an inventory would know.
    Render,
    /// The template, with this profile.
    Profile(String),
}

/// An ERROR.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refuse {
    /// 0, 1 or 2.
    pub code: u16,
    /// At most 60 bytes.
    pub text: Option<String>,
}

/// What happens to a file that is there already.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum Existing {
    /// It stays; uploads of its name are refused.
    Create,
    /// It is replaced.
    Replace,
    /// It is kept under a name with the time.
    Versioned,
}

/// A program to run when an upload is complete. It gets BOOTWIRE_PATH, BOOTWIRE_FILE,
/// BOOTWIRE_SIZE, BOOTWIRE_PEER in its environment.
#[derive(Clone, Default, Deserialize, JsonSchema, PartialEq)]
#[serde(deny_unknown_fields, default)]
pub struct Finished {
    /// The program
    pub program: PathBuf,
    /// Its arguments; {file}, {path}, {size} and {peer} stand for what is known
    pub args: Vec<String>,
    /// Time it may take [default: 60s]
    pub deadline: Option<Time>,
    /// Programs at the same time [default: 4]
    pub concurrency: Option<usize>,
}

/// Clients that need other options than they ask for. Conditions as those of a route; all that
/// are given must hold, and of several quirks that match the tightest values count.
#[derive(Clone, Default, Deserialize, JsonSchema, PartialEq)]
#[serde(deny_unknown_fields, default)]
pub struct Quirk {
    /// What it is called in the record
    pub name: Option<String>,
    /// Paths it applies to, a pattern [default: all]
    pub path: Option<String>,
    /// Clients: networks, addresses
    pub from: Option<Many<Net>>,
    /// Boot loaders, told by the names they ask for: "grub", "pxelinux", "ipxe" …
    pub loader: Option<Many<String>>,
    /// Hardware addresses, where the request names one: beginnings like "b8:27:eb"
    pub mac: Option<Many<String>>,
    /// Requests with these options: "tsize", "blksize=1468"
    pub option: Option<Many<String>>,
    /// Requests without these options
    pub without_option: Option<Many<String>>,
    /// Largest block to grant, in bytes
    pub blksize_max: Option<u16>,
    /// Largest window to grant, in blocks
    pub windowsize_max: Option<u16>,
    /// Least time before something is sent again: 1s for clients that take duplicates for something
    /// new
    pub resend_min: Option<Time>,
    /// Whether options are granted at all
    pub options: Option<bool>,
    /// What follows block 65535: 0 or 1
    pub rollover: Option<u8>,
}
