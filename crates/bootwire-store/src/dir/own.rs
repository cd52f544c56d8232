//! Directories of single clients.

use std::net::IpAddr;

use bootwire::{MacAddr, Refusal, Request};

use crate::name::components;

/// How a client's own directory is called, see
/// [`Dir::client_directories`](crate::Dir::client_directories).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ClientName {
    /// Like its address: `10.0.0.7`, `fd00::7`; IPv6 in its shortest spelling, in lower case. An IPv4
    /// client of an IPv6 socket goes by its IPv4 address.
    #[default]
    Address,
    /// Like its hardware address, `52-54-00-12-34-56`, in lower case: that of
    /// [`Request::client_mac`](bootwire::Request::client_mac).
    Mac,
    /// Like its address in hexadecimal, in upper case: `0A000007`; of IPv6 all 32 digits.
    HexAddress,
}

/// What the directory itself is for where clients have directories of their own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Fallback {
    /// It has what a client's own directory lacks.
    #[default]
    File,
    /// It is for clients without a directory of their own. Who has one gets nothing else.
    Directory,
    /// Nobody gets anything but from their own directory.
    None,
}

/// A client, by what its directory can be called.
#[derive(Clone, Copy, Debug)]
pub(super) struct Client {
    ip: IpAddr,
    mac: Option<MacAddr>,
}

impl From<&Request> for Client {
    fn from(request: &Request) -> Self {
        Self {
            mac: request.client_mac(),
            ..request.peer_ip().into()
        }
    }
}

impl From<IpAddr> for Client {
    fn from(ip: IpAddr) -> Self {
        // An IPv4 client of a dual-stack socket is ::ffff:10.0.0.7 there.
        let ip = ip.to_canonical();
        Self { ip, mac: None }
    }
}

/// That clients have directories of their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Own {
    pub(super) name: ClientName,
    pub(super) fallback: Fallback,
}

impl Own {
    /// The directory of a client; `None` where its name is not known.
    pub(super) fn directory(self, client: Client) -> Option<String> {
        match (self.name, client.ip) {
            (ClientName::Address, ip) => Some(ip.to_string()),
            (ClientName::Mac, _) => client.mac.map(MacAddr::dashed),
            (ClientName::HexAddress, IpAddr::V4(ip)) => Some(format!("{:08X}", u32::from(ip))),
            (ClientName::HexAddress, IpAddr::V6(ip)) => Some(format!("{:032X}", u128::from(ip))),
        }
    }

    /// Whether `name` leads into the directory of another client than the one whose directory is `own`.
    pub(super) fn is_of_another(self, name: &[u8], own: Option<&str>, any_case: bool) -> bool {
        let first = components(name)
            .find(|component| *component != b".")
            .unwrap_or_default();
        let Ok(first) = std::str::from_utf8(first) else {
            return false;
        };
        match self.name {
            ClientName::Address => {
                let address = |text: &str| Some(text.parse::<IpAddr>().ok()?.to_canonical());
                address(first).is_some_and(|first| own.and_then(address) != Some(first))
            }
            ClientName::Mac => {
                let mac = |text: &str| text.parse::<MacAddr>().ok();
                let is_dashed = first.len() == 17 && first.contains('-');
                is_dashed && mac(first).is_some_and(|first| own.and_then(mac) != Some(first))
            }
            // A Raspberry Pi's serial number is as long, in lower case.
            ClientName::HexAddress => {
                let is_digit = |letter: u8| {
                    letter.is_ascii_digit()
                        || letter.is_ascii_hexdigit() && (any_case || letter.is_ascii_uppercase())
                };
                matches!(first.len(), 8 | 32)
                    && first.bytes().all(is_digit)
                    && own.is_none_or(|own| !own.eq_ignore_ascii_case(first))
            }
        }
    }

    /// Why a client gets nothing that has no directory of its own.
    pub(super) fn nothing(self, client: Client) -> Refusal {
        let ip = client.ip;
        match self.directory(client) {
            Some(own) => {
                Refusal::not_found().because(format_args!("there is no directory {own} for {ip}"))
            }
            None => Refusal::not_found().because(format_args!(
                "nobody knows the hardware address of {ip}: no lease, no neighbour"
            )),
        }
    }

    /// For the line that describes a directory.
    pub(super) const fn described(self) -> &'static str {
        match (self.fallback, self.name) {
            (Fallback::File, ClientName::Address) => ", the client's own directory first",
            (Fallback::File, ClientName::Mac) => ", the client's own directory first, by its MAC",
            (Fallback::File, ClientName::HexAddress) => {
                ", the client's own directory first, by its address in hex"
            }
            (Fallback::Directory, ClientName::Address) => {
                ", only the client's own directory if it has one"
            }
            (Fallback::Directory, ClientName::Mac) => {
                ", only the client's own directory if it has one, by its MAC"
            }
            (Fallback::Directory, ClientName::HexAddress) => {
                ", only the client's own directory if it has one, by its address in hex"
            }
            (Fallback::None, ClientName::Address) => ", only the client's own directory",
            (Fallback::None, ClientName::Mac) => ", only the client's own directory, by its MAC",
            (Fallback::None, ClientName::HexAddress) => {
                ", only the client's own directory, by its address in hex"
            }
        }
    }
}
