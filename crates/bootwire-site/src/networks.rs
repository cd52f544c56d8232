//! Networks on the command line: who is served (`--allow`), and who has no budget (`--unlimited`).

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

/// Networks that are nobody's on the Internet: loopback, RFC 1918, link-local, unique local.
const PRIVATE: [IpNet; 8] = [
    LOOPBACK[0],
    v4(10, 0, 0, 8),
    v4(172, 16, 0, 12),
    v4(192, 168, 0, 16),
    v4(169, 254, 0, 16),
    LOOPBACK[1],
    v6(Ipv6Addr::new(0xfc00, 0, 0, 0, 0, 0, 0, 0), 7),
    v6(Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 0), 10),
];

const LOOPBACK: [IpNet; 2] = [v4(127, 0, 0, 8), v6(Ipv6Addr::LOCALHOST, 128)];

const fn v4(a: u8, b: u8, c: u8, bits: u8) -> IpNet {
    IpNet::V4(Ipv4Net::new_assert(Ipv4Addr::new(a, b, c, 0), bits))
}

const fn v6(address: Ipv6Addr, bits: u8) -> IpNet {
    IpNet::V6(Ipv6Net::new_assert(address, bits))
}

/// A value of `--allow` or `--unlimited`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Network {
    /// Every address.
    Any,
    /// Networks that are nobody's on the Internet.
    Private,
    /// The host itself. Only for `--unlimited`.
    Loopback,
    /// No address. Only for `--unlimited`.
    Nobody,
    /// This one.
    One(IpNet),
}

/// All addresses there are.
const ANY: [IpNet; 2] = [v4(0, 0, 0, 0), v6(Ipv6Addr::UNSPECIFIED, 0)];

impl Network {
    /// All of them, by number.
    pub fn networks(&self) -> Vec<IpNet> {
        match self {
            Self::Any => ANY.to_vec(),
            Self::Private => PRIVATE.to_vec(),
            Self::Loopback => LOOPBACK.to_vec(),
            Self::Nobody => Vec::new(),
            Self::One(network) => vec![*network],
        }
    }
}

/// Reads a value of `--unlimited`.
pub fn unlimited(text: &str) -> Result<Network, String> {
    match text {
        "loopback" => Ok(Network::Loopback),
        "none" => Ok(Network::Nobody),
        _ => text.parse(),
    }
}

/// As it is written in a flag or a configuration.
impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Any => f.write_str("any"),
            Self::Private => f.write_str("private"),
            Self::Loopback => f.write_str("loopback"),
            Self::Nobody => f.write_str("none"),
            Self::One(network) => network.fmt(f),
        }
    }
}

impl FromStr for Network {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "any" => return Ok(Self::Any),
            "private" => return Ok(Self::Private),
            _ => {}
        }
        text.parse::<IpNet>()
            .map(|network| network.trunc())
            .or_else(|_| text.parse::<IpAddr>().map(IpNet::from))
            .map(Self::One)
            .map_err(|_| {
                "write a network like 10.0.0.0/8 or fd00::/8, an address, private, or any"
                    .to_owned()
            })
    }
}

/// The networks served; `None` is everyone.
pub fn allowed(wanted: &[Network]) -> Option<Vec<IpNet>> {
    if wanted.contains(&Network::Any) {
        return None;
    }
    let wanted = if wanted.is_empty() {
        &[Network::Private]
    } else {
        wanted
    };
    Some(wanted.iter().flat_map(Network::networks).collect())
}

/// Networks that are named at once; the rest is a number.
const NAMED_MAX: usize = 6;

/// The same in a few words.
pub fn in_words(wanted: &[Network]) -> String {
    if wanted.is_empty() {
        return "private networks".to_owned();
    }
    if wanted.contains(&Network::Any) {
        return "everyone".to_owned();
    }
    let named = wanted.iter().take(NAMED_MAX).map(|network| match network {
        Network::Private => "private networks".to_owned(),
        network => network.to_string(),
    });
    let mut words: Vec<_> = named.collect();
    let more = wanted.len().saturating_sub(NAMED_MAX);
    if more > 0 {
        words.push(format!("{more} more"));
    }
    words.join(", ")
}

