//! Text that somebody else chose, made fit for a log or a terminal.

use std::fmt::Write;

/// `bytes` as one line of visible text: control characters, what turns the direction of writing,
/// bytes that are not UTF-8, and the backslash itself are escaped, so that no two names look alike
/// and none can forge a line.
pub(crate) fn escaped(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        for letter in chunk.valid().chars() {
            if letter == '\\' || letter.is_control() || steers(letter) {
                out.extend(letter.escape_default());
            } else {
                out.push(letter);
            }
        }
        for byte in chunk.invalid() {
            // Writing to a String cannot fail.
            let _ = write!(out, "\\x{byte:02x}");
        }
    }
    out
}

/// As [`escaped`], in quotes if it could be mistaken for several words or for none.
pub(crate) fn word(bytes: &[u8]) -> String {
    let mut out = String::new();
    write_word(&mut out, bytes);
    out
}

/// Writes a [`word`].
pub(crate) fn write_word(out: &mut String, bytes: &[u8]) {
    let plain = |byte: &u8| byte.is_ascii_graphic() && !matches!(byte, b'\\' | b'"' | b',');
    if !bytes.is_empty() && bytes.iter().all(plain) {
        // Nearly all are: nothing to escape, nothing to quote.
        out.extend(std::str::from_utf8(bytes));
        return;
    }
    let text = escaped(bytes);
    if text.is_empty() || text.contains([' ', '"', ',']) {
        out.push_str(&quoted(bytes));
    } else {
        out.push_str(&text);
    }
}

/// As [`escaped`], always in quotes.
pub(crate) fn quoted(bytes: &[u8]) -> String {
    format!("\"{}\"", escaped(bytes).replace('"', "\\\""))
}

/// Marks and line breaks of Unicode that change how the text around them is shown.
pub(crate) const fn steers(letter: char) -> bool {
    matches!(letter, '\u{200e}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_could_forge_a_line_is_escaped() {
        for (bytes, text) in [
            (&b"/boot/vmlinuz"[..], "/boot/vmlinuz"),
            (b"a\nb\r", "a\\nb\\r"),
            (b"\x1b[2J", "\\u{1b}[2J"),
            (b"\xff\xfe", "\\xff\\xfe"),
            (b"a\\nb", "a\\\\nb"),
            ("r\u{202e}fdp".as_bytes(), "r\\u{202e}fdp"),
            ("größe".as_bytes(), "größe"),
        ] {
            assert_eq!(escaped(bytes), text);
        }
    }

    #[test]
    fn a_name_is_one_word() {
        assert_eq!(word(b"/a"), "/a");
        assert_eq!(word(b"/a b"), "\"/a b\"");
        assert_eq!(word(b"/a\"b"), "\"/a\\\"b\"");
        assert_eq!(word(b""), "\"\"");
        assert_eq!(quoted(b"a"), "\"a\"");
    }
}
