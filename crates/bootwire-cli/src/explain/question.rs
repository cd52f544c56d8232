//! A request from the command line.

use std::borrow::Cow;
use std::ffi::OsStr;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::unix::ffi::OsStrExt;

use anyhow::{Context, anyhow};
use bootwire::{Op, Request};

use crate::config::Config;
use crate::shown;

/// Reads `NAME=VALUE`.
pub(super) fn option(text: &str) -> Result<(String, String), String> {
    text.split_once('=')
        .filter(|(name, _)| !name.is_empty())
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .ok_or_else(|| "write an option and its value, like tsize=0".to_owned())
}

/// The index of an interface of this host.
pub(super) fn interface(name: &str) -> anyhow::Result<u32> {
    let socket =
        std::net::UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).context("cannot open a socket")?;
    rustix::net::netdevice::name_to_index(&socket, name).map_err(|_| {
        anyhow!("this host has no network interface {name:?}: see those it has with ip link")
    })
}

/// The address a server with this configuration is asked at, as far as it says; else one that is
/// none.
pub(super) fn listens_on(config: &Config, client: IpAddr) -> IpAddr {
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
pub(super) fn request(
    text: impl AsRef<OsStr>,
    from: IpAddr,
    (to, interface): (SocketAddr, u32),
    options: &[(String, String)],
) -> anyhow::Result<Request> {
    let text = text.as_ref().as_bytes();
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
            anyhow!(
                "no server answers {} with a file: it climbs out of the root, is empty, holds a \
                 NUL byte, or is longer than 500 bytes",
                shown::quoted(&path)
            )
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Option<(Op, String)> {
        let to = "192.0.2.1:69".parse().unwrap();
        let options = [option("tsize=0").unwrap()];
        let request = request(text, "10.0.0.7".parse().unwrap(), (to, 3), &options).ok()?;
        assert_eq!((request.local(), request.interface()), (to, 3));
        assert_eq!(request.option("tsize").as_deref(), Some("0"));
        Some((request.op(), request.path().into_owned()))
    }

    #[test]
    fn requests_are_written_with_or_without_a_verb() {
        for (text, op, path) in [
            ("GET /a", Op::Read, "/a"),
            ("RRQ \\Boot\\BCD", Op::Read, "/Boot/BCD"),
            ("PUT a", Op::Write, "/a"),
            ("a b", Op::Read, "/a b"),
            ("/a", Op::Read, "/a"),
        ] {
            assert_eq!(read(text), Some((op, path.to_owned())), "{text}");
        }
        for (text, name) in [
            (r"GET /a\xff", &b"/a\xff"[..]),
            (r#"PUT "/a b""#, b"/a b"),
            (r"\\Boot\\BCD", b"\\Boot\\BCD"),
            (r"\Boot\BCD", b"\\Boot\\BCD"),
        ] {
            let to = ("192.0.2.1:69".parse().unwrap(), 0);
            let request = request(text, "10.0.0.7".parse().unwrap(), to, &[]).unwrap();
            assert_eq!(request.filename(), name, "{text}");
        }
        assert_eq!(read("GET ../x"), None);
        assert_eq!(read(""), None);
    }

    #[test]
    fn options_have_a_name_and_a_value() {
        assert_eq!(option("blksize=1468").unwrap().1, "1468");
        assert!(option("blksize").is_err() && option("=1").is_err());
    }

    #[test]
    fn interfaces_have_a_name() {
        assert!(interface("lo").is_ok_and(|index| index > 0));
        let error = interface("no such thing").unwrap_err();
        assert!(error.to_string().contains("ip link"), "{error}");
    }
}
