//! What a configuration file can say.
//!
//! These are the tables of the TOML file, key by key; their doc comments are the texts of the
//! published schema. Everything is optional here: defaults are applied where a value is used, so
//! that files, drop-ins and the environment can be laid over each other.
//!
//! No table has `Debug`: headers, settings and variables may be secrets.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::PathBuf;

use schemars::JsonSchema;
use serde::Deserialize;

use super::value::{Many, Net, Size, Spanned, Time, Unlimited};

/// The configuration of `bootwire serve`.
#[derive(Clone, Default, Deserialize, JsonSchema, PartialEq)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Document {
    /// Addresses and ports to listen on [default: "[::]:69", IPv6 and IPv4]
    pub(crate) listen: Option<Many<String>>,
    /// Answer from the listening port instead of a port for the transfer [default: false]
    pub(crate) single_port: Option<bool>,
    /// Take transfer ports from this range, for a firewall: "30000-30063"
    pub(crate) ports: Option<String>,
    /// Clients to serve: networks, addresses, "private" or "any" [default: "private"]
    pub(crate) allow: Option<Many<Net>>,
    /// Largest block to grant, in bytes: 8 to 65464 [default: what the interface carries]
    pub(crate) blksize_max: Option<u16>,
    /// Largest window to grant, in blocks: 1 to 32767 [default: 64]
    pub(crate) windowsize_max: Option<u16>,
    /// Grant blocks larger than the interface carries, to travel in fragments [default: false]
    pub(crate) fragment: Option<bool>,
    /// Worker threads: 1 to 1024 [default: one for each core]
    pub(crate) workers: Option<u16>,
    /// Most transfers at a time [default: 100000]
    pub(crate) transfers_max: Option<usize>,
    /// How long a client may be silent before it is given up: 1s to 1h [default: 60s]
    pub(crate) give_up: Option<Time>,
    /// How long an answer may take to be found, for routes without a deadline [default: 10s]
    pub(crate) deadline: Option<Time>,
    /// How long running transfers may take to finish on SIGTERM [default: 30s]
    pub(crate) drain: Option<Time>,
    /// How long workers look for packets before they sleep: up to 10ms; 0s never
    /// [default: up to 50us for a lone transfer]
    pub(crate) spin: Option<Time>,
    /// How to log transfers [default: "text"]
    pub(crate) log: Option<Log>,
    /// Compare paths with routes without regard to case [default: false]
    pub(crate) case_insensitive: Option<bool>,
    /// What may be asked before anyone has proven to be where they say
    pub(crate) budgets: Budgets,
    /// What the server gives up before it answers anyone
    pub(crate) sandbox: Sandbox,
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
    pub(crate) route: Vec<Spanned<Route>>,
    /// Clients that need other options than they ask for
    pub(crate) quirk: Vec<Spanned<Quirk>>,
}

/// How transfers are logged.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Log {
    /// A line in plain words.
    Text,
    /// An object with all that is known.
    Json,
}

/// What may be asked before anyone has proven to be where they say.
#[derive(Clone, Default, Deserialize, JsonSchema, PartialEq)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Budgets {
    /// Networks without budgets of their own: networks, addresses, "loopback", "private", "any" or
    /// "none" [default: "loopback"]
    pub(crate) unlimited: Option<Many<Unlimited>>,
    /// Most transfers at a time that an address asked for and never answered; 0 is no limit
    /// [default: 8]
    pub(crate) unproven_per_address: Option<u32>,
    /// The same for a network (/24, or /64 of IPv6), and for an address that answered lately
    /// [default: 64]
    pub(crate) unproven_per_network: Option<u32>,
    /// The same for all together [default: 32768]
    pub(crate) unproven_max: Option<u32>,
    /// Most requests a second of an address; 0 is no limit [default: 1000]
    pub(crate) requests_per_address: Option<u32>,
    /// The same for a network, and for an address that answered lately [default: 10000]
    pub(crate) requests_per_network: Option<u32>,
    /// Do not answer requests from ports below 1024 [default: false]
    pub(crate) refuse_low_ports: Option<bool>,
}

