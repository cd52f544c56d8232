//! Serving the API: [`Admin`] says what is shown, [`Listener`]s where.
//!
//! | part | does |
//! |---|---|
//! | [`listen`] | opens the sockets, before threads start and rights are given up |
//! | `accept` | takes connections, as many as there are places |
//! | `access` | decides who may call what |
//! | `answer` | answers a call |
//! | `events` | follows for one who follows |
//! | `feeding` | tells those who follow what happens |
//! | `discreet` | keeps secrets in paths from being seen |
//! | `shown` | a record as both show it |
//! | `paced`, [`tls`] | what is around a connection |

mod accept;
mod access;
mod answer;
mod discreet;
mod events;
mod feeding;
pub(crate) mod listen;
mod paced;
mod shown;
pub(crate) mod tls;

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};

use axum::Router;
use axum::body::Body;
use axum::http::{Method, Request, Uri};
use axum::response::Response;
use axum::routing::{MethodFilter, MethodRouter, on};
use bootwire::{ServerView, TransferRecord};
use bootwire_telemetry::hub::Subscription;
use bootwire_telemetry::{Hub, Metrics};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

pub use access::TOKEN_LEAST;
pub use listen::{Address, ListenError, Listener, ParseAddressError};
pub use tls::{Certificate, CertificateError};

use access::{Access, Way};
use discreet::{Discreet, Hide};

use crate::api;
use crate::boots::Kept;
use crate::console;
use crate::endpoints::{ENDPOINTS, Endpoint};
use crate::feed::Feed;
use crate::feed::news::Item;
use crate::problem::Problem;
use crate::sources::{Boots, Control, Live, NoControl};
use crate::view::Viewed;

/// Most who follow at a time.
const FOLLOWERS: usize = 64;

type Exporters = Arc<dyn Fn() -> Vec<api::ExporterDrops> + Send + Sync>;
type Line = Arc<dyn Fn(&TransferRecord) -> String + Send + Sync>;
type Notes = Arc<dyn Fn(&str) + Send + Sync>;

/// What is shown, and to whom.
///
/// ```no_run
/// use bootwire::{Router, Server};
/// use bootwire_admin::{Address, Admin, Listener};
/// use bootwire_telemetry::Hub;
///
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// let hub = Hub::new(1024);
/// let server = Server::bind("[::]:69")
///     .serve(Router::new().read("/motd", async || "hello"))
///     .observe_batches(hub.observer())
///     .start()?;
/// let socket = Listener::bind(&Address::Unix("/run/mine/admin.sock".into()), None)?;
/// let admin = Admin::new(server.view()).records(&hub).start([socket])?;
/// // `bootwire top --admin /run/mine/admin.sock` shows it.
/// # admin.stop().await;
/// # Ok(())
/// # }
/// ```
#[must_use]
pub struct Admin {
    name: String,
    version: String,
    live: Arc<dyn Live>,
    records: Option<Subscription<TransferRecord>>,
    boots: Option<Arc<dyn Boots>>,
    kept: Option<bootwire_boots::Boots>,
    control: Arc<dyn Control>,
    metrics: Option<Metrics>,
    exporters: Option<Exporters>,
    line: Option<Line>,
    hide: Option<Hide>,
    notes: Option<Notes>,
    token: Option<String>,
    certificate: Option<Certificate>,
    console: bool,
}

/// What all answers are made of.
pub(crate) struct Shared {
    pub(crate) name: String,
    pub(crate) version: String,
    pub(crate) started: SystemTime,
    pub(crate) live: Arc<dyn Live>,
    pub(crate) feed: Feed,
    boots: Option<Arc<dyn Boots>>,
    pub(crate) control: Arc<dyn Control>,
    pub(crate) metrics: Option<Metrics>,
    exporters: Option<Exporters>,
    pub(crate) line: Option<Line>,
    pub(crate) access: Access,
    console: bool,
    draining: AtomicBool,
    followers: Arc<Semaphore>,
    ending: watch::Sender<bool>,
}

