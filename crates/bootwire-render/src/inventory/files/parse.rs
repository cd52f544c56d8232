//! Inventory files, understood.

use std::path::Path;
use std::sync::Arc;

use serde::Deserialize;

use crate::inventory::Machine;
use crate::reload::Problem;

/// A file that is a table.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    #[serde(default, alias = "machines")]
    machine: Vec<Machine>,
}

/// Whether files of this name are read from directories.
pub(super) fn is_known(path: &Path) -> bool {
    matches!(extension(path), "toml" | "json" | "yaml" | "yml")
}

fn extension(path: &Path) -> &str {
    path.extension()
        .and_then(|extension| extension.to_str())
        .unwrap_or_default()
}

/// The machines in a file; a problem says file and line.
pub(super) fn machines(path: &Path, content: &[u8]) -> Result<Vec<Arc<Machine>>, Problem> {
    let shown = &path.display();
    let text = std::str::from_utf8(content)
        .map_err(|_| Problem::new(shown, "not UTF-8, kept as it was"))?;
    let machines = match extension(path) {
        "toml" => toml(text),
        "json" => json(text),
        "yaml" | "yml" => yaml(text),
        _ => Err((
            None,
            "the name must end in .toml, .json, .yaml or .yml".to_owned(),
        )),
    };
    let machines = machines.map_err(|(line, what)| match line {
        Some(line) => Problem::new(format_args!("{shown}:{line}"), what),
        None => Problem::new(shown, what),
    })?;
    Ok(machines.into_iter().map(Arc::new).collect())
}

/// A line, from 1, and what is wrong there.
type Mistake = (Option<usize>, String);

fn toml(text: &str) -> Result<Vec<Machine>, Mistake> {
    let document: Document = toml::from_str(text).map_err(|error| {
        let line = error
            .span()
            .map(|span| text[..span.start.min(text.len())].matches('\n').count() + 1);
        (line, error.message().to_owned())
    })?;
    Ok(document.machine)
}

fn json(text: &str) -> Result<Vec<Machine>, Mistake> {
    let mistake = |error: serde_json::Error| {
        let text = error.to_string();
        // The place is said once, where every problem has it.
        let what = text.split(" at line ").next().unwrap_or(&text).to_owned();
        (Some(error.line()), what)
    };
    if text.trim_start().starts_with('[') {
        return serde_json::from_str(text).map_err(mistake);
    }
    let document: Document = serde_json::from_str(text).map_err(mistake)?;
    Ok(document.machine)
}

#[cfg(feature = "yaml")]
fn yaml(text: &str) -> Result<Vec<Machine>, Mistake> {
    let mistake = |error: serde_saphyr::Error| {
        let line = error.location().map(|place| place.line() as usize);
        let error = error.without_snippet().to_string();
        (line, error.lines().next().unwrap_or_default().to_owned())
    };
    let first = text.lines().find(|line| {
        let line = line.trim();
        !line.is_empty() && !line.starts_with('#') && line != "---"
    });
    if first.is_some_and(|line| line.starts_with(['-', '['])) {
        return serde_saphyr::from_str(text).map_err(mistake);
    }
    let document: Document = serde_saphyr::from_str(text).map_err(mistake)?;
    Ok(document.machine)
}

#[cfg(not(feature = "yaml"))]
fn yaml(_text: &str) -> Result<Vec<Machine>, Mistake> {
    Err((None, "this build reads no YAML".to_owned()))
}
