//! Routes that nobody reaches, because an earlier one takes all that would come to them; origins
//! that nobody asks.

use bootwire::router::Pattern;

use super::Report;
use crate::config::model::Document;
use crate::config::route::{Action, Route, Step};
use crate::config::tree::Spot;

pub(super) fn check(document: &Document, routes: &[Route], root: Spot<'_>, report: &mut Report) {
    for (index, route) in routes.iter().enumerate() {
        let mut earlier = routes[..index].iter();
        if earlier.any(|earlier| takes_all_of(earlier, route)) {
            let what = "no request gets here: an earlier route takes them all";
            report.warn(root.key("route").index(index), what);
        }
    }
    let mut steps = routes.iter().flat_map(|route| route.step.all());
    if root.is_damaged() || steps.any(|step| step.action.redirects()) {
        return;
    }
    for name in document.origin.keys() {
        let asks = |step: &Step| matches!(&step.action, Action::Origin(asked) if asked == name);
        if !routes.iter().flat_map(|route| route.step.all()).any(asks) {
            let what = format!("no route asks the origin {name:?}");
            report.warn(root.key("origin").key(name), what);
        }
    }
}

/// Whether the first leaves nothing to the second.
fn takes_all_of(first: &Route, second: &Route) -> bool {
    let same_operation = first.op == second.op && !matches!(second.step.action, Action::Rename(_));
    (takes_everything(&first.pattern) || first.pattern == second.pattern)
        && !first.step.action.passes()
        && first.conditions.is_everybody()
        && same_operation
}

/// Whether every path matches it.
fn takes_everything(pattern: &Pattern) -> bool {
    let name = pattern.as_str().strip_prefix("/{*");
    !pattern.is_regex()
        && name
            .and_then(|name| name.split_once('}'))
            .is_some_and(|(_, then)| then.is_empty())
}
