//! `[[route]]`: conditions, and what else every route has.

mod action;

use std::sync::Arc;
use std::time::Duration;

use bootwire::router::{Pattern, Rewrite};
use bootwire::{Op, OptionKind, Rollover, Terms};

use self::action::Written;
use super::{Report, server};
use crate::conditions::{Conditions, Names, Wanted};
use crate::config::model::{self, Case, Document, Operation, networks};
use crate::config::route::{Action, Route, Step};
use crate::config::tree::Spot;
use crate::config::value::Many;

/// What a route without one has for a path.
const EVERYTHING: &str = "/{*path}";

/// Keys that choose among requests.
const CONDITIONS: &[&str] = &[
    "path",
    "regex",
    "not_regex",
    "as_sent",
    "case",
    "from",
    "to",
    "interface",
    "op",
    "option",
    "without_option",
];

/// Keys that give a request another path.
const REWRITES: &[&str] = &["rewrite", "replace", "repeat", "restart"];

/// Keys about how an answer is sent, beside [`model::CAPS`].
const TERMS: &[&str] = &["deadline", "labels", "stage"];

/// All routes that make sense, in order. Of one that does not the report tells why.
pub(super) fn parse(document: &Document, root: Spot<'_>, report: &mut Report) -> Vec<Route> {
    let names = Arc::default();
    let mut routes = Vec::new();
    for (index, table) in document.route.iter().enumerate() {
        let here = root.key("route").index(index);
        let known = report.problems.len();
        match parse_one(document, table, here, &names, report) {
            Some(route) => routes.push(route),
            None if report.problems.len() == known && !here.is_damaged() => {
                report.wrong(here, "this route makes no sense");
            }
            None => {}
        }
    }
    routes
}

fn parse_one(
    document: &Document,
    table: &model::Route,
    here: Spot<'_>,
    names: &Arc<Names>,
    report: &mut Report,
) -> Option<Route> {
    let pattern = route_pattern(table, here, report);
    let written = Written {
        document,
        table,
        here,
        pattern: pattern.as_ref(),
    };
    let to = rewrite(&written, report);
    let renames = table.rewrite.is_some() || table.replace.is_some();
    let step = if renames && !action::is_there(here) && !here.is_damaged() {
        only_rewrites(here, to.as_ref(), report);
        to.map(Action::Rename).map(|action| Step {
            place: here.place(),
            rewrite: None,
            action,
        })
    } else {
        step(&written, to, report)
    };
    let step = step.map(|step| (operation(table, &step.action, here, report), step));
    let ignore_case = table.case == Some(Case::Ignore);
    if table.case == Some(Case::Match) && document.case_insensitive {
        let what = "all routes ignore case by \"case_insensitive\" at the top: write case = \
                    \"ignore\" in those that should, instead";
        report.wrong(here.key("case"), what);
    }
    let mut conditions = conditions(table, here, names, report);
    conditions.unlike = unlike(
        table,
        here,
        ignore_case || document.case_insensitive,
        report,
    );
    let terms = route_terms(table, here, report);
    let (op, step) = step?;
    Some(Route {
        pattern: pattern?,
        ignore_case,
        conditions: Arc::new(conditions),
        op,
        step,
        terms,
        deadline: table.deadline.map(|limit| limit.0),
    })
}

/// The action of a table, under its new name.
fn step(written: &Written<'_>, to: Option<Rewrite>, report: &mut Report) -> Option<Step> {
    let action = action::parse(written, report)?;
    Some(Step {
        place: written.here.place(),
        rewrite: to,
        action,
    })
}

fn only_rewrites(here: Spot<'_>, to: Option<&Rewrite>, report: &mut Report) {
    let others = here
        .keys()
        .filter(|key| !REWRITES.contains(key) && !CONDITIONS.contains(key));
    for key in others {
        let what = format!(
            "{key:?} in a route that only rewrites: it renames the request for the routes that \
             follow, and answers nothing"
        );
        report.wrong(here.key(key), what);
    }
    if to.is_some_and(Rewrite::needs_client_mac) {
        let key = if here.has("replace") {
            "replace"
        } else {
            "rewrite"
        };
        let what = "{client:mac} in a route that only rewrites: it has no time to look for it; \
                    write it in the route that answers";
        report.wrong(here.key(key), what);
    }
}

