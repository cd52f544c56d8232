//! `bootwire bench`: a load generator.

use std::io::IsTerminal;

use anyhow::{Context, anyhow};
use bootwire_bench::{Args, BenchError, News};
use indicatif::ProgressBar;
use tokio::signal::unix::{SignalKind, signal};

use crate::exit::{Exit, Failure};
use crate::{out, task};

pub(crate) fn run(args: &Args) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("cannot start")?;
    let line = if !args.quiet && std::io::stderr().is_terminal() {
        ProgressBar::new_spinner()
    } else {
        ProgressBar::hidden()
    };
    let tell = |news| match news {
        News::Progress(progress) => {
            line.set_message(progress.to_string());
            line.tick();
        }
        News::Warning(text) => out::note(&text),
        _ => {}
    };
    let done = runtime.block_on(task::boxed(async {
        bootwire_bench::run(args, interrupted(), tell).await
    }));
    line.finish_and_clear();
    let report = done.map_err(|error| match error {
        BenchError::Copy { .. } => Failure::local(error),
        error => Failure::new(Exit::Failed, error),
    })?;
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

/// Waits for Ctrl-C or SIGTERM, where the system lets this process wait for them. From the call on
/// they are caught, however late the future is polled.
fn interrupted() -> impl Future<Output = ()> {
    let signals = (
        signal(SignalKind::interrupt()),
        signal(SignalKind::terminate()),
    );
    async {
        let (Ok(mut interrupt), Ok(mut terminate)) = signals else {
            return std::future::pending().await;
        };
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    }
}