/// What the server gives up before it answers anyone.
#[derive(Clone, Default, Deserialize, JsonSchema, PartialEq)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Sandbox {
    /// How strict [default: "best-effort"]
    pub(crate) level: Option<SandboxLevel>,
    /// The user to become, also "USER:GROUP" [default: "nobody" when started as root]
    pub(crate) user: Option<String>,
    /// Files and directories to keep in sight beside those the configuration names: a later
    /// configuration may use them without a restart
    pub(crate) read: Option<Many<PathBuf>>,
    /// The same, to be written to as well
    pub(crate) write: Option<Many<PathBuf>>,
    /// Files and directories programs of hooks need beside /usr, /bin, /lib and /lib64
    pub(crate) execute: Option<Many<PathBuf>>,
}

/// How strict the sandbox is.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum SandboxLevel {
    /// Nothing is given up.
    Off,
    /// What this kernel can.
    BestEffort,
    /// All of it, or the server does not start.
    Require,
}

/// Where images come from that are not on this machine. One of url, s3, gcs, azure.
#[derive(Clone, Default, Deserialize, JsonSchema, PartialEq)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Origin {
    /// A web server: the URL that names are added to
    pub(crate) url: Option<String>,
    /// A bucket of S3 or something like it
    pub(crate) s3: Option<String>,
    /// A bucket of Google Cloud Storage
    pub(crate) gcs: Option<String>,
    /// A container of Azure Blob Storage
    pub(crate) azure: Option<String>,
    /// Buckets: what goes before each name
    pub(crate) prefix: Option<String>,
    /// Buckets: settings like region, endpoint, access_key_id, secret_access_key
    pub(crate) settings: BTreeMap<String, String>,
    /// Buckets: settings whose values are in environment variables, by setting
    pub(crate) settings_env: BTreeMap<String, String>,
    /// Buckets: settings whose values are in files, by setting
    pub(crate) settings_file: BTreeMap<String, PathBuf>,
    /// Web servers: headers sent with each request
    pub(crate) headers: BTreeMap<String, String>,
    /// Web servers: a file with the bearer token; read again when it changes
    pub(crate) bearer_file: Option<PathBuf>,
    /// Web servers: the environment variable with the bearer token
    pub(crate) bearer_env: Option<String>,
    /// Web servers: certificates of a private authority, PEM
    pub(crate) ca: Option<PathBuf>,
    /// Web servers: the certificate to show, PEM
    pub(crate) client_certificate: Option<PathBuf>,
    /// Web servers: its key, PEM
    pub(crate) client_key: Option<PathBuf>,
    /// Web servers: hosts it may redirect to, beside its own
    pub(crate) redirect_to: Option<Many<String>>,
    /// How long an object is sent without asking whether it changed [default: 60s]
    pub(crate) ttl: Option<Time>,
    /// How long it is still sent while the origin is down [default: 7days]
    pub(crate) max_stale: Option<Time>,
    /// How long "no such file" is remembered [default: 10s]
    pub(crate) negative_ttl: Option<Time>,
    /// Keeps a machine at the versions of its first request: "boot" for 15 minutes, or a time
    pub(crate) pin: Option<Pin>,
    /// Largest object [default: no limit but the cache's]
    pub(crate) object_max: Option<Size>,
    /// How far to fetch ahead of the fastest reader [default: 16 MiB]
    pub(crate) read_ahead: Option<Size>,
    /// Most that may be on its way from this origin at a time [default: 32 MiB]
    pub(crate) in_flight: Option<Size>,
    /// How long it may take to answer
    pub(crate) answer_within: Option<Time>,
    /// How long it may send less than 16 KiB [default: 10s]
    pub(crate) stall: Option<Time>,
    /// How long it may bring nothing before its transfers end [default: 30s]
    pub(crate) give_up: Option<Time>,
    /// Objects to have in the cache before anybody asks
    pub(crate) prefetch: Option<Many<String>>,
}

/// How long a machine stays at one version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Pin(pub(crate) Time);

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

