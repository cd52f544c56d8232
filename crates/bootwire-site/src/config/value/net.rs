//! Networks.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use ipnet::IpNet;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Deserialize, Deserializer, Error, Visitor};

use crate::networks::{self, Network};

/// A network, an address, "private" or "any".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Net(pub Network);

/// The same, and "loopback" and "none".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unlimited(pub Network);

impl fmt::Display for Net {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for Unlimited {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Net {
    /// All of them, by number.
    #[must_use]
    pub fn networks(&self) -> Vec<IpNet> {
        self.0.networks()
    }
}

/// Reads itself from a text.
trait FromText: Sized {
    const FORMS: &str;

    fn from_text(text: &str) -> Result<Self, String>;
}

impl FromText for Net {
    const FORMS: &str = "a network like \"10.0.0.0/8\", an address, \"private\" or \"any\"";

    fn from_text(text: &str) -> Result<Self, String> {
        text.parse().map(Self)
    }
}

impl FromText for Unlimited {
    const FORMS: &str =
        "a network like \"10.0.0.0/8\", an address, \"loopback\", \"private\", \"any\" or \"none\"";

    fn from_text(text: &str) -> Result<Self, String> {
        networks::unlimited(text).map(Self)
    }
}

struct Text<T>(PhantomData<T>);

impl<T: FromText> Visitor<'_> for Text<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(T::FORMS)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<T, E> {
        T::from_text(text)
            .map_err(|_| E::custom(format!("{text:?} is no network: write {}", T::FORMS)))
    }
}

impl<'de> Deserialize<'de> for Net {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(Text(PhantomData))
    }
}

impl<'de> Deserialize<'de> for Unlimited {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(Text(PhantomData))
    }
}

impl JsonSchema for Net {
    fn schema_name() -> Cow<'static, str> {
        "Network".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "A network like \"10.0.0.0/8\", an address, \"private\" or \"any\"",
            "type": "string",
        })
    }
}

impl JsonSchema for Unlimited {
    fn schema_name() -> Cow<'static, str> {
        "UnlimitedNetwork".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "A network like \"10.0.0.0/8\", an address, \"loopback\", \"private\", \"any\" or \"none\"",
            "type": "string",
        })
    }
}
