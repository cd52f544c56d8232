//! `[[route]]` and `[[quirk]]`: which requests, and what they get.

use std::collections::BTreeMap;
use std::path::PathBuf;

use bootwire_boots::Stage;
use schemars::JsonSchema;
use serde::Deserialize;

use super::hook::{Exec, Http};
use crate::config::value::{Many, Net, Size, Spanned, Time};

/// Which requests, and what they get. Each route has one action (dir, origin, template, text,
/// empty, refuse, http, exec, upload, try), or only a rewrite.
#[derive(Clone, Default, Deserialize, JsonSchema, PartialEq)]
#[serde(deny_unknown_fields, default)]
pub(in crate::config) struct Route {
    /// The pattern of paths: "/grub/grub.cfg-01-{mac}", "/images/{*path}" [default: "/{*path}"]
    pub(crate) path: Option<String>,
    /// Instead of path: a regular expression to look for in the path; its groups are parameters,
    /// {1} and {name}
    pub(crate) regex: Option<String>,
    /// Only paths in which this regular expression finds nothing
    pub(crate) not_regex: Option<String>,
    /// regex, not_regex: look at the name as the client sent it: without a slash in front if it sent
    /// none, with backslashes [default: false]
    pub(crate) as_sent: Option<bool>,
    /// Whether capitals count in path, regex and not_regex: "match" or "ignore"
    /// [default: "match", with case_insensitive "ignore"]
    pub(crate) case: Option<Case>,
    /// Only these clients: networks, addresses, "private", "any"
    pub(crate) from: Option<Many<Net>>,
    /// Only requests to these addresses or networks of this host
    pub(crate) to: Option<Many<Net>>,
    /// Only requests that came in over these network interfaces, by name
    pub(crate) interface: Option<Many<String>>,
    /// Reads or writes [default: "write" for upload, else "read"]
    pub(crate) op: Option<Operation>,
    /// Only requests with these options: "tsize", "windowsize", "blksize=1468"
    pub(crate) option: Option<Many<String>>,
    /// Only requests without these options
    pub(crate) without_option: Option<Many<String>>,

    /// The path to look for instead: "/debian/{arch}/{path}", with the parameters of the pattern
    /// filled in. Alone in a route, it holds for the routes that follow
    pub(crate) rewrite: Option<String>,
    /// regex: what takes the place of what it finds; the rest of the path stays. Alone in a route, it
    /// holds for the routes that follow
    pub(crate) replace: Option<String>,
    /// replace: until the expression finds nothing any more [default: false]
    pub(crate) repeat: Option<bool>,
    /// rewrite, replace alone in a route: begin anew with the first route [default: false]
    pub(crate) restart: Option<bool>,

    /// Answer with a file of this directory: the one that "{*path}" or "{name}" names below the
    /// route's own directories. Parameters are filled in: "/srv/tftp/{client}"
    pub(crate) dir: Option<PathBuf>,
    /// dir: what symbolic links may do [default: "beneath"]
    pub(crate) links: Option<Links>,
    /// dir: find files whatever the case of their name [default: false]
    pub(crate) case_insensitive: Option<bool>,
    /// dir: look first in the client's own subdirectory, named like its "address", or "mac" or
    /// "hex-address" [default: false]
    pub(crate) per_client: Option<PerClient>,
    /// per_client: what comes from dir itself: the "file" that a client's own directory lacks, the
    /// "directory" for clients that have none of their own, or "none" [default: "file"]
    pub(crate) fallback: Option<Fallback>,
    /// dir, upload: only files that everybody may read, or write, as tftpd does [default: false]
    pub(crate) public_only: Option<bool>,

    /// Answer with an object of this origin
    pub(crate) origin: Option<String>,

    /// Answer with this template, rendered for the machine
    pub(crate) template: Option<String>,
    /// template: what unknown machines get: "not-found", "denied", "render", or a profile to render it
    /// with [default: "not-found" with an inventory, else "render"]
    pub(crate) unknown: Option<Unknown>,
    /// template: variables, over those of all templates; the machine's own go over both
    pub(crate) vars: BTreeMap<String, serde_json::Value>,
    /// template, hooks: answer at once what boot loaders only try: GRUB's lists of modules, shortened
    /// addresses [default: true]
    pub(crate) probes: Option<bool>,

    /// Answer with this text; parameters of the pattern are filled in: "{mac}"
    pub(crate) text: Option<String>,
    /// Answer with an empty file
    pub(crate) empty: Option<bool>,
    /// Answer with an ERROR: "not-found", "denied", "busy", or a code and a text
    pub(crate) refuse: Option<Refuse>,

    /// Let an HTTP service decide
    pub(crate) http: Option<Http>,
    /// Let a program decide
    pub(crate) exec: Option<Exec>,

    /// Take uploads into this directory
    pub(crate) upload: Option<PathBuf>,
    /// upload: what happens to a file that exists [default: "create"]
    pub(crate) existing: Option<Existing>,
    /// upload: largest file, like 64M or 20GiB [default: 1 GiB]
    pub(crate) size_max: Option<Size>,
    /// upload: disk space to leave free, like 1GiB [default: 64 MiB, of a small disk a sixteenth]
    pub(crate) keep_free: Option<Size>,
    /// upload: make missing directories [default: false]
    pub(crate) create_dirs: Option<bool>,
    /// upload: permissions of the files, octal: "0640" [default: "0644"]
    pub(crate) mode: Option<String>,
    /// upload: a file with a secret; names must end in "." and the secret, which is cut off
    pub(crate) secret_suffix_file: Option<PathBuf>,
    /// upload: a program to run when a file is complete
    pub(crate) finished: Option<Finished>,

    /// Actions to try in order until one has the file; each is a route without conditions
    pub(crate) r#try: Vec<Spanned<Self>>,