/// Which requests, and what they get. Each route has one of dir, origin, template, text, empty,
/// refuse, http, exec, upload, try; or only a rewrite.
#[derive(Clone, Default, Deserialize, JsonSchema, PartialEq)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Route {
    /// The pattern of paths: "/grub/grub.cfg-01-{mac}", "/images/{*path}" [default: "/{*path}"]
    pub(crate) path: Option<String>,
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

    /// The path to look for instead: "/debian/{arch}/{path}", with the parameters of the pattern.
    /// Alone in a route it renames the request for the routes that follow
    pub(crate) rewrite: Option<String>,

    /// Answer with a file of this directory: what "{*path}" took, or the rewritten path
    pub(crate) dir: Option<PathBuf>,
    /// dir: what symbolic links may do [default: "beneath"]
    pub(crate) links: Option<Links>,
    /// dir: find files whatever the case of their name [default: false]
    pub(crate) case_insensitive: Option<bool>,
    /// dir: look in a subdirectory named like the client's address first [default: false]
    pub(crate) per_client: Option<bool>,

    /// Answer with an object of this origin
    pub(crate) origin: Option<String>,

    /// Answer with this template, rendered for the machine
    pub(crate) template: Option<String>,
    /// template: what a machine gets that the inventory does not know: "not-found", "denied",
    /// "render", or a profile to render it with [default: "not-found" with an inventory, else
    /// "render"]
    pub(crate) unknown: Option<Unknown>,
    /// template: variables, over those of all templates; the machine's own go over both
    pub(crate) vars: BTreeMap<String, serde_json::Value>,
    /// template, hooks: answer what boot loaders ask in vain on the spot: GRUB's lists of modules,
    /// shortened addresses [default: true]
    pub(crate) probes: Option<bool>,

    /// Answer with this text; parameters of the pattern may stand in it: "{mac}"
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
    /// upload: what happens to a file that is there already [default: "create"]
    pub(crate) existing: Option<Existing>,
    /// upload: largest [default: 1 GiB]
    pub(crate) size_max: Option<Size>,
    /// upload: space on the disk to leave free [default: 64 MiB]
    pub(crate) keep_free: Option<Size>,
    /// upload: make the directories a name needs [default: false]
    pub(crate) create_dirs: Option<bool>,
    /// upload: permissions of the files, octal: "0640" [default: "0644"]
    pub(crate) mode: Option<String>,
    /// upload: a file with a secret; names must end in "." and the secret, which is cut off
    pub(crate) secret_suffix_file: Option<PathBuf>,
    /// upload: a program to run when a file is complete
    pub(crate) finished: Option<Finished>,

    /// Answers to try in order until one has the file; each is a route without conditions
    pub(crate) r#try: Vec<Spanned<Self>>,

    /// Largest block to grant here, in bytes
    pub(crate) blksize_max: Option<u16>,
    /// Largest window to grant here, in blocks
    pub(crate) windowsize_max: Option<u16>,
    /// Whether options are granted at all [default: true]
    pub(crate) options: Option<bool>,
    /// What follows block 65535: 0 or 1 [default: what the client asks for, else 0]
    pub(crate) rollover: Option<u8>,
    /// How long an answer may take to be found [default: the server's deadline]
    pub(crate) deadline: Option<Time>,
    /// Labels for the record of each transfer
    pub(crate) labels: BTreeMap<String, String>,
}

/// Reads or writes.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Operation {
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

