//! Hardware addresses in the spellings boot loaders use.

use std::fmt;
use std::str::FromStr;

/// An Ethernet address.
///
/// Reads `52:54:00:12:34:56`, `52-54-00-12-34-56`, `525400123456` and Cisco's `5254.0012.3456`, in
/// either case; shows itself in lower case with colons.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MacAddr([u8; 6]);

impl MacAddr {
    /// The address with these bytes.
    #[must_use]
    pub const fn new(bytes: [u8; 6]) -> Self {
        Self(bytes)
    }

    /// The bytes.
    #[must_use]
    pub const fn octets(self) -> [u8; 6] {
        self.0
    }

    /// `52-54-00-12-34-56`, as PXELINUX and GRUB put it into file names.
    #[must_use]
    pub fn dashed(self) -> String {
        let [a, b, c, d, e, f] = self.0;
        format!("{a:02x}-{b:02x}-{c:02x}-{d:02x}-{e:02x}-{f:02x}")
    }
}

impl fmt::Display for MacAddr {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e, f] = self.0;
        write!(out, "{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{f:02x}")
    }
}

/// Text that is no hardware address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a MAC address: write it like 52:54:00:12:34:56")]
pub struct ParseMacError;

impl FromStr for MacAddr {
    type Err = ParseMacError;

    fn from_str(text: &str) -> Result<Self, ParseMacError> {
        let (separator, group) = match text.len() {
            12 => (None, 12),
            14 => (Some(b'.'), 4),
            17 if text.as_bytes()[2] == b'-' => (Some(b'-'), 2),
            17 => (Some(b':'), 2),
            _ => return Err(ParseMacError),
        };
        let mut digits = [0_u8; 12];
        let mut count = 0;
        for (index, &byte) in text.as_bytes().iter().enumerate() {
            if index % (group + 1) == group {
                if Some(byte) != separator {
                    return Err(ParseMacError);
                }
                continue;
            }
            let digit = char::from(byte).to_digit(16).ok_or(ParseMacError)?;
            *digits.get_mut(count).ok_or(ParseMacError)? = digit as u8;
            count += 1;
        }
        let mut bytes = [0; 6];
        for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
            *byte = pair[0] << 4 | pair[1];
        }
        Ok(Self(bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_reads_as_the_same_address() {
        let expected = MacAddr::new([0x52, 0x54, 0x00, 0x12, 0xab, 0xcd]);
        for text in [
            "52:54:00:12:ab:cd",
            "52-54-00-12-AB-CD",
            "52540012ABCD",
            "5254.0012.abcd",
        ] {
            assert_eq!(text.parse(), Ok(expected), "{text}");
        }
        assert_eq!(expected.to_string(), "52:54:00:12:ab:cd");
        assert_eq!(expected.dashed(), "52-54-00-12-ab-cd");
    }

    #[test]
    fn other_text_is_refused() {
        for text in [
            "",
            "52:54:00:12:ab",
            "52:54-00:12:ab:cd",
            "52:54:00:12:ab:cg",
            "5254001",
            "ü2540012abc",
            "52:54:00:12:ab:c:",
        ] {
            assert_eq!(text.parse::<MacAddr>(), Err(ParseMacError), "{text}");
        }
    }
}
