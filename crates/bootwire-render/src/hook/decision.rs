//! What a hook answers.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bootwire::{Reason, Refusal};
use bytes::Bytes;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::HookError;

/// What a client is to get.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// This.
    Content(Bytes),
    /// An object of an origin.
    Redirect(Redirect),
    /// A template, with these variables.
    Template {
        /// Its name.
        name: String,
        /// What it finds in `vars`.
        vars: Map<String, Value>,
    },
    /// An ERROR.
    Refuse(Refusal),
    /// The hook has nothing to say: what comes next answers.
    Pass,
}

/// An object of an origin, both by name. The path begins with `/`, and no part of it is `.` or `..`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Redirect {
    /// The origin's name in the configuration.
    pub origin: String,
    /// The path of the object.
    pub path: String,
}

/// The JSON of a decision: one of these keys.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Answer {
    text: Option<String>,
    base64: Option<String>,
    redirect: Option<RedirectAnswer>,
    template: Option<String>,
    #[serde(default)]
    vars: Map<String, Value>,
    refuse: Option<RefuseAnswer>,
    #[serde(default)]
    pass: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RedirectAnswer {
    origin: String,
    path: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RefuseAnswer {
    code: u8,
    text: Option<String>,
}

impl Decision {
    /// Reads the JSON of a decision:
    ///
    /// ```json
    /// {"text": "set default=0\n"}
    /// {"base64": "AAEC"}
    /// {"redirect": {"origin": "images", "path": "/debian/vmlinuz"}}
    /// {"template": "grub.cfg.j2", "vars": {"disk": "/dev/sda"}}
    /// {"refuse": {"code": 1, "text": "No such machine"}}
    /// {"pass": true}
    /// ```
    ///
    /// # Errors
    /// If it is not one of these.
    pub fn from_json(json: &[u8]) -> Result<Self, HookError> {
        let senseless = |what: String| HookError::Senseless(what);
        let answer: Answer = serde_json::from_slice(json)
            .map_err(|error| senseless(format!("the answer is no decision: {error}")))?;
        if !answer.vars.is_empty() && answer.template.is_none() {
            return Err(senseless("vars without a template".to_owned()));
        }
        let mut decisions = Vec::new();
        decisions.extend(answer.text.map(|text| Ok(Self::Content(text.into()))));
        decisions.extend(answer.base64.map(|text| {
            let bytes = STANDARD.decode(text.trim_ascii());
            let bytes = bytes.map_err(|error| senseless(format!("base64: {error}")))?;
            Ok(Self::Content(bytes.into()))
        }));
        decisions.extend(answer.redirect.map(redirect));
        if let Some(name) = answer.template {
            let vars = answer.vars;
            decisions.push(Ok(Self::Template { name, vars }));
        }
        decisions.extend(
            answer
                .refuse
                .map(|refuse| Ok(Self::Refuse(refusal(&refuse)))),
        );
        if answer.pass {
            decisions.push(Ok(Self::Pass));
        }
        match (decisions.pop(), decisions.pop()) {
            (Some(decision), None) => decision,
            (None, _) => Err(senseless("the answer decides nothing".to_owned())),
            _ => Err(senseless(
                "the answer decides more than one thing".to_owned(),
            )),
        }
    }
}

fn redirect(answer: RedirectAnswer) -> Result<Decision, HookError> {
    let RedirectAnswer { origin, path } = answer;
    let climbs = |path: &str| {
        path.split(['/', '\\'])
            .any(|part| matches!(part, "." | ".."))
    };
    if !path.starts_with('/') || climbs(&path) || path.contains(char::is_control) {
        let what = format!("{path:?} is no path: it must begin with / and have no . or .. parts");
        return Err(HookError::Senseless(what));
    }
    Ok(Decision::Redirect(Redirect { origin, path }))
}

fn refusal(answer: &RefuseAnswer) -> Refusal {
    let reason = match answer.code {
        0 => Reason::Busy,
        1 => Reason::NotFound,
        3 => Reason::DiskFull,
        4 => Reason::Illegal,
        6 => Reason::Exists,
        8 => Reason::Options,
        _ => Reason::Denied,
    };
    let refusal = Refusal::new(reason).because("the hook refused");
    match &answer.text {
        Some(text) => {
            let shown = text.chars().filter(|letter| !letter.is_control());
            refusal.text(shown.take(60).collect::<String>())
        }
        None => refusal,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(json: &str) -> Result<Decision, HookError> {
        Decision::from_json(json.as_bytes())
    }

    #[test]
    fn each_decision_is_read() {
        assert_eq!(
            read(r#"{"text": "x\n"}"#),
            Ok(Decision::Content("x\n".into()))
        );
        assert_eq!(
            read(r#"{"base64": "AP8=\n"}"#),
            Ok(Decision::Content(vec![0, 255].into()))
        );
        assert_eq!(
            read(r#"{"redirect": {"origin": "images", "path": "/a/b..c"}}"#),
            Ok(Decision::Redirect(Redirect {
                origin: "images".into(),
                path: "/a/b..c".into()
            }))
        );
        let Ok(Decision::Template { name, vars }) =
            read(r#"{"template": "t.j2", "vars": {"a": 1}}"#)
        else {
            panic!("no template");
        };
        assert_eq!((name.as_str(), &vars["a"]), ("t.j2", &Value::from(1)));
        assert_eq!(read(r#"{"pass": true}"#), Ok(Decision::Pass));
        for (code, reason) in [
            (0, Reason::Busy),
            (1, Reason::NotFound),
            (2, Reason::Denied),
            (6, Reason::Exists),
            (77, Reason::Denied),
        ] {
            let json = format!(r#"{{"refuse": {{"code": {code}, "text": "no\u001b[2J"}}}}"#);
            let Ok(Decision::Refuse(refusal)) = read(&json) else {
                panic!("no refusal");
            };
            assert_eq!((refusal.reason(), refusal.client_text()), (reason, "no[2J"));
        }
    }

    #[test]
    fn anything_else_is_told_what_is_wrong_with_it() {
        for (json, what) in [
            ("", "no decision"),
            ("[]", "no decision"),
            ("{}", "decides nothing"),
            (r#"{"pass": false}"#, "decides nothing"),
            (r#"{"text": "x", "pass": true}"#, "more than one thing"),
            (r#"{"txet": "x"}"#, "unknown field `txet`"),
            (r#"{"base64": "!"}"#, "base64"),
            (
                r#"{"text": "x", "vars": {"a": 1}}"#,
                "vars without a template",
            ),
            (
                r#"{"redirect": {"origin": "o", "path": "a"}}"#,
                "is no path",
            ),
            (
                r#"{"redirect": {"origin": "o", "path": "/a/../b"}}"#,
                "is no path",
            ),
            (
                r#"{"redirect": {"origin": "o", "path": "/a\\..\\b"}}"#,
                "is no path",
            ),
            (
                r#"{"redirect": {"origin": "o", "path": "/a\nb"}}"#,
                "is no path",
            ),
            (r#"{"refuse": {"code": 300}}"#, "no decision"),
        ] {
            let error = read(json).unwrap_err().to_string();
            assert!(error.contains(what), "{json}: {error}");
        }
    }

    proptest! {
        #[test]
        fn no_answer_makes_it_panic(json in proptest::collection::vec(any::<u8>(), 0..100)) {
            let _ = Decision::from_json(&json);
        }
    }
}
