//! Where a file is: a `tftp://` URL (RFC 3617), `host:path` or `host:port:path`.

use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::str::FromStr;

use bootwire_proto::Mode;
use thiserror::Error;

use crate::escape;

/// The port servers listen on.
const PORT: u16 = 69;

/// How to write one, for error messages.
const FORMS: &str = "write it as tftp://HOST[:PORT]/PATH, HOST:PATH or HOST:PORT:PATH";

/// A text is no [`Target`]: what is wrong with it, and how to write one.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("{0}")]
pub struct ParseTargetError(String);

/// Ends with an error.
macro_rules! bail {
    ($($text:tt)*) => { return Err(ParseTargetError(format!($($text)*))) };
}

/// A file on a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// A name or address; IPv6 addresses without brackets.
    pub host: String,
    /// The server's port: 69 where none is named.
    pub port: u16,
    /// The file name as it is sent.
    pub path: Vec<u8>,
    /// The mode a URL may end in.
    pub mode: Option<Mode>,
}

impl Target {
    /// The addresses of the host, IPv4 first: that is where most TFTP servers are, and a wrong
    /// address costs seconds.
    ///
    /// # Errors
    /// What the resolver says.
    pub fn addresses(&self) -> io::Result<Vec<SocketAddr>> {
        let found = (self.host.as_str(), self.port).to_socket_addrs()?;
        let mut addresses: Vec<_> = found.collect();
        addresses.sort_by_key(SocketAddr::is_ipv6);
        addresses.dedup();
        Ok(addresses)
    }

    /// Reads one that names a file.
    ///
    /// # Errors
    /// If it is none, or has no path.
    pub fn with_path(text: &str) -> Result<Self, ParseTargetError> {
        let target: Self = text.parse()?;
        if target.path.is_empty() {
            bail!("the path is missing: {FORMS}");
        }
        Ok(target)
    }

    /// The last component of the path; empty if it ends with a slash.
    pub fn file_name(&self) -> &[u8] {
        self.path
            .rsplit(|&byte| byte == b'/')
            .next()
            .unwrap_or_default()
    }

    fn from_url(rest: &str) -> Result<Self, ParseTargetError> {
        let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
        if authority.contains('@') {
            bail!("TFTP has no users: {FORMS}");
        }
        let (host, port) = split_port(authority)?;
        let (path, mode) = match path.rsplit_once(";mode=") {
            Some((path, mode)) => (path, Some(parse_mode(mode)?)),
            None => (path, None),
        };
        let host = String::from_utf8(percent_decoded(host)?)
            .map_err(|_| wrong("the host is not UTF-8"))?;
        Self::new(host, port.unwrap_or(PORT), percent_decoded(path)?, mode)
    }

    fn from_host_and_path(text: &str) -> Result<Self, ParseTargetError> {
        let (host, path) = if let Some(rest) = text.strip_prefix('[') {
            rest.split_once("]:")
        } else {
            text.split_once(':')
        }
        .ok_or_else(|| wrong(FORMS))?;
        if host.contains('/') {
            bail!("{FORMS}");
        }
        // A file name that begins like a port can be written as a URL.
        let (port, path) = match path.split_once(':') {
            Some((port, path)) if !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit()) => {
                let port = port
                    .parse()
                    .map_err(|_| wrong(format!("{port} is no port")))?;
                (port, path)
            }
            _ => (PORT, path),
        };
        Self::new(host.to_owned(), port, path.as_bytes().to_vec(), None)
    }

    fn new(
        host: String,
        port: u16,
        path: Vec<u8>,
        mode: Option<Mode>,
    ) -> Result<Self, ParseTargetError> {
        if host.is_empty() {
            bail!("the host is missing: {FORMS}");
        }
        if port == 0 {
            bail!("no server listens on port 0");
        }
        if path.contains(&0) {
            bail!("a file name cannot contain a NUL byte");
        }
        Ok(Self {
            host,
            port,
            path,
            mode,
        })
    }
}

impl FromStr for Target {
    type Err = ParseTargetError;

    fn from_str(text: &str) -> Result<Self, ParseTargetError> {
        match text.split_once("://") {
            Some((scheme, rest)) if scheme.eq_ignore_ascii_case("tftp") => Self::from_url(rest),
            Some((scheme, _)) => bail!("{scheme} is not spoken here: {FORMS}"),
            None => Self::from_host_and_path(text),
        }
    }
}

/// As a URL that would lead here again.
impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let host = escape::escaped(self.host.as_bytes());
        if self.host.contains(':') {
            write!(f, "tftp://[{host}]")?;
        } else {
            write!(f, "tftp://{host}")?;
        }
        if self.port != PORT {
            write!(f, ":{}", self.port)?;
        }
        f.write_str("/")?;
        for &byte in &self.path {
            if byte.is_ascii_alphanumeric() || b"-._~/+,=@:!$&'()*".contains(&byte) {
                write!(f, "{}", char::from(byte))?;
            } else {
                write!(f, "%{byte:02X}")?;
            }
        }
        Ok(())
    }
}

fn wrong(text: impl Into<String>) -> ParseTargetError {
    ParseTargetError(text.into())
}

