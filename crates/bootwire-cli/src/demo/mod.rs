//! `bootwire demo`: a site, a server and machines that boot from it, for the first five minutes.

mod args;
mod browser;
mod fleet;
mod ports;
mod server;
mod show;
mod site;
mod verdicts;
mod web;

use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, anyhow};
use bootwire_bench::boots::{Fleet, Rest};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::time::sleep;

pub(crate) use args::Args;

use crate::exit::Failure;
use crate::{out, task};
use ports::Ports;
use server::{Line, Server};
use show::Boots;
use site::Site;

/// Machines that boot at a time: more would be hard to follow.
const AT_ONCE: usize = 6;
/// How far apart they begin.
const STAGGER: Duration = Duration::from_millis(700);
/// How long they rest, however fast they are: the server has to see that a boot is over.
const REST: Rest = Rest {
    shortest: Duration::from_secs(25),
    longest: Duration::from_secs(50),
};

pub(crate) fn run(args: &Args) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .context("cannot start")?;
    let result = runtime.block_on(task::boxed(demo(args)));
    runtime.shutdown_background();
    result.map_err(Failure::from)
}

async fn demo(args: &Args) -> anyhow::Result<()> {
    let mut signals = Signals::new()?;
    let members = fleet::members(args.speed);
    let ports = Ports::choose(args.listen)?;
    let site = Site::make(args.keep.as_deref(), &ports, &members, args.small)?;
    let config = site.config();
    let mirror = tokio::net::TcpListener::bind(ports.web).await;
    let mirror = mirror.with_context(|| format!("cannot listen on {}", ports.web))?;
    let mirror = tokio::spawn(web::serve(mirror, site::web(args.small)));
    let mut server = tokio::select! {
        started = Server::start(&config) => started?,
        () = signals.next() => return site.remove(),
    };
    show::introduce(&site, &ports, &members);
    if !args.no_open {
        browser::open(&format!("http://{}/", ports.admin));
    }

    let boots = Arc::new(Boots::new(&members));
    let machines = members.into_iter().map(|member| member.machine);
    let fleet = Fleet::new(ports.tftp, machines.collect())
        .seed(args.seed)
        .at_once(AT_ONCE)
        .stagger(STAGGER.div_f64(args.speed))
        .again_after(REST);
    let told = Arc::clone(&boots);
    let fleet = tokio::spawn(fleet.run(move |machine, event| told.on(machine, event)));
    let told = Arc::clone(&boots);
    let verdicts = tokio::spawn(verdicts::follow(site.boots(), move |boot| {
        told.verdict(boot).iter().for_each(|line| out::result(line));
    }));
    let died = watch(&mut server, &mut signals, args).await;

    // The machines first: what they have in their hands is nobody's failure.
    fleet.abort();
    verdicts.abort();
    let _ = (fleet.await, verdicts.await);
    let ended = tokio::select! {
        ended = server.end() => ended.map(Some),
        () = signals.next() => Ok(None),
    };
    mirror.abort();
    let path = site.path().to_owned();
    let stays = site.stays();
    site.remove()?;
    out::note(&format!("\n{}", boots.summary()));
    if stays {
        out::note(&format!("the site is in {}", path.display()));
    }
    match ended? {
        Some(status) if died || !status.success() => Err(anyhow!("the server ended: {status}")),
        _ => Ok(()),
    }
}

/// Shows what the server writes until it is time to end. Answers whether the server has ended by
/// itself.
async fn watch(server: &mut Server, signals: &mut Signals, args: &Args) -> bool {
    let time = async {
        match args.time {
            Some(time) => sleep(time).await,
            None => pending().await,
        }
    };
    let mut time = std::pin::pin!(time);
    loop {
        tokio::select! {
            () = signals.next() => return false,
            () = &mut time => return false,
            line = server.line() => match line {
                Some(Line::Log(line)) if args.log => out::result(&line),
                Some(Line::Log(_)) => {}
                Some(Line::Note(line)) if is_introduction(&line) => {}
                Some(Line::Note(line)) => out::note(&format!("server: {line}")),
                None => return true,
            },
        }
    }
}

/// Whether a line of the server's only says where something is, which the demo has said.
fn is_introduction(line: &str) -> bool {
    ["metrics: http", "console: http", "admin: "]
        .iter()
        .any(|word| line.starts_with(word))
}

/// The signals that end the demo. Also when its terminal goes away, it cleans up.
struct Signals([Signal; 3]);

impl Signals {
    fn new() -> anyhow::Result<Self> {
        let listen = |kind| signal(kind).context("cannot wait for signals");
        Ok(Self([
            listen(SignalKind::interrupt())?,
            listen(SignalKind::terminate())?,
            listen(SignalKind::hangup())?,
        ]))
    }

    async fn next(&mut self) {
        let [interrupt, terminate, hang_up] = &mut self.0;
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
            _ = hang_up.recv() => {}
        }
    }
}
