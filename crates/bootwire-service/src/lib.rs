#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod admin;
mod behind;
mod boots;
mod confined;
mod error;
mod manager;
mod memory;
mod notes;
mod opening;
mod passed;
mod reporting;
mod running;
mod served;
mod signals;
mod totals;

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::thread::available_parallelism;

use bootwire::{Router, ServerHandle, amount as size, escape as shown};
use bootwire_sandbox::Sandbox;
use bootwire_site::{Config, networks};

pub use confined::{executable, stand_in};
pub use error::ServiceError;

use admin::Door;
use behind::Behind;
use boots::Follow;
use manager::Manager;
use notes::Notes;
use opening::Opening;
use passed::Passed;
use reporting::Reporting;
use running::Running;
use served::Served;
use signals::Signals;
use totals::Totals;

/// Adds routes of a program's own to those that the configuration makes.
type OwnRoutes = Box<dyn Fn(Router) -> Router + Send + Sync>;

/// A server as a configuration has it, with everything that belongs to a service: it gives up rights,
/// follows boots, answers the admin API, exports what happens, tells the service manager how it is
/// doing, and ends on a signal.
pub struct Service {
    config: Config,
    verbose: bool,
    portable_io: bool,
    ends_with_stdin: bool,
    prefixes_log: bool,
    own: OwnRoutes,
    notes: Notes,
}

impl fmt::Debug for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Service")
            .field("config", &self.config.location)
            .finish_non_exhaustive()
    }
}

impl Service {
    /// The server of this configuration.
    #[must_use]
    pub fn new(config: Config) -> Self {
        Self {
            config,
            verbose: false,
            portable_io: false,
            ends_with_stdin: false,
            prefixes_log: false,
            own: Box::new(|configured| configured),
            notes: Notes::default(),
        }
    }

    /// Adds routes, handlers and layers of your own to what the configuration makes, on each reload too.
    #[must_use]
    pub fn routes(mut self, add: impl Fn(Router) -> Router + Send + Sync + 'static) -> Self {
        self.own = Box::new(add);
        self
    }

    /// Takes lines for whoever runs the server: what it serves and where, warnings, reloads, how it
    /// ended. Without it, nobody is told.
    #[must_use]
    pub fn notes(mut self, tell: impl Fn(&str) + Send + Sync + 'static) -> Self {
        self.notes.note = Arc::new(tell);
        self
    }

    /// Takes lines on what the server cannot do: why a configuration is not read again.
    #[must_use]
    pub fn complaints(mut self, tell: impl Fn(&str) + Send + Sync + 'static) -> Self {
        self.notes.complaint = Arc::new(tell);
        self
    }

    /// Says more when it starts: networks in numbers, the engine, the whole sandbox.
    #[must_use]
    pub const fn verbose(mut self, verbose: bool) -> Self {
        self.verbose = verbose;
        self
    }

    /// Uses no system calls that only Linux has for packets.
    #[must_use]
    pub const fn portable_io(mut self, portable: bool) -> Self {
        self.portable_io = portable;
        self
    }

    /// Takes the end of standard input for a signal to end: for a program that starts the server and
    /// holds the other end of a pipe.
    #[must_use]
    pub const fn ends_with_stdin(mut self, ends: bool) -> Self {
        self.ends_with_stdin = ends;
        self
    }

    /// Puts the priority before each line of a log on standard output, as journald takes it.
    #[must_use]
    pub const fn prefixes_log(mut self, prefixes: bool) -> Self {
        self.prefixes_log = prefixes;
        self
    }

