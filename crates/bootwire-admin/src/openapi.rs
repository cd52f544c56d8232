//! The description of the API in OpenAPI 3.1, made of the table.

use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde_json::{Map, Value, json};

use crate::api;
use crate::endpoints::{Answer, CHANGES, COOKIE, ENDPOINTS, Endpoint};
use crate::problem::Problem;

/// What it says, as a document: what `GET /openapi.json` answers and `docs/reference/openapi.json`
/// holds.
#[must_use]
pub fn document() -> Value {
    let mut generator = generator();
    let mut paths: Map<String, Value> = Map::new();
    for endpoint in ENDPOINTS {
        let operation = operation(endpoint, &mut generator);
        let path = paths.entry(endpoint.path).or_insert_with(|| json!({}));
        path[endpoint.method.as_str().to_ascii_lowercase()] = operation;
    }
    let problem = reference::<Problem>(&mut generator);
    // Named here, as no endpoint's body is one of these.
    for add in [
        reference::<api::Record>,
        reference::<api::Boot>,
        reference::<api::Hello>,
        reference::<api::Lag>,
        reference::<api::TransfersEvent>,
        reference::<api::StatsEvent>,
        reference::<api::Topic>,
    ] {
        add(&mut generator);
    }
    let schemas = generator.take_definitions(true);
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Bootwire admin API",
            "version": "1",
            "description": "Look at a running server and steer it. Paths below /api/v1 keep their \
                            meaning; members may be added.",
            "license": { "name": "MIT OR Apache-2.0", "identifier": "MIT OR Apache-2.0" },
        },
        "servers": [{ "url": "/" }],
        "security": [{ "token": [] }, { "session": [] }, {}],
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": {
                "token": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "The token of [admin]. The Unix socket needs none, nor does loopback \
                                    unless one is set.",
                },
                "session": { "type": "apiKey", "in": "cookie", "name": COOKIE },
            },
            "parameters": {
                "Changes": {
                    "name": CHANGES,
                    "in": "header",
                    "required": false,
                    "description": "Any value. Over TCP, a call that changes something needs this header \
                                    or a bearer token: a form of another web page can send neither.",
                    "schema": { "type": "string" },
                },
            },
            "responses": {
                "Problem": {
                    "description": "What is wrong, and what to do",
                    "content": { "application/problem+json": { "schema": problem } },
                },
            },
        },
    })
}

pub(crate) fn generator() -> SchemaGenerator {
    SchemaSettings::draft2020_12()
        .with(|settings| {
            settings.definitions_path = "/components/schemas".into();
            settings.meta_schema = None;
        })
        .into_generator()
}

fn reference<T: JsonSchema>(generator: &mut SchemaGenerator) -> Schema {
    generator.subschema_for::<T>()
}

fn operation(endpoint: &Endpoint, generator: &mut SchemaGenerator) -> Value {
    let mut parameters = Vec::new();
    if !endpoint.path_help.is_empty() {
        parameters.push(json!({
            "name": "id", "in": "path", "required": true,
            "description": endpoint.path_help, "schema": { "type": "string" },
        }));
    }
    parameters.extend(
        parameters_of(endpoint, generator)
            .into_iter()
            .map(|parameter| {
                json!({
                    "name": parameter.name, "in": "query",
                    "description": parameter.help, "schema": parameter.schema,
                })
            }),
    );
    if endpoint.changes {
        parameters.push(json!({ "$ref": "#/components/parameters/Changes" }));
    }
    let mut operation = json!({
        "operationId": endpoint.id,
        "tags": [endpoint.group],
        "summary": endpoint.summary,
        "responses": {
            answer_status(endpoint): answer(endpoint, generator),
            "default": { "$ref": "#/components/responses/Problem" },
        },
    });
    if !endpoint.more.is_empty() {
        operation["description"] = json!(endpoint.more);
    }
    if !parameters.is_empty() {
        operation["parameters"] = json!(parameters);
    }
    if let Some(body) = endpoint.body {
        operation["requestBody"] = json!({
            "required": true,
            "content": { "application/json": { "schema": body.schema(generator) } },
        });
    }
    if endpoint.open {
        operation["security"] = json!([]);
    }
    operation
}

