//! Reading patterns.

use std::convert::Infallible;
use std::sync::Arc;

use super::kind::{Kind, Reach};
use super::shape::{Param, Shape};

/// Longest pattern in bytes. No request is longer than this.
const PATTERN_MAX: usize = 500;
/// Most parameters in a pattern.
const PARAMS_MAX: usize = 16;

/// Reads a pattern.
pub(super) fn parse(source: &str) -> Result<Shape, PatternError> {
    Parser {
        source,
        at: 0,
        text: String::new(),
        params: Vec::new(),
        start: None,
    }
    .run()
}

struct Parser<'a> {
    source: &'a str,
    /// Next byte to read.
    at: usize,
    /// Literal text since the last parameter.
    text: String,
    /// Text before the first parameter, once that was seen.
    start: Option<Box<[u8]>>,
    params: Vec<Param>,
}

impl Parser<'_> {
    fn run(mut self) -> Result<Shape, PatternError> {
        if self.source.len() > PATTERN_MAX {
            return Err(self.error(
                0,
                format!("longer than {PATTERN_MAX} bytes, which no request is"),
            ));
        }
        if !self.source.starts_with('/') {
            let help = format!("a pattern begins with a slash: write \"/{}\"", self.source);
            return Err(self.error(0, help));
        }
        while let Some(next) = self.source[self.at..].chars().next() {
            match next {
                '{' if self.follows("{{") => self.literal('{', 2),
                '}' if self.follows("}}") => self.literal('}', 2),
                '{' => self.parameter()?,
                '}' => {
                    return Err(self.error(
                        self.at,
                        "a brace that was never opened: write }} for a literal one",
                    ));
                }
                '\\' => {
                    return Err(self.error(
                        self.at,
                        "write / for \\: requests are matched with forward slashes",
                    ));
                }
                '/' => self.slash()?,
                other => self.literal(other, other.len_utf8()),
            }
        }
        self.end_text();
        Ok(Shape {
            start: self.start.unwrap_or_default(),
            params: self.params,
        })
    }

    fn follows(&self, text: &str) -> bool {
        self.source[self.at..].starts_with(text)
    }

    fn literal(&mut self, character: char, written_as: usize) {
        self.text.push(character);
        self.at += written_as;
    }

    /// A slash, and a look at the segment after it: some can never match, as paths are normalised
    /// before they are matched.
    fn slash(&mut self) -> Result<(), PatternError> {
        let after = self.at + 1;
        let segment = self.source[after..].split('/').next().unwrap_or_default();
        let is_last = after + segment.len() == self.source.len();
        match segment {
            "" if !is_last => Err(self.error(
                after,
                "write one slash: repeated ones are made one before matching",
            )),
            "." | ".." => Err(self.error(
                after,
                format!("leave out \"{segment}\": it is resolved before matching"),
            )),
            "*" | "**" => Err(self.error(
                after,
                "write {*rest} for everything below, or {name} for one segment",
            )),
            _ => {
                self.literal('/', 1);
                Ok(())
            }
        }
    }

    /// The text since the last parameter belongs to that one, or is the start.
    fn end_text(&mut self) {
        let text = std::mem::take(&mut self.text)
            .into_bytes()
            .into_boxed_slice();
        match self.params.last_mut() {
            Some(param) => param.then = text,
            None => self.start = Some(text),
        }
    }

    fn parameter(&mut self) -> Result<(), PatternError> {
        let open = self.at;
        let inner_at = open + 1;
        let Some(length) = self.source[inner_at..]
            .find(['{', '}', '/'])
            .filter(|&length| self.source[inner_at + length..].starts_with('}'))
        else {
            return Err(self.error(
                open,
                "this brace is never closed: write {name}, or {{ for a literal brace",
            ));
        };
        let inner = &self.source[inner_at..inner_at + length];
        self.at = inner_at + length + 1;

        if !self.params.is_empty() && self.text.is_empty() {
            return Err(self.error(
                open,
                "put text between two parameters, to show where the first one ends",
            ));
        }
        let (inner, optional) = match inner.strip_suffix('?') {
            Some(inner) => (inner, true),
            None => (inner, false),
        };
        let (name, kind) = match inner.strip_prefix('*') {
            Some(name) => {
                self.check_catch_all(open, name)?;
                (name, Kind::Rest)
            }
            None => self.typed(inner_at, inner)?,
        };
        self.check_name(inner_at, name)?;
        if optional && !matches!(kind.reach(), Reach::While(_)) {
            let help = format!("{{{inner}}} is never empty: leave out the \"?\"");
            return Err(self.error(open, help));
        }
        if self.params.len() == PARAMS_MAX {
            return Err(self.error(open, format!("more than {PARAMS_MAX} parameters")));
        }
        self.end_text();
        self.params.push(Param {
            name: Arc::from(name),
            kind,
            optional,
            then: Box::default(),
        });
        Ok(())
    }

    fn check_catch_all(&self, open: usize, name: &str) -> Result<(), PatternError> {
        if let Some(other) = self.params.iter().find(|param| param.kind == Kind::Rest) {
            let help = format!(
                "{{*{}}} takes everything already: write {{{name}}} for one segment",
                other.name
            );
            return Err(self.error(open, help));
        }
        // Otherwise its value could begin with a slash and look like an absolute path.
        if !self.text.ends_with('/') {
            return Err(self.error(
                open,
                format!("a catch-all begins a segment: write /{{*{name}}}"),
            ));
        }
        Ok(())
    }

    fn typed<'a>(&self, at: usize, inner: &'a str) -> Result<(&'a str, Kind), PatternError> {
        let Some((name, kind)) = inner.split_once(':') else {
            return Ok((inner, Kind::named(inner).unwrap_or(Kind::Name)));
        };
        let kind_at = at + name.len() + 1;
        Kind::typed(kind).map(|kind| (name, kind)).ok_or_else(|| {
            let known = Kind::TYPES.map(|(word, _)| word).join(", ");
            self.error(
                kind_at,
                format!("{kind:?} is no type; the types are {known}"),
            )
        })
    }

    fn check_name(&self, at: usize, name: &str) -> Result<(), PatternError> {
        if name.is_empty() {
            return Err(self.error(at, "a parameter needs a name: write {name}"));
        }
        let is_word = name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        if !is_word || name.starts_with(|first: char| first.is_ascii_digit()) {
            let help =
                format!("{name:?} is no name: use letters, digits and _, and begin with a letter");
            return Err(self.error(at, help));
        }
        if self.params.iter().any(|param| &*param.name == name) {
            return Err(self.error(
                at,
                format!("{name} is there twice: name each parameter differently"),
            ));
        }
        Ok(())
    }

    fn error(&self, at: usize, problem: impl Into<String>) -> PatternError {
        let column = self.source[..at].chars().count() + 1;
        PatternError {
            pattern: self.source.to_owned(),
            column,
            problem: problem.into(),
        }
    }
}

/// Why text is no pattern.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("pattern {pattern:?}, column {column}: {problem}")]
pub struct PatternError {
    pub(super) pattern: String,
    pub(super) column: usize,
    pub(super) problem: String,
}

impl PatternError {
    /// Where the trouble is, in characters from 1.
    #[must_use]
    pub const fn column(&self) -> usize {
        self.column
    }

    /// What the trouble is and what to write instead.
    #[must_use]
    pub fn problem(&self) -> &str {
        &self.problem
    }
}

impl From<Infallible> for PatternError {
    fn from(never: Infallible) -> Self {
        match never {}
    }
}
