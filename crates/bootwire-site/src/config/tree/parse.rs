//! Trees from TOML.

use std::collections::BTreeSet;
use std::ops::Range;

use toml::Spanned;
use toml::de::{DeArray, DeInteger, DeTable, DeValue};

use super::{Entry, Node, Table, Value, unquoted};
use crate::config::problem::Complaint;
use crate::config::source::Place;

/// Errors reported of one document: a quote that is missing makes nonsense of all that follows.
const ERRORS_MAX: usize = 5;

/// Reads a document, and says what cannot be read. What can be is in the tree.
pub(in crate::config) fn parse(text: &str, source: usize) -> (Node, Vec<Complaint>) {
    let (document, errors) = DeTable::parse_recoverable(text);
    let mut reader = Reader {
        source,
        problems: Vec::new(),
    };
    let mut advised = BTreeSet::new();
    for error in errors.into_iter().take(ERRORS_MAX) {
        let at = error.span().unwrap_or_default();
        let line = unquoted::line(text, at.start);
        // What else is wrong with a line follows from what it lacks.
        if advised.contains(&line.start) {
            continue;
        }
        let place = reader.place(at);
        let found = match unquoted::advice(text, place.start) {
            Some(advice) => {
                advised.insert(line.start);
                advice
            }
            None => error.message().to_owned(),
        };
        reader.problems.push(Complaint::new(place, found));
    }
    let root = Value::Table(reader.table(document.into_inner()));
    (Node::new(reader.place(0..0), root), reader.problems)
}

/// Reads one value; what is none is a text.
pub(in crate::config) fn parse_value(text: &str, source: usize) -> Node {
    let mut reader = Reader {
        source,
        problems: Vec::new(),
    };
    let value = DeValue::parse(text).ok().map(|value| reader.node(value));
    let value = value.filter(|_| reader.problems.is_empty());
    match value {
        Some(mut node) => {
            if !matches!(
                node.value,
                Value::Text(_) | Value::List(_) | Value::Table(_)
            ) {
                node.raw = Some(text.to_owned());
            }
            node
        }
        None => Node::new(reader.place(0..text.len()), Value::Text(text.to_owned())),
    }
}

/// The parser bounds how deep tables and lists are nested, and so how deep this goes.
struct Reader {
    source: usize,
    problems: Vec<Complaint>,
}

impl Reader {
    fn place(&self, span: Range<usize>) -> Place {
        Place {
            source: self.source,
            start: span.start,
            end: span.end,
        }
    }

    fn table(&mut self, table: DeTable<'_>) -> Table {
        let entries = table.into_iter().map(|(key, value)| {
            let place = self.place(key.span());
            let node = self.node(value);
            (key.into_inner().into_owned(), Entry { key: place, node })
        });
        Table {
            entries: entries.collect(),
            damaged: false,
        }
    }

    fn list(&mut self, list: DeArray<'_>) -> Vec<Node> {
        list.into_iter().map(|value| self.node(value)).collect()
    }

    fn node(&mut self, value: Spanned<DeValue<'_>>) -> Node {
        let place = self.place(value.span());
        let value = match value.into_inner() {
            DeValue::String(text) => Value::Text(text.into_owned()),
            DeValue::Integer(number) => Value::Integer(self.integer(&number, place)),
            DeValue::Float(number) => Value::Float(number.as_str().parse().unwrap_or(f64::NAN)),
            DeValue::Boolean(value) => Value::Bool(value),
            DeValue::Datetime(time) => Value::Text(time.to_string()),
            DeValue::Array(list) => Value::List(self.list(list)),
            DeValue::Table(table) => Value::Table(self.table(table)),
        };
        Node::new(place, value)
    }

    fn integer(&mut self, number: &DeInteger<'_>, place: Place) -> i64 {
        i64::from_str_radix(number.as_str(), number.radix()).unwrap_or_else(|_| {
            let what = "this number is larger than 64 bits can count";
            self.problems.push(Complaint::new(place, what));
            0
        })
    }
}
