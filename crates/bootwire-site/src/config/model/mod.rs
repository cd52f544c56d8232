//! What a configuration file can say.
//!
//! These are the tables of the TOML file, key by key; their texts are those of the published schema.
//! The keys of the server stand in one table, [`SETTINGS`], with all that is told of them elsewhere.
//!
//! No table has `Debug`: headers, settings and variables may be secrets.

mod export;
mod hook;
mod log;
mod metrics;
mod origin;
mod route;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;

pub(crate) use export::{Otlp, Webhook, WebhookEvent};
pub(crate) use hook::{Bounds, Exec, Http, Output};
pub use log::{Log, LogLevel};
pub use metrics::{Statsd, StatsdTags};
pub(crate) use origin::{Origin, OriginKind, Pin};
pub(in crate::config) use route::{CAPS, Caps, Case, Operation, Quirk, Refuse, Route};
pub(crate) use route::{Existing, Fallback, Finished, Links, PerClient, Unknown};

use super::setting::{COUNT, Kind, Setting, SettingValue, tables, time, words};
use super::value::{Many, Net, Size, Spanned, Time, Unlimited};
use crate::ports::Ports;

words! {
    /// How a line of the log is written.
    LogFormat {
        #[default]
        Text "text" "A line in plain words",
        Json "json" "A JSON object with all fields",
        Journald "journald" "An entry in journald, with fields",
    }

    /// How strict the sandbox is.
    SandboxLevel {
        Off "off" "None of it; root stays root unless a user is named",
        #[default]
        BestEffort "best-effort" "What this kernel has; a line at the start says what that is",
        Require "require" "All of it, or the server does not start",
    }
}

/// Headings in `serve --help`.
const NETWORK: &str = "Network";
const RUNNING: &str = "Running";
const BUDGETS: &str = "Budgets";
const SANDBOX: &str = "Sandbox";

const SECOND: u64 = 1000;
const HOUR: u64 = 3600 * SECOND;

const fn seconds(count: u64) -> Time {
    Time(Duration::from_secs(count))
}