impl Admin {
    /// Of this server.
    pub fn new(server: ServerView) -> Self {
        Self::of(Viewed::new(server))
    }

    /// Of a server of another kind.
    pub fn of(live: impl Live) -> Self {
        Self {
            name: "bootwire".to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            live: Arc::new(live),
            records: None,
            boots: None,
            kept: None,
            control: Arc::new(NoControl),
            metrics: None,
            exporters: None,
            line: None,
            hide: None,
            notes: None,
            token: None,
            certificate: None,
            console: true,
        }
    }

    /// The program's name and version, if it is not Bootwire itself.
    pub fn name(mut self, name: &str, version: &str) -> Self {
        self.name = name.to_owned();
        self.version = version.to_owned();
        self
    }

    /// Shows the records that come by this hub from now on.
    pub fn records(self, hub: &Hub) -> Self {
        self.records_since(hub.subscribe())
    }

    /// Shows the records since this subscription began: one that is made before the server starts
    /// misses none.
    pub fn records_since(mut self, records: Subscription<TransferRecord>) -> Self {
        self.records = Some(records);
        self
    }

    /// Shows these boots and their machines, and tells those who follow what becomes of them.
    pub fn boots(mut self, boots: &bootwire_boots::Boots) -> Self {
        self.kept = Some(boots.clone());
        self
    }

    /// Shows boots and machines that are kept in another way. [`Running::teller`] tells of them.
    pub fn boots_of(mut self, boots: Arc<dyn Boots>) -> Self {
        self.boots = Some(boots);
        self
    }

    /// Lets operators ask for more than to look.
    pub fn control(mut self, control: Arc<dyn Control>) -> Self {
        self.control = control;
        self
    }

    /// Answers `/metrics` with these.
    pub fn metrics(mut self, metrics: &Metrics) -> Self {
        self.metrics = Some(metrics.clone());
        self
    }

    /// Shows what exporters lost.
    pub fn exporters(
        mut self,
        drops: impl Fn() -> Vec<api::ExporterDrops> + Send + Sync + 'static,
    ) -> Self {
        self.exporters = Some(Arc::new(drops));
        self
    }

    /// Tells a record in a line, as the log has it: for those who follow and want text.
    pub fn line(
        mut self,
        line: impl Fn(&TransferRecord) -> String + Send + Sync + 'static,
    ) -> Self {
        self.line = Some(Arc::new(line));
        self
    }

    /// Shows this in place of the path of a transfer that runs, if it is anything: names of uploads may
    /// have secrets in them. Records come as they are to be shown: see
    /// [`TelemetryBuilder::redact`](bootwire_telemetry::TelemetryBuilder::redact).
    pub fn hide(mut self, hide: impl Fn(&str) -> Option<String> + Send + Sync + 'static) -> Self {
        self.hide = Some(Arc::new(hide));
        self
    }

    /// Hears lines for the log. By default nobody does.
    pub fn notes(mut self, tell: impl Fn(&str) + Send + Sync + 'static) -> Self {
        self.notes = Some(Arc::new(tell));
        self
    }

    /// Wants this token over TCP. It has at least 16 bytes. The Unix socket is guarded by its file.
    pub fn token(mut self, token: impl Into<String>) -> Self {
        self.token = Some(token.into());
        self
    }

    /// Speaks TLS over TCP, with this certificate.
    pub fn certificate(mut self, certificate: Certificate) -> Self {
        self.certificate = Some(certificate);
        self
    }

    /// Whether the console is served, too. By default it is.
    pub const fn console(mut self, is_on: bool) -> Self {
        self.console = is_on;
        self
    }