    /// Largest block to grant here, in bytes
    pub(crate) blksize_max: Option<u16>,
    /// Largest window to grant here, in blocks
    pub(crate) windowsize_max: Option<u16>,
    /// Least time before the server resends here [default: the server's]
    pub(crate) resend_min: Option<Time>,
    /// Whether options are granted at all [default: true]
    pub(crate) options: Option<bool>,
    /// Options not to grant, as if the client had not asked: "blksize", "tsize"
    pub(crate) refuse_options: Option<Many<String>>,
    /// What follows block 65535: 0 or 1 [default: what the client asks for, else 0]
    pub(crate) rollover: Option<u8>,
    /// How long it may take to find an answer [default: the server's deadline]
    pub(crate) deadline: Option<Time>,
    /// Labels for the record of each transfer
    pub(crate) labels: BTreeMap<String, String>,
    /// Which part of a boot these files are, where their names do not say so
    pub(crate) stage: Option<Stage>,
}

/// Reads or writes.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub(in crate::config) enum Operation {
    /// Clients read.
    Read,
    /// Clients write.
    Write,
}

/// What symbolic links may do.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Links {
    /// Those that leave the directory are refused.
    Beneath,
    /// Absolute ones are resolved as if the directory were /.
    InRoot,
    /// All are followed, wherever they lead.
    Anywhere,
}

/// Whether capitals count.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub(in crate::config) enum Case {
    /// They do.
    Match,
    /// They do not.
    Ignore,
}

/// How a client's own directory is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PerClient {
    /// There is none.
    No,
    /// Like its address: "10.0.0.7", "fd00::7".
    Address,
    /// Like its hardware address: "52-54-00-12-34-56".
    Mac,
    /// Like its address in hexadecimal: "0A000007".
    HexAddress,
}

/// What the directory itself is for where clients have their own.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Fallback {
    /// It has what a client's own directory lacks.
    File,
    /// It is for clients without a directory of their own.
    Directory,
    /// Nobody gets anything from it.
    None,
}

/// What a machine gets that the inventory does not know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Unknown {
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
pub(crate) struct Refuse {
    /// 0, 1 or 2.
    pub(crate) code: u16,
    /// At most 60 bytes.
    pub(crate) text: Option<String>,
}

/// What happens to a file that exists.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Existing {
    /// It stays; uploads of its name are refused.
    Create,
    /// It is replaced.
    Replace,
    /// It is replaced and keeps its permissions and owner; other names are refused.
    Overwrite,
    /// It is kept under a name with the time.
    Versioned,
}

/// A program to run when an upload is complete. It gets BOOTWIRE_PATH, BOOTWIRE_FILE,
/// BOOTWIRE_SIZE, BOOTWIRE_PEER in its environment.
#[derive(Clone, Default, Deserialize, JsonSchema, PartialEq)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Finished {
    /// The program
    pub(crate) program: PathBuf,
    /// Its arguments; {file}, {path}, {size} and {peer} are filled in
    pub(crate) args: Vec<String>,
    /// Time it may take [default: 60s]
    pub(crate) deadline: Option<Time>,
    /// Programs at the same time [default: 4]
    pub(crate) concurrency: Option<usize>,
}

/// Other options for clients that need them. All conditions must hold; if several quirks match, the
/// tightest values count.
#[derive(Clone, Default, Deserialize, JsonSchema, PartialEq)]
#[serde(deny_unknown_fields, default)]
pub(in crate::config) struct Quirk {
    /// Its name in the record
    pub(crate) name: Option<String>,
    /// Paths it applies to, a pattern [default: all]
    pub(crate) path: Option<String>,
    /// Clients: networks, addresses
    pub(crate) from: Option<Many<Net>>,
    /// Boot loaders, by the names they ask for: "grub", "pxelinux", "ipxe" …
    pub(crate) loader: Option<Many<String>>,
    /// How the hardware address begins, if the request names one: "b8:27:eb"
    pub(crate) mac: Option<Many<String>>,
    /// Requests with these options: "tsize", "blksize=1468"
    pub(crate) option: Option<Many<String>>,
    /// Requests without these options
    pub(crate) without_option: Option<Many<String>>,
    /// Largest block to grant, in bytes
    pub(crate) blksize_max: Option<u16>,
    /// Largest window to grant, in blocks
    pub(crate) windowsize_max: Option<u16>,
    /// Least time before the server resends: 1s for clients that take a duplicate for the next
    /// block
    pub(crate) resend_min: Option<Time>,
    /// Whether options are granted at all
    pub(crate) options: Option<bool>,
    /// Options not to grant, as if the client had not asked: "blksize", "tsize"
    pub(crate) refuse_options: Option<Many<String>>,
    /// What follows block 65535: 0 or 1
    pub(crate) rollover: Option<u8>,
}

/// Keys that routes and quirks both have: caps, and how it is sent.
macro_rules! caps {
    ($($key:ident: $value:ty),* $(,)?) => {
        /// What a route and a quirk both say of transfers.
        pub(in crate::config) struct Caps<'a> {
            $(pub(in crate::config) $key: Option<&'a $value>,)*
        }

        /// Their keys.
        pub(in crate::config) const CAPS: &[&str] = &[$(stringify!($key)),*];

        impl Route {
            pub(in crate::config) const fn caps(&self) -> Caps<'_> {
                Caps { $($key: self.$key.as_ref()),* }
            }
        }

        impl Quirk {
            pub(in crate::config) const fn caps(&self) -> Caps<'_> {
                Caps { $($key: self.$key.as_ref()),* }
            }
        }
    };
}

caps! {
    blksize_max: u16,
    windowsize_max: u16,
    resend_min: Time,
    options: bool,
    refuse_options: Many<String>,
    rollover: u8,
}
