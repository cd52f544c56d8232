//! What an inventory knows of a machine.

use std::net::IpAddr;

use bootwire::MacAddr;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value};

use crate::dialect::Uuid;

/// A machine of an inventory: how it is recognised, its profile, and whatever else templates want
/// to know.
///
/// Inventory files write it with these keys; others are refused, because a misspelt `hostnam` would
/// else go unnoticed. What is not named here belongs into `vars`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Machine {
    /// Hardware address, in any spelling.
    #[serde(with = "mac", skip_serializing_if = "Option::is_none")]
    pub mac: Option<MacAddr>,
    /// SMBIOS UUID as the boot loader sends it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub uuid: Option<Uuid>,
    /// Serial number; compared without regard to ASCII case.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub serial: Option<String>,
    /// IPv4 or IPv6 address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ip: Option<IpAddr>,
    /// Host name; compared without regard to ASCII case.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hostname: Option<String>,
    /// What kind of machine it is: a word that templates look at.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub profile: Option<String>,
    /// Anything else.
    #[serde(skip_serializing_if = "Map::is_empty")]
    pub vars: Map<String, Value>,
}

/// A way to recognise a machine, in one spelling.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum LookupKey {
    /// By hardware address.
    Mac(MacAddr),
    /// By UUID.
    Uuid(Uuid),
    /// By serial number, in lower case.
    Serial(String),
    /// By address.
    Ip(IpAddr),
    /// By host name, in lower case.
    Hostname(String),
}

impl LookupKey {
    /// The keys a word may be, in the order in which to try them: what has a form of its own goes
    /// before names and serial numbers, which can be anything.
    #[must_use]
    pub fn candidates(word: &str) -> Vec<Self> {
        let word = word.trim();
        let lower = word.to_ascii_lowercase();
        let keys = [
            word.parse().ok().map(Self::Mac),
            word.parse().ok().map(Self::Uuid),
            word.parse().ok().map(Self::Ip),
            Some(Self::Hostname(lower.clone())),
            Some(Self::Serial(lower)),
        ];
        keys.into_iter().flatten().collect()
    }
}

impl std::fmt::Display for LookupKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Mac(mac) => write!(f, "mac {mac}"),
            Self::Uuid(uuid) => write!(f, "uuid {uuid}"),
            Self::Serial(serial) => write!(f, "serial {}", serial.escape_debug()),
            Self::Ip(ip) => write!(f, "ip {ip}"),
            Self::Hostname(name) => write!(f, "hostname {}", name.escape_debug()),
        }
    }
}

impl Machine {
    /// What people call it: its host name, else its hardware address, UUID or serial number.
    #[must_use]
    pub fn name(&self) -> Option<String> {
        let mac = || self.mac.map(|mac| mac.to_string());
        let uuid = || self.uuid.map(|uuid| uuid.to_string());
        let name = self.hostname.clone().or_else(mac).or_else(uuid);
        name.or_else(|| self.serial.clone())
    }

    /// The keys it is found by, in the order in which lookups try them.
    #[must_use]
    pub fn keys(&self) -> Vec<LookupKey> {
        let lower = |text: &String| text.to_ascii_lowercase();
        let keys = [
            self.mac.map(LookupKey::Mac),
            self.uuid.map(LookupKey::Uuid),
            self.serial.as_ref().map(lower).map(LookupKey::Serial),
            self.ip.map(LookupKey::Ip),
            self.hostname.as_ref().map(lower).map(LookupKey::Hostname),
        ];
        keys.into_iter().flatten().collect()
    }
}

/// Hardware addresses as text.
mod mac {
    use super::{Deserialize, Deserializer, MacAddr, Serializer};

    #[expect(
        clippy::ref_option,
        clippy::trivially_copy_pass_by_ref,
        reason = "serde gives a reference to the field"
    )]
    pub(super) fn serialize<S: Serializer>(
        mac: &Option<MacAddr>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        match mac {
            Some(mac) => serializer.collect_str(mac),
            None => serializer.serialize_none(),
        }
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<MacAddr>, D::Error> {
        Option::<String>::deserialize(deserializer)?
            .map(|text| text.parse().map_err(serde::de::Error::custom))
            .transpose()
    }
}

/// Keys an identity is looked up by: what a cache knows an identity by, too.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Lookup {
    /// In the order in which they are tried: mac, uuid, serial, ip, hostname.
    pub keys: Vec<LookupKey>,
}

impl Lookup {
    /// What to look `who` up by.
    #[must_use]
    pub fn of(who: &crate::identity::Identity) -> Self {
        let machine = Machine {
            mac: who.mac.map(|known| known.value),
            uuid: who.uuid.map(|known| known.value),
            serial: who.serial.as_ref().map(|known| known.value.clone()),
            ip: who.ip.map(|known| known.value),
            hostname: who.hostname.as_ref().map(|known| known.value.clone()),
            ..Machine::default()
        };
        Self {
            keys: machine.keys(),
        }
    }

    /// The value of each key under its name, as queries and URLs use it.
    pub fn named(&self) -> impl Iterator<Item = (&'static str, String)> {
        self.keys.iter().map(|key| match key {
            LookupKey::Mac(mac) => ("mac", mac.to_string()),
            LookupKey::Uuid(uuid) => ("uuid", uuid.to_string()),
            LookupKey::Serial(serial) => ("serial", serial.clone()),
            LookupKey::Ip(ip) => ("ip", ip.to_string()),
            LookupKey::Hostname(name) => ("hostname", name.clone()),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_tried_as_what_they_look_like_first() {
        for (word, first, count) in [
            ("52-54-00-12-34-56", "mac 52:54:00:12:34:56", 3),
            ("525400123456", "mac 52:54:00:12:34:56", 3),
            (
                "4C4C4544-0042-3510-8051-B4C04F4D3233",
                "uuid 4c4c4544-0042-3510-8051-b4c04f4d3233",
                3,
            ),
            ("10.0.0.7", "ip 10.0.0.7", 3),
            ("FD00::7", "ip fd00::7", 3),
            (" Node-7 ", "hostname node-7", 2),
        ] {
            let keys = LookupKey::candidates(word);
            assert_eq!(keys[0].to_string(), first, "{word}");
            assert_eq!(keys.len(), count, "{word}");
        }
    }
}