/// One of the answers to try.
fn attempt(written: &Written<'_>, report: &mut Report) -> Option<Step> {
    let here = written.here;
    let of_route = CONDITIONS.iter().chain(model::CAPS).chain(TERMS);
    for key in of_route.chain(&["try", "upload"]) {
        if here.has(key) {
            let what = match *key {
                "try" => "\"try\" inside \"try\": write one list".to_owned(),
                "upload" => "uploads cannot be tried: give them a route of their own".to_owned(),
                key => format!("{key:?} belongs to the route, not to one of its tries"),
            };
            report.wrong(here.key(key), what);
        }
    }
    let to = rewrite(written, report);
    step(written, to, report)
}

/// What the route goes by: a pattern of paths, or an expression.
fn route_pattern(table: &model::Route, here: Spot<'_>, report: &mut Report) -> Option<Pattern> {
    report.belongs(here, &["as_sent"], &["regex", "not_regex"]);
    if report.at_most_one(here, &["path", "regex"]) != Some("regex") {
        return pattern(report, here, table.path.as_deref());
    }
    regex(report, here, "regex", table.regex.as_deref()?, table)
}

/// A regular expression.
fn regex(
    report: &mut Report,
    here: Spot<'_>,
    key: &str,
    source: &str,
    table: &model::Route,
) -> Option<Pattern> {
    match Pattern::regex(source) {
        Ok(pattern) if table.as_sent == Some(true) => Some(pattern.as_sent()),
        Ok(pattern) => Some(pattern),
        Err(error) => {
            let what = format!("{key}, column {}: {}", error.column(), error.problem());
            report.wrong(here.key(key), what);
            None
        }
    }
}

