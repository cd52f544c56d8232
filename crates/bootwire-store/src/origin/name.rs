//! Names of objects: what a client asked for, made safe for a URL.

use std::fmt;
use std::fmt::Write as _;
use std::sync::Arc;

use bootwire::Refusal;

use crate::name::{Shown, Unfit, components, judge};

/// Most bytes of an encoded name.
const ENCODED_MAX: usize = 2048;

/// The name of an object below its origin's URL, made of what a client sent.
///
/// Everything but letters, digits and `-._~` is percent-encoded, so no name can add a query, climb
/// out with `..` in whatever spelling, or be taken for another: `a%2fb` is the object with a
/// percent sign in its name, and `a?b` one with a question mark.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ObjectName {
    encoded: Arc<str>,
}

impl ObjectName {
    /// Makes a name of a path as [`Request::rest_bytes`](bootwire::Request::rest_bytes) gives it.
    ///
    /// # Errors
    /// Refuses what names no object: nothing, a directory (`a/`), `..`, a NUL.
    pub fn new(path: &[u8]) -> Result<Self, Refusal> {
        match judge(path) {
            Ok(()) => {}
            Err(Unfit::Climbs) => {
                return Err(Refusal::denied()
                    .because(format_args!("{}: climbs out of the origin", Shown(path))));
            }
            Err(Unfit::Directory) => return Err(Refusal::not_found().text("Is a directory")),
            Err(Unfit::Reserved | Unfit::Nul) => return Err(Refusal::not_found()),
        }
        let mut encoded = String::with_capacity(path.len() + 8);
        for component in components(path).filter(|component| *component != b".") {
            if !encoded.is_empty() {
                encoded.push('/');
            }
            for &byte in component {
                if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
                    encoded.push(char::from(byte));
                } else {
                    let _ = write!(encoded, "%{byte:02X}");
                }
            }
        }
        if encoded.len() > ENCODED_MAX {
            return Err(Refusal::not_found().because("the name is too long"));
        }
        Ok(Self {
            encoded: encoded.into(),
        })
    }

    /// Percent-encoded, without a slash at either end.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.encoded
    }

    /// As the client sent it, if that is UTF-8.
    #[cfg(feature = "object")]
    pub(crate) fn decoded(&self) -> Option<String> {
        let mut bytes = Vec::with_capacity(self.encoded.len());
        let mut rest = self.encoded.as_bytes();
        while let Some((&byte, behind)) = rest.split_first() {
            rest = behind;
            if byte != b'%' {
                bytes.push(byte);
                continue;
            }
            let digits = std::str::from_utf8(rest.get(..2)?).ok()?;
            bytes.push(u8::from_str_radix(digits, 16).ok()?);
            rest = rest.get(2..)?;
        }
        String::from_utf8(bytes).ok()
    }

    /// A name that was encoded before.
    pub(crate) fn from_encoded(encoded: &str) -> Self {
        Self {
            encoded: encoded.into(),
        }
    }
}

impl fmt::Display for ObjectName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.encoded)
    }
}

#[cfg(test)]
mod tests {
    use bootwire::Reason;

    use super::*;

    #[test]
    fn names_are_encoded_and_cannot_mean_anything_else() {
        for (path, encoded) in [
            ("vmlinuz-6.1", "vmlinuz-6.1"),
            ("/a//b/./c", "a/b/c"),
            ("a b", "a%20b"),
            ("a?x=1&y#z", "a%3Fx%3D1%26y%23z"),
            ("a%2fb", "a%252fb"),
            ("%2e%2e/etc", "%252e%252e/etc"),
            ("a;b:c@d\\e", "a%3Bb%3Ac%40d%5Ce"),
            ("http://evil/x", "http%3A/evil/x"),
            ("ä\n", "%C3%A4%0A"),
        ] {
            assert_eq!(ObjectName::new(path.as_bytes()).unwrap().as_str(), encoded);
        }
        assert_eq!(ObjectName::new(b"\xff").unwrap().as_str(), "%FF");
    }

    #[test]
    fn what_names_no_object_is_refused() {
        for (path, reason) in [
            ("../x", Reason::Denied),
            ("a/../../x", Reason::Denied),
            ("", Reason::NotFound),
            ("dir/", Reason::NotFound),
            ("a\0b", Reason::NotFound),
        ] {
            let refusal = ObjectName::new(path.as_bytes()).unwrap_err();
            assert_eq!(refusal.reason(), reason, "{path:?}");
        }
        assert!(ObjectName::new(&[b'?'; 1000]).is_err());
    }
}
