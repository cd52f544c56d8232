//! What there is to ask: the one table of which router, OpenAPI description and reference are made.

use http::Method;
use schemars::{JsonSchema, Schema, SchemaGenerator};

use crate::api;

/// The header that a call needs which changes something.
pub const CHANGES: &str = "x-bootwire";
/// The cookie that stands for the token.
pub const COOKIE: &str = "bootwire_session";

/// What is asked for. One for each row of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Call {
    /// The server as a whole.
    Status,
    /// The last minutes.
    History,
    /// Transfers that run.
    Transfers,
    /// One of them.
    Transfer,
    /// Transfers that ended.
    Records,
    /// Boots.
    Boots,
    /// One of them.
    Boot,
    /// Machines.
    Machines,
    /// One of them.
    Machine,
    /// The cache.
    Cache,
    /// Fetch before anybody asks.
    Prefetch,
    /// Remove from the cache.
    Purge,
    /// The configuration in force.
    Config,
    /// What would a client get?
    Explain,
    /// Read the configuration again.
    Reload,
    /// Finish, and end.
    Drain,
    /// Server-sent events.
    Events,
    /// A token becomes a cookie.
    SignIn,
    /// And no more.
    SignOut,
    /// Is the process well?
    Healthy,
    /// Does it take requests?
    Ready,
    /// Metrics for Prometheus.
    Metrics,
    /// The description of all this.
    Description,
}

/// A row of the table.
#[derive(Debug)]
pub struct Endpoint {
    /// What it is.
    pub call: Call,
    /// The method of HTTP.
    pub method: Method,
    /// The path, with `{id}` in it where there is one.
    pub path: &'static str,
    /// A name for generated clients.
    pub id: &'static str,
    /// The heading it is under.
    pub group: &'static str,
    /// What it does, in a line.
    pub summary: &'static str,
    /// What else there is to know.
    pub more: &'static str,
    /// What `{id}` is.
    pub path_help: &'static str,
    /// What may be behind the `?`.
    pub query: Option<Shape>,
    /// What is in the body of the request.
    pub body: Option<Shape>,
    /// What comes back.
    pub answer: Answer,
    /// Whether it changes anything. Such a call needs a header that no form of a web page can send.
    pub changes: bool,
    /// Whether it needs no token: to sign in, and to be asked for health.
    pub open: bool,
}

/// A type of this crate, as a schema.
#[derive(Clone, Copy)]
pub struct Shape(fn(&mut SchemaGenerator) -> Schema);

impl std::fmt::Debug for Shape {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Shape")
    }
}

impl Shape {
    const fn of<T: JsonSchema>() -> Self {
        Self(|generator| generator.subschema_for::<T>())
    }

    /// Its schema: a reference to a definition that the generator keeps.
    pub(crate) fn schema(self, generator: &mut SchemaGenerator) -> Schema {
        (self.0)(generator)
    }
}

/// What comes back.
#[derive(Clone, Copy, Debug)]
pub enum Answer {
    /// JSON of this shape.
    Json(Shape),
    /// Text of this type.
    Text(&'static str),
    /// Server-sent events.
    Events,
    /// Nothing: 204.
    Nothing,
}

impl Endpoint {
    const fn new(call: Call, method: Method, path: &'static str, id: &'static str) -> Self {
        Self {
            call,
            method,
            path,
            id,
            group: "",
            summary: "",
            more: "",
            path_help: "",
            query: None,
            body: None,
            answer: Answer::Nothing,
            changes: false,
            open: false,
        }
    }

    const fn get(call: Call, path: &'static str, id: &'static str) -> Self {
        Self::new(call, Method::GET, path, id)
    }

    const fn post(call: Call, path: &'static str, id: &'static str) -> Self {
        let mut endpoint = Self::new(call, Method::POST, path, id);
        endpoint.changes = true;
        endpoint
    }

    const fn told(
        mut self,
        group: &'static str,
        summary: &'static str,
        more: &'static str,
    ) -> Self {
        self.group = group;
        self.summary = summary;
        self.more = more;
        self
    }

    const fn of(mut self, path_help: &'static str) -> Self {
        self.path_help = path_help;
        self
    }

