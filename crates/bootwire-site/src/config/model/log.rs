//! `log`: how transfers are logged.

use std::borrow::Cow;
use std::fmt;
use std::path::PathBuf;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::value::{MapAccessDeserializer, StrDeserializer};
use serde::de::{Deserialize, Deserializer, Error, MapAccess, Visitor};

use super::LogFormat;
use crate::config::setting::SettingValue;

/// How transfers are logged: a format, or a table that says more.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Log {
    /// How a line is written.
    pub format: LogFormat,
    /// Which transfers get one; `None` for what the format has by itself.
    pub level: Option<LogLevel>,
    /// The file to write to instead of standard output; for journald, the socket of another journal.
    pub file: Option<PathBuf>,
}

/// Which transfers get a line.
#[derive(Clone, Copy, Debug, serde::Deserialize, JsonSchema, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum LogLevel {
    /// What went wrong.
    Quiet,
    /// That, and what was transferred; not what boot loaders only try.
    Normal,
    /// Each one, however often the same goes wrong.
    All,
}

impl LogLevel {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Quiet => "quiet",
            Self::Normal => "normal",
            Self::All => "all",
        }
    }
}

/// `log` as a table.
#[derive(Clone, Default, serde::Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
struct LogTable {
    /// How a line is written [default: "text"]
    format: LogFormat,
    /// Which transfers get a line [default: "normal"; json: "all"]
    level: Option<LogLevel>,
    /// The file to write to instead of standard output; journald: the socket of another journal
    file: Option<PathBuf>,
}

struct WordOrTable;

impl<'de> Visitor<'de> for WordOrTable {
    type Value = Log;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("\"text\", \"json\", \"journald\", or a table with format, level, file")
    }

    fn visit_str<E: Error>(self, word: &str) -> Result<Log, E> {
        let format = LogFormat::deserialize(StrDeserializer::new(word))?;
        Ok(Log {
            format,
            ..Log::default()
        })
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Log, A::Error> {
        let table = LogTable::deserialize(MapAccessDeserializer::new(map))?;
        Ok(Log {
            format: table.format,
            level: table.level,
            file: table.file,
        })
    }
}

impl<'de> Deserialize<'de> for Log {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(WordOrTable)
    }
}

impl JsonSchema for Log {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Log".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let word = generator.subschema_for::<LogFormat>();
        let table = generator.subschema_for::<LogTable>();
        json_schema!({ "anyOf": [word, table] })
    }
}

/// A word if that says all.
impl SettingValue for Log {
    fn text(&self) -> Option<String> {
        let format = self.format.text()?;
        if self.level.is_none() && self.file.is_none() {
            return Some(format);
        }
        let level = self.level.map(|level| level.as_str().to_owned());
        let file = self.file.as_ref().map(|file| file.display().to_string());
        let keys = [("format", Some(format)), ("level", level), ("file", file)];
        let keys = keys
            .into_iter()
            .filter_map(|(key, value)| Some((key, value?)));
        let keys: Vec<_> = keys
            .map(|(key, value)| format!("{key} = {value:?}"))
            .collect();
        Some(format!("{{ {} }}", keys.join(", ")))
    }
}