/// `host`, `host:port`, `[v6]` or `[v6]:port`.
fn split_port(authority: &str) -> Result<(&str, Option<u16>), ParseTargetError> {
    let (host, port) = if let Some(rest) = authority.strip_prefix('[') {
        let (host, rest) = rest
            .split_once(']')
            .ok_or_else(|| wrong("the bracket of the IPv6 address is not closed"))?;
        match rest.strip_prefix(':') {
            Some(port) => (host, Some(port)),
            None if rest.is_empty() => (host, None),
            None => bail!("behind ] only :PORT may follow"),
        }
    } else {
        match authority.split_once(':') {
            Some(_) if authority.parse::<IpAddr>().is_ok() => {
                bail!("an IPv6 address needs brackets: tftp://[{authority}]/...")
            }
            Some((host, port)) => (host, Some(port)),
            None => (authority, None),
        }
    };
    let port = port
        .map(|port| {
            port.parse()
                .map_err(|_| wrong(format!("{port:?} is not a port number")))
        })
        .transpose()?;
    Ok((host, port))
}

fn parse_mode(name: &str) -> Result<Mode, ParseTargetError> {
    [Mode::Octet, Mode::Netascii]
        .into_iter()
        .find(|mode| mode.name().eq_ignore_ascii_case(name))
        .ok_or_else(|| wrong(format!("no such mode {name:?}: use octet or netascii")))
}

fn percent_decoded(text: &str) -> Result<Vec<u8>, ParseTargetError> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            out.push(byte);
            continue;
        }
        let mut digit = || rest.next().and_then(|digit| char::from(digit).to_digit(16));
        match (digit(), digit()) {
            (Some(high), Some(low)) => out.push((high * 16 + low) as u8),
            _ => bail!("% in a URL is followed by two hexadecimal digits; a % itself is %25"),
        }
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(text: &str) -> Target {
        text.parse()
            .unwrap_or_else(|error| panic!("{text}: {error}"))
    }

    #[track_caller]
    fn is(text: &str, host: &str, port: u16, path: &[u8]) {
        let found = target(text);
        assert_eq!(
            (found.host.as_str(), found.port, &found.path[..]),
            (host, port, path)
        );
    }

    #[test]
    fn urls_as_rfc_3617_has_them() {
        is(
            "tftp://example.com/myconfigurationfile",
            "example.com",
            69,
            b"myconfigurationfile",
        );
        is("TFTP://10.0.0.1:6969/a/b", "10.0.0.1", 6969, b"a/b");
        is("tftp://host//abs", "host", 69, b"/abs");
        is("tftp://[fd00::1]/x", "fd00::1", 69, b"x");
        is("tftp://[fe80::1%25eth0]:70/x", "fe80::1%eth0", 70, b"x");
        is("tftp://host/with%20space%ff", "host", 69, b"with space\xff");
        is("tftp://host", "host", 69, b"");
    }

    #[test]
    fn a_url_may_name_the_mode() {
        let found = target("tftp://example.com/mystartupfile;mode=netascii");
        assert_eq!(found.mode, Some(Mode::Netascii));
        assert_eq!(found.path, b"mystartupfile");
        assert_eq!(target("tftp://h/x;mode=OCTET").mode, Some(Mode::Octet));
        assert_eq!(target("tftp://h/x").mode, None);
    }

    #[test]
    fn host_and_path() {
        is("server:boot/vmlinuz", "server", 69, b"boot/vmlinuz");
        is("10.0.0.1:/abs name", "10.0.0.1", 69, b"/abs name");
        is("[fd00::1]:file", "fd00::1", 69, b"file");
        is("host:100%", "host", 69, b"100%");
        is("host:", "host", 69, b"");
        is("127.0.0.1:6969:a", "127.0.0.1", 6969, b"a");
        is("[::1]:6969:a:b", "::1", 6969, b"a:b");
        is("host:6969", "host", 69, b"6969");
        is("host:x:y", "host", 69, b"x:y");
    }

    #[test]
    fn what_is_no_target_is_explained() {
        for (text, part) in [
            ("file", "HOST:PORT:PATH"),
            ("./a:b", "HOST:PORT:PATH"),
            ("host:70000:x", "70000 is no port"),
            ("http://host/x", "http is not spoken here"),
            ("tftp:///x", "the host is missing"),
            (":x", "the host is missing"),
            ("tftp://fd00::1/x", "needs brackets"),
            ("tftp://[fd00::1/x", "not closed"),
            ("tftp://host:http/x", "\"http\" is not a port number"),
            ("tftp://host:0/x", "port 0"),
            ("tftp://host:70000/x", "\"70000\" is not a port number"),
            ("tftp://h/x;mode=mail", "no such mode \"mail\""),
            ("tftp://h/100%", "%25"),
            ("tftp://h/a%00b", "NUL"),
            ("tftp://me@h/x", "no users"),
        ] {
            let error = text.parse::<Target>().unwrap_err().to_string();
            assert!(error.contains(part), "{text}: {error}");
        }
    }

    #[test]
    fn what_shall_be_fetched_has_a_path() {
        for text in ["tftp://host", "tftp://host/", "host:", "host:70:"] {
            let error = Target::with_path(text).unwrap_err().to_string();
            assert!(error.starts_with("the path is missing: write"), "{error}");
        }
        assert!(Target::with_path("host:x").is_ok());
    }

    #[test]
    fn a_target_is_shown_as_a_url_that_leads_there() {
        for text in [
            "tftp://host/a%20b",
            "tftp://[fd00::1]:70/x",
            "tftp://host//abs%25",
        ] {
            assert_eq!(target(text).to_string(), text);
        }
    }

    #[test]
    fn the_file_name_is_the_last_component() {
        assert_eq!(target("h:a/b").file_name(), b"b");
        assert_eq!(target("h:b").file_name(), b"b");
        assert_eq!(target("h:a/").file_name(), b"");
    }
}