    const fn query<T: JsonSchema>(mut self) -> Self {
        self.query = Some(Shape::of::<T>());
        self
    }

    const fn body<T: JsonSchema>(mut self) -> Self {
        self.body = Some(Shape::of::<T>());
        self
    }

    const fn json<T: JsonSchema>(mut self) -> Self {
        self.answer = Answer::Json(Shape::of::<T>());
        self
    }

    const fn text(mut self, kind: &'static str) -> Self {
        self.answer = Answer::Text(kind);
        self
    }

    const fn events(mut self) -> Self {
        self.answer = Answer::Events;
        self
    }

    const fn open(mut self) -> Self {
        self.open = true;
        self
    }
}

const SERVER: &str = "The server";
const TRANSFERS: &str = "Transfers";
const BOOTS: &str = "Boots and machines";
const CACHE: &str = "The cache";
const SITE: &str = "The configuration";
const EVENTS: &str = "Events";
const SESSION: &str = "Signing in";
const PROBES: &str = "Health and metrics";

/// Every endpoint, in the order of the reference.
pub static ENDPOINTS: &[Endpoint] = &[
    Endpoint::get(Call::Status, "/api/v1/status", "getStatus")
        .told(
            SERVER,
            "The server as a whole: version, addresses, load, counts, lost records",
            "",
        )
        .json::<api::Status>(),
    Endpoint::get(Call::History, "/api/v1/history", "getHistory")
        .told(
            SERVER,
            "The last 15 minutes, second by second",
            "For a chart that is opened; `stats` events carry it on.",
        )
        .json::<api::History>(),
    Endpoint::post(Call::Drain, "/api/v1/drain", "drain")
        .told(
            SERVER,
            "Finish running transfers, then end",
            "As SIGTERM does. New requests get no answer from then on, and `/readyz` says so. Answers at \
             once.",
        )
        .json::<api::Draining>(),
    Endpoint::get(Call::Transfers, "/api/v1/transfers", "listTransfers")
        .told(
            TRANSFERS,
            "Transfers that run now, sorted and filtered, in pages",
            "Looks at most at 20,000. To follow them take `transfers` events.",
        )
        .query::<api::TransfersQuery>()
        .json::<api::TransfersPage>(),
    Endpoint::get(Call::Transfer, "/api/v1/transfers/{id}", "getTransfer")
        .told(TRANSFERS, "One transfer that runs now", "")
        .of("Its number")
        .json::<api::Transfer>(),
    Endpoint::get(Call::Records, "/api/v1/records", "listRecords")
        .told(
            TRANSFERS,
            "The newest transfers that ended, filtered",
            "Of the last 2,000, which are kept in memory. The log has all.",
        )
        .query::<api::RecordsQuery>()
        .json::<api::RecordsPage>(),
    Endpoint::get(Call::Boots, "/api/v1/boots", "listBoots")
        .told(BOOTS, "Boots, the newest first, in pages", "")
        .query::<api::BootsQuery>()
        .json::<api::BootsPage>(),
    Endpoint::get(Call::Boot, "/api/v1/boots/{id}", "getBoot")
        .told(BOOTS, "One boot with its timeline and verdict", "")
        .of("Its id")
        .json::<api::BootDetail>(),
    Endpoint::get(Call::Machines, "/api/v1/machines", "listMachines")
        .told(
            BOOTS,
            "Machines that were heard of, with their last boot, in pages",
            "`discovered=true` lists those that the inventory does not know.",
        )
        .query::<api::MachinesQuery>()
        .json::<api::MachinesPage>(),
    Endpoint::get(Call::Machine, "/api/v1/machines/{id}", "getMachine")
        .told(
            BOOTS,
            "One machine: its boots, what it transfers now, what it transferred lately",
            "",
        )
        .of("Its name or identity; a slash in it is written %2F")
        .json::<api::MachineDetail>(),
    Endpoint::get(Call::Cache, "/api/v1/cache", "getCache")
        .told(CACHE, "The cache: what it holds and counted, and its origins", "")
        .json::<api::CacheView>(),
    Endpoint::post(Call::Prefetch, "/api/v1/cache/prefetch", "prefetch")
        .told(
            CACHE,
            "Fetch objects before anybody asks",
            "Objects that are named are fetched before this answers, for two minutes at most. Without a \
             name, what the configuration says is fetched behind the answer.",
        )
        .body::<api::Prefetch>()
        .json::<api::PrefetchReport>(),
    Endpoint::post(Call::Purge, "/api/v1/cache/purge", "purge")
        .told(
            CACHE,
            "Remove an object from the cache, or all of an origin",
            "Transfers that read it go on. Who asks next makes the server fetch it again.",
        )
        .body::<api::Purge>()
        .json::<api::Purged>(),
    Endpoint::get(Call::Config, "/api/v1/config", "getConfig")
        .told(
            SITE,
            "The configuration in force, without secrets",
            "Keys of the server with value, default and place, and the routes in words.",
        )
        .json::<api::ConfigView>(),
    Endpoint::post(Call::Explain, "/api/v1/explain", "explain")
        .told(
            SITE,
            "What a client would get, and why",
            "As `bootwire explain` tells it, of the configuration in force.",
        )
        .body::<api::Explain>()
        .json::<api::Explained>(),
    Endpoint::post(Call::Reload, "/api/v1/reload", "reload")
        .told(
            SITE,
            "Read the configuration again",
            "As SIGHUP does. If it has mistakes nothing changes, and the answer (422) has them.",
        )
        .json::<api::Reloaded>(),
    Endpoint::get(Call::Events, "/api/v1/events", "streamEvents")
        .told(
            EVENTS,
            "What happens, as it happens",
            "Server-sent events. The first is `hello`; then come `record`, `transfers`, `boot` and \
             `stats`, as you asked for. Records and boots have an id: after a break, send the last one as \
             `Last-Event-ID`, and what you missed comes first, as far as it is among the last 2,000. \
             `lag` says that something is lost, `bye` that the server ends.",
        )
        .query::<api::EventsQuery>()
        .events(),
    Endpoint::post(Call::SignIn, "/api/v1/session", "signIn")
        .told(
            SESSION,
            "Exchange the token for a cookie",
            "For browsers. The cookie lasts 12 hours, no script can read it, and no other site can use it.",
        )
        .body::<api::SessionRequest>()
        .open(),
    Endpoint::new(Call::SignOut, Method::DELETE, "/api/v1/session", "signOut")
        .told(SESSION, "Forget the cookie", "")
        .open(),
    Endpoint::get(Call::Healthy, "/healthz", "getHealth")
        .told(
            PROBES,
            "Whether the process is well",
            "200 if it is, 503 if not. Needs no token.",
        )
        .json::<api::Health>()
        .open(),
    Endpoint::get(Call::Ready, "/readyz", "getReadiness")
        .told(
            PROBES,
            "Whether it takes requests",
            "200 if it does; 503 while it drains. Needs no token.",
        )
        .json::<api::Health>()
        .open(),
    Endpoint::get(Call::Metrics, "/metrics", "getMetrics")
        .told(
            PROBES,
            "Metrics for Prometheus",
            "The same as at `metrics.listen`; see the reference of metrics.",
        )
        .text("application/openmetrics-text; version=1.0.0; charset=utf-8"),
    Endpoint::get(Call::Description, "/openapi.json", "getDescription")
        .told(PROBES, "This description, in OpenAPI 3.1", "")
        .text("application/json"),
];

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn rows_are_told_apart() {
        let mut ids = HashSet::new();
        let mut calls = HashSet::new();
        let mut places = HashSet::new();
        for endpoint in ENDPOINTS {
            assert!(ids.insert(endpoint.id), "{}", endpoint.id);
            assert!(calls.insert(endpoint.call), "{:?}", endpoint.call);
            assert!(places.insert((endpoint.method.clone(), endpoint.path)));
            assert!(!endpoint.group.is_empty() && !endpoint.summary.is_empty());
            assert_eq!(
                endpoint.path.contains("{id}"),
                !endpoint.path_help.is_empty()
            );
            // What changes something is never had by following a link.
            assert_eq!(endpoint.changes, endpoint.method == Method::POST);
        }
    }
}
