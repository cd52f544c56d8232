//! `bootwire serve`.

mod args;
mod budgets;
mod listen;
mod log;
mod networks;
mod shutdown;
mod totals;
mod unanswered;

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context;
use bootwire::router::App;
use bootwire::{Router, Schedule, Server, ServerError, ServerHandle};
use bootwire_store::{Dir, Uploads};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

pub(crate) use args::Args;

use crate::exit::Failure;
use crate::{out, size};
use args::UploadRule;
use log::Log;
use totals::Totals;
use unanswered::Unanswered;

pub(crate) fn run(args: &Args) -> Result<(), Failure> {
    let site = Site::open(args)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("cannot start")?;
    let result = runtime.block_on(serve(args, &site));
    // A directory on a dead network file system must not keep a stopped server alive.
    runtime.shutdown_background();
    result.map_err(Failure::from)
}

async fn serve(args: &Args, site: &Site) -> anyhow::Result<()> {
    let mut signals = shutdown::Signals::new()?;
    let totals = Arc::new(Totals::default());
    let began = Instant::now();
    raise_descriptor_limit();
    let handle = start(args, site, &totals)?;
    introduce(args, site, &handle);

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
            let into = args.upload_dir.as_ref().unwrap_or(&args.dir);
            let taken = Uploads::into(into)?
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
}

fn start(args: &Args, site: &Site, totals: &Arc<Totals>) -> anyhow::Result<ServerHandle> {
    if !args.listen.is_empty() {
        return server(args, site, totals, &args.listen)
            .start()
            .map_err(listen::explain);
    }
    match server(args, site, totals, &[listen::DEFAULT]).start() {
        Err(ServerError::Bind { source, .. }) if listen::is_without_ipv6(&source) => {
            out::note("no IPv6 on this machine: listening on IPv4 alone");
            server(args, site, totals, &[listen::DEFAULT_IPV4])
                .start()
                .map_err(listen::explain)
        }
        started => started.map_err(listen::explain),
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

/// Says what is served, where, and to whom.
fn introduce(args: &Args, site: &Site, handle: &ServerHandle) {
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
}
