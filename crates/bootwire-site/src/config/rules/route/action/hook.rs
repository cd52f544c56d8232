//! Hooks: services and programs that answer, and programs that are told of uploads.

use std::path::Path;

use super::Written;
use crate::config::model::{Bounds, Exec, Finished};
use crate::config::route::{Action, Method};
use crate::config::rules::Report;
use crate::config::tree::Spot;

pub(super) fn http(written: &Written<'_>, report: &mut Report) -> Option<Action> {
    let (http, here) = (written.table.http.as_ref()?, written.here.key("http"));
    let method = match report.exactly_one(here, "an HTTP hook", &["post", "get"]) {
        Some("post") => http.post.clone().map(Method::Post),
        Some(_) => http.get.clone().map(Method::Get),
        None => None,
    };
    report.bearer(here);
    for (key, url) in [("post", &http.post), ("get", &http.get)] {
        if let Some(url) = url {
            report.web(here.key(key), url);
        }
    }
    bounds(http.bounds(), here, report);
    Some(Action::Http {
        method: method?,
        table: Box::new(http.clone()),
        probes: written.table.probes.unwrap_or(true),
    })
}

pub(super) fn exec(written: &Written<'_>, report: &mut Report) -> Option<Action> {
    let (exec, here) = (written.table.exec.as_ref()?, written.here.key("exec"));
    program(&exec.program, &exec.args, here, report);
    variables(exec, here.key("env"), report);
    bounds(exec.bounds(), here, report);
    Some(Action::Exec {
        table: Box::new(exec.clone()),
        probes: written.table.probes.unwrap_or(true),
    })
}

fn bounds(bounds: Bounds, here: Spot<'_>, report: &mut Report) {
    report.some_time(here, "deadline", bounds.deadline);
    report.number(here, "concurrency", bounds.concurrency, 1..=10_000);
    report.number(here, "queue", bounds.queue, 0..=1_000_000);
    report.some_size(here, "size_max", bounds.size_max);
}

fn variables(exec: &Exec, here: Spot<'_>, report: &mut Report) {
    for name in exec.env.keys() {
        if name.is_empty() || name.contains(['=', '\0']) {
            let what = format!("{name:?} is no name of a variable");
            report.wrong(here.key(name), what);
        } else if name.starts_with("BOOTWIRE_") {
            let what = format!("{name} is set by the server, to what the client asks");
            report.wrong(here.key(name), what);
        }
    }
}

fn program(program: &Path, args: &[String], here: Spot<'_>, report: &mut Report) {
    if program.as_os_str().is_empty() && !here.is_damaged() {
        report.wrong(here, "the \"program\" is missing");
    }
    for (index, arg) in args.iter().enumerate() {
        if arg.contains('\0') {
            let what = "an argument cannot hold a NUL";
            report.wrong(here.key("args").index(index), what);
        }
    }
}

pub(super) fn finished(finished: &Finished, here: Spot<'_>, report: &mut Report) {
    program(&finished.program, &finished.args, here, report);
    report.some_time(here, "deadline", finished.deadline);
    report.number(here, "concurrency", finished.concurrency, 1..=10_000);
}
