//! A load generator for TFTP servers: many clients, each with its own port or address, that fetch or
//! send files, check every byte, and count what happened.
//!
//! ```no_run
//! use std::future::pending;
//!
//! use bootwire_bench::Args;
//! use clap::Parser;
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let args = Args::try_parse_from(["bench", "10.0.0.1:vmlinuz", "--clients", "64"])?;
//! let report = bootwire_bench::run(&args, pending(), |_| {}).await?;
//! print!("{}", report.text());
//! # Ok(())
//! # }
//! ```
//!
//! [`boots`] has simulated machines instead: firmware and boot loaders that boot as real ones do.
//!
//! [`run`] does all of it. The modules below: `args` and `prepare` make a `plan`; each thread runs a
//! `worker`, which drives its `client`s by what its `net` brings and by `alarms`, and sends through
//! its `wire`; their `tally`s add up to a `report`. Nothing is allocated, locked or logged for a
//! block.
#![forbid(unsafe_code)]

mod alarms;
mod args;
pub mod boots;
mod busy;
mod client;
mod content;
mod descriptors;
mod error;
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

use bootwire::amount;
use bootwire_io::{Kernel, Waker};
use tokio::sync::mpsc;

pub use args::{Args, Weighted};
pub use error::BenchError;
pub use faults::Share;
pub use live::Progress;
pub use report::Report;

use live::Counts;
use plan::Plan;
use tally::Tally;
use worker::{Done, Live, Worker};

/// What there is to tell before the report.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum News {
    /// Something spoils the figures, or leaves content unchecked.
    Warning(String),
    /// Another second is over.
    Progress(Progress),
}

/// Runs until everything is transferred, the time is over, or `stop` is done; then reports what was
/// measured. Within a tokio runtime; the load itself comes from threads of its own.
///
/// # Errors
/// If the run cannot begin: no such host, no copy to compare with, too few files may be open.
/// Transfers that fail are counted in the report.
pub async fn run(
    args: &Args,
    stop: impl Future<Output = ()>,
    mut tell: impl FnMut(News),
) -> Result<Report, BenchError> {
    let plan = Arc::new(prepare::plan(args, &mut tell).await?);
    let kernel = if args.portable_io {
        Kernel::portable()
    } else {
        Kernel::probe()
    };
    descriptors::provide(&plan, kernel)?;
    let crew = Crew::open(&plan, kernel)?;
    crew.warn(&plan, &mut tell);
    crew.work(plan, stop, &mut tell).await
}

/// The threads of a run.
struct Crew {
    workers: Vec<Worker>,
    lives: Vec<Arc<Live>>,
}

impl Crew {
    fn open(plan: &Arc<Plan>, kernel: Kernel) -> Result<Self, BenchError> {
        let lives: Vec<_> = (0..plan.threads).map(|_| Arc::default()).collect();
        let workers = (0..plan.threads)
            .zip(&lives)
            .map(|(thread, live)| Worker::open(plan, kernel, thread, live))
            .collect::<io::Result<_>>()
            .map_err(|source| {
                let clients = amount::count(plan.clients.into(), "client", "clients");
                BenchError::system(format!("open the sockets of {clients}"))(source)
            })?;
        Ok(Self { workers, lives })
    }

    /// Says what would spoil the figures.
    fn warn(&self, plan: &Plan, tell: &mut dyn FnMut(News)) {
        let room = self.workers.first().and_then(Worker::receive_buffer);
        let window = line::window_room(plan);
        if let Some(room) = room.filter(|&room| room < window) {
            tell(News::Warning(format!(
                "a window needs {window} bytes of receive buffer and the kernel allows {room}: \
                 some of it will be lost here (raise net.core.rmem_max)"
            )));
        }
    }

    /// Lets the threads run to the end, or until they are stopped.
    async fn work(
        self,
        plan: Arc<Plan>,
        stop: impl Future<Output = ()>,
        tell: &mut dyn FnMut(News),
    ) -> Result<Report, BenchError> {
        let mut stop = std::pin::pin!(stop);
        let mut stopped = false;
        let mut counts = Counts::new(self.lives);
        let mut second = tokio::time::interval(Duration::from_secs(1));
        let wakers: Vec<_> = self.workers.iter().map(Worker::waker).collect();
        let threads = self.workers.len();
        let origin = Instant::now();
        let mut results = start(self.workers, origin)?;

        let mut done: Vec<Done> = Vec::with_capacity(threads);
        while done.len() < threads {
            tokio::select! {
                result = results.recv() => {
                    let result = result.ok_or(BenchError::ThreadEnded)?;
                    done.push(result.map_err(BenchError::system("go on with a thread"))?);
                }
                _ = second.tick() => tell(News::Progress(counts.look(origin.elapsed()))),
                () = &mut stop, if !stopped => {
                    stopped = true;
                    self::stop(&plan, &wakers);
                }
            }
        }

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
) -> Result<mpsc::UnboundedReceiver<io::Result<Done>>, BenchError> {
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
            .map_err(BenchError::system("start a thread"))?;
    }
    Ok(receiver)
}

fn stop(plan: &Plan, wakers: &[Waker]) {
    plan.stop();
    wakers.iter().for_each(Waker::wake);
}