/// The same, each by its number.
pub fn in_numbers(wanted: &[Network]) -> String {
    let Some(networks) = allowed(wanted) else {
        return "everyone".to_owned();
    };
    let list: Vec<_> = networks.iter().map(IpNet::to_string).collect();
    list.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn serves(wanted: &[&str], client: &str) -> bool {
        let wanted: Vec<Network> = wanted.iter().map(|text| text.parse().unwrap()).collect();
        let client: IpAddr = client.parse().unwrap();
        allowed(&wanted).is_none_or(|networks| networks.iter().any(|one| one.contains(&client)))
    }

    #[test]
    fn by_default_only_private_networks_are_served() {
        for client in [
            "127.0.0.1",
            "127.255.0.1",
            "10.255.1.1",
            "172.16.0.1",
            "172.31.255.255",
            "192.168.7.7",
            "169.254.1.1",
            "::1",
            "fd00::1",
            "fe80::1",
        ] {
            assert!(serves(&[], client), "{client}");
        }
        for client in [
            "8.8.8.8",
            "172.32.0.1",
            "192.169.0.1",
            "100.64.0.1",
            "0.0.0.0",
            "2001:db8::1",
            "::2",
        ] {
            assert!(!serves(&[], client), "{client}");
        }
    }

    #[test]
    fn what_is_allowed_replaces_the_default() {
        assert!(serves(&["203.0.113.0/24"], "203.0.113.9"));
        assert!(!serves(&["203.0.113.0/24"], "10.0.0.1"));
        assert!(serves(&["203.0.113.0/24", "private"], "10.0.0.1"));
        assert!(serves(&["203.0.113.9"], "203.0.113.9"));
        assert!(serves(&["10.1.2.3/8"], "10.9.9.9"));
        assert!(serves(&["any"], "8.8.8.8"));
    }

    #[test]
    fn networks_without_budgets_have_words_of_their_own() {
        let holds = |text: &str, client: &str| {
            let network = unlimited(text).unwrap();
            let client: IpAddr = client.parse().unwrap();
            network.networks().iter().any(|one| one.contains(&client))
        };
        assert!(holds("loopback", "127.9.9.9") && holds("loopback", "::1"));
        assert!(!holds("loopback", "10.0.0.1"));
        assert!(holds("any", "8.8.8.8") && holds("any", "2001:db8::1"));
        assert!(!holds("none", "127.0.0.1"));
        assert!(holds("private", "10.0.0.1") && holds("10.1.0.0/16", "10.1.2.3"));
        for text in ["none", "loopback"] {
            assert!(text.parse::<Network>().is_err(), "no word of --allow");
        }
    }

    #[test]
    fn what_is_no_network_is_explained() {
        for text in ["", "lan", "10.0.0.0/33", "ANY "] {
            let error = text.parse::<Network>().unwrap_err();
            assert!(error.contains("10.0.0.0/8"), "{text}");
        }
    }

    #[test]
    fn the_start_up_line_names_them() {
        let one = |number: u8| Network::One(v4(10, number, 0, 16));
        assert_eq!(in_words(&[]), "private networks");
        assert_eq!(
            in_words(&[Network::Private, one(1)]),
            "private networks, 10.1.0.0/16"
        );
        assert_eq!(in_words(&[one(1), Network::Any]), "everyone");
        let many: Vec<_> = (0..9).map(one).collect();
        assert!(in_words(&many).ends_with("10.5.0.0/16, 3 more"));
        assert_eq!(in_numbers(&[Network::Any]), "everyone");
        assert_eq!(in_numbers(&[one(1)]), "10.1.0.0/16");
        assert!(in_numbers(&[]).ends_with("fc00::/7, fe80::/10"));
    }
}
