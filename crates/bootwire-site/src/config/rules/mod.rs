//! What the tables cannot say by their types: numbers in range, keys that belong together, keys that
//! contradict each other.

mod admin;
mod export;
mod metrics;
mod origin;
mod quirk;
mod reach;
mod route;
mod server;
mod site;

use std::fmt::Display;
use std::ops::RangeInclusive;
use std::time::Duration;

use super::mistake::{listed, nearest};
use super::model::Document;
use super::problem::Complaint;
use super::route::Route;
use super::tree::{Node, Spot};
use super::value::{Many, Size, Time};
use crate::quirks::Quirk;

/// What the rules found.
#[derive(Default)]
pub(super) struct Report {
    pub(super) problems: Vec<Complaint>,
    /// What is allowed and probably not meant so.
    pub(super) warnings: Vec<Complaint>,
}

/// What routes and quirks mean. Complete if the rules found no problems.
pub(super) struct Parsed {
    pub(super) routes: Vec<Route>,
    pub(super) quirks: Vec<Quirk>,
}

/// Checks what was read, and says what it means; `root` tells where.
pub(super) fn parse(document: &Document, root: &Node) -> (Parsed, Report) {
    let mut report = Report::default();
    let root = Spot::root(root);
    server::check(document, root, &mut report);
    metrics::check(&document.metrics, root.key("metrics"), &mut report);
    admin::check(document, root, &mut report);
    origin::check(document, root, &mut report);
    site::check(document, root, &mut report);
    export::check(document, root, &mut report);
    let routes = route::parse(document, root, &mut report);
    let quirks = quirk::parse(document, root, &mut report);
    if report.problems.is_empty() {
        reach::check(document, &routes, root, &mut report);
    }
    (Parsed { routes, quirks }, report)
}

impl Report {
    fn wrong(&mut self, spot: Spot<'_>, what: impl Into<String>) {
        self.problems.push(Complaint::new(spot.place(), what));
    }

    fn warn(&mut self, spot: Spot<'_>, what: impl Into<String>) {
        self.warnings.push(Complaint::new(spot.place(), what));
    }

    /// A number within bounds.
    fn number<T>(&mut self, table: Spot<'_>, key: &str, value: Option<T>, range: RangeInclusive<T>)
    where
        T: PartialOrd + Display,
    {
        if let Some(value) = value
            && !range.contains(&value)
        {
            let (from, to) = range.into_inner();
            let what = format!("{key} is {value}: write {from} to {to}");
            self.wrong(table.key(key), what);
        }
    }

    /// A time within bounds.
    fn time(
        &mut self,
        table: Spot<'_>,
        key: &str,
        value: Option<Time>,
        range: RangeInclusive<Duration>,
    ) {
        let (from, to) = range.into_inner();
        self.number(table, key, value, Time(from)..=Time(to));
    }

    /// A time that is not nothing.
    fn some_time(&mut self, table: Spot<'_>, key: &str, value: Option<Time>) {
        if value.is_some_and(|time| time.0.is_zero()) {
            self.wrong(
                table.key(key),
                format!("{key} is 0: nothing is done in no time"),
            );
        }
    }

    /// A size that is not nothing.
    fn some_size(&mut self, table: Spot<'_>, key: &str, value: Option<Size>) {
        if value == Some(Size(0)) {
            self.wrong(table.key(key), format!("{key} is 0: nothing would fit"));
        }
    }

    /// A list that has items, if it is there.
    fn filled(&mut self, table: Spot<'_>, key: &str, is_empty: bool) {
        if is_empty && table.has(key) {
            let what = format!("{key} is empty: leave it out, or say what is meant");
            self.wrong(table.key(key), what);
        }
    }

    /// As [`Report::filled`], of a list that is read further.
    fn list<'a, T>(
        &mut self,
        table: Spot<'_>,
        key: &str,
        list: Option<&'a Many<T>>,
    ) -> Option<&'a Many<T>> {
        self.filled(table, key, list.is_some_and(|list| list.0.is_empty()));
        list
    }

    /// At most one of these keys; gives the first that is there.
    fn at_most_one<'k>(&mut self, table: Spot<'_>, keys: &[&'k str]) -> Option<&'k str> {
        let mut there = keys.iter().filter(|key| table.has(key));
        let first = there.next()?;
        for other in there {
            let what = format!("{other:?} beside {first:?}: only one of them can be");
            self.wrong(table.key(other), what);
        }
        Some(first)
    }

    /// Exactly one of these keys.
    fn exactly_one<'k>(
        &mut self,
        table: Spot<'_>,
        what: &str,
        keys: &[&'k str],
    ) -> Option<&'k str> {
        let one = self.at_most_one(table, keys);
        if one.is_none() && !table.is_damaged() {
            self.wrong(table, format!("{what} needs one of {}", listed(keys, ", ")));
        }
        one
    }

    /// Keys that mean something only beside one of others.
    fn belongs(&mut self, table: Spot<'_>, keys: &[&str], to: &[&str]) {
        if to.iter().any(|key| table.has(key)) || table.is_damaged() {
            return;
        }
        for key in keys.iter().filter(|key| table.has(key)) {
            let what = format!("{key:?} belongs to {}", listed(to, " or "));
            self.wrong(table.key(key), what);
        }
    }

    /// The means to prove to a web server who is asking.
    fn bearer(&mut self, table: Spot<'_>) {
        let token = self.at_most_one(table, &["bearer_file", "bearer_env", "basic_file"]);
        let headers = table.key("headers");
        for name in headers.keys() {
            let is_word = !name.is_empty()
                && name
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte));
            if !is_word {
                let what = format!("{name:?} is no name of a header: write letters, digits and -");
                self.wrong(headers.key(name), what);
            } else if name.eq_ignore_ascii_case("authorization")
                && let Some(token) = token
            {
                let what = format!("{name:?} beside {token:?}: only one of them can be");
                self.wrong(headers.key(name), what);
            }
        }
    }

    /// The URL of a web server. It is not repeated: it may hold a secret.
    fn web(&mut self, spot: Spot<'_>, url: &str) {
        let lower = url.to_ascii_lowercase();
        let rest = ["http://", "https://"]
            .iter()
            .find_map(|scheme| lower.strip_prefix(scheme));
        let Some(rest) = rest else {
            return self.wrong(spot, "a URL begins with http:// or https://");
        };
        let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
        if host.is_empty() {
            self.wrong(spot, "the URL has no host: write it like https://host/path");
        } else if host.contains('@') {
            let what = "a URL cannot hold a user name or password: use headers, or bearer_file";
            self.wrong(spot, what);
        } else if host.contains(['{', '}']) {
            self.wrong(spot, "what clients send cannot choose the host");
        }
    }

    /// A name that is one of those known.
    fn known(&mut self, spot: Spot<'_>, what: &str, name: &str, known: &[&str]) -> bool {
        if known.contains(&name) {
            return true;
        }
        let help = match nearest(name, known) {
            Some(near) => format!("did you mean {near:?}?"),
            None if known.is_empty() => "there are none".to_owned(),
            None => format!("there are {}", listed(known, " and ")),
        };
        self.wrong(spot, format!("no such {what} {name:?}: {help}"));
        false
    }
}
