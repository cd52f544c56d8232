//! Sizes.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Deserialize, Deserializer, Error, Visitor};

use crate::size;

/// A size in bytes: a text like "20 GiB", or a whole number of bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Size(pub u64);

/// How to write one.
const FORMS: &str = "a size like 64M or \"20 GiB\"";

/// In the largest unit that leaves no remainder.
impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (unit, shift) in [("TiB", 40), ("GiB", 30), ("MiB", 20), ("KiB", 10)] {
            if self.0 > 0 && self.0.trailing_zeros() >= shift {
                return write!(f, "{} {unit}", self.0 >> shift);
            }
        }
        self.0.fmt(f)
    }
}

struct Text;

impl Visitor<'_> for Text {
    type Value = Size;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(FORMS)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Size, E> {
        size::parse(text)
            .map(Size)
            .map_err(|why| E::custom(format!("{text:?} is no size: {why}")))
    }

    fn visit_u64<E: Error>(self, bytes: u64) -> Result<Size, E> {
        Ok(Size(bytes))
    }

    fn visit_i64<E: Error>(self, bytes: i64) -> Result<Size, E> {
        u64::try_from(bytes)
            .map(Size)
            .map_err(|_| E::custom(format!("{bytes} is no size: write {FORMS}")))
    }
}

impl<'de> Deserialize<'de> for Size {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Text)
    }
}

impl JsonSchema for Size {
    fn schema_name() -> Cow<'static, str> {
        "Size".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "A size like \"64M\" or \"20 GiB\", or a whole number of bytes",
            "anyOf": [
                { "type": "string", "pattern": "^\\s*[0-9]+\\s*([KkMmGgTt]?([Ii]?[Bb])?|bytes)\\s*$" },
                { "type": "integer", "minimum": 0 },
            ],
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_texts_or_bytes() {
        let read = |text| serde_json::from_str::<Size>(text).map_err(|error| error.to_string());
        assert_eq!(read("1500"), Ok(Size(1500)));
        assert_eq!(read("\"20 GiB\""), Ok(Size(20 << 30)));
        for (wrong, part) in [
            ("-1", "a size like 64M"),
            ("\"lots\"", "a whole number and a unit"),
            ("\"5 apples\"", "no such unit"),
            ("false", "a size like 64M"),
        ] {
            let error = read(wrong).unwrap_err();
            assert!(error.contains(part), "{wrong}: {error}");
        }
    }
}
