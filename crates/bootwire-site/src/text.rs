//! Short texts of the configuration, with parameters of the route in them.

use bootwire::router::{ParamText, Pattern};
use bootwire::{BoxFuture, Endpoint, Refusal, Reply, Request};
use bytes::Bytes;

/// A text with `{parameter}`s of a pattern.
#[derive(Clone, Debug, Default)]
pub(crate) struct Text(Option<Form>);

#[derive(Clone, Debug)]
enum Form {
    Plain(Bytes),
    Filled(ParamText),
}

impl Text {
    /// Reads a text; `{{` and `}}` are braces.
    pub(crate) fn parse(source: &str, pattern: &Pattern) -> Result<Self, String> {
        let text = ParamText::parse(source, pattern).map_err(|error| {
            format!(
                "text, column {}: {}; write {{{{ and }}}} for braces in the text",
                error.column(),
                error.problem()
            )
        })?;
        if source.is_empty() {
            return Ok(Self(None));
        }
        Ok(Self(Some(match text.is_plain() {
            true => Form::Plain(source.replace("{{", "{").replace("}}", "}").into()),
            false => Form::Filled(text),
        })))
    }

    /// Whether there is nothing in it.
    pub(crate) const fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    /// Whether the client's hardware address is part of it.
    pub(crate) fn needs_client_mac(&self) -> bool {
        matches!(&self.0, Some(Form::Filled(text)) if text.needs_client_mac())
    }

    fn reply(&self, request: &Request) -> Result<Reply, Refusal> {
        let text = match &self.0 {
            None => Bytes::new(),
            Some(Form::Plain(text)) => text.clone(),
            Some(Form::Filled(text)) => text
                .fill(request)
                .map_err(|refusal| refusal.answered_by("text"))?
                .into(),
        };
        Ok(Reply::bytes(text).answered_by("text"))
    }
}

impl Endpoint<Reply> for Text {
    fn call(&self, request: Request) -> BoxFuture<'_, Result<Reply, Refusal>> {
        Box::pin(std::future::ready(self.reply(&request)))
    }

    fn at_hand(&self, request: &Request) -> Option<Result<Reply, Refusal>> {
        Some(self.reply(request))
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
        assert_eq!(text("/a", "{{a}} }}{{", "/a"), "{a} }{");
        assert_eq!(
            text(
                "/SEP{mac}",
                "{client} {client:hex} {mac:raw}",
                "/SEP001B0D123456"
            ),
            "10.0.0.7 0A000007 001B0D123456"
        );
        assert_eq!(text("/a", "", "/a"), "");
    }

    #[test]
    fn what_the_pattern_lacks_is_told() {
        let pattern = Pattern::parse("/{mac}").unwrap();
        let error = Text::parse("{max}", &pattern).unwrap_err();
        assert_eq!(
            error,
            "text, column 1: {max} is no parameter of /{mac}; those are {mac}; write {{ and }} for \
             braces in the text"
        );
        for wrong in ["{mac", "mac}", "{"] {
            assert!(
                Text::parse(wrong, &pattern)
                    .unwrap_err()
                    .contains("brace that"),
                "{wrong}"
            );
        }
    }
}
