//! Names and texts that a client chose, made fit for a log or a terminal.

use std::fmt::Write;

/// `bytes` as one line of visible text: control characters, what turns the direction of writing,
/// bytes that are not UTF-8, and the backslash itself are escaped, so that no two names look alike
/// and none can forge a line.
pub fn escaped(bytes: &[u8]) -> String {
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
pub fn word(bytes: &[u8]) -> String {
    let mut out = String::new();
    write_word(&mut out, bytes);
    out
}

/// Writes a [`word`].
pub fn write_word(out: &mut String, bytes: &[u8]) {
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
pub fn quoted(bytes: &[u8]) -> String {
    format!("\"{}\"", escaped(bytes).replace('"', "\\\""))
}

/// The bytes of a name as a log line shows it, [`escaped`] or [`quoted`]. `None` if it is not written
/// so: a name with the backslashes of Windows, or one without anything to escape.
pub fn unescaped(text: &[u8]) -> Option<Vec<u8>> {
    let inner = text
        .strip_prefix(b"\"")
        .and_then(|text| text.strip_suffix(b"\""));
    let mut rest = inner.unwrap_or(text);
    // `\n` and the like alone are rather directories of Windows than line breaks of a client.
    let mut is_escaped = inner.is_some();
    let mut bytes = Vec::with_capacity(rest.len());
    while let Some((&first, after)) = rest.split_first() {
        rest = after;
        if first != b'\\' {
            bytes.push(first);
            continue;
        }
        let (&kind, after) = rest.split_first()?;
        rest = after;
        match kind {
            b'\\' => {
                is_escaped = true;
                bytes.push(kind);
            }
            b'"' | b'\'' => bytes.push(kind),
            b'n' => bytes.push(b'\n'),
            b'r' => bytes.push(b'\r'),
            b't' => bytes.push(b'\t'),
            b'x' => {
                is_escaped = true;
                let (digits, after) = rest.split_at_checked(2)?;
                bytes.push(u8::try_from(number(digits)?).ok()?);
                rest = after;
            }
            b'u' => {
                is_escaped = true;
                let close = rest.iter().position(|&byte| byte == b'}')?;
                let digits = rest[..close].strip_prefix(b"{")?;
                let letter = char::from_u32(number(digits)?)?;
                bytes.extend_from_slice(letter.encode_utf8(&mut [0; 4]).as_bytes());
                rest = &rest[close + 1..];
            }
            _ => return None,
        }
    }
    is_escaped.then_some(bytes)
}

/// A hexadecimal number of at most eight digits.
fn number(digits: &[u8]) -> Option<u32> {
    if digits.len() > 8 || !digits.iter().all(u8::is_ascii_hexdigit) {
        return None;
    }
    u32::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
}

/// Marks and line breaks of Unicode that change how the text around them is shown.
pub const fn steers(letter: char) -> bool {
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
    fn what_a_log_shows_leads_back_to_the_name() {
        for bytes in [
            &b"/boot/\xff\xfe"[..],
            b"a\\b\x1b[2J",
            b"/a \"b\", c",
            "r\u{202e}fdp\\".as_bytes(),
            b"\\boot\\new",
        ] {
            let told = word(bytes);
            let found = unescaped(told.as_bytes());
            assert_eq!(found.as_deref(), Some(bytes), "{told}");
        }
        for text in [
            r"\Boot\BCD",
            r"\new\test",
            r"\xfg",
            r"\u{}",
            r"\u{110000}",
            r"a\",
            "plain",
        ] {
            assert_eq!(unescaped(text.as_bytes()), None, "{text}");
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
