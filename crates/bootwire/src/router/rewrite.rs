//! Rewrites: other paths for requests, such as `/debian/{arch}/{path}`.

use std::fmt;

use super::param_text::{self, ParamText};
use super::{Layer, Next, Pattern, PatternError};
use crate::params::{Params, RENAMED_MAX};
use crate::{Answer, BoxFuture, Refusal, Request};

/// How often an expression is replaced in one name, at most.
const REPLACED_MAX: usize = 1000;

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
/// [`ParamText`] has what can stand in braces. Values go in as the pattern took them: hardware
/// addresses in lower case with colons, `{*path}` as the bytes that were sent.
///
/// [`Rewrite::replace`] changes only what a regular expression found.
#[derive(Clone, PartialEq, Eq)]
pub struct Rewrite {
    to: ParamText,
    /// `None` for the whole path.
    part: Option<Found>,
    restarts: bool,
}

/// What an expression finds.
#[derive(Clone, PartialEq, Eq)]
struct Found {
    pattern: Pattern,
    /// Whether it is looked for again in what came of it.
    repeats: bool,
}

impl Rewrite {
    /// Reads a new path for what `pattern` takes.
    ///
    /// # Errors
    /// [`PatternError`] names the column and says what to write instead.
    pub fn parse(to: &str, pattern: &Pattern) -> Result<Self, PatternError> {
        if !to.starts_with('/') {
            let help = format!("a path begins with a slash: write \"/{to}\"");
            return Err(param_text::error(to, 0, help));
        }
        Self::read(to, pattern, None)
    }

    /// Reads what takes the place of what a [regular expression](Pattern::regex) finds in a path. The
    /// rest of the path stays.
    ///
    /// ```
    /// use bootwire::router::{Pattern, Rewrite};
    ///
    /// let pattern = Pattern::regex("^/?tftpboot/").unwrap().as_sent();
    /// assert!(Rewrite::replace("", &pattern).is_ok());
    /// ```
    ///
    /// # Errors
    /// [`PatternError`], also if `pattern` is no regular expression.
    pub fn replace(with: &str, pattern: &Pattern) -> Result<Self, PatternError> {
        if !pattern.is_regex() {
            let help = "only what a regular expression finds can be replaced";
            return Err(param_text::error(with, 0, help));
        }
        let part = Found {
            pattern: pattern.clone(),
            repeats: false,
        };
        Self::read(with, pattern, Some(part))
    }

    fn read(to: &str, pattern: &Pattern, part: Option<Found>) -> Result<Self, PatternError> {
        if to.split('/').any(|segment| segment == "..") {
            let help = "leave out \"..\": write the path it leads to";
            return Err(param_text::error(to, 0, help));
        }
        Ok(Self {
            to: ParamText::parse(to, pattern)?,
            part,
            restarts: false,
        })
    }

    /// Replaces until the expression finds nothing any more. A name in which it still finds something
    /// after a thousand times, or that grows beyond 2048 bytes, is refused.
    #[must_use]
    pub fn repeated(mut self) -> Self {
        if let Some(part) = &mut self.part {
            part.repeats = true;
        }
        self
    }

    /// In a [`Router`](super::Router), has the request begin anew with its new path at the first route.
    /// A request that does so 32 times is refused.
    #[must_use]
    pub const fn restarting(mut self) -> Self {
        self.restarts = true;
        self
    }

    /// Whether the request begins anew.
    pub(super) const fn restarts(&self) -> bool {
        self.restarts
    }

    /// What it does, in words: `as /debian/{path}`, `with "/boot/" for what it finds`.
    #[must_use]
    pub fn describe(&self) -> String {
        let to = self.as_str();
        let mut told = match &self.part {
            None => format!("as {to}"),
            Some(Found { repeats: true, .. }) => format!("with {to:?} for all it finds"),
            Some(_) => format!("with {to:?} for what it finds"),
        };
        if self.restarts {
            told.push_str(", from the first route on");
        }
        told
    }

