//! `bootwire bench`: a load generator.
//!
//! `args` and `prepare` make a [`plan`]; each thread runs a [`worker`], which drives its [`client`]s
//! by what its [`net`] brings and by [`alarms`], and sends through its [`wire`]; their [`tally`]s add up to a
//! [`report`]. Nothing is allocated, locked or logged for a block.

mod alarms;
mod args;
mod busy;
mod client;
mod content;
mod descriptors;
mod faults;
mod histogram;
mod line;
mod live;
mod names;
mod net;
mod plan;
mod prepare;
mod report;
mod tally;
mod wire;
mod worker;

use std::io;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, anyhow};
use bootwire_io::{Kernel, Waker};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;

pub(crate) use args::Args;

use crate::exit::{Exit, Failure};
use crate::{out, size};
use live::Progress;
use plan::Plan;
use report::Report;
use tally::Tally;
use worker::{Done, Live, Worker};

pub(crate) fn run(args: &Args) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("cannot start")?;
    let plan = Arc::new(runtime.block_on(prepare::plan(args))?);
    let kernel = if args.portable_io {
        Kernel::portable()
    } else {
        Kernel::probe()
    };
    descriptors::provide(&plan, kernel)?;
    let crew = Crew::open(&plan, kernel)?;
    crew.warn(&plan);
    let report = runtime.block_on(crew.work(&plan, !args.quiet))?;
    if args.json {
        out::result(&report.json());
    } else {
        out::bytes(report.text().as_bytes());
    }
    match report.complaint() {
        Some(complaint) => Err(Failure::new(Exit::Failed, anyhow!(complaint))),
        None => Ok(()),
    }
}

/// The threads of a run.
struct Crew {
    workers: Vec<Worker>,
    lives: Vec<Arc<Live>>,
}

impl Crew {
    fn open(plan: &Arc<Plan>, kernel: Kernel) -> anyhow::Result<Self> {
        let lives: Vec<_> = (0..plan.threads).map(|_| Arc::default()).collect();
        let workers = (0..plan.threads)
            .zip(&lives)
            .map(|(thread, live)| Worker::open(plan, kernel, thread, live))
            .collect::<io::Result<_>>()
            .with_context(|| {
                let clients = size::count(plan.clients.into(), "client", "clients");
                format!("cannot open the sockets of {clients}")
            })?;
        Ok(Self { workers, lives })
    }

    /// Says what would spoil the figures.
    fn warn(&self, plan: &Plan) {
        let room = self.workers.first().and_then(Worker::receive_buffer);
        let window = line::window_room(plan);
        if let Some(room) = room.filter(|&room| room < window) {
            out::note(&format!(
                "a window needs {window} bytes of receive buffer and the kernel allows {room}: \
                 some of it will be lost here (raise net.core.rmem_max)"
            ));
        }
    }

    /// Lets the threads run to the end, or to a signal.
    async fn work(self, plan: &Arc<Plan>, progress: bool) -> anyhow::Result<Report<'_>> {
        let mut interrupt = signal(SignalKind::interrupt()).context("cannot wait for signals")?;
        let mut terminate = signal(SignalKind::terminate()).context("cannot wait for signals")?;
        let mut progress = Progress::new(progress, self.lives);
        let mut second = tokio::time::interval(Duration::from_secs(1));
        let wakers: Vec<_> = self.workers.iter().map(Worker::waker).collect();
        let threads = self.workers.len();
        let origin = Instant::now();
        let mut results = start(self.workers, origin)?;

        let mut done: Vec<Done> = Vec::with_capacity(threads);
        while done.len() < threads {
            tokio::select! {
                result = results.recv() => {
                    let result = result.context("a thread ended early")?;
                    done.push(result.context("a thread cannot go on")?);
                }
                _ = second.tick() => progress.look(origin.elapsed()),
                _ = interrupt.recv() => stop(plan, &wakers),
                _ = terminate.recv() => stop(plan, &wakers),
            }
        }
        progress.clear();

        let mut tally = Tally::new();
        done.iter().for_each(|done| tally.merge(&done.tally));
        let ended = done.iter().map(|done| done.ended).max();
        Ok(Report {
            plan,
            tally,
            elapsed: Duration::from_micros(ended.map_or(0, |ended| ended.as_micros())),
            busy: done.iter().filter_map(|done| done.busy).collect(),
            net: done.first().map_or("", |done| done.net),
            drops: done.iter().map(|done| done.drops).sum(),
        })
    }
}

/// Starts the threads. Each sends its result.
fn start(
    workers: Vec<Worker>,
    origin: Instant,
) -> anyhow::Result<mpsc::UnboundedReceiver<io::Result<Done>>> {
    // One message from each thread.
    let (sender, receiver) = mpsc::unbounded_channel();
    for (number, worker) in workers.into_iter().enumerate() {
        let sender = sender.clone();
        thread::Builder::new()
            .name(format!("bench-{number}"))
            .spawn(move || {
                // Nobody listens only if the run has failed elsewhere.
                let _ = sender.send(worker.run(origin));
            })
            .context("cannot start a thread")?;
    }
    Ok(receiver)
}

fn stop(plan: &Plan, wakers: &[Waker]) {
    plan.stop();
    wakers.iter().for_each(Waker::wake);
}
