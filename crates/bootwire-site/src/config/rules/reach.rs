//! Routes that nobody reaches, because an earlier one takes all that would come to them; origins
//! that nobody asks.

use super::Report;
use super::route::EVERYTHING;
use crate::config::model::{Document, Operation, Output, Route};
use crate::config::tree::Spot;

pub(super) fn check(document: &Document, root: Spot<'_>, report: &mut Report) {
    let routes = root.key("route");
    for (index, route) in document.route.iter().enumerate() {
        let mut earlier = document.route[..index].iter();
        if earlier.any(|earlier| takes_all_of(earlier, route)) {
            let what = "nobody comes here: an earlier route takes all of these requests";
            report.warn(routes.index(index), what);
        }
    }
    if !root.is_damaged() && !may_redirect(document) {
        for name in document.origin.keys() {
            if !is_used(document, name) {
                let what = format!("no route asks the origin {name:?}");
                report.warn(root.key("origin").key(name), what);
            }
        }
    }
}

/// Whether the first leaves nothing to the second.
fn takes_all_of(first: &Route, second: &Route) -> bool {
    let path = |route: &Route| route.path.clone().unwrap_or_else(|| EVERYTHING.to_owned());
    let (taken, wanted) = (path(first), path(second));
    let takes_paths = taken.starts_with("/{*") || taken == wanted;
    let is_final = !only_renames(first) && first.http.is_none() && first.exec.is_none();
    let is_unconditional = first.from.is_none()
        && first.to.is_none()
        && first.interface.is_none()
        && first.option.is_none()
        && first.without_option.is_none();
    let same_operation = operation(first) == operation(second) && !only_renames(second);
    takes_paths && is_final && is_unconditional && same_operation
}

fn only_renames(route: &Route) -> bool {
    route.rewrite.is_some()
        && route.dir.is_none()
        && route.origin.is_none()
        && route.template.is_none()
        && route.text.is_none()
        && route.empty.is_none()
        && route.refuse.is_none()
        && route.http.is_none()
        && route.exec.is_none()
        && route.upload.is_none()
        && route.r#try.is_empty()
}

fn operation(route: &Route) -> Operation {
    let default = if route.upload.is_some() {
        Operation::Write
    } else {
        Operation::Read
    };
    route.op.unwrap_or(default)
}

/// All routes, and the answers they try.
fn answers(document: &Document) -> impl Iterator<Item = &Route> {
    document.route.iter().flat_map(|route| {
        let tries = route.r#try.iter().map(|one| &one.value);
        std::iter::once(&route.value).chain(tries)
    })
}

fn is_used(document: &Document, name: &str) -> bool {
    answers(document).any(|answer| answer.origin.as_deref() == Some(name))
}

/// A hook that decides may send clients to any origin.
fn may_redirect(document: &Document) -> bool {
    answers(document).any(|answer| {
        let http = answer.http.as_ref().is_some_and(|http| {
            http.output == Some(Output::Decision) || (http.post.is_some() && http.output.is_none())
        });
        let exec = answer.exec.as_ref();
        http || exec.is_some_and(|exec| exec.output == Some(Output::Decision))
    })
}
