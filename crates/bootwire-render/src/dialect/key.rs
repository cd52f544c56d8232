//! What names a machine in a file name.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use bootwire::MacAddr;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// What in a name says which machine asks.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Key {
    /// Its hardware address.
    Mac(MacAddr),
    /// Its SMBIOS UUID.
    Uuid(Uuid),
    /// Its serial number.
    Serial(String),
    /// Its address.
    Ip(IpAddr),
    /// Its host name.
    Hostname(String),
}

/// A UUID in its usual spelling: 36 characters, lower case.
///
/// It is kept as text because only equality counts here. Beware that firmware and operating systems
/// disagree about the byte order of the first three groups; an inventory must have the one that the
/// boot loader sends.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Uuid([u8; 36]);

impl Uuid {
    /// Its text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl fmt::Display for Uuid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Uuid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Text that is no UUID.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a UUID: write it like 4c4c4544-0042-3510-8051-b4c04f4d3233")]
pub struct ParseUuidError;

impl FromStr for Uuid {
    type Err = ParseUuidError;

    fn from_str(text: &str) -> Result<Self, ParseUuidError> {
        let mut bytes: [u8; 36] = text.as_bytes().try_into().map_err(|_| ParseUuidError)?;
        let is_uuid = bytes.iter().enumerate().all(|(index, byte)| match index {
            8 | 13 | 18 | 23 => *byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        });
        bytes.make_ascii_lowercase();
        is_uuid.then_some(Self(bytes)).ok_or(ParseUuidError)
    }
}

impl Serialize for Uuid {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for Uuid {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uuids_have_one_spelling() {
        let uuid: Uuid = "4C4C4544-0042-3510-8051-B4C04F4D3233".parse().unwrap();
        assert_eq!(uuid.to_string(), "4c4c4544-0042-3510-8051-b4c04f4d3233");
        for wrong in [
            "",
            "4c4c4544-0042-3510-8051-b4c04f4d323",
            "4c4c4544-0042-3510-8051+b4c04f4d3233",
            "4c4c4544-0042-3510-8051-b4c04f4d323g",
            "4c4c454400423510-8051-b4c04f4d3233-",
        ] {
            assert_eq!(wrong.parse::<Uuid>(), Err(ParseUuidError), "{wrong}");
        }
    }
}
