//! Times.

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Deserialize, Deserializer, Error, Visitor};

/// A time: a text like "15m", or a number of seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Time(pub Duration);

impl Time {
    /// How to write one.
    pub(super) const FORMS: &str = "a time like 15m or 60s";

    /// Reads a text.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        humantime::parse_duration(text)
            .map(Self)
            .map_err(|_| format!("{text:?} is no time: write {}", Self::FORMS))
    }
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        humantime::format_duration(self.0).fmt(f)
    }
}

struct Text;

impl Visitor<'_> for Text {
    type Value = Time;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(Time::FORMS)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Time, E> {
        Time::parse(text).map_err(E::custom)
    }

    fn visit_u64<E: Error>(self, seconds: u64) -> Result<Time, E> {
        Ok(Time(Duration::from_secs(seconds)))
    }

    fn visit_f64<E: Error>(self, seconds: f64) -> Result<Time, E> {
        Duration::try_from_secs_f64(seconds)
            .map(Time)
            .map_err(|_| E::custom(format!("{seconds} is no time: write {}", Time::FORMS)))
    }

    fn visit_i64<E: Error>(self, seconds: i64) -> Result<Time, E> {
        let seconds = u64::try_from(seconds)
            .map_err(|_| E::custom(format!("{seconds} is no time: write {}", Time::FORMS)))?;
        self.visit_u64(seconds)
    }
}

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Text)
    }
}

impl JsonSchema for Time {
    fn schema_name() -> Cow<'static, str> {
        "Time".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "A time like \"15m\" or \"1h 30m\", or a number of seconds",
            "anyOf": [
                { "type": "string", "pattern": "^\\s*([0-9]+\\s*[A-Za-z]+\\s*)+$|^0$" },
                { "type": "number", "minimum": 0 },
            ],
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_texts_or_seconds() {
        for (text, seconds) in [
            ("15m", 900),
            ("1h 30m", 5400),
            ("7days", 604_800),
            ("0s", 0),
        ] {
            assert_eq!(Time::parse(text), Ok(Time(Duration::from_secs(seconds))));
        }
        let read = |text| serde_json::from_str::<Time>(text).map_err(|error| error.to_string());
        assert_eq!(read("90"), Ok(Time(Duration::from_secs(90))));
        assert_eq!(read("\"50us\""), Ok(Time(Duration::from_micros(50))));
        assert_eq!(read("1.5"), Ok(Time(Duration::from_millis(1500))));
        for wrong in ["-1", "\"soon\"", "\"15\"", "true", "-1.5", "[]"] {
            let error = read(wrong).unwrap_err();
            assert!(error.contains("a time like 15m or 60s"), "{wrong}: {error}");
        }
    }
}
