//! `bootwire serve`.

mod allowance;
mod args;
mod budgets;
mod configured;
mod door;
mod listen;
mod log;
mod memory;
mod plain;
mod sandbox;
mod settings;
mod shutdown;
mod stand_in;
mod totals;
mod unanswered;

use std::sync::{Arc, Mutex, PoisonError};
use std::thread::available_parallelism;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use bootwire::router::App;
use bootwire::{OpenServer, Router, Server, ServerError, ServerHandle};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

pub(crate) use args::Args;
pub(crate) use bootwire_sandbox::user_name;
pub(crate) use stand_in::stand_in;

use crate::config::Config;
use crate::exit::Failure;
use crate::{networks, out, size};
use bootwire_sandbox::{Reach, Sandbox};
use bootwire_site::Secrets;
use configured::Configured;
use log::Log;
use memory::Load;
use plain::Plain;
use settings::Settings;
use shutdown::{Signal, Signals};
use totals::Totals;
use unanswered::Unanswered;

pub(crate) fn run(args: &Args) -> Result<(), Failure> {
    raise_descriptor_limit();
    let found = Found::of(args)?;
    let settings = found.settings(args)?;
    let mut sandbox = Sandbox::new(&settings.sandbox)?;
    if sandbox.takes_rights() {
        expect_unprivileged_ports(&settings)?;
    }
    let reach = found.reach(args, &mut sandbox)?;
    let totals = Arc::new(Totals::default());
    let log = Log::new(settings.log, settings.log_searches);
    let server = open(&settings, &found.app(), &totals, &log)?;
    // Asked now: what tells the limits of a container is soon out of sight.
    let threads = available_parallelism().map_or(1, usize::from);
    bootwire_io::share_free_memory(threads.max(2));
    // From here on with no more rights than serving takes; and so all threads made below.
    let confined = sandbox.enter(reach)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(threads)
        .enable_all()
        .build()
        .context("cannot start")?;
    let result = runtime.block_on(async {
        let mut signals = Signals::new()?;
        let opening = Box::pin(found.open(&settings));
        let Some(site) = signals.or_end(opening).await.transpose()? else {
            return Ok(());
        };
        log.hide(site.secrets());
        let handle = server.serve(site.app()).start().map_err(listen::explain)?;
        introduce(args, &settings, &site, &handle, &confined);
        site.prefetch();
        let running = Running {
            args,
            drain: settings.drain,
            site,
            handle,
            log,
        };
        Box::pin(running.run(signals, &totals)).await
    });
    // A directory on a dead network file system must not keep a stopped server alive.
    runtime.shutdown_background();
    result.map_err(Failure::from)
}

/// What is to be served, as far as it is known before the sandbox closes.
enum Found {
    Plain(Plain),
    Configured(Box<Config>),
}

impl Found {
    fn of(args: &Args) -> anyhow::Result<Self> {
        Ok(match &args.config {
            None => Self::Plain(Plain::open(args)?),
            Some(path) => Self::Configured(Box::new(Config::load(path)?.with_routes()?)),
        })
    }

    fn settings(&self, args: &Args) -> anyhow::Result<Settings> {
        match self {
            Self::Plain(_) => Settings::of_args(args),
            Self::Configured(config) => Settings::of_config(args, config),
        }
    }

    fn reach(&self, args: &Args, sandbox: &mut Sandbox) -> anyhow::Result<Reach> {
        match self {
            Self::Plain(_) => Ok(Plain::grants(args, sandbox)?.into()),
            Self::Configured(config) => configured::reach(config, sandbox),
        }
    }

    /// What to begin with: nobody is answered before the workers start.
    fn app(&self) -> App {
        match self {
            Self::Plain(plain) => plain.app.clone(),
            Self::Configured(..) => Router::new().into(),
        }
    }

