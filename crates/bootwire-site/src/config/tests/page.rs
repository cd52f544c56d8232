//! The page of all keys.

use super::good;
use crate::config::schema;

/// The documentation.
const PAGE: &str = include_str!("../../../../../docs/reference/configuration.md");

/// The configurations it shows.
pub(super) fn examples() -> impl Iterator<Item = &'static str> {
    let blocks = PAGE.split("\n```toml\n").skip(1);
    blocks.map(|block| block.split("\n```").next().unwrap_or(block))
}

#[test]
fn the_examples_of_the_documentation_are_configurations() {
    assert!(examples().count() > 2);
    for (number, example) in examples().enumerate() {
        let config = good(example, &[], &[]);
        // The first has it all.
        assert!(
            number > 0 || config.warnings.is_empty(),
            "{:?}",
            config.warnings
        );
    }
}

#[test]
fn the_documentation_has_every_key() {
    let schema = serde_json::to_value(schema::schema()).unwrap();
    let tables = schema["definitions"].as_object().unwrap().values();
    let properties = tables
        .chain([&schema])
        .filter_map(|table| table["properties"].as_object());
    let mut keys: Vec<_> = properties.flat_map(|table| table.keys()).collect();
    keys.sort();
    keys.dedup();
    assert!(keys.len() > 100, "{keys:?}");
    for key in keys {
        let shown = [
            format!("`{key}`"),
            format!("`[{key}]`"),
            format!("`[[{key}]]`"),
        ];
        let words = [format!("{key} = "), format!("`[{key}.NAME]`")];
        let is_there = shown
            .iter()
            .chain(&words)
            .any(|shown| PAGE.contains(shown.as_str()));
        assert!(
            is_there,
            "docs/reference/configuration.md says nothing of {key:?}"
        );
    }
}
