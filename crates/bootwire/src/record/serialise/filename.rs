//! File names that were escaped.

/// The bytes of a name that [`escaped`](crate::escape::escaped) has written; `None` if it has not.
pub(super) fn unescaped(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        bytes.extend_from_slice(&rest.as_bytes()[..at]);
        let mut letters = rest[at + 1..].chars();
        let letter = letters.next()?;
        rest = letters.as_str();
        match letter {
            '\\' | '"' | '\'' => bytes.push(letter as u8),
            'n' => bytes.push(b'\n'),
            'r' => bytes.push(b'\r'),
            't' => bytes.push(b'\t'),
            'x' => {
                let digits = rest.get(..2)?;
                bytes.push(u8::from_str_radix(digits, 16).ok()?);
                rest = &rest[2..];
            }
            'u' => {
                let (digits, after) = rest.strip_prefix('{')?.split_once('}')?;
                let letter = char::from_u32(u32::from_str_radix(digits, 16).ok()?)?;
                bytes.extend_from_slice(letter.encode_utf8(&mut [0; 4]).as_bytes());
                rest = after;
            }
            _ => return None,
        }
    }
    bytes.extend_from_slice(rest.as_bytes());
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::escape::escaped;

    proptest! {
        #[test]
        fn every_name_comes_back(name: Vec<u8>, text: String) {
            prop_assert_eq!(unescaped(&escaped(&name)), Some(name));
            prop_assert_eq!(unescaped(&escaped(text.as_bytes())), Some(text.into_bytes()));
        }

        #[test]
        fn no_text_is_too_strange(text: String) {
            let _ = unescaped(&text);
        }
    }
}
