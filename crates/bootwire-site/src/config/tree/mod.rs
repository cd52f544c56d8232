//! A configuration before it is understood: tables, lists and values that know where they are.
//!
//! Files, drop-ins and variables are laid over each other here, so that whatever comes later can say
//! in which of them a mistake was made.

mod merge;
mod parse;
mod unquoted;

use std::collections::BTreeMap;

use super::source::Place;

pub(super) use parse::{parse, parse_value};

/// A value and its place.
#[derive(Clone)]
pub(super) struct Node {
    pub(super) place: Place,
    pub(super) value: Value,
    /// What a variable holds, to the letter: `007` may be meant as a text.
    pub(super) raw: Option<String>,
}

#[derive(Clone)]
pub(super) enum Value {
    Bool(bool),
    Integer(i64),
    Float(f64),
    Text(String),
    List(Vec<Node>),
    Table(Table),
}

#[derive(Clone, Default)]
pub(super) struct Table {
    pub(super) entries: BTreeMap<String, Entry>,
    /// Whether something was taken out because it made no sense.
    pub(super) damaged: bool,
}

#[derive(Clone)]
pub(super) struct Entry {
    /// Place of the key.
    pub(super) key: Place,
    pub(super) node: Node,
}

/// One segment of the way to a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Segment {
    Key(String),
    Index(usize),
}

impl Node {
    pub(super) fn new(place: Place, value: Value) -> Self {
        Self {
            place,
            value,
            raw: None,
        }
    }

    pub(super) fn table(&self) -> Option<&Table> {
        match &self.value {
            Value::Table(table) => Some(table),
            _ => None,
        }
    }

    /// The places of all keys, those in lists aside, by their names with dots in between.
    pub(super) fn keys(&self) -> BTreeMap<String, Place> {
        let mut keys = BTreeMap::new();
        let mut below = vec![(String::new(), self)];
        while let Some((path, node)) = below.pop() {
            for (key, entry) in node.table().into_iter().flat_map(|table| &table.entries) {
                let path = match path.as_str() {
                    "" => key.clone(),
                    path => format!("{path}.{key}"),
                };
                keys.insert(path.clone(), entry.key);
                below.push((path, &entry.node));
            }
        }
        keys
    }

    /// Takes out what is at the end of `path`; whether there was something.
    pub(super) fn remove(&mut self, path: &[Segment]) -> bool {
        let Some((segment, rest)) = path.split_first() else {
            return false;
        };
        match (segment, &mut self.value) {
            (Segment::Key(key), Value::Table(table)) => {
                if rest.is_empty() {
                    table.damaged = true;
                    return table.entries.remove(key).is_some();
                }
                let Some(entry) = table.entries.get_mut(key) else {
                    return false;
                };
                let is_removed = entry.node.remove(rest);
                // That nothing is left of a list is nobody's second mistake.
                if matches!(&entry.node.value, Value::List(list) if list.is_empty()) {
                    table.entries.remove(key);
                    table.damaged = true;
                }
                is_removed
            }
            (Segment::Index(index), Value::List(list)) => {
                if rest.is_empty() {
                    let is_there = *index < list.len();
                    if is_there {
                        list.remove(*index);
                    }
                    return is_there;
                }
                list.get_mut(*index).is_some_and(|node| node.remove(rest))
            }
            _ => false,
        }
    }
}

/// Somewhere in the tree: what the rules look at.
#[derive(Clone, Copy)]
pub(super) struct Spot<'a> {
    place: Place,
    node: Option<&'a Node>,
}

impl<'a> Spot<'a> {
    pub(super) fn root(node: &'a Node) -> Self {
        Self {
            place: node.place,
            node: Some(node),
        }
    }

    /// Its place: that of the key, or of the table it would be in.
    pub(super) fn place(self) -> Place {
        self.place
    }

    /// What is under `key`.
    pub(super) fn key(self, key: &str) -> Self {
        match self.table().and_then(|table| table.entries.get(key)) {
            Some(entry) => Self {
                place: entry.key,
                node: Some(&entry.node),
            },
            None => Self { node: None, ..self },
        }
    }

    /// The item of a list.
    pub(super) fn index(self, index: usize) -> Self {
        let item = match self.node.map(|node| &node.value) {
            Some(Value::List(list)) => list.get(index),
            // One value stands for a list of one.
            Some(_) if index == 0 => self.node,
            _ => None,
        };
        Self {
            place: item.map_or(self.place, |item| item.place),
            node: item,
        }
    }

    pub(super) fn has(self, key: &str) -> bool {
        self.key(key).is_there()
    }

    pub(super) fn is_there(self) -> bool {
        self.node.is_some()
    }

    /// Whether something in this table could not be understood: what is missing may have been it.
    pub(super) fn is_damaged(self) -> bool {
        self.table().is_some_and(|table| table.damaged)
    }

    /// The keys of the table.
    pub(super) fn keys(self) -> impl Iterator<Item = &'a str> {
        self.table()
            .into_iter()
            .flat_map(|table| table.entries.keys().map(String::as_str))
    }

    fn table(self) -> Option<&'a Table> {
        self.node.and_then(Node::table)
    }
}