    /// The new path as written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.to.as_str()
    }

    /// Whether the client's hardware address is part of it, see [`Request::with_client_mac`].
    #[must_use]
    pub fn needs_client_mac(&self) -> bool {
        self.to.needs_client_mac()
    }

    /// The request under its new path, see [`Request::renamed`]. `None` if that is no path, or a
    /// parameter is missing: `request` was not taken by the pattern this was made for.
    #[must_use]
    pub fn apply(&self, request: &Request) -> Option<Request> {
        self.renamed(request).ok()
    }

    /// As [`Rewrite::apply`], with what the client is told where nothing comes of it.
    pub(super) fn renamed(&self, request: &Request) -> Result<Request, Refusal> {
        let renamed = match &self.part {
            None => request.renamed(&self.to.fill(request)?),
            Some(part) => {
                let name = self.replaced(part, request)?;
                if part.pattern.sees_sent() {
                    request.named(name)
                } else {
                    request.renamed(&name)
                }
            }
        };
        renamed.ok_or_else(|| self.refusal("it is no path"))
    }

    /// The name with something else for what the expression finds.
    fn replaced(&self, part: &Found, request: &Request) -> Result<Vec<u8>, Refusal> {
        let mut name = part.pattern.seen_of(request).to_vec();
        let mut params = request.params.clone();
        for _ in 0..REPLACED_MAX {
            let Some(found) = params.found.clone() else {
                return Err(self.refusal("nothing was found in it"));
            };
            let before = name.get(..found.range.start).unwrap_or_default();
            let mut next = before.to_vec();
            self.to.fill_from(request, &params, &name, &mut next)?;
            next.extend(name.get(found.range.end..).unwrap_or_default());
            if next.len() > RENAMED_MAX {
                return Err(self.refusal("it is longer than 2048 bytes"));
            }
            name = next;
            if !part.repeats {
                return Ok(name);
            }
            match part.pattern.params_in(&name, found.ignore_case) {
                Some(again) => {
                    params = Params {
                        values: again.values,
                        found: again.found,
                        ..params
                    }
                }
                None => return Ok(name),
            }
        }
        Err(self.refusal("after a thousand times there is still something to replace"))
    }

    fn refusal(&self, why: &str) -> Refusal {
        Refusal::denied()
            .text("Bad file name")
            .because(format_args!("renamed to {self}: {why}"))
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

impl fmt::Display for Rewrite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.to.fmt(f)
    }
}

impl fmt::Debug for Rewrite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Rewrite").field(&self.as_str()).finish()
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
        request.params = pattern.params_of(&request, false)?;
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

    /// The path, and the name that expressions on the name as sent see then.
    fn replaced(rewrite: &Rewrite, pattern: &Pattern, path: &str) -> Option<(String, String)> {
        let peer = ([192, 0, 2, 7], 4000).into();
        let mut request = Request::synthetic(Op::Read, path, peer, &[]).unwrap();
        request.params = pattern.params_of(&request, false)?;
        let renamed = rewrite.apply(&request)?;
        let name = String::from_utf8_lossy(renamed.name_bytes()).into_owned();
        Some((renamed.path().into_owned(), name))
    }

    #[test]
    fn what_is_found_is_replaced_and_the_rest_stays() {
        for (regex, with, path, expected) in [
            (
                r"^pxelinux\.cfg/",
                "syslinux/{0}",
                "pxelinux.cfg/01-a",
                "syslinux/pxelinux.cfg/01-a",
            ),
            (r"^(.*)\.PVT$", "/mr/{1}.pvt", "a/b.PVT", "/mr/a/b.pvt"),
            (r"(?<dir>b)/", "{dir:upper}-{1}/", "/a/b/c", "/a/B-b/c"),
            (r"^[^/]", "/tftpboot/{0}", "boot/x", "/tftpboot/boot/x"),
            (r"x?$", "{{1}}", "ab", "ab{1}"),
            (r"^(a)|(b)", "{1}{2}!", "bc", "b!c"),
        ] {
            let pattern = Pattern::regex(regex).unwrap().as_sent();
            let rewrite = Rewrite::replace(with, &pattern).unwrap();
            let (path, name) = replaced(&rewrite, &pattern, path).unwrap();
            assert_eq!(name, expected, "{regex}");
            assert_eq!(path, format!("/{}", expected.trim_start_matches('/')));
        }
        let pattern = Pattern::regex("^pxelinux").unwrap();
        let rewrite = Rewrite::replace("/x", &pattern).unwrap();
        assert_eq!(
            replaced(&rewrite, &pattern, "pxelinux.0"),
            None,
            "the path has a slash in front"
        );
    }

    #[test]
    fn it_is_replaced_until_nothing_is_found_any_more() {
        let pattern = Pattern::regex(r"\\").unwrap().as_sent();
        let once = Rewrite::replace("/", &pattern).unwrap();
        let (path, name) = replaced(&once, &pattern, r"\a\b\c").unwrap();
        assert_eq!((path.as_str(), name.as_str()), ("/a/b/c", r"/a\b\c"));
        let (_, name) = replaced(&once.repeated(), &pattern, r"\a\b\c").unwrap();
        assert_eq!(name, "/a/b/c");
        for (regex, with) in [("a", "a"), ("a", "aa"), ("^", "/"), ("a*", "{0}b")] {
            let pattern = Pattern::regex(regex).unwrap();
            let rewrite = Rewrite::replace(with, &pattern).unwrap().repeated();
            assert_eq!(replaced(&rewrite, &pattern, "a"), None, "{regex} for ever");
        }
    }

    #[test]
    fn no_replacement_climbs() {
        let pattern = Pattern::regex("x").unwrap();
        for (with, path) in [("", "a/.x./.x./secret"), (".", "x./x./y")] {
            let rewrite = Rewrite::replace(with, &pattern).unwrap().repeated();
            assert_eq!(replaced(&rewrite, &pattern, path), None, "{path}");
        }
        assert!(Rewrite::replace("a/../b", &pattern).is_err());
        let shape = Pattern::parse("/x").unwrap();
        let error = Rewrite::replace("y", &shape).unwrap_err();
        assert!(error.problem().contains("regular expression"), "{error}");
    }
}
