//! Rewrites: other paths for requests, such as `/debian/{arch}/{path}`.

use std::fmt;
use std::sync::Arc;

use super::{Layer, Next, Pattern, PatternError};
use crate::{Answer, BoxFuture, Refusal, Request};

/// The path a request gets instead of its own, with the parameters of a [`Pattern`] in it.
///
/// ```
/// use bootwire::router::{Pattern, Rewrite};
///
/// let pattern = Pattern::parse("/{arch}/{*path}").unwrap();
/// assert!(Rewrite::parse("/debian/{arch}/{path}", &pattern).is_ok());
/// let error = Rewrite::parse("/debian/{release}", &pattern).unwrap_err();
/// assert_eq!(error.column(), 9);
/// ```
///
/// `{{` and `}}` are literal braces. Values go in as the pattern took them: hardware addresses in
/// lower case with colons, `{*path}` as the bytes that were sent.
#[derive(Clone, PartialEq, Eq)]
pub struct Rewrite {
    source: Arc<str>,
    parts: Arc<[Part]>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Text(Box<str>),
    Param(Box<str>),
}

impl Rewrite {
    /// Reads a new path for what `pattern` takes.
    ///
    /// # Errors
    /// [`PatternError`] names the column and says what to write instead.
    pub fn parse(to: &str, pattern: &Pattern) -> Result<Self, PatternError> {
        if !to.starts_with('/') {
            return Err(error(
                to,
                0,
                format!("a path begins with a slash: write \"/{to}\""),
            ));
        }
        if to.split('/').any(|segment| segment == "..") {
            return Err(error(to, 0, "leave out \"..\": write the path it leads to"));
        }
        let mut parts = Vec::new();
        let mut text = String::new();
        let mut at = 0;
        while let Some(next) = to[at..].chars().next() {
            let rest = &to[at..];
            if rest.starts_with("{{") || rest.starts_with("}}") {
                text.push(next);
                at += 2;
            } else if next == '{' {
                let Some(len) = rest.find('}') else {
                    return Err(error(to, at, "a brace that is never closed"));
                };
                let name = &rest[1..len];
                check_param(to, at, name, pattern)?;
                if !text.is_empty() {
                    parts.push(Part::Text(std::mem::take(&mut text).into()));
                }
                parts.push(Part::Param(name.into()));
                at += len + 1;
            } else if next == '}' {
                let problem = "a brace that was never opened: write }} for a literal one";
                return Err(error(to, at, problem));
            } else {
                text.push(next);
                at += next.len_utf8();
            }
        }
        if !text.is_empty() {
            parts.push(Part::Text(text.into()));
        }
        Ok(Self {
            source: Arc::from(to),
            parts: parts.into(),
        })
    }

    /// The new path as written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.source
    }

    /// The request under its new path, see [`Request::renamed`]. `None` if that is no path, or a
    /// parameter is missing: `request` was not taken by the pattern this was made for.
    #[must_use]
    pub fn apply(&self, request: &Request) -> Option<Request> {
        let mut path = Vec::with_capacity(self.source.len() + request.path_bytes().len());
        for part in &*self.parts {
            match part {
                Part::Text(text) => path.extend_from_slice(text.as_bytes()),
                Part::Param(name) => path.extend_from_slice(request.param_bytes(name)?),
            }
        }
        request.renamed(&path)
    }

    /// As [`Rewrite::apply`], with what the client is told where nothing comes of it.
    pub(super) fn renamed(&self, request: &Request) -> Result<Request, Refusal> {
        self.apply(request).ok_or_else(|| {
            Refusal::denied()
                .text("Bad file name")
                .because(format_args!("renamed to {self}, it is no path"))
        })
    }
}

/// Has the handler, and the layers further in, see the new path. The pattern must be the one of the
/// routes it is put around.
impl Layer for Rewrite {
    fn call(&self, request: Request, next: Next) -> BoxFuture<'_, Result<Answer, Refusal>> {
        Box::pin(async move { next.run(self.renamed(&request)?).await })
    }

    fn at_hand(&self, request: &Request, next: Next) -> Option<Result<Answer, Refusal>> {
        match self.renamed(request) {
            Ok(renamed) => next.at_hand(&renamed),
            Err(refusal) => Some(Err(refusal)),
        }
    }
}

fn check_param(to: &str, at: usize, name: &str, pattern: &Pattern) -> Result<(), PatternError> {
    if pattern.params().any(|known| known == name) {
        return Ok(());
    }
    let known: Vec<String> = pattern
        .params()
        .map(|known| format!("{{{known}}}"))
        .collect();
    let problem = if known.is_empty() {
        format!("{{{name}}} is no parameter of {pattern}, which has none")
    } else {
        format!(
            "{{{name}}} is no parameter of {pattern}; those are {}",
            known.join(", ")
        )
    };
    Err(error(to, at, problem))
}

fn error(to: &str, at: usize, problem: impl Into<String>) -> PatternError {
    PatternError {
        pattern: to.to_owned(),
        column: to[..at].chars().count() + 1,
        problem: problem.into(),
    }
}

impl fmt::Display for Rewrite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.source)
    }
}

impl fmt::Debug for Rewrite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Rewrite").field(&self.source).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Op, Request};

    fn rewritten(pattern: &str, to: &str, path: &str) -> Option<String> {
        let pattern = Pattern::parse(pattern).unwrap();
        let to = Rewrite::parse(to, &pattern).unwrap();
        let peer = ([192, 0, 2, 7], 4000).into();
        let mut request = Request::synthetic(Op::Read, path, peer, &[]).unwrap();
        request.params = pattern.params_in(request.path_bytes(), false)?;
        let renamed = to.apply(&request)?;
        assert_eq!(renamed.rest_bytes(), &renamed.path_bytes()[1..]);
        assert_eq!(renamed.filename(), path.as_bytes(), "as it was sent");
        Some(renamed.path().into_owned())
    }

    #[test]
    fn parameters_go_where_they_are_named() {
        for (pattern, to, path, expected) in [
            (
                "/{arch}/{*path}",
                "/debian/{path}/{arch}",
                "x64/a/b",
                "/debian/a/b/x64",
            ),
            (
                "/pxelinux.cfg/01-{mac}",
                "/pxe/{mac}.cfg",
                "pxelinux.cfg/01-52-54-00-12-34-56",
                "/pxe/52:54:00:12:34:56.cfg",
            ),
            ("/{*path}", "/{{{path}}}//x", "a", "/{a}/x"),
            ("/a", "/b", "a", "/b"),
        ] {
            assert_eq!(
                rewritten(pattern, to, path).as_deref(),
                Some(expected),
                "{to}"
            );
        }
    }

    #[test]
    fn nobody_climbs_by_parameters() {
        assert_eq!(rewritten("/{a}x{b}", "/{a}{b}/secret", ".x."), None);
        assert_eq!(
            rewritten("/{*path}", "/d/{path}{path}", &"long".repeat(100)).map(|path| path.len()),
            Some(803)
        );
    }

    #[test]
    fn mistakes_are_shown_with_their_column() {
        let pattern = Pattern::parse("/{arch}/{*path}").unwrap();
        for (to, column, words) in [
            ("debian", 1, "write \"/debian\""),
            ("/{path", 2, "never closed"),
            ("/path}", 6, "never opened"),
            ("/ä/{release}", 4, "{arch}, {path}"),
            ("/a/../b", 1, "leave out \"..\""),
        ] {
            let error = Rewrite::parse(to, &pattern).unwrap_err();
            assert_eq!(error.column(), column, "{to}");
            assert!(error.problem().contains(words), "{to}: {error}");
        }
    }
}
