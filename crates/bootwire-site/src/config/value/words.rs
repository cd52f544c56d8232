//! Values that are a word, or something else: `pin`, `unknown`, `refuse`, `per_client`.

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserialize, Deserializer, Error, MapAccess, Visitor};

use super::Time;
use crate::config::model::{PerClient, Pin, Refuse, Unknown};

/// What `pin = "boot"` means: longer than machines take from their first request to their last.
const BOOT: Time = Time(Duration::from_secs(15 * 60));

struct PinText;

impl Visitor<'_> for PinText {
    type Value = Pin;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"boot\", or {}", Time::FORMS)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Pin, E> {
        if text == "boot" {
            return Ok(Pin(BOOT));
        }
        Time::parse(text).map(Pin).map_err(|_| {
            E::custom(format!(
                "{text:?} is no time: write \"boot\", or {}",
                Time::FORMS
            ))
        })
    }

    fn visit_i64<E: Error>(self, seconds: i64) -> Result<Pin, E> {
        let seconds = u64::try_from(seconds).map_err(|_| E::custom("a time is not negative"))?;
        Ok(Pin(Time(Duration::from_secs(seconds))))
    }
}

impl<'de> Deserialize<'de> for Pin {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(PinText)
    }
}

impl JsonSchema for Pin {
    fn schema_name() -> Cow<'static, str> {
        "Pin".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let time = generator.subschema_for::<Time>();
        json_schema!({ "anyOf": [{ "const": "boot" }, time] })
    }
}

/// `{ profile = "guest" }`
#[derive(serde::Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct UnknownProfile {
    /// The profile
    profile: String,
}

struct UnknownText;

impl<'de> Visitor<'de> for UnknownText {
    type Value = Unknown;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("\"not-found\", \"denied\", \"render\" or { profile = \"...\" }")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Unknown, E> {
        match text {
            "not-found" => Ok(Unknown::NotFound),
            "denied" => Ok(Unknown::Denied),
            "render" => Ok(Unknown::Render),
            _ => Err(E::custom(format!(
                "no such word {text:?}: write \"not-found\", \"denied\", \"render\", or \
                 {{ profile = {text:?} }} for a profile"
            ))),
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Unknown, A::Error> {
        let said = UnknownProfile::deserialize(MapAccessDeserializer::new(map))?;
        Ok(Unknown::Profile(said.profile))
    }
}

impl<'de> Deserialize<'de> for Unknown {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(UnknownText)
    }
}

impl JsonSchema for Unknown {
    fn schema_name() -> Cow<'static, str> {
        "Unknown".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let profile = generator.subschema_for::<UnknownProfile>();
        json_schema!({ "anyOf": [{ "enum": ["not-found", "denied", "render"] }, profile] })
    }
}

struct PerClientText;

impl Visitor<'_> for PerClientText {
    type Value = PerClient;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("true, false, \"address\", \"mac\" or \"hex-address\"")
    }

    fn visit_bool<E: Error>(self, on: bool) -> Result<PerClient, E> {
        Ok(match on {
            true => PerClient::Address,
            false => PerClient::No,
        })
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<PerClient, E> {
        match text {
            "address" => Ok(PerClient::Address),
            "mac" => Ok(PerClient::Mac),
            "hex-address" => Ok(PerClient::HexAddress),
            _ => Err(E::custom(format!(
                "no such word {text:?}: write \"address\", \"mac\" or \"hex-address\""
            ))),
        }
    }
}

impl<'de> Deserialize<'de> for PerClient {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(PerClientText)
    }
}

impl JsonSchema for PerClient {
    fn schema_name() -> Cow<'static, str> {
        "PerClient".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "anyOf": [{ "type": "boolean" }, { "enum": ["address", "mac", "hex-address"] }]
        })
    }
}

/// `{ code = 2, text = "Not enrolled" }`
#[derive(serde::Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct RefuseTable {
    /// 0: the client may ask again; 1: no such file; 2: denied
    #[schemars(range(max = 2))]
    code: u16,
    /// Up to 60 characters of ASCII [default: what the code says]
    text: Option<String>,
}

struct RefuseText;

impl<'de> Visitor<'de> for RefuseText {
    type Value = Refuse;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("\"not-found\", \"denied\", \"busy\" or { code = 2, text = \"...\" }")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Refuse, E> {
        let code = match text {
            "busy" => 0,
            "not-found" => 1,
            "denied" => 2,
            _ => {
                return Err(E::custom(format!(
                    "no such word {text:?}: write \"not-found\", \"denied\", \"busy\", or \
                     {{ code = 2, text = {text:?} }} for a text"
                )));
            }
        };
        Ok(Refuse { code, text: None })
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Refuse, A::Error> {
        let said = RefuseTable::deserialize(MapAccessDeserializer::new(map))?;
        Ok(Refuse {
            code: said.code,
            text: said.text,
        })
    }
}

impl<'de> Deserialize<'de> for Refuse {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(RefuseText)
    }
}

impl JsonSchema for Refuse {
    fn schema_name() -> Cow<'static, str> {
        "Refuse".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let said = generator.subschema_for::<RefuseTable>();
        json_schema!({ "anyOf": [{ "enum": ["not-found", "denied", "busy"] }, said] })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read<T: serde::de::DeserializeOwned>(json: &str) -> Result<T, String> {
        serde_json::from_str(json).map_err(|error| error.to_string())
    }

    #[test]
    fn pins_are_a_boot_or_a_time() {
        assert_eq!(read("\"boot\""), Ok(Pin(BOOT)));
        assert_eq!(read("\"15m\""), Ok(Pin(BOOT)));
        let error = read::<Pin>("\"reboot\"").unwrap_err();
        assert!(error.contains("write \"boot\""), "{error}");
    }

    #[test]
    fn unknown_machines_are_refused_or_rendered() {
        assert_eq!(read("\"not-found\""), Ok(Unknown::NotFound));
        assert_eq!(read("\"denied\""), Ok(Unknown::Denied));
        assert_eq!(read("\"render\""), Ok(Unknown::Render));
        assert_eq!(
            read(r#"{"profile": "guest"}"#),
            Ok(Unknown::Profile("guest".to_owned()))
        );
        let error = read::<Unknown>("\"guest\"").unwrap_err();
        assert!(error.contains("{ profile = \"guest\" }"), "{error}");
    }

    #[test]
    fn directories_of_clients_are_on_or_have_a_name() {
        assert_eq!(read("true"), Ok(PerClient::Address));
        assert_eq!(read("false"), Ok(PerClient::No));
        assert_eq!(read("\"hex-address\""), Ok(PerClient::HexAddress));
        let error = read::<PerClient>("\"ip\"").unwrap_err();
        assert!(error.contains("write \"address\", \"mac\""), "{error}");
    }

    #[test]
    fn refusals_are_a_word_or_a_code_and_a_text() {
        let refuse = |code, text: Option<&str>| Refuse {
            code,
            text: text.map(str::to_owned),
        };
        assert_eq!(read("\"busy\""), Ok(refuse(0, None)));
        assert_eq!(read("\"not-found\""), Ok(refuse(1, None)));
        assert_eq!(
            read(r#"{"code": 2, "text": "Not enrolled"}"#),
            Ok(refuse(2, Some("Not enrolled")))
        );
        let error = read::<Refuse>("\"Go away\"").unwrap_err();
        assert!(error.contains("text = \"Go away\""), "{error}");
        assert!(read::<Refuse>(r#"{"text": "x"}"#).is_err());
    }
}
