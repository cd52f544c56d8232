//! The JSON schema of the configuration file, for editors.

use schemars::Schema;
use schemars::generate::SchemaSettings;
use schemars::transform::transform_subschemas;
use serde_json::Value;

use super::model::Document;

/// The schema of the whole file. Draft 7 is what editors know best.
pub(super) fn schema() -> Schema {
    let generator = SchemaSettings::draft07()
        .with_transform(without_null)
        .into_generator();
    let mut schema = generator.into_root_schema_for::<Document>();
    let title = "Configuration of bootwire serve";
    schema.insert("title".to_owned(), title.into());
    schema
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_schema_in_the_docs_is_that_of_the_tables() {
        let path = concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../../docs/reference/bootwire.schema.json"
        );
        let written = std::fs::read_to_string(path).unwrap_or_default();
        assert!(
            written == text(),
            "docs/reference/bootwire.schema.json is stale: run \
             `cargo run -p bootwire-cli -- schema > docs/reference/bootwire.schema.json`"
        );
    }
}