fn answer_status(endpoint: &Endpoint) -> &'static str {
    match endpoint.answer {
        Answer::Nothing => "204",
        _ => "200",
    }
}

fn answer(endpoint: &Endpoint, generator: &mut SchemaGenerator) -> Value {
    let (kind, schema) = match endpoint.answer {
        Answer::Json(shape) => ("application/json", json!(shape.schema(generator))),
        Answer::Text("application/json") => ("application/json", json!({ "type": "object" })),
        Answer::Text(kind) => (kind, json!({ "type": "string" })),
        Answer::Events => ("text/event-stream", json!({ "type": "string" })),
        Answer::Nothing => return json!({ "description": "Done" }),
    };
    json!({ "description": "Well", "content": { kind: { "schema": schema } } })
}

/// Something behind the `?`.
pub(crate) struct Parameter {
    pub(crate) name: String,
    pub(crate) help: String,
    pub(crate) schema: Value,
}

/// What may be behind the `?` of an endpoint: the members of its query's type.
pub(crate) fn parameters_of(
    endpoint: &Endpoint,
    generator: &mut SchemaGenerator,
) -> Vec<Parameter> {
    let Some(query) = endpoint.query else {
        return Vec::new();
    };
    let schema = query.schema(generator);
    let definitions = generator.definitions();
    let named = schema.get("$ref").and_then(Value::as_str);
    let name = named
        .and_then(|path| path.rsplit('/').next())
        .unwrap_or_default();
    let properties = definitions
        .get(name)
        .and_then(|schema| schema.get("properties"));
    let properties = properties.and_then(Value::as_object);
    let parameters = properties.into_iter().flatten();
    parameters
        .map(|(name, schema)| {
            let mut schema = schema.clone();
            let help = schema
                .as_object_mut()
                .and_then(|schema| schema.remove("description"));
            Parameter {
                name: name.clone(),
                help: help
                    .as_ref()
                    .and_then(Value::as_str)
                    .unwrap_or_default()
                    .to_owned(),
                schema: without_null(schema),
            }
        })
        .collect()
}

/// A parameter that is left out is left out, and never null.
fn without_null(mut schema: Value) -> Value {
    let Some(members) = schema.as_object_mut() else {
        return schema;
    };
    members.remove("default");
    if let Some(Value::Array(kinds)) = members.get_mut("type") {
        kinds.retain(|kind| kind != "null");
        if let [kind] = kinds.as_slice() {
            let kind = kind.clone();
            members.insert("type".to_owned(), kind);
        }
    }
    if let Some(Value::Array(choices)) = members.get_mut("anyOf") {
        choices.retain(|choice| choice.get("type").and_then(Value::as_str) != Some("null"));
        if let [choice] = choices.as_slice() {
            return choice.clone();
        }
    }
    schema
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The description that is checked in is the one that is served.
    #[test]
    fn the_description_is_renewed() {
        let text = serde_json::to_string_pretty(&document()).unwrap() + "\n";
        crate::renewed::compare("openapi.json", &text);
    }

    #[test]
    fn every_reference_leads_somewhere() {
        fn walk(value: &Value, document: &Value) {
            match value {
                Value::Object(members) => {
                    if let Some(Value::String(path)) = members.get("$ref") {
                        let pointer = path.trim_start_matches('#');
                        assert!(document.pointer(pointer).is_some(), "{path}");
                    }
                    members.values().for_each(|value| walk(value, document));
                }
                Value::Array(values) => values.iter().for_each(|value| walk(value, document)),
                _ => {}
            }
        }
        let document = document();
        walk(&document, &document);
    }

    #[test]
    fn queries_become_parameters() {
        let endpoint = ENDPOINTS
            .iter()
            .find(|one| one.id == "listTransfers")
            .unwrap();
        let parameters = parameters_of(endpoint, &mut generator());
        let limit = parameters.iter().find(|one| one.name == "limit").unwrap();
        assert_eq!(limit.schema["type"], "integer");
        assert!(limit.help.contains("up to 1000"), "{}", limit.help);
    }
}