    async fn open(self, settings: &Settings) -> anyhow::Result<Site> {
        Ok(match self {
            Self::Plain(plain) => Site::Plain(plain),
            Self::Configured(config) => {
                let configured = Configured::open(*config, settings.clone()).await?;
                Site::Configured(Box::new(configured))
            }
        })
    }
}

/// What is served.
enum Site {
    Plain(Plain),
    Configured(Box<Configured>),
}

impl Site {
    fn app(&self) -> App {
        match self {
            Self::Plain(plain) => plain.app.clone(),
            Self::Configured(configured) => configured.app(),
        }
    }

    /// What must not be in the log.
    fn secrets(&self) -> Secrets {
        match self {
            Self::Plain(_) => Secrets::default(),
            Self::Configured(configured) => configured.secrets(),
        }
    }

    fn describe(&self, verbose: bool) -> Vec<String> {
        match self {
            Self::Plain(plain) => plain.describe(),
            Self::Configured(configured) => configured.describe(verbose),
        }
    }

    /// How to serve other networks than those by default.
    const fn how_to_allow(&self) -> &str {
        match self {
            Self::Plain(_) => "--allow",
            Self::Configured(_) => "allow = [...]",
        }
    }

    fn prefetch(&self) {
        if let Self::Configured(configured) = self {
            configured.prefetch();
        }
    }

    /// Waits until there is something new to read.
    async fn changed(&mut self) {
        match self {
            Self::Plain(_) => std::future::pending().await,
            Self::Configured(configured) => configured.changed().await,
        }
    }

    /// Waits until what there is to read is written.
    async fn still(&mut self) {
        if let Self::Configured(configured) = self {
            configured.still().await;
        }
    }

    async fn reload(&mut self, args: &Args, server: &ServerHandle) {
        match self {
            Self::Plain(_) => out::note("SIGHUP: there is no configuration to read again"),
            Self::Configured(configured) => configured.reload(args, server).await,
        }
    }
}

/// A server at work.
struct Running<'a> {
    args: &'a Args,
    drain: Duration,
    site: Site,
    handle: ServerHandle,
    log: Log,
}

impl Running<'_> {
    /// Runs until a signal ends it or a worker dies.
    async fn run(mut self, mut signals: Signals, totals: &Totals) -> anyhow::Result<()> {
        let began = Instant::now();
        let died = self.serve(&mut signals).await;
        let running = self.handle.stats().active;
        if running > 0 {
            out::note(&format!(
                "draining: {} running, at most {} s; a second signal stops at once",
                size::count(running, "transfer", "transfers"),
                self.drain.as_secs()
            ));
        }
        match signals.or_end(self.handle.drain(self.drain)).await {
            Some(drained) if drained.cut_off > 0 => {
                let cut_off = size::count(drained.cut_off, "transfer", "transfers");
                out::note(&format!("{cut_off} cut off"));
            }
            Some(_) => {}
            None => out::note("stopped at once"),
        }
        out::note(&totals.summary(began.elapsed()));
        if died {
            return Err(ServerError::Worker.into());
        }
        Ok(())
    }

    /// Answers whether a worker died.
    async fn serve(&mut self, signals: &mut Signals) -> bool {
        loop {
            let signalled = tokio::select! {
                () = self.handle.failed() => return true,
                signal = signals.next() => match signal {
                    Signal::End => return false,
                    Signal::Reload => true,
                },
                () = self.site.changed() => false,
            };
            if signalled && signals.or_end(self.site.still()).await.is_none() {
                return false;
            }
            // Opening a site is large, and rare.
            let reload = Box::pin(self.site.reload(self.args, &self.handle));
            if signals.or_end(reload).await.is_none() {
                return false;
            }
            self.log.hide(self.site.secrets());
        }
    }
}

/// The number of files open at a time has bounds of its own; the soft limit that most systems
/// give, 1024, is below them.
fn raise_descriptor_limit() {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: limit.maximum,
        ..limit
    };
    // Where that is refused, the limit there is will do for most.
    let _ = setrlimit(Resource::Nofile, raised);
}

