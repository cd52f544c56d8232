//! The part of `docs/reference/api.md` that is made of the table.

use std::fmt::Write;

use schemars::SchemaGenerator;
use serde_json::Value;

use crate::endpoints::{Answer, ENDPOINTS, Endpoint};
use crate::openapi::{generator, parameters_of};

/// Endpoint by endpoint, in Markdown.
#[must_use]
pub fn markdown() -> String {
    let mut text = String::new();
    let mut generator = generator();
    let mut group = "";
    for endpoint in ENDPOINTS {
        if endpoint.group != group {
            group = endpoint.group;
            let _ = writeln!(text, "## {group}\n");
        }
        write_endpoint(endpoint, &mut generator, &mut text);
    }
    text.truncate(text.trim_end().len());
    text.push('\n');
    text
}

fn write_endpoint(endpoint: &Endpoint, generator: &mut SchemaGenerator, text: &mut String) {
    // Writing to a String cannot fail.
    let _ = writeln!(text, "### `{} {}`\n", endpoint.method, endpoint.path);
    let _ = write!(text, "{}.", endpoint.summary);
    if !endpoint.more.is_empty() {
        let _ = write!(text, " {}", endpoint.more);
    }
    text.push_str("\n\n");
    let mut rows: Vec<(String, String)> = Vec::new();
    if !endpoint.path_help.is_empty() {
        rows.push(("{id}".to_owned(), endpoint.path_help.to_owned()));
    }
    let parameters = parameters_of(endpoint, generator);
    rows.extend(
        parameters
            .into_iter()
            .map(|parameter| (parameter.name, parameter.help)),
    );
    if !rows.is_empty() {
        text.push_str("| parameter | |\n|---|---|\n");
        for (name, help) in rows {
            let _ = writeln!(text, "| `{name}` | {} |", help.replace('|', "\\|"));
        }
        text.push('\n');
    }
    let mut lines = Vec::new();
    if let Some(body) = endpoint.body {
        let name = type_name(body.schema(generator).as_value());
        lines.push(format!("Send `{name}` as JSON."));
    }
    match endpoint.answer {
        Answer::Json(shape) => {
            let name = type_name(shape.schema(generator).as_value());
            lines.push(format!("Answers `{name}`."));
        }
        Answer::Text(kind) => lines.push(format!("Answers `{kind}`.")),
        Answer::Events => lines.push("Answers `text/event-stream`.".to_owned()),
        Answer::Nothing => lines.push("Answers 204, without a body.".to_owned()),
    }
    let _ = writeln!(text, "{}\n", lines.join(" "));
}

/// The name of a type in the description.
fn type_name(schema: &Value) -> String {
    let path = schema
        .get("$ref")
        .and_then(Value::as_str)
        .unwrap_or("object");
    path.rsplit('/').next().unwrap_or(path).to_owned()
}

#[cfg(test)]
mod tests {
    /// The page has a part written by hand, and below the mark this one.
    #[test]
    fn the_reference_is_renewed() {
        const MARK: &str = "<!-- made of the table of endpoints: RENEW=1 cargo test -p bootwire-admin renewed -->\n";
        let by_hand = include_str!("../../../docs/reference/api.md");
        let by_hand = by_hand.split(MARK).next().unwrap_or_default();
        let text = format!("{by_hand}{MARK}\n{}", super::markdown());
        crate::renewed::compare("api.md", &text);
    }
}