tables! {
    /// The configuration of `bootwire serve`.
    Document "" {
        "Addresses and ports to listen on"
        listen: Option<Many<String>> = None => Setting::new(Kind::Text).list()
            .flag(NETWORK, "ADDR:PORT").unset("[::]:69, IPv6 and IPv4");

        "Answer from the listening port: behind NAT, in a container, behind a load balancer"
        single_port: bool = false => Setting::new(Kind::Switch).flag(NETWORK, "");

        "Take transfer ports from this range, for a firewall, like 30000-30063"
        ports: Option<Ports> = None => Setting::new(Kind::Text).flag(NETWORK, "FIRST-LAST");

        "Clients to serve: networks, addresses, \"private\" (loopback, RFC 1918, unique local and \
         link-local addresses) or \"any\""
        allow: Option<Many<Net>> = None => Setting::new(Kind::Text).list()
            .flag(NETWORK, "NETWORK").unset("private");

        "Largest block to grant, in bytes"
        blksize_max: Option<u16> = None => Setting::new(BLKSIZE)
            .flag(NETWORK, "BYTES").unset("what the interface carries");

        "Largest window to grant, in blocks"
        windowsize_max: u16 = 64 => Setting::new(WINDOWSIZE).flag(NETWORK, "BLOCKS");

        "Largest window for a client that has not acknowledged a whole one yet, in blocks"
        windowsize_first: u16 = 32 => Setting::new(WINDOWSIZE).flag(NETWORK, "BLOCKS");

        "Least time before the server resends, like 200ms"
        resend_min: Option<Time> = None => Setting::new(RESEND_MIN).flag(NETWORK, "TIME").unset(
            "1s or the granted timeout, 200ms for a window, until the network has proven lossy; then \
             as the round trip allows");

        "Grant blocks larger than the interface carries, to travel in fragments"
        fragment: bool = false => Setting::new(Kind::Switch).flag(NETWORK, "");

        "Take a W3C trace context (-00-TRACE-PARENT-FLAGS) off the end of file names, for DHCP servers \
         that append one, and put it into the record"
        traceparent: bool = false => Setting::new(Kind::Switch).flag(NETWORK, "");

        "How to log transfers; a table says more (format, level, file)"
        log: Log = Log::default() => Setting::new(Kind::Word(LogFormat::WORDS))
            .flag(RUNNING, "FORMAT");

        "Log what boot loaders only try, too, and each repeated error: level = \"all\"; JSON has them anyway"
        log_searches: bool = false => Setting::new(Kind::Switch).flag(RUNNING, "");

        "Worker threads"
        workers: Option<u16> = None => Setting::new(Kind::Number(1, 1024))
            .flag(RUNNING, "COUNT").unset("one for each core");

        "Most transfers at a time"
        transfers_max: usize = 100_000 => Setting::new(Kind::Number(1, 10_000_000))
            .flag(RUNNING, "COUNT");

        "How long a client may be silent before the server gives it up, like 90s or 2m"
        give_up: Time = seconds(60) => Setting::new(time(SECOND, HOUR)).flag(RUNNING, "TIME");

        "How long it may take to find an answer, for routes without a deadline"
        deadline: Time = seconds(10) => Setting::new(time(1, 24 * HOUR)).flag(RUNNING, "TIME");

        "How long running transfers may take to finish on SIGTERM, like 5m"
        drain: Time = seconds(30) => Setting::new(time(0, 24 * HOUR)).flag(RUNNING, "TIME");

        "How long workers look for packets before they sleep, like 100us: for a host that boots one \
         machine at a time and has a core to spare; 0s: never"
        spin: Option<Time> = None => Setting::new(time(0, 10)).flag(RUNNING, "TIME")
            .unset("up to 50us, while at most four transfers run and it pays off");

        "Compare paths with routes without regard to case"
        case_insensitive: bool = false => Setting::new(Kind::Switch).live();

        ..
        /// How much unproven clients may ask for
        pub budgets: Budgets,
        /// The rights the server gives up before it answers anyone
        pub sandbox: Sandbox,
        /// Who is told how many, how fast and how often
        pub metrics: Metrics,
        /// Where a running server can be looked at and steered
        pub admin: Admin,
        /// Web servers and buckets that files come from, by name
        pub(crate) origin: BTreeMap<String, Origin>,
        /// The directory that keeps objects of origins
        pub cache: Cache,
        /// What each machine fetched, and what became of it
        pub boots: Boots,
        /// Where to look for a client that its request does not name
        pub(crate) identity: Identity,
        /// Where machines are looked up
        pub(crate) inventory: Inventory,
        /// Files that are rendered for each machine
        pub(crate) templates: Templates,
        /// A collector of OpenTelemetry's that gets metrics and traces
        pub(crate) otlp: Otlp,
        /// Web servers that events are posted to
        pub(crate) webhook: Vec<Spanned<Webhook>>,
        /// What clients get; the first route that matches answers
        pub(in crate::config) route: Vec<Spanned<Route>>,
        /// Other options for clients that need them
        pub(in crate::config) quirk: Vec<Spanned<Quirk>>,
    }

    /// How much unproven clients may ask for.
    Budgets "budgets" {
        "Networks without budgets: networks, addresses, \"loopback\", \"private\", \"any\" or \
         \"none\". For addresses that many machines share (NAT), load generators, and networks \
         where nobody can forge addresses"
        unlimited: Option<Many<Unlimited>> = None => Setting::new(Kind::Text).list()
            .flag(BUDGETS, "NETWORK").unset("loopback");

        "Most unproven transfers of an address at a time: it asked for them, and has not answered yet; \
         0 is no limit"
        unproven_per_address: u32 = 8 => Setting::new(COUNT).flag(BUDGETS, "COUNT");

        "The same for a network (/24, or /64 of IPv6), and for an address that has proven itself lately"
        unproven_per_network: u32 = 64 => Setting::new(COUNT).flag(BUDGETS, "COUNT");

        "The same for all together; the oldest makes room for a new one"
        unproven_max: u32 = 32_768 => Setting::new(COUNT).flag(BUDGETS, "COUNT");

        "Memory for the content of unproven transfers, such as rendered templates: so much for \
         strangers, and as much again for addresses that have proven themselves lately; 0 is no limit"
        unproven_memory: Size = Size(64 << 20) => Setting::new(Kind::Size).flag(BUDGETS, "SIZE");

        "Most requests a second of an address; 0 is no limit"
        requests_per_address: u32 = 1_000 => Setting::new(COUNT).flag(BUDGETS, "RATE");

        "The same for a network, and for an address that has proven itself lately"
        requests_per_network: u32 = 10_000 => Setting::new(COUNT).flag(BUDGETS, "RATE");

        "Do not answer requests from ports below 1024"
        refuse_low_ports: bool = false => Setting::new(Kind::Switch).flag(BUDGETS, "");
    }

    /// The rights the server gives up before it answers anyone.
    Sandbox "sandbox" {
        "Serve as this user once the sockets are open: a name or a number, with a group if it is not \
         the user's own"
        user: Option<String> = None => Setting::new(Kind::Text)
            .flag(SANDBOX, "USER[:GROUP]").unset("nobody if started as root");

        "Give up what serving does not need: capabilities, new privileges, files outside the \
         directories served (Landlock), unused system calls (seccomp)"
        level: SandboxLevel = SandboxLevel::BestEffort =>
            Setting::new(Kind::Word(SandboxLevel::WORDS)).flag(SANDBOX, "LEVEL").named("sandbox");

        "Files and directories to keep within reach, so that a later configuration may use them \
         without a restart, and links = \"anywhere\" may lead there"
        read: Option<Many<PathBuf>> = None => Setting::new(Kind::Text).list();

        "The same, for writing too"
        write: Option<Many<PathBuf>> = None => Setting::new(Kind::Text).list();

        "Files and directories that hooks' programs need beside /usr, /bin, /lib and /lib64"
        execute: Option<Many<PathBuf>> = None => Setting::new(Kind::Text).list();
    }

    /// Where a running server can be looked at and steered.
    Admin "admin" {
        "Where to serve the admin API and the console: paths of Unix sockets, addresses and ports, or \
         \"off\". Beyond loopback it takes token_file, cert and key"
        listen: Option<Many<String>> = None => Setting::new(Kind::Text).list()
            .flag(RUNNING, "PATH|ADDR:PORT").named("admin")
            .unset("/run/bootwire/admin.sock, for others than root in $XDG_RUNTIME_DIR");

        "Group whose members may use the Unix socket, by name or number"
        group: Option<String> = None => Setting::new(Kind::Text).unset("only the user who starts it");

        "File with the token that clients over TCP must send, 16 characters or more"
        token_file: Option<PathBuf> = None => Setting::new(Kind::Text);

        "Certificate for TLS, with its chain, PEM; read again when it changes"
        cert: Option<PathBuf> = None => Setting::new(Kind::Text);

        "Its private key, PEM"
        key: Option<PathBuf> = None => Setting::new(Kind::Text);

        "Serve the console, too; it is, unless this is false"
        console: bool = true => Setting::new(Kind::Switch);
    }

    /// The directory that keeps objects of origins.
    Cache "cache" {
        "The directory; made if it is missing"
        dir: PathBuf = "/var/cache/bootwire".into() => Setting::new(Kind::Text).live();

        "Most bytes it may hold"
        max: Size = Size(20 << 30) => Setting::new(Kind::Size).live();

        "Most memory for small objects"
        memory_max: Size = Size(64 << 20) => Setting::new(Kind::Size).live();
    }

    /// Who is told how many, how fast and how often.
    Metrics "metrics" {
        "Where Prometheus finds the metrics, under /metrics: an address and a port, like 127.0.0.1:9469; \
         whoever may connect there reads them"
        listen: Option<String> = None => Setting::new(Kind::Text)
            .flag(RUNNING, "ADDR:PORT").named("metrics").unset("nowhere");

        ..
        /// The StatsD server to send metrics to, over UDP
        pub statsd: Option<Statsd>,
    }

    /// What each machine fetched, and what became of it.
    Boots "boots" {
        "Where boots are kept: a file, a PostgreSQL database like postgres://USER@HOST/DATABASE, \
         \"memory\", or \"off\" to follow none"
        database: Option<String> = None => Setting::new(Kind::Text).unset(
            "boots.db in systemd's StateDirectory or /var/lib/bootwire, where the server may write, \
             else memory");

        "The file that holds the database's password"
        password_file: Option<PathBuf> = None => Setting::new(Kind::Text);

        "How long boots are kept, like 30d"
        keep: Time = seconds(30 * 86_400) => Setting::new(time(HOUR, 87_660 * HOUR));

        "Most space for them; the oldest make room"
        size_max: Size = Size(1 << 30) => Setting::new(Kind::Size);

        "After so much silence a boot is over"
        silence: Time = seconds(120) => Setting::new(time(5 * SECOND, HOUR));
    }
}

