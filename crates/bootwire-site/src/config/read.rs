//! Understanding a tree.

use serde::de::value::StrDeserializer;
use serde::de::{
    DeserializeOwned, DeserializeSeed, Deserializer, Error, IntoDeserializer, MapAccess, SeqAccess,
    Visitor,
};
use serde::forward_to_deserialize_any;

use super::mistake::{Mistake, listed};
use super::problem::Complaint;
use super::tree::{Entry, Node, Segment, Value};
use super::value::SPANNED;

/// Mistakes looked for in one tree.
const MISTAKES_MAX: usize = 200;

/// Makes a value of a tree. What does not fit is taken out of the tree and reported, and the rest
/// read again, until it fits.
pub(super) fn read<T: DeserializeOwned + Default>(tree: &mut Node) -> (T, Vec<Complaint>) {
    let mut problems = Vec::new();
    while problems.len() < MISTAKES_MAX {
        let mistake = match T::deserialize(&*tree) {
            Ok(value) => return (value, problems),
            Err(mistake) => mistake,
        };
        let (path, found) = mistake.found();
        problems.push(found);
        if !tree.remove(&path) {
            break;
        }
    }
    (T::default(), problems)
}

impl<'de> Deserializer<'de> for &'de Node {
    type Error = Mistake;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mistake> {
        match &self.value {
            Value::Bool(value) => visitor.visit_bool(*value),
            Value::Integer(number) => visitor.visit_i64(*number),
            Value::Float(number) => visitor.visit_f64(*number),
            Value::Text(text) => visitor.visit_str(text),
            Value::List(list) => visitor.visit_seq(Items {
                items: list.iter().enumerate(),
            }),
            Value::Table(table) => visitor.visit_map(Entries {
                entries: table.entries.iter(),
                next: None,
            }),
        }
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mistake> {
        match &self.raw {
            Some(text) => visitor.visit_str(text),
            None => self.deserialize_any(visitor),
        }
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mistake> {
        self.deserialize_str(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mistake> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Mistake> {
        if name == SPANNED {
            visitor.visit_seq(WithPlace {
                node: self,
                given: 0,
            })
        } else {
            visitor.visit_newtype_struct(self)
        }
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Mistake> {
        match &self.value {
            Value::Text(text) => visitor.visit_enum(text.as_str().into_deserializer()),
            _ => Err(Mistake::custom(format!(
                "this does not fit here: write {}",
                listed(variants, " or ")
            ))),
        }
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char bytes byte_buf unit unit_struct
        seq tuple tuple_struct map struct identifier ignored_any
    }
}

struct Items<'de> {
    items: std::iter::Enumerate<std::slice::Iter<'de, Node>>,
}

impl<'de> SeqAccess<'de> for Items<'de> {
    type Error = Mistake;

    fn next_element_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, Mistake> {
        let Some((index, node)) = self.items.next() else {
            return Ok(None);
        };
        seed.deserialize(node)
            .map(Some)
            .map_err(|mistake| mistake.below(Segment::Index(index), node.place))
    }
}

struct Entries<'de> {
    entries: std::collections::btree_map::Iter<'de, String, Entry>,
    next: Option<(&'de String, &'de Entry)>,
}

impl<'de> MapAccess<'de> for Entries<'de> {
    type Error = Mistake;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Mistake> {
        let Some((key, entry)) = self.entries.next() else {
            return Ok(None);
        };
        self.next = Some((key, entry));
        seed.deserialize(StrDeserializer::new(key))
            .map(Some)
            .map_err(|mistake: Mistake| mistake.below(Segment::Key(key.clone()), entry.key))
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, Mistake> {
        let Some((key, entry)) = self.next.take() else {
            return Err(Mistake::custom("a value without a key"));
        };
        seed.deserialize(&entry.node)
            .map_err(|mistake| mistake.below(Segment::Key(key.clone()), entry.key))
    }
}

/// The source, the first and the last byte of a value, and the value.
struct WithPlace<'de> {
    node: &'de Node,
    given: usize,
}

impl<'de> SeqAccess<'de> for WithPlace<'de> {
    type Error = Mistake;

    fn next_element_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, Mistake> {
        let place = self.node.place;
        let number = [place.source, place.start, place.end]
            .get(self.given)
            .copied();
        self.given += 1;
        match number {
            Some(number) => seed.deserialize(number.into_deserializer()).map(Some),
            None => seed.deserialize(self.node).map(Some),
        }
    }
}
