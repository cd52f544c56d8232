//! A request that somebody wrote down.

use std::borrow::Cow;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use bootwire::{Op, Request};

use crate::config::Config;
use crate::shown;

/// The address a server with this configuration is asked at, as far as it says; else one that is
/// none.
#[must_use]
pub fn listens_on(config: &Config, client: IpAddr) -> IpAddr {
    let listen = config.document.listen.iter().flat_map(|listen| &listen.0);
    let addresses = listen.filter_map(|address| address.parse::<SocketAddr>().ok());
    let mut addresses = addresses.map(|address| address.ip());
    let nowhere = match client {
        IpAddr::V4(_) => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        IpAddr::V6(_) => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
    };
    addresses
        .find(|address| !address.is_unspecified() && address.is_ipv4() == client.is_ipv4())
        .unwrap_or(nowhere)
}

/// The request in `text`: `GET /path`, `PUT /path`, or a path alone. A path may be written as the log
/// shows it.
///
/// # Errors
/// If no client could send it.
pub fn request(
    text: &[u8],
    from: IpAddr,
    (to, interface): (SocketAddr, u32),
    options: &[(String, String)],
) -> Result<Request, String> {
    let space = text.iter().position(|&byte| byte == b' ');
    let (verb, rest) = text.split_at(space.unwrap_or(0));
    let (op, path) = match verb {
        b"GET" | b"get" | b"RRQ" | b"read" => (Op::Read, rest.trim_ascii()),
        b"PUT" | b"put" | b"WRQ" | b"write" => (Op::Write, rest.trim_ascii()),
        _ => (Op::Read, text),
    };
    let path = match shown::unescaped(path) {
        Some(path) => Cow::Owned(path),
        None => Cow::Borrowed(path),
    };
    let options: Vec<(&str, &str)> = options
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    // Any port but those that are told apart.
    let from = SocketAddr::new(from, 2070);
    Request::synthetic(op, &path, from, &options)
        .map(|request| request.arrived_at(to, interface))
        .ok_or_else(|| {
            format!(
                "no server answers {} with a file: it climbs out of the root, is empty, holds a \
                 NUL byte, or is longer than 500 bytes",
                shown::quoted(&path)
            )
        })
}