/// What may be granted anywhere: by the server, a route, a quirk.
pub(super) const BLKSIZE: Kind = Kind::Number(8, 65_464);
pub(super) const WINDOWSIZE: Kind = Kind::Number(1, 32_767);
pub(super) const RESEND_MIN: Kind = time(1, 60 * SECOND);

impl Document {
    /// Every key of the server and its value, in the order of [`SETTINGS`].
    pub fn settings(&self) -> impl Iterator<Item = (&'static Setting, &dyn SettingValue)> {
        let top = self.table().chain(self.budgets.table());
        let top = top.chain(self.sandbox.table()).chain(self.admin.table());
        let top = top.chain(self.cache.table());
        top.chain(self.metrics.table()).chain(self.boots.table())
    }
}

/// Where to look for a client that its request does not name.
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

/// Where machines are looked up: one of files, sqlite, postgres, http.
#[derive(Clone, Default, Deserialize, JsonSchema, PartialEq)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Inventory {
    /// TOML, JSON and YAML files, directories of them, or "machines/*.toml"
    pub(crate) files: Option<Many<PathBuf>>,
    /// An SQLite database; made if it is missing
    pub(crate) sqlite: Option<PathBuf>,
    /// A PostgreSQL database: postgres://USER@HOST/DATABASE
    pub(crate) postgres: Option<String>,
    /// PostgreSQL: the query that finds a machine by :mac, :uuid, :serial, :ip, :hostname
    pub(crate) query: Option<String>,
    /// PostgreSQL: the file that holds the password
    pub(crate) password_file: Option<PathBuf>,
    /// An API that answers in JSON: URLs with {mac}, {uuid}, {serial}, {ip}, {hostname}, asked in
    /// order until one knows the machine
    pub(crate) http: Option<Many<String>>,
    /// API: JSON pointer to the machine in the answer, like "/results/0"
    pub(crate) machine: Option<String>,
    /// API: JSON pointers from there to the machine's keys, by name
    pub(crate) fields: BTreeMap<String, String>,
    /// API: headers to send with each question
    pub(crate) headers: BTreeMap<String, String>,
    /// API: the file that holds the bearer token
    pub(crate) bearer_file: Option<PathBuf>,
    /// API: the environment variable that holds the bearer token
    pub(crate) bearer_env: Option<String>,
    /// API: certificates of a private authority, PEM
    pub(crate) ca: Option<PathBuf>,
    /// How long an answer may take [default: 3s]
    pub(crate) timeout: Option<Time>,
    /// How long to remember a known machine [default: 30s; SQLite: 2s]
    pub(crate) fresh_for: Option<Time>,
    /// How long to remember that a machine is unknown [default: 5s; SQLite: 1s]
    pub(crate) absent_for: Option<Time>,
    /// How long old answers count while the source fails [default: 1day]
    pub(crate) stale_for: Option<Time>,
}

