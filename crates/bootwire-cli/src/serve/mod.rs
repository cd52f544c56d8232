//! `bootwire serve`.

mod args;
mod budgets;
mod listen;
mod log;
mod networks;
mod sandbox;
mod shutdown;
mod totals;
mod unanswered;

use std::path::Path;
use std::sync::Arc;
use std::thread::available_parallelism;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use bootwire::router::App;
use bootwire::{OpenServer, Router, Schedule, Server, ServerError, ServerHandle};
use bootwire_store::{Dir, Uploads};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

pub(crate) use args::Args;

use crate::exit::Failure;
use crate::{out, size};
use args::UploadRule;
use log::Log;
use sandbox::{Access, Grant, Sandbox};
use totals::Totals;
use unanswered::Unanswered;

pub(crate) fn run(args: &Args) -> Result<(), Failure> {
    raise_descriptor_limit();
    let sandbox = Sandbox::new(&args.sandbox)?;
    if sandbox.takes_rights() {
        expect_unprivileged_ports(args)?;
    }
    let site = Site::open(args)?;
    let totals = Arc::new(Totals::default());
    let server = open(args, &site, &totals)?;
    // Asked now: what tells the limits of a container is soon out of sight.
    let threads = available_parallelism().map_or(1, usize::from);
    // From here on with no more rights than serving takes; and so all threads made below.
    let confined = sandbox.enter(Site::grants(args)?)?.to_string();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(threads)
        .enable_all()
        .build()
        .context("cannot start")?;
    let result = runtime.block_on(async {
        let signals = shutdown::Signals::new()?;
        let handle = server.start().map_err(listen::explain)?;
        introduce(args, &site, &handle, &confined);
        serve(args, signals, handle, &totals).await
    });
    // A directory on a dead network file system must not keep a stopped server alive.
    runtime.shutdown_background();
    result.map_err(Failure::from)
}

/// Runs until a signal comes or a worker dies.
async fn serve(
    args: &Args,
    mut signals: shutdown::Signals,
    handle: ServerHandle,
    totals: &Totals,
) -> anyhow::Result<()> {
    let began = Instant::now();
    let died = signals.or_signal(handle.failed()).await.is_some();
    let running = handle.stats().active;
    if running > 0 {
        out::note(&format!(
            "draining: {} running, at most {} s; a second signal stops at once",
            size::count(running, "transfer", "transfers"),
            args.drain
        ));
    }
    let drain = handle.drain(Duration::from_secs(args.drain));
    let drained = signals.or_signal(drain).await;
    match drained {
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
fn expect_unprivileged_ports(args: &Args) -> anyhow::Result<()> {
    let Some(ports) = &args.ports else {
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

/// What is served: read from, and written to.
struct Site {
    app: App,
    reads: String,
    uploads: String,
}

impl Site {
    fn open(args: &Args) -> anyhow::Result<Self> {
        let dir = Dir::open(&args.dir)?
            .links(args.links.into())
            .case_insensitive(args.case_insensitive)
            .per_client(args.per_client);
        let reads = dir.describe();
        let mut router = Router::new().fallback(dir);
        let mut uploads = "off".to_owned();
        if let Some(rule) = args.upload_rule() {
            let taken = Uploads::into(upload_dir(args))?
                .size_max(args.upload_max)
                .keep_free(args.keep_free)
                .create_dirs(args.create_dirs);
            let taken = match rule {
                UploadRule::Create => taken.create_only(),
                UploadRule::Replace => taken.replace(),
                UploadRule::Versioned => taken.versioned(),
            };
            uploads = taken.describe();
            router = router.write_fallback(taken);
        }
        Ok(Self {
            app: router.into(),
            reads,
            uploads,
        })
    }

    /// The paths that stay within reach.
    fn grants(args: &Args) -> anyhow::Result<Vec<Grant>> {
        let mut grants = vec![Grant::new(&args.dir, Access::Read)?];
        if args.upload_rule().is_some() {
            let access = if args.create_dirs {
                Access::WriteAndMakeDirs
            } else {
                Access::Write
            };
            grants.push(Grant::new(upload_dir(args), access)?);
        }
        Ok(grants)
    }
}

fn upload_dir(args: &Args) -> &Path {
    args.upload_dir.as_ref().unwrap_or(&args.dir)
}

/// Opens the sockets.
fn open(args: &Args, site: &Site, totals: &Arc<Totals>) -> anyhow::Result<OpenServer> {
    if !args.listen.is_empty() {
        return server(args, site, totals, &args.listen)
            .open()
            .map_err(listen::explain);
    }
    match server(args, site, totals, &[listen::DEFAULT]).open() {
        Err(ServerError::Bind { source, .. }) if listen::is_without_ipv6(&source) => {
            out::note("no IPv6 on this machine: listening on IPv4 alone");
            server(args, site, totals, &[listen::DEFAULT_IPV4])
                .open()
                .map_err(listen::explain)
        }
        opened => opened.map_err(listen::explain),
    }
}

fn server(args: &Args, site: &Site, totals: &Arc<Totals>, listen: &[impl AsRef<str>]) -> Server {
    let log = Log::new(args.log);
    let totals = Arc::clone(totals);
    let unanswered = Unanswered::default();
    let mut addresses = listen.iter();
    // There is always at least one.
    let first = addresses.next().map_or(listen::DEFAULT, AsRef::as_ref);
    let mut server = addresses
        .fold(Server::bind(first), |server, address| {
            server.and_bind(address)
        })
        .single_port(args.single_port)
        .fragment(args.fragment)
        .portable_io(args.portable_io)
        .schedule(Schedule {
            give_up: Duration::from_secs(args.give_up),
            ..Schedule::default()
        })
        .serve(site.app.clone())
        .observe(move |record| {
            totals.count(record);
            out::result(&log.line(record));
        })
        .stats_every(unanswered::LOOK_EVERY, move |stats| {
            unanswered
                .news(stats)
                .iter()
                .for_each(|line| out::note(line));
        });
    server = args.budgets.apply(server);
    if let Some(limit) = args.spin {
        server = server.spin(limit);
    }
    if let Some(networks) = networks::allowed(&args.allow) {
        server = server.allow(networks);
    }
    if let Some(ports) = &args.ports {
        server = server.ports(ports.0.clone());
    }
    if let Some(bytes) = args.blksize_max {
        server = server.blksize_max(bytes);
    }
    if let Some(blocks) = args.windowsize_max {
        server = server.windowsize_max(blocks);
    }
    if let Some(count) = args.workers {
        server = server.workers(count.into());
    }
    if let Some(count) = args.transfers_max {
        server = server.transfers_max(count.get());
    }
    server
}

/// Says what is served, where, to whom, and with what rights.
fn introduce(args: &Args, site: &Site, handle: &ServerHandle, confined: &str) {
    out::note(&format!(
        "bootwire {} serves {}",
        env!("CARGO_PKG_VERSION"),
        site.reads
    ));
    for address in handle.local_addrs() {
        out::note(&format!("listening on {address}"));
    }
    out::note(&format!("uploads: {}", site.uploads));
    out::note(&format!("clients: {}", networks::describe(&args.allow)));
    out::note(&format!(
        "engine: {}, {}",
        handle.engine(),
        size::count(handle.workers() as u64, "worker", "workers")
    ));
    out::note(&format!("sandbox: {confined}"));
}
