//! What the members of a serialised record may be, beside their types.

use schemars::{Schema, SchemaGenerator, json_schema};

use super::{Limit, Outcome};
use crate::Mode;
use crate::provenance::CacheUse;

pub(super) fn ops(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string", "enum": ["read", "write"] })
}

pub(super) fn modes(_: &mut SchemaGenerator) -> Schema {
    words([Mode::Octet, Mode::Netascii].map(Mode::name), true)
}

pub(super) fn outcomes(_: &mut SchemaGenerator) -> Schema {
    words(Outcome::ALL.map(Outcome::as_str), false)
}

pub(super) fn caches(_: &mut SchemaGenerator) -> Schema {
    words(CacheUse::ALL.map(CacheUse::as_str), true)
}

pub(super) fn limits(_: &mut SchemaGenerator) -> Schema {
    words(Limit::ALL.map(Limit::as_str), true)
}

/// One of these words, or perhaps `null`.
fn words<const N: usize>(words: [&'static str; N], or_null: bool) -> Schema {
    if or_null {
        let words: Vec<_> = words.into_iter().map(Some).chain([None]).collect();
        json_schema!({ "type": ["string", "null"], "enum": words })
    } else {
        json_schema!({ "type": "string", "enum": words.to_vec() })
    }
}
