//! `bootwire serve`.

mod admin;
mod args;
mod behind;
mod confined;
mod flags;
mod follow;
mod holder;
mod listen;
mod memory;
mod passed;
mod reporting;
mod served;
mod service;
mod shutdown;
mod totals;

use std::sync::{Arc, Mutex, PoisonError};
use std::thread::available_parallelism;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use bootwire::{OpenServer, Router, Server, ServerError, ServerHandle};
use bootwire_sandbox::Sandbox;
use bootwire_site::unanswered::{self, Unanswered};
use bootwire_site::{Config, networks, server};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use admin::{Door, Endpoint};
use behind::Behind;
use bootwire_admin::api::Draining;
use bootwire_admin::site::Order;

pub(crate) use args::Args;
pub(crate) use bootwire_sandbox::user_name;
pub(crate) use confined::stand_in;
pub(crate) use holder::told as holder_of;

use crate::exit::Failure;
use crate::{out, size, task};
use follow::Follow;
use memory::Load;
use passed::Passed;
use reporting::Reporting;
use served::Served;
use service::{Service, Telling};
use shutdown::{Signal, Signals};
use totals::Totals;

pub(crate) fn run(args: &Args) -> Result<(), Failure> {
    // Before anything else opens a file.
    let passed = Passed::take()?;
    let service = Service::from_environment();
    raise_descriptor_limit();
    let config = args.configuration()?;
    let mut sandbox = Sandbox::new(&confined::wanted(&config)?)?;
    if sandbox.takes_rights() {
        expect_unprivileged_ports(&config)?;
    }
    // Before the sandbox: its directory, the token and the certificate may be root's.
    let mut door = Door::open(&config, args.verbose)?;
    let mut reach = confined::reach(&config, &mut sandbox)?;
    door.reach(&mut reach);
    let totals = Arc::new(Totals::default());
    let mut reporting = Reporting::open(&config)?;
    let follow = Follow::default();
    let server = open(args, &config, passed, &totals, &reporting, &follow)?;
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
        .context("cannot start")?;
    let behind = Behind::start(threads)?;
    let result = runtime.block_on(task::boxed(async {
        let mut signals = Signals::new(args.end_with_stdin)?;
        let kept = behind.run(async || {
            let telemetry = reporting.telemetry();
            follow.start(&config, args.verbose, telemetry).await
        })?;
        let opening = Box::pin(Served::open(config, follow.clone(), executable));
        let Some(served) = signals.or_end(opening).await.transpose()? else {
            return Ok(());
        };
        reporting.hide(served.secrets());
        reporting.open_log(served.config())?;
        behind.run(async || reporting.export(served.exports()))??;
        door.listen(&reporting);
        let handle = server
            .serve(served.app())
            .start()
            .map_err(listen::explain)?;
        introduce(args, &served, &handle, &confined);
        if let Some(kept) = kept.filter(|_| args.verbose) {
            out::note(&format!("boots: kept {kept}"));
        }
        behind.run(async || {
            follow.watch(handle.view(), reporting.telemetry());
            reporting.start(&handle, served.caching())
        })??;
        let admin = door.start(served.site(), &handle, &reporting, follow.boots())?;
        served.prefetch();
        let telling = service.ready(&handle.view());
        let running = Running {
            service,
            telling,
            drain: served.config().document.drain.0,
            served,
            handle,
            reporting,
            follow,
            admin,
        };
        Box::pin(running.run(signals, &totals)).await
    }));
    // A directory on a dead network file system must not keep a stopped server alive.
    runtime.shutdown_background();
    behind.stop();
    result.map_err(Failure::from)
}

/// A server at work.
struct Running {
    drain: Duration,
    served: Served,
    handle: ServerHandle,
    reporting: Reporting,
    follow: Follow,
    admin: Option<Endpoint>,
    service: Service,
    /// Tells the service manager in the background, as long as it is there.
    telling: Telling,
}

impl Running {
    /// Runs until a signal ends it or a worker dies.
    async fn run(mut self, mut signals: Signals, totals: &Totals) -> anyhow::Result<()> {
        let began = Instant::now();
        let died = self.serve(&mut signals).await;
        if let Some(admin) = &self.admin {
            admin.draining();
        }
        let running = self.handle.stats().active;
        self.service.stopping(running, self.drain);
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
        // What it says in the end is still passed on.
        let _ = signals.or_end(self.follow.close()).await;
        let _ = signals.or_end(self.reporting.finish()).await;
        if let Some(admin) = self.admin {
            admin.stop().await;
        }
        out::note(&totals.summary(began.elapsed()));
        drop(self.telling);
        if died {
            return Err(ServerError::Worker.into());
        }
        Ok(())
    }

