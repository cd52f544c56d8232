//! Short texts of the configuration, with parameters of the route in them.

use bootwire::router::Pattern;
use bootwire::{BoxFuture, Endpoint, Refusal, Reply, Request};
use bytes::Bytes;

/// A text with `{parameter}`s of a pattern.
#[derive(Clone, Debug, Default)]
pub(crate) struct Text(Vec<Part>);

#[derive(Clone, Debug)]
enum Part {
    Plain(Bytes),
    Param(String),
}

impl Text {
    /// Reads a text; `{{` and `}}` are braces.
    pub(crate) fn parse(source: &str, pattern: &Pattern) -> Result<Self, String> {
        let mut parts = Vec::new();
        let mut plain = String::new();
        let mut rest = source;
        while let Some(at) = rest.find(['{', '}']) {
            let (before, braced) = rest.split_at(at);
            plain.push_str(before);
            if let Some(after) = braced.strip_prefix("{{") {
                plain.push('{');
                rest = after;
            } else if let Some(after) = braced.strip_prefix("}}") {
                plain.push('}');
                rest = after;
            } else {
                let name = braced
                    .strip_prefix('{')
                    .and_then(|after| after.split_once('}'));
                let Some((name, after)) = name else {
                    return Err(
                        "text: a brace alone; write {{ or }} for one in the text".to_owned()
                    );
                };
                if !pattern.params().any(|known| known == name) {
                    return Err(format!(
                        "text: {{{name}}} is no parameter of {pattern}; write {{{{{name}}}}} for braces in the text"
                    ));
                }
                if !plain.is_empty() {
                    parts.push(Part::Plain(std::mem::take(&mut plain).into()));
                }
                parts.push(Part::Param(name.to_owned()));
                rest = after;
            }
        }
        plain.push_str(rest);
        if !plain.is_empty() {
            parts.push(Part::Plain(plain.into()));
        }
        Ok(Self(parts))
    }

    /// Whether there is nothing in it.
    pub(crate) const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn reply(&self, request: &Request) -> Reply {
        Reply::bytes(self.fill(request)).answered_by("text")
    }

    fn fill(&self, request: &Request) -> Bytes {
        match self.0.as_slice() {
            [] => Bytes::new(),
            [Part::Plain(text)] => text.clone(),
            parts => {
                let mut text = Vec::new();
                for part in parts {
                    match part {
                        Part::Plain(plain) => text.extend_from_slice(plain),
                        Part::Param(name) => {
                            let value = request.param(name).unwrap_or_default();
                            text.extend_from_slice(value.as_bytes());
                        }
                    }
                }
                text.into()
            }
        }
    }
}

impl Endpoint<Reply> for Text {
    fn call(&self, request: Request) -> BoxFuture<'_, Result<Reply, Refusal>> {
        Box::pin(std::future::ready(Ok(self.reply(&request))))
    }

    fn at_hand(&self, request: &Request) -> Option<Result<Reply, Refusal>> {
        Some(Ok(self.reply(request)))
    }
}

/// A refusal is an answer, for reads and writes.
#[derive(Clone, Debug)]
pub(crate) struct Refused(pub(crate) Refusal);

impl Refused {
    fn refusal(&self) -> Refusal {
        self.0.clone().answered_by("refuse")
    }
}

impl<A: Send + 'static> Endpoint<A> for Refused {
    fn call(&self, _request: Request) -> BoxFuture<'_, Result<A, Refusal>> {
        Box::pin(std::future::ready(Err(self.refusal())))
    }

    fn at_hand(&self, _request: &Request) -> Option<Result<A, Refusal>> {
        Some(Err(self.refusal()))
    }
}

#[cfg(feature = "site")]
#[cfg(test)]
mod tests {
    use super::*;
    use crate::site::tests::{content, get, served_by};

    fn text(pattern: &str, source: &str, path: &str) -> String {
        let pattern = Pattern::parse(pattern).unwrap();
        let text = Text::parse(source, &pattern).unwrap();
        let app = served_by(pattern, text);
        let bytes = app.at_hand(&get(path, "10.0.0.7", &[])).unwrap().unwrap();
        content(&bytes)
    }

    #[test]
    fn parameters_stand_in_the_text() {
        assert_eq!(
            text("/{mac}.cfg", "mac {mac}, {{mac}}\n", "/525400123456.cfg"),
            "mac 52:54:00:12:34:56, {mac}\n"
        );
        assert_eq!(text("/a", "plain", "/a"), "plain");
        assert_eq!(text("/a", "", "/a"), "");
    }

    #[test]
    fn what_the_pattern_lacks_is_told() {
        let pattern = Pattern::parse("/{mac}").unwrap();
        let error = Text::parse("{max}", &pattern).unwrap_err();
        assert_eq!(
            error,
            "text: {max} is no parameter of /{mac}; write {{max}} for braces in the text"
        );
        for wrong in ["{mac", "mac}", "{"] {
            assert!(
                Text::parse(wrong, &pattern).unwrap_err().contains("alone"),
                "{wrong}"
            );
        }
    }
}