    /// Serves on these sockets. Must be called within a tokio runtime.
    ///
    /// # Errors
    /// If one of them can be reached from elsewhere and there is no token or no certificate, or a
    /// socket or certificate cannot be used.
    pub fn start(
        self,
        listeners: impl IntoIterator<Item = Listener>,
    ) -> Result<Running, ListenError> {
        let listeners: Vec<Listener> = listeners.into_iter().collect();
        let guarded = self.token.is_some() && self.certificate.is_some();
        for listener in &listeners {
            if let Address::Tcp(address) = listener.address()
                && !listener.address().is_local()
                && !guarded
            {
                return Err(ListenError::Exposed(*address));
            }
        }
        let addresses: Vec<Address> = listeners
            .iter()
            .map(|listener| listener.address().clone())
            .collect();
        let failed = |why: String| {
            let address = addresses
                .first()
                .cloned()
                .unwrap_or(Address::Unix("".into()));
            ListenError::Io(address, io::Error::other(why))
        };
        let access = Access::new(self.token).map_err(|_| failed("no random numbers".to_owned()))?;
        let tls = match &self.certificate {
            None => None,
            Some(certificate) => {
                let config = certificate
                    .config()
                    .map_err(|error| failed(error.to_string()))?;
                Some(TlsAcceptor::from(config))
            }
        };
        let changes = self.kept.as_ref().map(bootwire_boots::Boots::subscribe);
        let kept = self.kept.map(|boots| {
            let kept = Kept::new(boots, Arc::clone(&self.control));
            Arc::new(kept) as Arc<dyn Boots>
        });
        let shared = Arc::new(Shared {
            name: self.name,
            version: self.version,
            started: SystemTime::now(),
            live: match self.hide {
                None => self.live,
                Some(hide) => Arc::new(Discreet::new(self.live, hide)),
            },
            feed: Feed::new(instance()),
            boots: self.boots.or(kept),
            control: self.control,
            metrics: self.metrics,
            exporters: self.exporters,
            line: self.line,
            access,
            console: self.console,
            draining: AtomicBool::new(false),
            followers: Arc::new(Semaphore::new(FOLLOWERS)),
            ending: watch::Sender::new(false),
        });
        let mut tasks = JoinSet::new();
        tasks.spawn(feeding::tick(Arc::clone(&shared)));
        if let Some(records) = self.records {
            tasks.spawn(feeding::listen_to(Arc::clone(&shared), records));
        }
        if let Some(changes) = changes {
            tasks.spawn(feeding::follow_boots(Arc::clone(&shared), changes));
        }
        if let Some(certificate) = self.certificate {
            let (notes, mut ending) = (self.notes.clone(), shared.ending.subscribe());
            tasks.spawn(async move {
                tokio::select! {
                    () = certificate.look_after(|line| tell(notes.as_ref(), line)) => {}
                    () = shutdown(&mut ending) => {}
                }
            });
        }
        let places = Arc::new(Semaphore::new(accept::CONNECTIONS));
        for listener in listeners {
            let way = match listener.address() {
                Address::Unix(_) => Way::Unix,
                Address::Tcp(at) => Way::Tcp {
                    at: *at,
                    tls: tls.is_some(),
                },
            };
            let app = router(&shared, way);
            let (tls, places, ending) =
                (tls.clone(), Arc::clone(&places), shared.ending.subscribe());
            let (notes, address) = (self.notes.clone(), listener.address().clone());
            tasks.spawn(async move {
                if let Err(error) = accept::serve(listener, app, tls, places, ending).await {
                    tell(notes.as_ref(), &format!("admin: {address}: {error}"));
                }
            });
        }
        Ok(Running {
            shared,
            addresses,
            tasks,
        })
    }
}

impl Shared {
    /// Whether new requests get an answer.
    pub(crate) fn is_ready(&self) -> bool {
        !self.draining.load(Ordering::Relaxed)
    }

    pub(crate) fn exporters(&self) -> Vec<api::ExporterDrops> {
        self.exporters
            .as_ref()
            .map_or_else(Vec::new, |drops| drops())
    }

    pub(crate) fn boots(&self) -> Result<&Arc<dyn Boots>, Problem> {
        let none = || Problem::absent("boots", "the program that serves keeps no boots");
        self.boots.as_ref().ok_or_else(none)
    }
}