/// What must not be found.
fn unlike(
    table: &model::Route,
    here: Spot<'_>,
    ignore_case: bool,
    report: &mut Report,
) -> Option<Pattern> {
    let source = table.not_regex.as_deref()?;
    let exact = regex(report, here, "not_regex", source, table)?;
    if !ignore_case {
        return Some(exact);
    }
    regex(report, here, "not_regex", &format!("(?i){source}"), table)
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

/// The path to look for instead.
fn rewrite(written: &Written<'_>, report: &mut Report) -> Option<Rewrite> {
    let (table, here) = (written.table, written.here);
    report.belongs(here, &["repeat"], &["replace"]);
    report.belongs(here, &["restart"], &["rewrite", "replace"]);
    if table.restart == Some(true) && action::is_there(here) {
        let what = "\"restart\" belongs to a route that only rewrites: this one answers";
        report.wrong(here.key("restart"), what);
    }
    let key = report.at_most_one(here, &["rewrite", "replace"])?;
    let pattern = written.pattern?;
    let read = match key {
        "replace" if !pattern.is_regex() => {
            let what = "\"replace\" belongs to \"regex\", which says what: for a whole path write \
                        \"rewrite\"";
            report.wrong(here.key("replace"), what);
            return None;
        }
        "replace" => Rewrite::replace(table.replace.as_deref()?, pattern),
        _ => Rewrite::parse(table.rewrite.as_deref()?, pattern),
    };
    let mut to = match read {
        Ok(to) => to,
        Err(error) => {
            let what = format!("{key}, column {}: {}", error.column(), error.problem());
            report.wrong(here.key(key), what);
            return None;
        }
    };
    if to.needs_client_mac() && action::is_there(here) {
        action::hardware(written, here.key(key), "{client:mac}", report);
    }
    if table.repeat == Some(true) {
        to = to.repeated();
    }
    if table.restart == Some(true) {
        to = to.restarting();
    }
    Some(to)
}

/// What the route answers. Only uploads and refusals answer writes, and uploads nothing else.
fn operation(table: &model::Route, action: &Action, here: Spot<'_>, report: &mut Report) -> Op {
    let what = match (action, table.op) {
        (Action::Upload(_), Some(Operation::Read)) => {
            "op is \"read\", but uploads are written: leave it out"
        }
        (Action::Upload(_), _) | (Action::Refuse(_), Some(Operation::Write)) => return Op::Write,
        (Action::Rename(_), _) | (_, None | Some(Operation::Read)) => return Op::Read,
        (_, Some(Operation::Write)) => {
            "op is \"write\", but only \"upload\" and \"refuse\" answer that: leave it out"
        }
    };
    if !here.is_damaged() {
        report.wrong(here.key("op"), what);
    }
    Op::Read
}

fn conditions(
    table: &model::Route,
    here: Spot<'_>,
    names: &Arc<Names>,
    report: &mut Report,
) -> Conditions {
    let from = report.list(here, "from", table.from.as_ref());
    let to = report.list(here, "to", table.to.as_ref());
    let interfaces = report.list(here, "interface", table.interface.as_ref());
    Conditions {
        // What reads and writes are answered with differs; only new names serve both.
        op: table.op.map(|op| match op {
            Operation::Read => Op::Read,
            Operation::Write => Op::Write,
        }),
        from: from.map(networks),
        to: to.map(networks),
        interfaces: interfaces.map_or_else(Vec::new, |list| list.0.clone()),
        options: options(report, here, "option", table.option.as_ref()),
        without: options(
            report,
            here,
            "without_option",
            table.without_option.as_ref(),
        ),
        unlike: None,
        names: Arc::clone(names),
    }
}

/// Options are named, `tsize`, or have a value, `blksize=1468`.
pub(super) fn options(
    report: &mut Report,
    here: Spot<'_>,
    key: &str,
    options: Option<&Many<String>>,
) -> Vec<Wanted> {
    let Some(options) = report.list(here, key, options) else {
        return Vec::new();
    };
    for (index, option) in options.into_iter().enumerate() {
        let name = option.split('=').next().unwrap_or_default().trim();
        let is_word = |byte: u8| byte.is_ascii_graphic();
        if name.is_empty() || !name.bytes().all(is_word) {
            let what = format!("{option:?} is no option: write \"tsize\" or \"blksize=1468\"");
            report.wrong(here.key(key).index(index), what);
        }
    }
    options
        .into_iter()
        .map(|text| Wanted::parse(text))
        .collect()
}

fn route_terms(table: &model::Route, here: Spot<'_>, report: &mut Report) -> Terms {
    let hour = Duration::from_secs(3600);
    report.some_time(here, "deadline", table.deadline);
    report.time(here, "deadline", table.deadline, Duration::ZERO..=hour);
    if table.options == Some(false) {
        for key in ["blksize_max", "windowsize_max", "refuse_options"] {
            if here.has(key) {
                let what = format!("{key:?} means nothing where \"options\" are not granted");
                report.wrong(here.key(key), what);
            }
        }
    }
    let mut terms = terms(&table.caps(), here, report);
    for (name, value) in &table.labels {
        terms = terms.label(name, value);
    }
    if let Some(stage) = table.stage {
        if table.labels.contains_key("stage") {
            let what = "\"stage\" is a label, too: write one of the two";
            report.wrong(here.key("stage"), what);
        }
        terms = terms.label("stage", stage.as_str());
    }
    terms
}

/// What a route or a quirk grants at most, and how it sends.
pub(super) fn terms(caps: &model::Caps<'_>, here: Spot<'_>, report: &mut Report) -> Terms {
    let (blksize_max, windowsize_max) = (caps.blksize_max.copied(), caps.windowsize_max.copied());
    server::caps(here, blksize_max, windowsize_max, report);
    report.number(here, "rollover", caps.rollover.copied(), 0..=1);
    server::resend_min(here, caps.resend_min.copied(), report);
    let mut terms = Terms::new();
    terms.blksize_max = blksize_max;
    terms.windowsize_max = windowsize_max;
    terms.resend_min = caps.resend_min.map(|time| time.0);
    terms.without_options = caps.options == Some(&false);
    let refused = report.list(here, "refuse_options", caps.refuse_options);
    let known = OptionKind::ALL.map(OptionKind::name);
    for (index, name) in refused.into_iter().flatten().enumerate() {
        match OptionKind::from_name(name.as_bytes()) {
            Some(kind) => terms = terms.without_option(kind),
            None => {
                let spot = here.key("refuse_options").index(index);
                report.known(spot, "option", name, &known);
            }
        }
    }
    terms.rollover = caps.rollover.map(|number| match number {
        0 => Rollover::Zero,
        _ => Rollover::One,
    });
    terms
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_of_a_route_has_its_place() {
        let schema = schemars::schema_for!(model::Route);
        let keys = schema.get("properties").and_then(|keys| keys.as_object());
        for key in keys.unwrap().keys().map(String::as_str) {
            let places = [
                CONDITIONS.contains(&key),
                model::CAPS.contains(&key),
                TERMS.contains(&key),
                action::is_key(key),
                REWRITES.contains(&key),
            ];
            let count = places.iter().filter(|is_there| **is_there).count();
            assert_eq!(
                count, 1,
                "{key}: it is a condition, says how to send, or belongs to an action"
            );
        }
    }
}
