//! Values that know where they were written.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;
use std::ops::{Deref, Range};

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::de::{Deserialize, Deserializer, Error, SeqAccess, Visitor};

use crate::config::source::Place;

/// A value, and where in the configuration it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spanned<T> {
    /// The value.
    pub value: T,
    /// Index of the source, which `Config::place` knows.
    pub file: usize,
    /// Bytes of that source.
    pub span: Range<usize>,
}

/// What a [`Spanned`] is asked for as: the tree of the configuration knows it.
pub(in crate::config) const NAME: &str = "$bootwire::Spanned";

impl<T> Spanned<T> {
    /// Where it was written.
    pub(crate) const fn place(&self) -> Place {
        Place {
            source: self.file,
            start: self.span.start,
            end: self.span.end,
        }
    }
}

impl<T> Deref for Spanned<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

struct WithPlace<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for WithPlace<T> {
    type Value = Spanned<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a table")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut parts: A) -> Result<Self::Value, A::Error> {
        let missing = || A::Error::custom("a value without its place");
        let mut number = || parts.next_element::<usize>()?.ok_or_else(missing);
        let (file, start, end) = (number()?, number()?, number()?);
        let value = parts.next_element()?.ok_or_else(missing)?;
        Ok(Spanned {
            value,
            file,
            span: start..end,
        })
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Spanned<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_newtype_struct(NAME, WithPlace(PhantomData))
    }
}

impl<T: JsonSchema> JsonSchema for Spanned<T> {
    fn inline_schema() -> bool {
        T::inline_schema()
    }

    fn schema_name() -> Cow<'static, str> {
        T::schema_name()
    }

    fn schema_id() -> Cow<'static, str> {
        T::schema_id()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        T::json_schema(generator)
    }
}