    /// Answers whether a worker died.
    async fn serve(&mut self, signals: &mut Signals) -> bool {
        loop {
            // Who asked for it, and waits for what comes of it.
            let mut asked = None;
            let at_once = tokio::select! {
                () = self.handle.failed() => return true,
                signal = signals.next() => match signal {
                    Signal::End => return false,
                    Signal::Reload => true,
                },
                order = Endpoint::order(&mut self.admin) => match order {
                    Order::Reload(done) => {
                        asked = Some(done);
                        true
                    }
                    Order::Drain(done) => {
                        let active = self.handle.stats().active;
                        let limit_ms = u64::try_from(self.drain.as_millis()).unwrap_or(u64::MAX);
                        let _ = done.send(Draining { active, limit_ms });
                        return false;
                    }
                },
                () = self.served.changed() => false,
            };
            if at_once {
                self.reporting.reopen_log();
                if signals.or_end(self.served.still()).await.is_none() {
                    return false;
                }
            }
            self.service.reloading();
            // Opening a site is large, and rare.
            let reload = Box::pin(self.served.reload(&self.handle));
            let Some(result) = signals.or_end(reload).await else {
                return false;
            };
            let taken = result.reloaded || !self.served.has_file();
            self.service.reloaded(&self.handle.view(), taken);
            self.reporting.hide(self.served.secrets());
            if let Some(admin) = &self.admin {
                admin.renew(self.served.site());
            }
            if let Some(done) = asked {
                let _ = done.send(result);
            }
            self.reporting.watch_cache(self.served.caching());
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
fn expect_unprivileged_ports(config: &Config) -> anyhow::Result<()> {
    let Some(ports) = &config.document.ports else {
        return Ok(());
    };
    let first_free = std::fs::read_to_string("/proc/sys/net/ipv4/ip_unprivileged_port_start")
        .ok()
        .and_then(|text| text.trim().parse().ok())
        .unwrap_or(1024);
    if *ports.0.start() < first_free {
        bail!(
            "{}: ports below {first_free} take a privilege, which the sandbox gives up before \
             transfers use them; take higher ones, or --sandbox off",
            config.place_of("ports")
        );
    }
    Ok(())
}

/// Opens the sockets, or takes those it was started with.
fn open(
    args: &Args,
    config: &Config,
    passed: Passed,
    totals: &Arc<Totals>,
    reporting: &Reporting,
    follow: &Follow,
) -> anyhow::Result<OpenServer> {
    let open = |server: Server| {
        let server = server.portable_io(args.portable_io);
        let (follow, secrets) = (follow.clone(), reporting.secrets());
        let server = server.observe_batches(move |records| {
            let secrets = secrets.read().unwrap_or_else(PoisonError::into_inner);
            follow.observe(records, &secrets);
        });
        reporting
            .attach(observed(server, config, totals, reporting))
            .open()
    };
    passed.introduce(config);
    if let Some(server) = config.server_on(passed.sockets()) {
        return open(server).map_err(listen::explain);
    }
    match open(config.server(server::LISTEN)) {
        Err(ServerError::Bind { source, .. })
            if config.document.listen.is_none() && listen::is_without_ipv6(&source) =>
        {
            out::note("no IPv6 on this machine: listening on IPv4 alone");
            open(config.server(server::LISTEN_IPV4)).map_err(listen::explain)
        }
        opened => opened.map_err(listen::explain),
    }
}

/// With those who hear of what it does. Nobody is answered before the workers start.
fn observed(
    server: Server,
    config: &Config,
    totals: &Arc<Totals>,
    reporting: &Reporting,
) -> Server {
    let unanswered = Unanswered::of(config);
    let (totals, log) = (Arc::clone(totals), reporting.log().clone());
    let load = Mutex::new(Load::default());
    server
        .serve(Router::new())
        .observe_batches(move |records| records.iter().for_each(|record| totals.count(record)))
        .stats_every(unanswered::LOOK_EVERY, move |stats| {
            unanswered
                .news(stats, || log.withheld())
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
    served: &Served,
    handle: &ServerHandle,
    confined: &bootwire_sandbox::Report,
) {
    let mut lines = served.describe(args.verbose).into_iter();
    let first = lines.next().unwrap_or_default();
    out::note(&format!("bootwire {} {first}", env!("CARGO_PKG_VERSION")));
    let document = &served.config().document;
    let transfers = match &document.ports {
        _ if document.single_port => ", which answers too (single port)".to_owned(),
        Some(ports) => format!(", transfers on ports {ports}"),
        None => String::new(),
    };
    for address in handle.local_addrs() {
        out::note(&format!("listening on {address}{transfers}"));
    }
    lines.for_each(|line| out::note(&line));
    let allow = served.config().allowed();
    let clients = if args.verbose {
        networks::in_numbers(&allow)
    } else {
        networks::in_words(&allow)
    };
    let others = match allow.as_slice() {
        [] => format!(" (others: {})", served.how_to_allow()),
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
