//! A request from the command line.

use std::ffi::OsStr;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::os::unix::ffi::OsStrExt;

use anyhow::{Context, anyhow};
use bootwire::Request;

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

/// The request in `text`: see [`bootwire_site::explain::request`].
pub(super) fn request(
    text: impl AsRef<OsStr>,
    from: IpAddr,
    to: (SocketAddr, u32),
    options: &[(String, String)],
) -> anyhow::Result<Request> {
    let text = text.as_ref().as_bytes();
    bootwire_site::explain::request(text, from, to, options).map_err(|why| anyhow!(why))
}

#[cfg(test)]
mod tests {
    use bootwire::Op;

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
