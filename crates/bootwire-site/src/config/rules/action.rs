//! What a route answers with.

use super::Report;
use crate::config::model::{Document, Exec, Finished, Http, Refuse, Route, Unknown};
use crate::config::tree::Spot;

/// Keys that are an answer.
pub(super) const ALL: [&str; 10] = [
    "dir", "origin", "template", "text", "empty", "refuse", "http", "exec", "upload", "try",
];

/// Keys, and the answers they belong to.
const BELONG: [(&[&str], &[&str]); 4] = [
    (&["links", "case_insensitive", "per_client"], &["dir"]),
    (&["unknown", "vars"], &["template"]),
    (&["probes"], &["template", "http", "exec"]),
    (
        &[
            "existing",
            "size_max",
            "keep_free",
            "create_dirs",
            "mode",
            "secret_suffix_file",
            "finished",
        ],
        &["upload"],
    ),
];

/// Longest text of an ERROR, in bytes.
const TEXT_MAX: usize = 60;

pub(super) fn check(document: &Document, route: &Route, here: Spot<'_>, report: &mut Report) {
    report.exactly_one(here, "a route", &ALL);
    for (keys, to) in BELONG {
        report.belongs(here, keys, to);
    }
    if let Some(name) = &route.origin {
        let known: Vec<_> = document.origin.keys().map(String::as_str).collect();
        report.known(here.key("origin"), "origin", name, &known);
    }
    if route
        .template
        .as_ref()
        .is_some_and(|name| name.trim().is_empty())
    {
        report.wrong(here.key("template"), "the name of the template is missing");
    }
    if let Some(unknown) = &route.unknown {
        unknown_machine(document, unknown, here, report);
    }
    if route.empty == Some(false) {
        let what = "write \"empty = true\", or leave it out";
        report.wrong(here.key("empty"), what);
    }
    if route.r#try.is_empty() && here.has("try") && !here.is_damaged() {
        report.wrong(here.key("try"), "nothing to try: list answers");
    }
    if let Some(refuse) = &route.refuse {
        refusal(refuse, here.key("refuse"), report);
    }
    if let Some(http) = &route.http {
        self::http(http, here.key("http"), report);
    }
    if let Some(exec) = &route.exec {
        self::exec(exec, here.key("exec"), report);
    }
    upload(route, here, report);
}

fn unknown_machine(document: &Document, unknown: &Unknown, here: Spot<'_>, report: &mut Report) {
    let inventory = &document.inventory;
    let has_inventory = inventory.files.is_some()
        || inventory.sqlite.is_some()
        || inventory.postgres.is_some()
        || inventory.http.is_some();
    if matches!(unknown, Unknown::NotFound | Unknown::Denied) && !has_inventory {
        let what = "without an [inventory] every machine is unknown: nobody would get the template";
        report.wrong(here.key("unknown"), what);
    }
    if matches!(unknown, Unknown::Profile(profile) if profile.trim().is_empty()) {
        report.wrong(here.key("unknown"), "the name of the profile is missing");
    }
}

fn refusal(refuse: &Refuse, here: Spot<'_>, report: &mut Report) {
    if refuse.code > 2 {
        let what = format!(
            "code {} is not for refusing: write 0 (the client may ask again), 1 (no such file) or \
             2 (denied)",
            refuse.code
        );
        report.wrong(here.key("code"), what);
    }
    let Some(text) = &refuse.text else { return };
    let is_printable = |byte: u8| byte == b' ' || byte.is_ascii_graphic();
    if text.trim().is_empty() {
        report.wrong(
            here.key("text"),
            "the text is empty: leave it out, or say why",
        );
    } else if text.len() > TEXT_MAX {
        let what = format!(
            "the text has {} bytes: boot screens show {TEXT_MAX}",
            text.len()
        );
        report.wrong(here.key("text"), what);
    } else if !text.bytes().all(is_printable) {
        let what = "the text has more than printable ASCII, which boot screens cannot show";
        report.wrong(here.key("text"), what);
    }
}

fn http(http: &Http, here: Spot<'_>, report: &mut Report) {
    report.exactly_one(here, "an HTTP hook", &["post", "get"]);
    report.bearer(here);
    for (key, url) in [("post", &http.post), ("get", &http.get)] {
        if let Some(url) = url {
            report.web(here.key(key), url);
        }
    }
    report.some_time(here, "deadline", http.deadline);
    report.number(here, "concurrency", http.concurrency, 1..=10_000);
    report.number(here, "queue", http.queue, 0..=1_000_000);
    report.some_size(here, "size_max", http.size_max);
}

fn exec(exec: &Exec, here: Spot<'_>, report: &mut Report) {
    program(&exec.program, &exec.args, here, report);
    for name in exec.env.keys() {
        if name.is_empty() || name.contains(['=', '\0']) {
            let what = format!("{name:?} is no name of a variable");
            report.wrong(here.key("env").key(name), what);
        } else if name.starts_with("BOOTWIRE_") {
            let what = format!("{name} is set by the server, to what the client asks");
            report.wrong(here.key("env").key(name), what);
        }
    }
    report.some_time(here, "deadline", exec.deadline);
    report.number(here, "concurrency", exec.concurrency, 1..=10_000);
    report.number(here, "queue", exec.queue, 0..=1_000_000);
    report.some_size(here, "size_max", exec.size_max);
}

fn program(program: &std::path::Path, args: &[String], here: Spot<'_>, report: &mut Report) {
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

fn upload(route: &Route, here: Spot<'_>, report: &mut Report) {
    report.some_size(here, "size_max", route.size_max);
    if let Some(mode) = &route.mode {
        let bits = u32::from_str_radix(mode, 8).ok();
        if bits.is_none_or(|bits| bits > 0o777) {
            let what = format!("{mode:?} are no permissions: write them in octal, like \"0644\"");
            report.wrong(here.key("mode"), what);
        }
    }
    if let Some(finished) = &route.finished {
        self::finished(finished, here.key("finished"), report);
    }
}

fn finished(finished: &Finished, here: Spot<'_>, report: &mut Report) {
    program(&finished.program, &finished.args, here, report);
    report.some_time(here, "deadline", finished.deadline);
    report.number(here, "concurrency", finished.concurrency, 1..=10_000);
}
