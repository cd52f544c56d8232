//! Patterns of paths: `/grub/grub.cfg-01-{mac}`.

use std::fmt;
use std::ops::Range;
use std::str::FromStr;
use std::sync::Arc;

#[cfg(feature = "regex")]
use super::expression::Expression;
use super::kind::Kind;
use super::matching;
use super::parse::{self, PatternError};
use super::shape::Shape;
use crate::Request;
#[cfg(feature = "regex")]
use crate::params::Found;
use crate::params::{Params, Value};

/// A pattern of paths, see the [module documentation](super) for its language.
///
/// ```
/// use bootwire::router::Pattern;
///
/// let pattern = Pattern::parse("/pxelinux.cfg/01-{mac}").unwrap();
/// assert_eq!(pattern.params().collect::<Vec<_>>(), ["mac"]);
///
/// let error = Pattern::parse("/pxelinux.cfg/{ipaddr:hexx}").unwrap_err();
/// assert_eq!(error.column(), 23);
/// ```
#[derive(Clone, Debug)]
pub struct Pattern {
    source: Arc<str>,
    form: Form,
    /// Whether it sees the name as it was sent.
    as_sent: bool,
}

/// What a pattern goes by.
#[derive(Clone, Debug)]
enum Form {
    Shape(Shape),
    #[cfg(feature = "regex")]
    Expression(Arc<Expression>),
}

impl Pattern {
    /// Reads a pattern.
    ///
    /// # Errors
    /// [`PatternError`] names the column and says what to write instead.
    pub fn parse(source: &str) -> Result<Self, PatternError> {
        Ok(Self {
            form: Form::Shape(parse::parse(source)?),
            source: Arc::from(source),
            as_sent: false,
        })
    }

    /// Makes a pattern of a regular expression. It matches a path in which the expression finds
    /// something: write `^` and `$` where it has to begin and to end there. Its groups are the
    /// parameters, by name or by number; one that takes no part is empty. [`Request::rest_bytes`] is
    /// the whole path.
    ///
    /// ```
    /// use bootwire::router::Pattern;
    ///
    /// let pattern = Pattern::regex(r"^/(?<stem>.*)\.(PVT|pvt)$").unwrap();
    /// assert_eq!(pattern.params().collect::<Vec<_>>(), ["stem", "2"]);
    /// assert!(pattern.is_match(b"/a/b.PVT"));
    /// ```
    ///
    /// The syntax is that of the crate [regex](https://docs.rs/regex), without Unicode: names are bytes.
    /// The time to match grows with the length of the path and no faster.
    ///
    /// # Errors
    /// [`PatternError`] if it is no such expression, longer than 500 bytes, or too large to be matched
    /// quickly.
    #[cfg(feature = "regex")]
    pub fn regex(source: &str) -> Result<Self, PatternError> {
        Ok(Self {
            form: Form::Expression(Arc::new(Expression::parse(source)?)),
            source: Arc::from(source),
            as_sent: false,
        })
    }

    /// The same pattern, compared with the name as the client sent it: without a slash in front if it
    /// sent none, with backslashes and double slashes; or with what a rewrite of such a pattern has
    /// made of it. For expressions that were written for other servers.
    #[must_use]
    pub fn as_sent(mut self) -> Self {
        self.as_sent = true;
        self
    }

