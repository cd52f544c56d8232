//! Laying one tree over another.

use std::collections::btree_map::Entry as Slot;

use super::{Entry, Node, Table, Value};

impl Node {
    /// Lays `over` over this: its values replace those here, tables are merged key by key.
    pub(in crate::config) fn lay_over(&mut self, over: Self) {
        match (&mut self.value, over.value) {
            (Value::Table(table), Value::Table(over)) => table.lay_over(over),
            (_, value) => {
                *self = Self {
                    place: over.place,
                    value,
                    raw: over.raw,
                }
            }
        }
    }

    /// The table below `path`, made where there is none. Names are found whatever their case, and
    /// with `_` for `-`: variables cannot be called otherwise.
    pub(in crate::config) fn set(&mut self, path: &[String], node: Self) {
        let Some((name, rest)) = path.split_first() else {
            return self.lay_over(node);
        };
        if !matches!(self.value, Value::Table(_)) {
            *self = Self::new(node.place, Value::Table(Table::default()));
        }
        let Value::Table(table) = &mut self.value else {
            return;
        };
        let spelt = |key: &&String| key.to_lowercase().replace('-', "_") == *name;
        let key = table.entries.keys().find(spelt).unwrap_or(name).clone();
        let place = node.place;
        let entry = table.entries.entry(key).or_insert_with(|| Entry {
            key: place,
            node: Self::new(place, Value::Table(Table::default())),
        });
        if rest.is_empty() {
            entry.key = place;
        }
        entry.node.set(rest, node);
    }
}

impl Table {
    fn lay_over(&mut self, over: Self) {
        for (key, entry) in over.entries {
            match self.entries.entry(key) {
                Slot::Vacant(free) => _ = free.insert(entry),
                Slot::Occupied(taken) => {
                    let below = taken.into_mut();
                    let merges = matches!(
                        (&below.node.value, &entry.node.value),
                        (Value::Table(_), Value::Table(_))
                    );
                    if !merges {
                        below.key = entry.key;
                    }
                    below.node.lay_over(entry.node);
                }
            }
        }
    }

    /// Takes out a list of tables, `[[key]]`.
    pub(in crate::config) fn take_list(&mut self, key: &str) -> Option<(Entry, Vec<Node>)> {
        let entry = self.entries.remove(key)?;
        let list = match &entry.node.value {
            Value::List(list) => list.clone(),
            _ => Vec::new(),
        };
        Some((entry, list))
    }
}
