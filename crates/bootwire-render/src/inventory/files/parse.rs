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

/// How machines are written down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Format {
    /// `[[machine]]` tables.
    Toml,
    /// `{"machine": [...]}`, or just the list.
    Json,
    /// The same in YAML, with the feature `yaml`.
    Yaml,
}

impl Format {
    /// The format of a file, by the end of its name: `.toml`, `.json`, `.yaml`, `.yml`.
    #[must_use]
    pub fn of(path: &Path) -> Option<Self> {
        match path.extension()?.to_str()? {
            "toml" => Some(Self::Toml),
            "json" => Some(Self::Json),
            "yaml" | "yml" => Some(Self::Yaml),
            _ => None,
        }
    }

    /// What a text without a name is, by what it begins with.
    #[must_use]
    pub fn guess(content: &[u8]) -> Self {
        let text = String::from_utf8_lossy(content);
        let mut lines = text
            .lines()
            .map(str::trim)
            .filter(|line| !line.is_empty() && !line.starts_with('#'));
        let first = lines.next().unwrap_or_default();
        if first.starts_with("[[machine") || first.starts_with("machine =") {
            Self::Toml
        } else if first.starts_with(['[', '{']) {
            Self::Json
        } else {
            Self::Yaml
        }
    }
}

/// Reads machines from a text, as [`Files`](super::Files) reads them from a file. `place` is what
/// the text is called in problems.
///
/// # Errors
/// What is wrong with it, and in which line. That two machines share a key is none.
pub fn parse_machines(
    place: impl std::fmt::Display,
    format: Format,
    content: &[u8],
) -> Result<Vec<Machine>, Problem> {
    let place = &place;
    let text = std::str::from_utf8(content).map_err(|_| Problem::new(place, "not UTF-8"))?;
    let machines = match format {
        Format::Toml => toml(text),
        Format::Json => json(text),
        Format::Yaml => yaml(text),
    };
    machines.map_err(|(line, what)| match line {
        Some(line) => Problem::new(format_args!("{place}:{line}"), what),
        None => Problem::new(place, what),
    })
}

/// The machines in a file; a problem says file and line.
pub(super) fn machines(path: &Path, content: &[u8]) -> Result<Vec<Arc<Machine>>, Problem> {
    let format = Format::of(path).ok_or_else(|| {
        let what = "the name must end in .toml, .json, .yaml or .yml";
        Problem::new(path.display(), what)
    })?;
    let machines = parse_machines(path.display(), format, content)?;
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
