//! Where a server is to be found.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use super::ClientError;

/// Where a server's API is: a Unix socket, or a URL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// The path of a socket.
    Unix(PathBuf),
    /// `http://127.0.0.1:9468`, `https://boot.example.com:9468`.
    Url(String),
}

/// Where a server has its socket unless told otherwise, and a client looks for it: for root
/// `/run/bootwire/admin.sock`; for others the same in their own runtime directory, and then root's. A
/// service has it in its own (systemd's `RuntimeDirectory=`).
#[must_use]
pub fn default_sockets() -> Vec<PathBuf> {
    if let Some(named) = std::env::var_os("RUNTIME_DIRECTORY") {
        // Of several, as systemd separates them.
        let first = std::env::split_paths(&named).next();
        if let Some(directory) = first.filter(|directory| directory.is_absolute()) {
            return vec![directory.join("admin.sock")];
        }
    }
    let system = PathBuf::from("/run/bootwire/admin.sock");
    if rustix::process::geteuid().is_root() {
        return vec![system];
    }
    let own = std::env::var_os("XDG_RUNTIME_DIR").filter(|dir| Path::new(dir).is_absolute());
    let own = own.map(|dir| Path::new(&dir).join("bootwire/admin.sock"));
    own.into_iter().chain([system]).collect()
}

impl Place {
    /// The socket of the server of this host.
    ///
    /// # Errors
    /// If there is none.
    pub fn find() -> Result<Self, ClientError> {
        let places = default_sockets();
        let found = places.iter().find(|place| place.exists());
        let none = || {
            let shown: Vec<_> = places
                .iter()
                .map(|place| place.display().to_string())
                .collect();
            ClientError::NotFound(format!(
                "nothing at {}: start `bootwire serve`, or say where it is with --admin",
                shown.join(" or ")
            ))
        };
        found.cloned().map(Self::Unix).ok_or_else(none)
    }
}

impl FromStr for Place {
    type Err = ClientError;

    fn from_str(text: &str) -> Result<Self, ClientError> {
        if text.starts_with("http://") || text.starts_with("https://") {
            return Ok(Self::Url(text.to_owned()));
        }
        if let Some(path) = text.strip_prefix("unix:") {
            return Ok(Self::Unix(path.into()));
        }
        if text.contains('/') {
            return Ok(Self::Unix(text.into()));
        }
        let port = text
            .rsplit_once(':')
            .and_then(|(_, port)| port.parse::<u16>().ok());
        match port {
            Some(_) => Ok(Self::Url(format!("http://{text}"))),
            None => Err(ClientError::Setting(format!(
                "{text:?} is no address: write /run/bootwire/admin.sock, 127.0.0.1:9468 or https://HOST:9468"
            ))),
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unix(path) => path.display().fmt(f),
            Self::Url(url) => f.write_str(url),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_paths_ports_or_urls() {
        for (text, expected) in [
            ("/run/x.sock", "/run/x.sock"),
            ("unix:x.sock", "x.sock"),
            ("./x.sock", "./x.sock"),
            ("127.0.0.1:9468", "http://127.0.0.1:9468"),
            ("[::1]:9468", "http://[::1]:9468"),
            ("https://boot:9468", "https://boot:9468"),
        ] {
            assert_eq!(text.parse::<Place>().unwrap().to_string(), expected);
        }
        let told = "boot".parse::<Place>().unwrap_err().to_string();
        assert!(told.contains("https://HOST:9468"), "{told}");
    }
}