/// Files that are rendered for each machine.
#[derive(Clone, Default, Deserialize, JsonSchema, PartialEq)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Templates {
    /// The directory of the *.j2 files [default: "templates" beside the configuration, if there]
    pub(crate) dir: Option<PathBuf>,
    /// Variables for all templates
    pub(crate) vars: BTreeMap<String, serde_json::Value>,
    /// Most instructions of one rendering [default: 200000]
    pub(crate) fuel: Option<u64>,
    /// Longest text it may make [default: 4 MiB]
    pub(crate) size_max: Option<Size>,
}

/// Whether a text is the URL of a PostgreSQL database.
pub(crate) fn is_postgres(text: &str) -> bool {
    ["postgres://", "postgresql://"]
        .iter()
        .any(|scheme| text.starts_with(scheme))
}

/// All networks that a list of them names.
pub(in crate::config) fn networks(nets: &Many<Net>) -> Vec<ipnet::IpNet> {
    nets.0.iter().flat_map(|net| net.networks()).collect()
}

impl Setting {
    /// The value that holds without it, if it is one.
    #[must_use]
    pub fn default_value(&self) -> Option<String> {
        let document = Document::default();
        let mut settings = document.settings();
        let found = settings.find(|(setting, _)| std::ptr::eq(*setting, self));
        found.and_then(|(_, value)| value.text())
    }
}
