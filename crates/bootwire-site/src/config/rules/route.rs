//! `[[route]]`: conditions, and what else every route has.

use std::time::Duration;

use bootwire::router::{Pattern, Rewrite};

use super::{Report, action, server};
use crate::config::model::{Document, Operation, Route};
use crate::config::tree::Spot;
use crate::config::value::Many;

/// What a route without one has for a path.
pub(super) const EVERYTHING: &str = "/{*path}";

/// Keys that choose among requests.
pub(super) const CONDITIONS: [&str; 7] = [
    "path",
    "from",
    "to",
    "interface",
    "op",
    "option",
    "without_option",
];

/// Keys about how an answer is sent.
const TERMS: [&str; 7] = [
    "blksize_max",
    "windowsize_max",
    "resend_min",
    "options",
    "rollover",
    "deadline",
    "labels",
];

pub(super) fn check(document: &Document, root: Spot<'_>, report: &mut Report) {
    for (index, route) in document.route.iter().enumerate() {
        check_one(document, route, root.key("route").index(index), report);
    }
}

fn check_one(document: &Document, route: &Route, here: Spot<'_>, report: &mut Report) {
    let pattern = pattern(report, here, route.path.as_deref());
    let only_rewrite = route.rewrite.is_some() && !action::ALL.iter().any(|key| here.has(key));
    if only_rewrite && !here.is_damaged() {
        let others = here
            .keys()
            .filter(|key| *key != "rewrite" && !CONDITIONS.contains(key));
        for key in others {
            let what = format!(
                "{key:?} in a route that only rewrites: it renames the request for the routes \
                 that follow, and answers nothing"
            );
            report.wrong(here.key(key), what);
        }
    } else {
        action::check(document, route, here, report);
        operation(route, here, report);
    }
    rewrite(report, here, route.rewrite.as_deref(), pattern.as_ref());
    conditions(route, here, report);
    terms(route, here, report);
    if !route.r#try.is_empty() {
        for (index, one) in route.r#try.iter().enumerate() {
            let here = here.key("try").index(index);
            attempt(document, one, here, pattern.as_ref(), report);
        }
    }
}

/// One of the answers to try.
fn attempt(
    document: &Document,
    route: &Route,
    here: Spot<'_>,
    pattern: Option<&Pattern>,
    report: &mut Report,
) {
    for key in CONDITIONS.iter().chain(&TERMS).chain(&["try", "upload"]) {
        if here.has(key) {
            let what = match *key {
                "try" => "\"try\" inside \"try\": write one list".to_owned(),
                "upload" => "uploads cannot be tried: give them a route of their own".to_owned(),
                key => format!("{key:?} belongs to the route, not to one of its tries"),
            };
            report.wrong(here.key(key), what);
        }
    }
    action::check(document, route, here, report);
    rewrite(report, here, route.rewrite.as_deref(), pattern);
}

/// The pattern of a path, if it is one.
pub(super) fn pattern(report: &mut Report, here: Spot<'_>, path: Option<&str>) -> Option<Pattern> {
    match Pattern::parse(path.unwrap_or(EVERYTHING)) {
        Ok(pattern) => Some(pattern),
        Err(error) => {
            let what = format!("path, column {}: {}", error.column(), error.problem());
            report.wrong(here.key("path"), what);
            None
        }
    }
}

fn rewrite(report: &mut Report, here: Spot<'_>, to: Option<&str>, pattern: Option<&Pattern>) {
    if let (Some(to), Some(pattern)) = (to, pattern)
        && let Err(error) = Rewrite::parse(to, pattern)
    {
        let what = format!("rewrite, column {}: {}", error.column(), error.problem());
        report.wrong(here.key("rewrite"), what);
    }
}

/// Only uploads are written, and they are only written.
fn operation(route: &Route, here: Spot<'_>, report: &mut Report) {
    let what = match route.op {
        Some(Operation::Read) if here.has("upload") => {
            "op is \"read\", but uploads are written: leave it out"
        }
        Some(Operation::Write) if !here.has("upload") && !here.has("refuse") => {
            "op is \"write\", but only \"upload\" and \"refuse\" answer that: leave it out"
        }
        _ => return,
    };
    if !here.is_damaged() {
        report.wrong(here.key("op"), what);
    }
}

fn conditions(route: &Route, here: Spot<'_>, report: &mut Report) {
    let lists = [
        ("from", route.from.as_ref().map(|list| list.0.len())),
        ("to", route.to.as_ref().map(|list| list.0.len())),
        (
            "interface",
            route.interface.as_ref().map(|list| list.0.len()),
        ),
        ("option", route.option.as_ref().map(|list| list.0.len())),
        (
            "without_option",
            route.without_option.as_ref().map(|list| list.0.len()),
        ),
    ];
    for (key, length) in lists {
        report.filled(here, key, length == Some(0));
    }
    options(report, here, "option", route.option.as_ref());
    options(
        report,
        here,
        "without_option",
        route.without_option.as_ref(),
    );
}

/// Options are named, `tsize`, or have a value, `blksize=1468`.
pub(super) fn options(
    report: &mut Report,
    here: Spot<'_>,
    key: &str,
    options: Option<&Many<String>>,
) {
    for (index, option) in options.into_iter().flatten().enumerate() {
        let name = option.split('=').next().unwrap_or_default().trim();
        let is_word = |byte: u8| byte.is_ascii_graphic();
        if name.is_empty() || !name.bytes().all(is_word) {
            let what = format!("{option:?} is no option: write \"tsize\" or \"blksize=1468\"");
            report.wrong(here.key(key).index(index), what);
        }
    }
}

fn terms(route: &Route, here: Spot<'_>, report: &mut Report) {
    server::caps(here, route.blksize_max, route.windowsize_max, report);
    report.number(here, "rollover", route.rollover, 0..=1);
    server::resend_min(here, route.resend_min, report);
    let hour = Duration::from_secs(3600);
    report.some_time(here, "deadline", route.deadline);
    report.time(here, "deadline", route.deadline, Duration::ZERO..=hour);
    if route.options == Some(false) {
        for key in ["blksize_max", "windowsize_max"] {
            if here.has(key) {
                let what = format!("{key:?} means nothing where \"options\" are not granted");
                report.wrong(here.key(key), what);
            }
        }
    }
}
