//! Regular expressions as patterns.

use std::ops::Range;
use std::sync::Arc;

use regex::bytes::{Captures, Regex, RegexBuilder};

use super::parse::PatternError;
use crate::params::Value;

/// Longest expression in bytes.
const SOURCE_MAX: usize = 500;
/// Bytes an expression may take when it is compiled. The time to match grows with it.
const COMPILED_MAX: usize = 64 << 10;
/// Bytes that may be remembered of searches, for each of them.
const REMEMBERED_MAX: usize = 256 << 10;
/// How deep parentheses may stand in each other.
const NESTED_MAX: u32 = 50;

/// An expression that is looked for anywhere in a path. It sees bytes: `.` is any of them, and letters
/// are those of ASCII.
#[derive(Debug)]
pub(super) struct Expression {
    exact: Regex,
    /// The same in any case.
    folded: Regex,
    /// What its groups are called: their names, or their numbers.
    groups: Vec<Arc<str>>,
}

impl Expression {
    /// Compiles an expression.
    pub(super) fn parse(source: &str) -> Result<Self, PatternError> {
        let wrong = |column, problem: String| PatternError {
            pattern: source.to_owned(),
            column,
            problem,
        };
        if source.is_empty() {
            return Err(wrong(
                1,
                "an empty expression finds itself everywhere".to_owned(),
            ));
        }
        if source.len() > SOURCE_MAX {
            return Err(wrong(
                1,
                format!("longer than {SOURCE_MAX} bytes: use several routes"),
            ));
        }
        if let Some(at) = source.find(|letter: char| letter.is_control()) {
            let column = source[..at].chars().count() + 1;
            let help = "a control character: write \\t, \\n or \\x1b".to_owned();
            return Err(wrong(column, help));
        }
        let compile = |ignore_case| {
            RegexBuilder::new(source)
                .unicode(false)
                .case_insensitive(ignore_case)
                .size_limit(COMPILED_MAX)
                .dfa_size_limit(REMEMBERED_MAX)
                .nest_limit(NESTED_MAX)
                .build()
                .map_err(|error| {
                    let (column, problem) = told(&error);
                    wrong(column, problem)
                })
        };
        let (exact, folded) = (compile(false)?, compile(true)?);
        let groups = exact.capture_names().enumerate().skip(1);
        let groups = groups.map(|(number, name)| match name {
            Some(name) => Arc::from(name),
            None => Arc::from(number.to_string()),
        });
        Ok(Self {
            groups: groups.collect(),
            exact,
            folded,
        })
    }

    /// The names of its groups, in order: that of the first one has index 0.
    pub(super) fn groups(&self) -> &[Arc<str>] {
        &self.groups
    }

    /// What it finds first in `text`: where, and what its groups took.
    pub(super) fn find(
        &self,
        text: &[u8],
        ignore_case: bool,
    ) -> Option<(Range<usize>, Vec<Value>)> {
        let found: Captures<'_> = match ignore_case {
            true => self.folded.captures(text)?,
            false => self.exact.captures(text)?,
        };
        let values = self.groups.iter().enumerate().map(|(index, name)| {
            // A group that took no part is empty.
            let bytes = found
                .get(index + 1)
                .map_or(&b""[..], |group| group.as_bytes());
            let text = String::from_utf8_lossy(bytes).into_owned();
            Value::new(Arc::clone(name), text, bytes, false)
        });
        let values = values.collect();
        Some((found.get(0)?.range(), values))
    }
}

/// What is wrong with an expression, and at which column.
fn told(error: &regex::Error) -> (usize, String) {
    match error {
        regex::Error::CompiledTooBig(_) => {
            let what = "it would take too long to match: repeat less, {2} instead of {200}";
            (1, what.to_owned())
        }
        error => {
            // The expression, a caret below the place, and the reason, each in its line.
            let text = error.to_string();
            let caret = text.lines().nth(2);
            let column = caret.and_then(|line| line.find('^')).unwrap_or(4);
            let reason = text.lines().last().unwrap_or_default();
            let reason = reason.strip_prefix("error: ").unwrap_or(reason);
            (column.saturating_sub(3), reason.to_owned())
        }
    }
}
