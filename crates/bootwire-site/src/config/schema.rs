//! The JSON schema of the configuration file, for editors.

use schemars::Schema;
use schemars::generate::SchemaSettings;
use schemars::transform::transform_subschemas;
use serde_json::Value;

use super::model::{Document, SETTINGS};
use super::setting::{Kind, Setting};

/// The schema of the whole file. Draft 7 is what editors know best.
pub(super) fn schema() -> Schema {
    let generator = SchemaSettings::draft07()
        .with_transform(without_null)
        .into_generator();
    let mut schema = generator.into_root_schema_for::<Document>();
    let title = "Configuration of bootwire serve";
    schema.insert("title".to_owned(), title.into());
    SETTINGS
        .iter()
        .for_each(|setting| describe(&mut schema, setting));
    schema
}

/// Adds what the types do not tell of a key of the server.
fn describe(schema: &mut Schema, setting: &Setting) {
    let tables = ["Budgets", "Sandbox", "Admin", "Cache", "Metrics"];
    let table = tables
        .iter()
        .find(|name| name.to_lowercase() == setting.table);
    let root = schema.as_object_mut();
    let found = root.and_then(|root| match table {
        Some(table) => root
            .get_mut("definitions")?
            .get_mut(table)?
            .get_mut("properties"),
        None => root.get_mut("properties"),
    });
    let Some(Value::Object(key)) = found.and_then(|table| table.get_mut(setting.key)) else {
        return;
    };
    key.insert("description".to_owned(), setting.description().into());
    if let Kind::Number(from, to) = setting.kind {
        key.insert("minimum".to_owned(), from.into());
        key.insert("maximum".to_owned(), to.into());
    }
    let default = setting.default_value().map(|text| match setting.kind {
        Kind::Switch | Kind::Number(..) => text.parse().unwrap_or(Value::Null),
        Kind::Time(..) | Kind::Size | Kind::Text | Kind::Word(_) => Value::String(text),
    });
    if let Some(default) = default {
        key.insert("default".to_owned(), default);
    }
}

/// What may be left out is `null` where other formats have it; TOML has none. Defaults that only
/// say "left out" go with it.
fn without_null(schema: &mut Schema) {
    transform_subschemas(&mut without_null, schema);
    schema.remove("default");
    if let Some(Value::Array(types)) = schema.get_mut("type") {
        types.retain(|one| one != "null");
        if let [only] = types.as_slice() {
            let only = only.clone();
            schema.insert("type".to_owned(), only);
        }
    }
    let Some(Value::Array(choices)) = schema.get_mut("anyOf") else {
        return;
    };
    choices.retain(|one| one.get("type").is_none_or(|kind| kind != "null"));
    let [only] = choices.as_slice() else { return };
    let only = only.clone();
    schema.remove("anyOf");
    match only {
        // Draft 7 reads nothing beside a reference.
        only if only.get("$ref").is_some() => {
            schema.insert("allOf".to_owned(), Value::Array(vec![only]));
        }
        Value::Object(only) => {
            for (key, value) in only {
                if schema.get(&key).is_none() {
                    schema.insert(key, value);
                }
            }
        }
        only => _ = schema.insert("anyOf".to_owned(), Value::Array(vec![only])),
    }
}

/// The schema as text, with a line break at its end.
pub fn text() -> String {
    let mut text = serde_json::to_string_pretty(&schema()).unwrap_or_default();
    text.push('\n');
    text
}