/// Transfer ports are taken when the first client asks for them; by then the server has no right
/// to the privileged ones.
fn expect_unprivileged_ports(settings: &Settings) -> anyhow::Result<()> {
    let Some(ports) = &settings.ports else {
        return Ok(());
    };
    let first_free = std::fs::read_to_string("/proc/sys/net/ipv4/ip_unprivileged_port_start")
        .ok()
        .and_then(|text| text.trim().parse().ok())
        .unwrap_or(1024);
    if *ports.0.start() < first_free {
        bail!(
            "--ports: ports below {first_free} take a privilege, which the sandbox gives up before \
             transfers use them; take higher ones, or --sandbox off"
        );
    }
    Ok(())
}

/// Opens the sockets.
fn open(
    settings: &Settings,
    app: &App,
    totals: &Arc<Totals>,
    log: &Log,
) -> anyhow::Result<OpenServer> {
    let server = |listen: &[&str]| server(settings, app, (totals, log), listen);
    if !settings.listen.is_empty() {
        let listen: Vec<&str> = settings.listen.iter().map(String::as_str).collect();
        return server(&listen).open().map_err(listen::explain);
    }
    match server(&[listen::DEFAULT]).open() {
        Err(ServerError::Bind { source, .. }) if listen::is_without_ipv6(&source) => {
            out::note("no IPv6 on this machine: listening on IPv4 alone");
            server(&[listen::DEFAULT_IPV4])
                .open()
                .map_err(listen::explain)
        }
        opened => opened.map_err(listen::explain),
    }
}

fn server(
    settings: &Settings,
    app: &App,
    (totals, log): (&Arc<Totals>, &Log),
    listen: &[&str],
) -> Server {
    let (totals, log) = (Arc::clone(totals), log.clone());
    let unanswered = Unanswered::of(settings);
    let withheld = log.clone();
    let load = Mutex::new(Load::default());
    settings
        .server(listen)
        .serve(app.clone())
        .observe_batches(move |records| {
            records.iter().for_each(|record| totals.count(record));
            log.lines(records, out::bytes);
        })
        .stats_every(unanswered::LOOK_EVERY, move |stats| {
            unanswered
                .news(stats, || withheld.withheld())
                .iter()
                .for_each(|line| out::note(line));
            let ended = stats.outcomes.iter().sum();
            let mut load = load.lock().unwrap_or_else(PoisonError::into_inner);
            if load.has_gone(stats.active, ended) {
                bootwire_io::give_back_memory();
            }
        })
}

/// Says what is served, where, to whom, and with what rights.
fn introduce(
    args: &Args,
    settings: &Settings,
    site: &Site,
    handle: &ServerHandle,
    confined: &bootwire_sandbox::Report,
) {
    let mut lines = site.describe(args.verbose).into_iter();
    let first = lines.next().unwrap_or_default();
    out::note(&format!("bootwire {} {first}", env!("CARGO_PKG_VERSION")));
    let transfers = settings.transfer_ports();
    for address in handle.local_addrs() {
        out::note(&format!("listening on {address}{transfers}"));
    }
    lines.for_each(|line| out::note(&line));
    let clients = if args.verbose {
        networks::in_numbers(&settings.allow)
    } else {
        networks::in_words(&settings.allow)
    };
    let others = match settings.allow.as_slice() {
        [] => format!(" (others: {})", site.how_to_allow()),
        _ => String::new(),
    };
    out::note(&format!("clients: {clients}{others}"));
    if args.verbose {
        out::note(&format!(
            "engine: {}, {}",
            handle.engine(),
            size::count(handle.workers() as u64, "worker", "workers")
        ));
        out::note(&format!("sandbox: {confined}"));
    } else {
        out::note(&format!(
            "sandbox: {} (more: --verbose)",
            confined.in_short()
        ));
    }
}
