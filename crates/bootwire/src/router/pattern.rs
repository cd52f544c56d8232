//! Patterns of paths: `/grub/grub.cfg-01-{mac}`.

use std::fmt;
use std::ops::Range;
use std::str::FromStr;
use std::sync::Arc;

use super::kind::Kind;
use super::matching;
use super::parse::{self, PatternError};
use super::shape::Shape;
use crate::request::Params;

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
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern {
    source: Arc<str>,
    shape: Shape,
}

impl Pattern {
    /// Reads a pattern.
    ///
    /// # Errors
    /// [`PatternError`] names the column and says what to write instead.
    pub fn parse(source: &str) -> Result<Self, PatternError> {
        Ok(Self {
            shape: parse::parse(source)?,
            source: Arc::from(source),
        })
    }

    /// The pattern as written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.source
    }

    /// The names of its parameters, in order.
    pub fn params(&self) -> impl Iterator<Item = &str> {
        self.shape.params.iter().map(|param| &*param.name)
    }

    /// Whether it matches `path`, a normalised path as of [`Request::path_bytes`](crate::Request::path_bytes).
    #[must_use]
    pub fn is_match(&self, path: &[u8]) -> bool {
        self.params_in(path, false).is_some()
    }

    /// Length of the directories in front of the first parameter, the last slash included. `None`
    /// without parameters.
    fn fixed_directories(&self) -> Option<usize> {
        self.shape.params.first()?;
        let slash = self.shape.start.iter().rposition(|&byte| byte == b'/')?;
        Some(slash + 1)
    }

    /// The values `path` gives to the parameters, or `None` if it does not match.
    pub(crate) fn params_in(&self, path: &[u8], ignore_case: bool) -> Option<Params> {
        let ranges = matching::find(&self.shape, path, ignore_case)?;
        let mut rest = None;
        let mut values = Vec::with_capacity(ranges.len());
        for (param, Range { start, end }) in self.shape.params.iter().zip(ranges) {
            if param.kind == Kind::Rest {
                rest = Some(start);
            }
            values.push((
                Arc::clone(&param.name),
                param.kind.value(&path[start..end])?,
            ));
        }
        Some(Params {
            route: Some(Arc::clone(&self.source)),
            values,
            rest,
            below: rest.or_else(|| self.fixed_directories()),
            renamed: None,
        })
    }
}

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
