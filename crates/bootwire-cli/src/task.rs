//! What a command does, for tokio to run, and the signals that end it.

use std::pin::Pin;

use anyhow::Context;
use tokio::runtime::Builder;
use tokio::signal::unix::{SignalKind, signal};

use crate::exit::Failure;

/// Runs what a command does, on one thread.
///
/// It leaves behind what still waits when that is done: a database that does not answer, a read from a
/// terminal.
pub(crate) fn run<T>(work: impl Future<Output = T>) -> Result<T, Failure> {
    run_on(Builder::new_current_thread(), Box::pin(work))
}

/// The same on two threads, for what may block: inventories, origins.
pub(crate) fn run_on_two<T>(work: impl Future<Output = T>) -> Result<T, Failure> {
    let mut builder = Builder::new_multi_thread();
    builder.worker_threads(2);
    run_on(builder, Box::pin(work))
}

/// The future's type does not tell what is in it. `block_on` is compiled for each type it is given, several
/// times over: without this, most of the program would be made five times.
fn run_on<T>(
    mut builder: Builder,
    work: Pin<Box<dyn Future<Output = T> + '_>>,
) -> Result<T, Failure> {
    let runtime = builder.enable_all().build().context("cannot start")?;
    let done = runtime.block_on(work);
    runtime.shutdown_background();
    Ok(done)
}

/// Waits for SIGINT or SIGTERM: its number. From the call on they end nothing by themselves.
pub(crate) fn ending() -> Result<impl Future<Output = u8>, Failure> {
    let listen = |kind| signal(kind).context("cannot wait for signals");
    let mut interrupt = listen(SignalKind::interrupt())?;
    let mut terminate = listen(SignalKind::terminate())?;
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => 2,
            _ = terminate.recv() => 15,
        }
    })
}