/// An API that is served. Dropping it ends it at once; [`Running::stop`] ends it well.
pub struct Running {
    shared: Arc<Shared>,
    addresses: Vec<Address>,
    tasks: JoinSet<()>,
}

impl Running {
    /// Where it is served.
    #[must_use]
    pub fn addresses(&self) -> &[Address] {
        &self.addresses
    }

    /// Says from now on that new TFTP requests get no answer.
    pub fn draining(&self) {
        self.shared.draining.store(true, Ordering::Relaxed);
    }

    /// What tells those who follow of boots, for whoever has them.
    pub fn teller(&self) -> impl Fn(api::Boot) + Send + Sync + 'static + use<> {
        let shared = Arc::clone(&self.shared);
        move |boot| shared.feed.tell([Item::Boot(Arc::new(boot))])
    }

    /// Takes no more connections, says good-bye to those who follow, lets answers that are under way
    /// finish, and closes the sockets.
    pub async fn stop(mut self) {
        self.shared.ending.send_replace(true);
        let all = async { while self.tasks.join_next().await.is_some() {} };
        let within = accept::FINISH_WITHIN + Duration::from_secs(1);
        let _ = tokio::time::timeout(within, all).await;
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.shared.ending.send_replace(true);
    }
}

impl std::fmt::Debug for Running {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Running")
            .field("addresses", &self.addresses)
            .finish_non_exhaustive()
    }
}

/// What answers requests that come `way`.
fn router(shared: &Arc<Shared>, way: Way) -> Router {
    let mut router = Router::new();
    for endpoint in ENDPOINTS {
        router = router.route(endpoint.path, route(Arc::clone(shared), way, endpoint));
    }
    let fallback = Arc::clone(shared);
    router
        .fallback(move |method: Method, uri: Uri, request: Request<Body>| {
            let shared = Arc::clone(&fallback);
            async move { elsewhere(&shared, way, &method, &uri, &request) }
        })
        .method_not_allowed_fallback(|method: Method, uri: Uri| async move {
            guarded(answer::refusal(&Problem::new(
                http::StatusCode::METHOD_NOT_ALLOWED,
                "method",
                "Another method",
                format!("{method} is not for {}: see /openapi.json", uri.path()),
            )))
        })
}

fn route(shared: Arc<Shared>, way: Way, endpoint: &'static Endpoint) -> MethodRouter {
    let filter = match endpoint.method {
        Method::POST => MethodFilter::POST,
        Method::DELETE => MethodFilter::DELETE,
        _ => MethodFilter::GET,
    };
    on(filter, move |request: Request<Body>| {
        answer::answer(Arc::clone(&shared), way, endpoint, request)
    })
}

/// The console, or nothing.
fn elsewhere(
    shared: &Shared,
    way: Way,
    method: &Method,
    uri: &Uri,
    request: &Request<Body>,
) -> Response {
    let headers = request.headers();
    if let Err(problem) = Access::check_page(way, headers) {
        return guarded(answer::refusal(&problem));
    }
    let page = shared.console && matches!(*method, Method::GET | Method::HEAD);
    let page = page.then(|| console::answer(uri.path(), headers)).flatten();
    page.unwrap_or_else(|| {
        let path = uri.path();
        guarded(answer::refusal(&Problem::not_found(format!(
            "there is no {path}: see /openapi.json"
        ))))
    })
}

fn guarded(mut response: Response) -> Response {
    console::guard(response.headers_mut());
    response
}

fn tell(notes: Option<&Notes>, line: &str) {
    if let Some(tell) = notes {
        tell(line);
    }
}

/// Resolves once the server ends.
async fn shutdown(ending: &mut watch::Receiver<bool>) {
    // Whoever could say so is gone: that is the end too.
    let _ = ending.wait_for(|ends| *ends).await;
}

/// A name for this run: when it began, and which process it is.
fn instance() -> String {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    let nanos = since.map_or(0, |since| since.as_nanos() as u64);
    format!("{:x}", nanos ^ (u64::from(std::process::id()) << 48))
}
