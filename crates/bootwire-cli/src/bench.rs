//! `bootwire bench`: a load generator.

use std::io::IsTerminal;

use anyhow::anyhow;
use bootwire_bench::{Args, BenchError, News};
use indicatif::ProgressBar;

use crate::exit::{Exit, Failure};
use crate::{out, task};

pub(crate) fn run(args: &Args) -> Result<(), Failure> {
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
    let done = task::run(async {
        let ended = task::ending()?;
        let ended = async { _ = ended.await };
        Ok::<_, Failure>(bootwire_bench::run(args, ended, tell).await)
    });
    line.finish_and_clear();
    let report = done??.map_err(|error| match error {
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