/// An HTTP service that decides. One of post, get.
#[derive(Clone, Default, Deserialize, JsonSchema, PartialEq)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Http {
    /// The URL the question is posted to
    pub(crate) post: Option<String>,
    /// The URL to fetch, with {path}, {mac}, {uuid}, {serial}, {ip} … in it
    pub(crate) get: Option<String>,
    /// What the answer is [default: "decision" for post, "content" for get]
    pub(crate) output: Option<Output>,
    /// Headers sent with each question
    pub(crate) headers: BTreeMap<String, String>,
    /// A file with the bearer token
    pub(crate) bearer_file: Option<PathBuf>,
    /// The environment variable with the bearer token
    pub(crate) bearer_env: Option<String>,
    /// Certificates of a private authority, PEM
    pub(crate) ca: Option<PathBuf>,
    /// Time for a decision [default: 3s]
    pub(crate) deadline: Option<Time>,
    /// Questions at the same time [default: 16]
    pub(crate) concurrency: Option<usize>,
    /// Questions that wait for a turn [default: 256]
    pub(crate) queue: Option<usize>,
    /// Largest answer [default: 4 MiB]
    pub(crate) size_max: Option<Size>,
    /// Leave the client out of the question, so that all who ask for a path ask once
    /// [default: false]
    pub(crate) anonymous: Option<bool>,
}

/// A program that decides.
#[derive(Clone, Default, Deserialize, JsonSchema, PartialEq)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Exec {
    /// The program: an absolute path, or one from the configuration's directory
    pub(crate) program: PathBuf,
    /// Its arguments, with {path}, {mac}, {uuid}, {serial}, {ip} … in them
    pub(crate) args: Vec<String>,
    /// Its environment beside BOOTWIRE_…
    pub(crate) env: BTreeMap<String, String>,
    /// What it writes [default: "content"]
    pub(crate) output: Option<Output>,
    /// Time for a decision [default: 3s]
    pub(crate) deadline: Option<Time>,
    /// Programs at the same time [default: 16]
    pub(crate) concurrency: Option<usize>,
    /// Questions that wait for a turn [default: 256]
    pub(crate) queue: Option<usize>,
    /// Largest answer [default: 4 MiB]
    pub(crate) size_max: Option<Size>,
    /// Leave the client out of the question [default: false]
    pub(crate) anonymous: Option<bool>,
}

/// What a hook's answer is.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Output {
    /// What the client gets.
    Content,
    /// A JSON object that decides.
    Decision,
}

/// What happens to a file that is there already.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Existing {
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
pub(crate) struct Finished {
    /// The program
    pub(crate) program: PathBuf,
    /// Its arguments; {file}, {path}, {size} and {peer} stand for what is known
    pub(crate) args: Vec<String>,
    /// Time it may take [default: 60s]
    pub(crate) deadline: Option<Time>,
    /// Programs at the same time [default: 4]
    pub(crate) concurrency: Option<usize>,
}

/// Clients that need other options than they ask for. Conditions as those of a route; all that
/// are given must hold, and of several quirks that match the tightest values count.
#[derive(Clone, Default, Deserialize, JsonSchema, PartialEq)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Quirk {
    /// What it is called in the record
    pub(crate) name: Option<String>,
    /// Paths it applies to, a pattern [default: all]
    pub(crate) path: Option<String>,
    /// Clients: networks, addresses
    pub(crate) from: Option<Many<Net>>,
    /// Boot loaders, told by the names they ask for: "grub", "pxelinux", "ipxe" …
    pub(crate) loader: Option<Many<String>>,
    /// Hardware addresses, where the request names one: beginnings like "b8:27:eb"
    pub(crate) mac: Option<Many<String>>,
    /// Requests with these options: "tsize", "blksize=1468"
    pub(crate) option: Option<Many<String>>,
    /// Requests without these options
    pub(crate) without_option: Option<Many<String>>,
    /// Largest block to grant, in bytes
    pub(crate) blksize_max: Option<u16>,
    /// Largest window to grant, in blocks
    pub(crate) windowsize_max: Option<u16>,
    /// Whether options are granted at all
    pub(crate) options: Option<bool>,
    /// What follows block 65535: 0 or 1
    pub(crate) rollover: Option<u8>,
}

/// All networks that a list of them names.
pub(crate) fn networks(nets: &Many<Net>) -> Vec<ipnet::IpNet> {
    nets.0.iter().flat_map(|net| net.networks()).collect()
}

/// Whether a list of networks has an address.
pub(crate) fn holds(networks: &[ipnet::IpNet], address: IpAddr) -> bool {
    let address = address.to_canonical();
    networks.iter().any(|network| network.contains(&address))
}
