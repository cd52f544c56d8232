//! A configuration from its texts. Nothing here reads a file or looks at a clock.

use std::collections::BTreeMap;

use super::environment;
use super::flags::Flags;
use super::model::Document;
use super::problem::{Complaint, Problems};
use super::read::read;
use super::rules::{self, Parsed};
use super::source::{Place, Sources};
use super::tree::{self, Entry, Node, Value};

/// A file that was read.
#[derive(Clone, Debug)]
pub(super) struct Text {
    /// As it is shown in messages.
    pub(super) name: String,
    pub(super) text: String,
}

/// A configuration that keeps the rules.
pub(super) struct Assembled {
    pub(super) document: Document,
    pub(super) parsed: Parsed,
    pub(super) sources: Sources,
    /// Where keys are, by their names with dots in between.
    pub(super) keys: BTreeMap<String, Place>,
    /// What is probably not meant so.
    pub(super) warnings: Vec<String>,
}

/// Lists whose items drop-ins add, before those of the main file: it has the routes for all that
/// is left.
const LISTS: [&str; 2] = ["route", "quirk"];

/// Lays drop-ins over the main file in their order, the environment over all of them, and flags over
/// that.
pub(super) fn assemble(
    main: &Text,
    drop_ins: &[Text],
    environment: impl IntoIterator<Item = (String, String)>,
    flags: &Flags,
) -> Result<Assembled, Problems> {
    let mut sources = Sources::default();
    let mut problems = Vec::new();
    let mut parsed = |text: &Text, problems: &mut Vec<Complaint>| {
        let source = sources.add_file(&text.name, &text.text);
        let (node, wrong) = tree::parse(&text.text, source);
        problems.extend(wrong);
        node
    };
    let mut root = parsed(main, &mut problems);
    let drop_ins: Vec<_> = drop_ins
        .iter()
        .map(|text| parsed(text, &mut problems))
        .collect();
    // What comes out of broken files would only give more mistakes that are none.
    if let Some(problems) = Problems::of(problems, &sources) {
        return Err(problems);
    }

    let mut problems = lay_over(&mut root, drop_ins);
    problems.extend(environment::lay_over(&mut root, environment, &mut sources));
    flags.lay_over(&mut root, &mut sources);
    let (document, mistakes) = read(&mut root);
    problems.extend(mistakes);
    let (parsed, report) = rules::parse(&document, &root);
    problems.extend(report.problems);
    match Problems::of(problems, &sources) {
        Some(problems) => Err(problems),
        None => Ok(Assembled {
            document,
            parsed,
            warnings: report
                .warnings
                .into_iter()
                .map(|found| found.shown(&sources).to_string())
                .collect(),
            sources,
            keys: root.keys(),
        }),
    }
}

fn lay_over(root: &mut Node, drop_ins: Vec<Node>) -> Vec<Complaint> {
    let mut problems = Vec::new();
    let mut lists: [Option<(Entry, Vec<Node>)>; LISTS.len()] = [const { None }; LISTS.len()];
    let mut take = |node: &mut Node| {
        let Value::Table(table) = &mut node.value else {
            return;
        };
        for (key, into) in LISTS.iter().zip(&mut lists) {
            let Some((entry, items)) = table.take_list(key) else {
                continue;
            };
            if !matches!(entry.node.value, Value::List(_)) {
                let what = format!("write [[{key}]] with two brackets: there may be many");
                problems.push(Complaint::new(entry.key, what));
            }
            into.get_or_insert((entry, Vec::new())).1.extend(items);
        }
    };
    for mut drop_in in drop_ins {
        take(&mut drop_in);
        root.lay_over(drop_in);
    }
    take(root);
    if let Value::Table(table) = &mut root.value {
        for (key, list) in LISTS.iter().zip(lists) {
            if let Some((mut entry, items)) = list {
                entry.node.value = Value::List(items);
                table.entries.insert((*key).to_owned(), entry);
            }
        }
    }
    problems
}
