//! From settings to running threads.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize};
use std::time::{Duration, Instant as Clock};

use bootwire_io::{Kernel, Socket};
use bootwire_proto::Instant;
use foldhash::quality::SeedableRandomState;

use super::admission::{Admission, Guard, OwnAddresses};
use super::engine::{Config, Engine};
use super::error::ServerError;
use super::experience::Experiences;
use super::handle::{Crew, ServerHandle};
use super::host::TokioHost;
use super::inbox::Inbox;
use super::listen::listen;
use super::observe::Observers;
use super::settings::Settings;
use super::sockets::Sockets;
use super::spin::Spin;
use super::stats::Counters;
use super::worker::Worker;
use crate::router::App;

/// Longest a source or sink may do nothing while its client waits.
pub(super) const STALL: Duration = Duration::from_secs(60);

/// Longest a worker may look for packets before it sleeps.
const SPIN_MAX: Duration = Duration::from_millis(10);

/// A server whose sockets are open and whose threads have not started: made by [`Server::open`].
///
/// Between the two a process gives up what only opening the sockets needed: root, capabilities,
/// access to the rest of the file system. On Linux such calls reach the calling thread and those
/// it makes later, so they belong here, before tokio's threads and the workers are there.
/// Datagrams that come meanwhile wait in the sockets.
///
/// ```no_run
/// use bootwire::{Router, Server, ServerError};
///
/// fn main() -> Result<(), ServerError> {
///     let app = Router::new().read("/motd", async || "hello");
///     let server = Server::bind("[::]:69").serve(app).open()?;
///     // Become another user, restrict this thread, and only then:
///     tokio::runtime::Runtime::new()?.block_on(server.run())
/// }
/// ```
///
/// [`Server::open`]: crate::Server::open
pub struct OpenServer {
    settings: Settings,
    app: App,
    kernel: Kernel,
    addresses: Vec<SocketAddr>,
    /// Those of each worker.
    sockets: Vec<Sockets>,
    /// The smallest of the listening sockets.
    receive_buffer: usize,
    own: Arc<OwnAddresses>,
}

impl OpenServer {
    /// Checks the settings and opens the sockets.
    pub(super) fn new(settings: Settings) -> Result<Self, ServerError> {
        let Some(app) = settings.app.clone() else {
            return Err(ServerError::Incomplete("give Server::serve a Router"));
        };
        check(&settings)?;
        let kernel = if settings.portable {
            Kernel::portable()
        } else {
            Kernel::probe()
        };
        let single_socket = !settings.sockets.is_empty() && settings.listen.is_empty();
        let workers = if single_socket {
            settings.sockets.len()
        } else {
            worker_count(&settings)
        };
        let (addresses, listeners) = listen(&settings, kernel, workers)?;
        let buffers = listeners.iter().flatten().map(Socket::receive_buffer);
        let receive_buffer = buffers.min().map_or(0, as_asked);
        let own = Arc::<OwnAddresses>::default();
        let sockets = listeners
            .into_iter()
            .enumerate()
            .map(|(number, listeners)| {
                let range = port_share(settings.ports.as_ref(), number, workers);
                let (single_port, fragment) = (settings.single_port, settings.fragment);
                let own = Arc::clone(&own);
                Sockets::new(kernel, listeners, single_port, fragment, range, own)
            })
            .collect::<Result<_, _>>()?;
        Ok(Self {
            settings,
            app,
            kernel,
            addresses,
            sockets,
            receive_buffer,
            own,
        })
    }

    /// Makes some of the transfer sockets as well.
    pub(super) fn set_aside(mut self) -> Self {
        self.sockets.iter_mut().for_each(Sockets::set_aside);
        self
    }

