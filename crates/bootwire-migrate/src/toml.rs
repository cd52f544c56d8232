//! Values and comments as TOML has them.

use std::fmt::Write as _;

/// Longest piece of an old configuration in a comment, in characters.
const QUOTED_MAX: usize = 160;

/// A text.
pub(crate) fn text(value: &str) -> String {
    // As it is where that can be: expressions are full of backslashes.
    let needs_escapes = value.chars().any(char::is_control);
    if value.contains('\\') && !value.contains('\'') && !needs_escapes {
        return format!("'{value}'");
    }
    let mut quoted = String::with_capacity(value.len() + 2);
    quoted.push('"');
    for letter in value.chars() {
        match letter {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            letter if letter.is_control() => {
                let _ = write!(quoted, "\\u{:04X}", u32::from(letter));
            }
            letter => quoted.push(letter),
        }
    }
    quoted.push('"');
    quoted
}

/// A text or a list of texts.
pub(crate) fn one_or_many<S: AsRef<str>>(values: &[S]) -> String {
    match values {
        [one] => text(one.as_ref()),
        many => {
            let many: Vec<String> = many.iter().map(|value| text(value.as_ref())).collect();
            format!("[{}]", many.join(", "))
        }
    }
}

/// Something of an old configuration, in one line of bounded length.
pub(crate) fn quoted(text: &str) -> String {
    let mut line = String::new();
    for (index, letter) in text.trim().chars().enumerate() {
        if index == QUOTED_MAX {
            line.push('…');
            break;
        }
        line.push(match letter {
            '\t' => ' ',
            letter if letter.is_control() => '\u{fffd}',
            letter => letter,
        });
    }
    line
}

/// A literal text where parameters could be: `{` is written twice.
pub(crate) fn braces(text: &str) -> String {
    text.replace('{', "{{").replace('}', "}}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_literal_where_they_can_be() {
        assert_eq!(text("a"), "\"a\"");
        assert_eq!(text(r"^a\.b$"), r"'^a\.b$'");
        assert_eq!(text(r"a\'b"), r#""a\\'b""#);
        assert_eq!(text("a\"\n\\"), "\"a\\\"\\u000A\\\\\"");
        assert_eq!(one_or_many(&["a", "b"]), "[\"a\", \"b\"]");
    }

    #[test]
    fn comments_stay_in_their_line() {
        assert_eq!(quoted(" a\tb\r\u{1b}c\n"), "a b\u{fffd}\u{fffd}c");
        assert_eq!(quoted(&"x".repeat(1000)).chars().count(), QUOTED_MAX + 1);
    }
}
