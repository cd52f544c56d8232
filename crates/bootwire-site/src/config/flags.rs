//! What the command line says: the last layer, as the environment is the one before.

use super::setting::{Kind, Setting};
use super::source::{Place, Sources};
use super::tree::{self, Entry, Node, Table, Value};

/// Flags of `serve`: settings, and routes where there is no file.
#[derive(Clone, Debug, Default)]
pub struct Flags {
    settings: Vec<(&'static Setting, Vec<String>)>,
    routes: Vec<Vec<RouteFlag>>,
}

/// A flag that says something of a route.
#[derive(Clone, Debug)]
pub struct RouteFlag {
    /// As it is written, with its dashes; empty for an argument without a name.
    pub flag: &'static str,
    /// The key of the route it stands for.
    pub key: &'static str,
    /// Its value; `None` switches it on.
    pub value: Option<String>,
}

impl Flags {
    /// Sets a setting. A switch needs no value.
    pub fn set(&mut self, setting: &'static Setting, values: Vec<String>) {
        self.settings.push((setting, values));
    }

    /// Adds a route.
    pub fn add_route(&mut self, keys: Vec<RouteFlag>) {
        self.routes.push(keys);
    }

    /// Lays it over the tree.
    pub(super) fn lay_over(&self, root: &mut Node, sources: &mut Sources) {
        for (setting, values) in &self.settings {
            let place = place(sources, &format!("--{}", setting.flag_name()));
            let value = |text: &String| {
                let mut node = match setting.kind {
                    Kind::Number(..) | Kind::Time(..) | Kind::Size => {
                        tree::parse_value(text, place.source)
                    }
                    Kind::Switch | Kind::Text | Kind::Word(_) => {
                        Node::new(place, Value::Text(text.clone()))
                    }
                };
                node.place = place;
                node
            };
            let node = match (values.as_slice(), setting.is_list) {
                ([], _) => Node::new(place, Value::Bool(true)),
                (values, true) => Node::new(place, Value::List(values.iter().map(value).collect())),
                ([first, ..], false) => value(first),
            };
            let path: Vec<_> = setting.path().split('.').map(str::to_owned).collect();
            root.set(&path, node);
        }
        if self.routes.is_empty() {
            return;
        }
        let routes = self.routes.iter().map(|keys| route(keys, sources));
        let routes = Value::List(routes.collect());
        let routes = Node::new(place(sources, ""), routes);
        root.set(&["route".to_owned()], routes);
    }
}

fn route(keys: &[RouteFlag], sources: &mut Sources) -> Node {
    let mut table = Table::default();
    let mut first = Place::default();
    for key in keys {
        let place = place(sources, key.flag);
        if table.entries.is_empty() {
            first = place;
        }
        let value = match &key.value {
            Some(text) => Value::Text(text.clone()),
            None => Value::Bool(true),
        };
        let node = Node::new(place, value);
        let entry = Entry { key: place, node };
        table.entries.insert(key.key.to_owned(), entry);
    }
    Node::new(first, Value::Table(table))
}

fn place(sources: &mut Sources, flag: &str) -> Place {
    Place {
        source: sources.add_flag(flag),
        ..Place::default()
    }
}