    /// Runs the server until somebody ends it: by SIGTERM, SIGINT or the admin API. SIGHUP, the admin API
    /// and changed files read its configuration again.
    ///
    /// Call it on the first thread of a process, before there are others: it takes the sockets that a
    /// service manager passed on, becomes another user and closes a sandbox, which threads that are there
    /// already would not share. It makes a tokio runtime of its own.
    ///
    /// # Errors
    /// If the server cannot start as it is configured, or a thread of its engine died.
    pub fn run(self) -> Result<(), ServiceError> {
        // Before anything else opens a file that stays open.
        let passed = Passed::take()?;
        let manager = Manager::from_environment(&self.notes);
        opening::raise_descriptor_limit();
        let Self {
            config,
            verbose,
            own,
            notes,
            ..
        } = self;
        let mut sandbox = Sandbox::new(&confined::wanted(&config)?)?;
        if sandbox.takes_rights() {
            opening::expect_unprivileged_ports(&config)?;
        }
        // Before the sandbox: its directory, the token and the certificate may be root's.
        let mut door = Door::open(&config, verbose, &notes)?;
        let mut reach = confined::reach(&config, &mut sandbox, &notes)?;
        door.reach(&mut reach);
        let totals = Arc::new(Totals::default());
        let mut reporting = Reporting::open(&config, self.prefixes_log, &notes)?;
        let follow = Follow::default();
        let server = Opening {
            config: &config,
            portable_io: self.portable_io,
            totals: &totals,
            reporting: &reporting,
            follow: &follow,
            notes: &notes,
        };
        let server = server.open(passed)?;
        // Asked now: what tells the limits of a container is soon out of sight.
        let threads = available_parallelism().map_or(1, usize::from);
        bootwire_io::share_free_memory(threads.max(2));
        // From here on with no more rights than serving takes; and so all threads made below.
        let executable = reach.executable();
        let confined = sandbox.enter(reach)?;
        let executable = confined.confines_files().then_some(executable);
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(threads)
            .enable_all()
            .build()
            .map_err(ServiceError::system("cannot start"))?;
        let behind = Behind::start(threads)?;
        // In a box: it is large, and a stack may be small.
        let serving: Pin<Box<dyn Future<Output = Result<(), ServiceError>>>> = Box::pin(async {
            let mut signals = Signals::new(self.ends_with_stdin)?;
            let kept = behind.run(async || {
                let telemetry = &reporting.telemetry;
                follow.start(&config, verbose, telemetry, &notes).await
            })?;
            let opening = Served::open(config, follow.clone(), executable, own, notes.clone());
            let Some(served) = signals.or_end(Box::pin(opening)).await.transpose()? else {
                return Ok(());
            };
            reporting.hide(served.site.secrets());
            reporting.open_log(served.config())?;
            behind.run(async || reporting.export(served.site.exports()))??;
            door.listen(&reporting);
            let handle = server
                .serve(served.site.app())
                .start()
                .map_err(ServiceError::listen)?;
            introduce(verbose, &served, &handle, &confined, &notes);
            if let Some(kept) = kept.filter(|_| verbose) {
                notes.note(&format!("boots: kept {kept}"));
            }
            behind.run(async || {
                follow.watch(handle.view(), &reporting.telemetry, notes.clone());
                reporting.start(&handle, served.caching(), &notes)
            })??;
            let admin = door.start(&served.site, &handle, &reporting, follow.boots(), &notes)?;
            served.site.prefetch();
            let telling = manager.ready(&handle.view());
            let running = Running {
                manager,
                telling,
                drain: served.config().document.drain.0,
                served,
                handle,
                reporting,
                follow,
                admin,
                notes,
            };
            Box::pin(running.run(signals, &totals)).await
        });
        let result = runtime.block_on(serving);
        // A directory on a dead network file system must not keep a stopped server alive.
        runtime.shutdown_background();
        behind.stop();
        result
    }
}

/// Says what is served, where, to whom, and with what rights.
fn introduce(
    verbose: bool,
    served: &Served,
    handle: &ServerHandle,
    confined: &bootwire_sandbox::Report,
    notes: &Notes,
) {
    let mut lines = served.describe(verbose).into_iter();
    let first = lines.next().unwrap_or_default();
    notes.note(&format!("bootwire {} {first}", env!("CARGO_PKG_VERSION")));
    let document = &served.config().document;
    let transfers = match &document.ports {
        _ if document.single_port => ", which answers too (single port)".to_owned(),
        Some(ports) => format!(", transfers on ports {ports}"),
        None => String::new(),
    };
    for address in handle.local_addrs() {
        notes.note(&format!("listening on {address}{transfers}"));
    }
    lines.for_each(|line| notes.note(&line));
    if let Some(capped) = bootwire_netcheck::capped_receive_buffer(handle.receive_buffer()) {
        notes.note(&capped);
    }
    let allow = served.config().allowed();
    let clients = if verbose {
        networks::in_numbers(&allow)
    } else {
        networks::in_words(&allow)
    };
    let others = match allow.as_slice() {
        [] => format!(" (others: {})", served.how_to_allow()),
        _ => String::new(),
    };
    notes.note(&format!("clients: {clients}{others}"));
    if verbose {
        notes.note(&format!(
            "engine: {}, {}",
            handle.engine(),
            size::count(handle.workers() as u64, "worker", "workers")
        ));
        notes.note(&format!("sandbox: {confined}"));
    } else {
        notes.note(&format!(
            "sandbox: {} (more: --verbose)",
            confined.in_short()
        ));
    }
}