    /// The pattern as written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.source
    }

    /// Whether it is a regular expression.
    #[must_use]
    pub const fn is_regex(&self) -> bool {
        match &self.form {
            Form::Shape(_) => false,
            #[cfg(feature = "regex")]
            Form::Expression(_) => true,
        }
    }

    /// The names of its parameters, in order.
    pub fn params(&self) -> impl Iterator<Item = &str> {
        let (shape, groups) = match &self.form {
            Form::Shape(shape) => (&shape.params[..], &[][..]),
            #[cfg(feature = "regex")]
            Form::Expression(expression) => (&[][..], expression.groups()),
        };
        let shape = shape.iter().map(|param| &*param.name);
        shape.chain(groups.iter().map(|name: &Arc<str>| &**name))
    }

    /// Whether it matches `path`, a normalised path as of [`Request::path_bytes`].
    #[must_use]
    pub fn is_match(&self, path: &[u8]) -> bool {
        self.params_in(path, false).is_some()
    }

    /// Whether it matches a request's path, or its name [as sent](Pattern::as_sent).
    #[must_use]
    pub fn takes(&self, request: &Request) -> bool {
        self.params_of(request, false).is_some()
    }

    /// The values a request gives to the parameters, or `None` if it does not match.
    pub(crate) fn params_of(&self, request: &Request, ignore_case: bool) -> Option<Params> {
        self.params_in(self.seen_of(request), ignore_case)
    }

    /// What it is compared with.
    pub(super) fn seen_of<'r>(&self, request: &'r Request) -> &'r [u8] {
        if self.as_sent {
            request.name_bytes()
        } else {
            request.path_bytes()
        }
    }

    /// Whether it sees the name as sent.
    pub(super) const fn sees_sent(&self) -> bool {
        self.as_sent
    }

    /// The values `path` gives to the parameters, or `None` if it does not match.
    pub(crate) fn params_in(&self, path: &[u8], ignore_case: bool) -> Option<Params> {
        let route = Some(Arc::clone(&self.source));
        match &self.form {
            Form::Shape(shape) => {
                let (values, below) = values_in(shape, path, ignore_case)?;
                Some(Params {
                    route,
                    values,
                    below,
                    ..Params::default()
                })
            }
            #[cfg(feature = "regex")]
            Form::Expression(expression) => {
                let (range, values) = expression.find(path, ignore_case)?;
                Some(Params {
                    route,
                    values,
                    found: Some(Found { range, ignore_case }),
                    ..Params::default()
                })
            }
        }
    }
}

/// The values of a pattern's parameters, and where the part of the path begins that they stand in.
fn values_in(shape: &Shape, path: &[u8], ignore_case: bool) -> Option<(Vec<Value>, Option<usize>)> {
    let ranges = matching::find(shape, path, ignore_case)?;
    let mut rest = None;
    let mut values = Vec::with_capacity(ranges.len());
    for (param, Range { start, end }) in shape.params.iter().zip(ranges) {
        if param.kind == Kind::Rest {
            rest = Some(start);
        }
        let (bytes, name) = (&path[start..end], Arc::clone(&param.name));
        let text = param.kind.value(bytes)?;
        values.push(Value::new(name, text, bytes, param.kind.is_typed()));
    }
    Some((values, rest.or_else(|| fixed_directories(shape))))
}

/// Length of the directories in front of the first parameter, the last slash included. `None` without
/// parameters.
fn fixed_directories(shape: &Shape) -> Option<usize> {
    shape.params.first()?;
    let slash = shape.start.iter().rposition(|&byte| byte == b'/')?;
    Some(slash + 1)
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        let key = |pattern: &Self| (pattern.is_regex(), pattern.as_sent);
        self.source == other.source && key(self) == key(other)
    }
}

impl Eq for Pattern {}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.source)
    }
}

impl FromStr for Pattern {
    type Err = PatternError;

    fn from_str(source: &str) -> Result<Self, PatternError> {
        Self::parse(source)
    }
}

impl TryFrom<&str> for Pattern {
    type Error = PatternError;

    fn try_from(source: &str) -> Result<Self, PatternError> {
        Self::parse(source)
    }
}

impl TryFrom<String> for Pattern {
    type Error = PatternError;

    fn try_from(source: String) -> Result<Self, PatternError> {
        Self::parse(&source)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Op, Request};

    #[test]
    fn bytes_that_are_no_text_reach_the_handler_untouched() {
        let mut request =
            Request::synthetic(Op::Read, "/x", "192.0.2.7:4000".parse().unwrap(), &[]).unwrap();
        Arc::get_mut(&mut request.facts)
            .unwrap()
            .set_path(b"/files/\xffr\xe9sum\xe9/a");
        let pattern = Pattern::parse("/files/{*rest}").unwrap();
        request.params = pattern.params_in(request.path_bytes(), false).unwrap();
        assert_eq!(request.rest_bytes(), b"\xffr\xe9sum\xe9/a");
        assert_eq!(
            request.param("rest"),
            Some("\u{fffd}r\u{fffd}sum\u{fffd}/a")
        );
    }
}
