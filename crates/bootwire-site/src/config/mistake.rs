//! What serde finds wrong, in words that say what to write.

use std::fmt;

use serde::de::{Error, Expected, Unexpected};

use super::home;
use super::problem::Complaint;
use super::source::Place;
use super::tree::Segment;

/// Keys listed at once, where none is near to what was written.
const LISTED_MAX: usize = 10;

/// How alike two names are that are taken for the same, of 1.
const ALIKE: f64 = 0.8;

/// A value that does not fit, and the way to it.
#[derive(Debug)]
pub(super) struct Mistake {
    what: String,
    place: Option<Place>,
    /// From the inside to the outside.
    path: Vec<Segment>,
    /// The key, and those there are, if it is none of them.
    unknown: Option<(String, &'static [&'static str])>,
}

impl Mistake {
    fn new(what: impl Into<String>) -> Self {
        Self {
            what: what.into(),
            place: None,
            path: Vec::new(),
            unknown: None,
        }
    }

    /// The same, seen from one level further out. What was noticed further in is nearer to the
    /// mistake.
    pub(super) fn below(mut self, segment: Segment, place: Place) -> Self {
        self.place.get_or_insert(place);
        self.path.push(segment);
        self
    }

    /// The way to the value, from the outside, and what is wrong with it.
    pub(super) fn found(mut self) -> (Vec<Segment>, Complaint) {
        self.path.reverse();
        let what = match self.unknown {
            Some((key, known)) => no_such_key(&key, known, self.path.len() == 1),
            None => self.what,
        };
        (
            self.path,
            Complaint::new(self.place.unwrap_or_default(), what),
        )
    }
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)
    }
}

impl std::error::Error for Mistake {}

impl Error for Mistake {
    fn custom<T: fmt::Display>(what: T) -> Self {
        Self::new(what.to_string())
    }

    /// The value is not repeated: it may be a secret in the wrong place.
    fn invalid_type(unexpected: Unexpected<'_>, expected: &dyn Expected) -> Self {
        let is = match unexpected {
            Unexpected::Bool(_) => "true or false",
            Unexpected::Unsigned(_) | Unexpected::Signed(_) => "a whole number",
            Unexpected::Float(_) => "a number with a point",
            Unexpected::Str(_) => "a text",
            Unexpected::Seq => "a list",
            Unexpected::Map => "a table",
            _ => "something else",
        };
        Self::new(format!(
            "{is} does not fit here: write {}",
            wanted(expected)
        ))
    }

    fn invalid_value(unexpected: Unexpected<'_>, expected: &dyn Expected) -> Self {
        let expected = wanted(expected);
        Self::new(match unexpected {
            Unexpected::Signed(number) => format!("{number} does not fit here: write {expected}"),
            _ => format!("this does not fit here: write {expected}"),
        })
    }

    fn unknown_variant(variant: &str, expected: &'static [&'static str]) -> Self {
        Self::new(format!(
            "no such word {variant:?}: write {}",
            listed(expected, " or ")
        ))
    }

    fn unknown_field(field: &str, expected: &'static [&'static str]) -> Self {
        Self {
            unknown: Some((field.to_owned(), expected)),
            ..Self::new(format!("no such key {field:?}"))
        }
    }

    fn missing_field(field: &'static str) -> Self {
        Self::new(format!("{field:?} is missing"))
    }
}

/// A key that is not one of those known, and what to do about it.
fn no_such_key(key: &str, known: &[&str], is_top: bool) -> String {
    let listed = (known.len() <= LISTED_MAX).then(|| listed(known, " and "));
    match (home::of(key, is_top), nearest(key, known), listed) {
        (Some(home), _, Some(listed)) => {
            format!("no such key {key:?} here: there are {listed}; {home}")
        }
        (Some(home), _, None) => format!("no such key {key:?} here: {home}"),
        (None, Some(near), _) => format!("no such key {key:?}: did you mean {near:?}?"),
        (None, None, Some(listed)) => format!("no such key {key:?}: there are {listed}"),
        (None, None, None) => format!("no such key {key:?} here"),
    }
}

/// What a type says it wants, in plain words.
fn wanted(expected: &dyn Expected) -> String {
    let expected = expected.to_string();
    match expected.as_str() {
        "a boolean" => "true or false".to_owned(),
        "u8" => "a whole number from 0 to 255".to_owned(),
        "u16" => "a whole number from 0 to 65535".to_owned(),
        "u32" => "a whole number from 0 to 4294967295".to_owned(),
        "u64" | "usize" => "a whole number from 0".to_owned(),
        "a string" | "path string" => "a text in quotes".to_owned(),
        "a sequence" => "a list".to_owned(),
        "a map" => "a table".to_owned(),
        other if other.starts_with("struct ") => "a table".to_owned(),
        _ => expected,
    }
}

/// `"a", "b" or "c"`
pub(super) fn listed<S: AsRef<str>>(words: &[S], last: &str) -> String {
    let quoted: Vec<_> = words
        .iter()
        .map(|word| format!("{:?}", word.as_ref()))
        .collect();
    match quoted.split_last() {
        Some((only, [])) => only.clone(),
        Some((end, others)) => format!("{}{last}{end}", others.join(", ")),
        None => "nothing".to_owned(),
    }
}

/// The name that was probably meant.
pub(super) fn nearest<'a>(
    name: &str,
    known: impl IntoIterator<Item = &'a &'a str>,
) -> Option<&'a str> {
    let name = name.to_ascii_lowercase().replace('-', "_");
    let likeness = known
        .into_iter()
        .map(|known| (strsim::jaro_winkler(&name, known), *known));
    let (likeness, near) = likeness.max_by(|(one, _), (other, _)| one.total_cmp(other))?;
    (likeness >= ALIKE).then_some(near)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_name_is_the_one_that_was_meant() {
        let keys = ["listen", "single_port", "blksize_max", "windowsize_max"];
        for (written, meant) in [
            ("lissten", Some("listen")),
            ("listn", Some("listen")),
            ("single-port", Some("single_port")),
            ("Single_Port", Some("single_port")),
            ("blksize", Some("blksize_max")),
            ("windowsize", Some("windowsize_max")),
            ("x", None),
            ("", None),
            ("timeout", None),
        ] {
            assert_eq!(nearest(written, &keys), meant, "{written}");
        }
    }

    #[test]
    fn lists_read_like_a_sentence() {
        assert_eq!(listed(&["a"], " or "), "\"a\"");
        assert_eq!(listed(&["a", "b", "c"], " or "), "\"a\", \"b\" or \"c\"");
    }
}
