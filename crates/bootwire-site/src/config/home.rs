//! Where a key belongs that was written somewhere else: TOML takes a line below a table's header as
//! one of that table, whatever was meant.

use schemars::Schema;
use serde_json::Value;

use super::schema::schema;

/// Tables and how their headers are written, those people mean most often first.
const TABLES: [(&str, &str); 9] = [
    ("Route", "[[route]]"),
    ("Origin", "[origin.NAME]"),
    ("Cache", "[cache]"),
    ("Inventory", "[inventory]"),
    ("Templates", "[templates]"),
    ("Identity", "[identity]"),
    ("Budgets", "[budgets]"),
    ("Sandbox", "[sandbox]"),
    ("Quirk", "[[quirk]]"),
];

/// In words, where a key belongs; `None` if there is no such key at all.
pub(super) fn of(key: &str, is_top: bool) -> Option<String> {
    let schema = schema();
    if !is_top && has(schema.as_value(), key) {
        return Some("it belongs to the top of the file, above all tables".to_owned());
    }
    let headers: Vec<_> = TABLES
        .iter()
        .filter(|(table, _)| has_table(&schema, table, key))
        .map(|(_, header)| *header)
        .take(2)
        .collect();
    (!headers.is_empty()).then(|| format!("it belongs to {}", headers.join(" or ")))
}

fn has_table(schema: &Schema, table: &str, key: &str) -> bool {
    let table = schema
        .get("definitions")
        .and_then(|tables| tables.get(table));
    table.is_some_and(|table| has(table, key))
}

fn has(table: &Value, key: &str) -> bool {
    table["properties"].get(key).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_have_homes() {
        for (key, is_top, home) in [
            ("listen", false, Some("to the top of the file")),
            ("dir", true, Some("[[route]] or [cache]")),
            ("url", true, Some("[origin.NAME]")),
            ("sqlite", false, Some("[inventory]")),
            ("loader", true, Some("[[quirk]]")),
            ("colour", true, None),
        ] {
            match (of(key, is_top), home) {
                (Some(found), Some(home)) => assert!(found.contains(home), "{key}: {found}"),
                (found, home) => assert_eq!(found.as_deref(), home, "{key}"),
            }
        }
        let schema = schema();
        for (table, _) in TABLES {
            assert!(schema.as_value()["definitions"].get(table).is_some());
        }
    }
}
