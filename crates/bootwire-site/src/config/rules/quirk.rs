//! `[[quirk]]`.

use bootwire_render::dialect::Loader;

use super::{Report, route};
use crate::conditions::Conditions;
use crate::config::model::{self, Document, networks};
use crate::config::tree::Spot;
use crate::config::value::Many;
use crate::quirks::Quirk;

pub(super) fn parse(document: &Document, root: Spot<'_>, report: &mut Report) -> Vec<Quirk> {
    let tables = document.quirk.iter().enumerate();
    let quirks = tables.map(|(index, table)| {
        let here = root.key("quirk").index(index);
        parse_one(index + 1, table, here, report)
    });
    quirks.collect()
}

fn parse_one(number: usize, quirk: &model::Quirk, here: Spot<'_>, report: &mut Report) -> Quirk {
    let path = quirk.path.as_deref();
    let path = path.and_then(|path| route::pattern(report, here, Some(path)));
    if !model::CAPS.iter().any(|key| here.has(key)) && !here.is_damaged() {
        report.wrong(
            here,
            "this quirk changes nothing: give it a cap, or \"options = false\"",
        );
    }
    let loaders: Vec<_> = Loader::ALL.iter().map(|loader| loader.name()).collect();
    let named = report.list(here, "loader", quirk.loader.as_ref());
    for (index, loader) in named.into_iter().flatten().enumerate() {
        let spot = here.key("loader").index(index);
        report.known(spot, "boot loader", loader, &loaders);
    }
    let macs = report.list(here, "mac", quirk.mac.as_ref());
    for (index, beginning) in macs.into_iter().flatten().enumerate() {
        if !is_beginning(beginning) {
            let what = format!(
                "{beginning:?} does not begin a hardware address: write it like \"b8:27:eb\""
            );
            report.wrong(here.key("mac").index(index), what);
        }
    }
    let from = report.list(here, "from", quirk.from.as_ref());
    let conditions = Conditions {
        from: from.map(networks),
        options: route::options(report, here, "option", quirk.option.as_ref()),
        without: route::options(
            report,
            here,
            "without_option",
            quirk.without_option.as_ref(),
        ),
        ..Conditions::default()
    };
    let mut terms = route::terms(&quirk.caps(), here, report);
    if let Some(name) = &quirk.name {
        terms = terms.label("quirk", name);
    }
    let many = |list: Option<&Many<String>>| list.map_or_else(Vec::new, |list| list.0.clone());
    let name = quirk.name.clone();
    Quirk {
        path,
        conditions,
        loaders: many(named),
        terms,
        ..Quirk::new(name.unwrap_or_else(|| format!("number {number}")))
    }
    .of_macs(&many(macs))
}

/// Whether a hardware address may begin so: up to 12 hex digits.
fn is_beginning(text: &str) -> bool {
    let mut digits = 0;
    text.chars().all(|letter| {
        digits += usize::from(letter.is_ascii_hexdigit());
        letter.is_ascii_hexdigit() || matches!(letter, ':' | '-' | '.')
    }) && (1..=12).contains(&digits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn beginnings_of_hardware_addresses() {
        for text in ["b8:27:eb", "B8-27", "b827.eb", "52:54:00:12:34:56", "0"] {
            assert!(is_beginning(text), "{text}");
        }
        for text in ["", ":", "b8:27:eg", "52:54:00:12:34:56:78", "node"] {
            assert!(!is_beginning(text), "{text}");
        }
    }
}