    /// The addresses it listens on, in the order given, with the ports the kernel chose.
    #[must_use]
    pub fn local_addrs(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// What is served, in place of what [`Server::serve`](crate::Server::serve) was given: for an
    /// application that is made after the process has given up its rights.
    #[must_use]
    pub fn serve(mut self, app: impl Into<App>) -> Self {
        self.app = app.into();
        self
    }

    /// Starts the workers. Must be called within a tokio runtime: handlers run there.
    ///
    /// # Errors
    /// [`ServerError::Settings`] without a runtime, [`ServerError::Engine`] if a thread cannot be
    /// made.
    pub fn start(self) -> Result<ServerHandle, ServerError> {
        let runtime = tokio::runtime::Handle::try_current().map_err(|_| {
            ServerError::Settings("start the server within a tokio runtime".to_owned())
        })?;
        let Self {
            settings,
            app,
            kernel,
            addresses,
            sockets,
            receive_buffer,
            own,
        } = self;
        let counters: Vec<Arc<Counters>> = sockets.iter().map(|_| Arc::default()).collect();
        let observers = Observers::start(
            settings.observers,
            settings.stats_observers,
            counters.clone(),
        )?;
        let origin = Clock::now();
        let running = Arc::new(AtomicUsize::new(0));
        let ids = Arc::new(AtomicU64::new(0));
        let hasher = SeedableRandomState::random();
        let experiences = Arc::new(Experiences::new(SeedableRandomState::random()));
        let guard = Arc::new(Guard::new(settings.budgets, own, hasher));
        let config = Config {
            limits: settings.limits,
            schedule: settings.schedule,
            windowsize_first: settings.windowsize_first,
            deadline: settings.deadline,
            stall: STALL,
            fragment: settings.fragment,
            traceparent: settings.traceparent,
            listeners: 0,
        };

        let mut crew = Crew::new(counters, observers);
        for (number, sockets) in sockets.into_iter().enumerate() {
            let config = Config {
                listeners: sockets.listeners(),
                ..config
            };
            let inbox = Arc::new(Inbox::new(sockets.waker()));
            let host = TokioHost {
                runtime: runtime.clone(),
                app: app.clone(),
                inbox: Arc::clone(&inbox),
                ids: Arc::clone(&ids),
                deadline: settings.deadline,
                mapping: kernel.mapping,
                records: crew.events(),
            };
            let allow = settings.allow.clone().map(Vec::into_boxed_slice);
            let admission = Admission::new(
                allow,
                Arc::clone(&running),
                settings.transfers_max,
                settings.transfers_per_peer_max,
            )
            .guarded(Arc::clone(&guard));
            let counters = crew.counters(number);
            let seed = std::process::id()
                .wrapping_mul(31)
                .wrapping_add(number as u32);
            let engine = Engine::new(
                Instant::ZERO,
                host,
                config,
                admission,
                Arc::clone(&experiences),
                Arc::clone(&counters),
                seed,
            );
            crew.add(Arc::clone(&inbox), number, move || {
                Worker::new(kernel, engine, sockets, inbox, counters, origin)
                    .spinning(settings.spin.map_or_else(Spin::default, Spin::fixed))
                    .run();
            })?;
        }
        Ok(ServerHandle::new(
            crew,
            addresses,
            kernel,
            receive_buffer,
            origin,
        ))
    }

    /// Starts, and runs until the process ends.
    ///
    /// # Errors
    /// As [`OpenServer::start`], and [`ServerError::Worker`].
    pub async fn run(self) -> Result<(), ServerError> {
        self.run_until(std::future::pending()).await
    }

    /// Starts, runs until `shutdown` resolves, then drains: running transfers may finish for at
    /// most 30 s, new requests are not answered.
    ///
    /// # Errors
    /// As [`OpenServer::run`].
    pub async fn run_until(self, shutdown: impl Future<Output = ()>) -> Result<(), ServerError> {
        ServerHandle::run_until(|| self.start(), shutdown).await
    }
}

/// Of what the kernel says of a buffer, the bytes one would ask for to get it: Linux doubles them.
const fn as_asked(told: usize) -> usize {
    if cfg!(target_os = "linux") {
        told / 2
    } else {
        told
    }
}

fn check(settings: &Settings) -> Result<(), ServerError> {
    if settings.listen.is_empty() && settings.sockets.is_empty() {
        return Err(ServerError::Incomplete("give Server::bind an address"));
    }
    let wrong = |text: &str| Err(ServerError::Settings(text.to_owned()));
    if !(8..=65_464).contains(&settings.limits.blksize_max) {
        return wrong("blksize_max must be from 8 to 65464 bytes");
    }
    // Half of the block numbers: beyond it an ACK could mean two blocks.
    if !(1..=32_767).contains(&settings.limits.windowsize_max) {
        return wrong("windowsize_max must be from 1 to 32767 blocks");
    }
    if !(1..=32_767).contains(&settings.windowsize_first) {
        return wrong("windowsize_first must be from 1 to 32767 blocks");
    }
    if settings.spin > Some(SPIN_MAX) {
        return wrong("a worker may spin for at most 10 ms");
    }
    if settings.workers == Some(0) {
        return wrong("at least one worker is needed");
    }
    if settings.single_port && settings.ports.is_some() {
        return wrong("single_port answers from the listening port: a port range contradicts it");
    }
    if let Some(ports) = &settings.ports
        && (ports.is_empty() || *ports.start() == 0)
    {
        return wrong("the port range must be like 30000-30063, lowest port first");
    }
    Ok(())
}

/// One worker a core, but no more than there are transfer ports.
fn worker_count(settings: &Settings) -> usize {
    // Elsewhere SO_REUSEPORT gives every datagram to one of the sockets, without balance.
    if !cfg!(target_os = "linux") {
        return 1;
    }
    let cores = settings
        .workers
        .unwrap_or_else(|| std::thread::available_parallelism().map_or(1, usize::from));
    let ports = settings
        .ports
        .as_ref()
        .map_or(usize::MAX, ExactSizeIterator::len);
    cores.min(ports).max(1)
}

/// The transfer ports of one worker: never shared, as the kernel would deliver half of the ACKs to
/// the other.
fn port_share(
    ports: Option<&std::ops::RangeInclusive<u16>>,
    number: usize,
    workers: usize,
) -> Vec<u16> {
    ports.map_or_else(Vec::new, |ports| {
        ports.clone().skip(number).step_by(workers).collect()
    })
}
