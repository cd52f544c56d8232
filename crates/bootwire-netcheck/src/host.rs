//! What this host does to every server on it.

use std::fmt;
use std::net::SocketAddr;
use std::path::Path;

/// The receive buffer that a worker's socket wants, in bytes.
const RECEIVE_BUFFER: u64 = bootwire::Server::RECEIVE_BUFFER as u64;

/// A setting of this host that hinders every server on it. `Display` says what to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Hindrance {
    /// A socket without privileges gets no larger buffer.
    ReceiveBufferCapped {
        /// The most it gets, in bytes.
        most: u64,
    },
    /// The kernel has no IPv6, or it is turned off.
    Ipv6Off,
}

/// Looks at the kernel's settings. `listen` is the address of the server, if one is set.
#[must_use]
pub fn hindrances(listen: Option<&str>) -> Vec<Hindrance> {
    look_in(Path::new("/proc/sys/net"), listen)
}

fn look_in(settings: &Path, listen: Option<&str>) -> Vec<Hindrance> {
    let number = |name: &str| -> Option<u64> {
        let text = std::fs::read_to_string(settings.join(name)).ok()?;
        text.trim().parse().ok()
    };
    // Not to be seen in a container, whose host has it.
    let capped = number("core/rmem_max").filter(|&most| most < RECEIVE_BUFFER);
    let wants_ipv6 = listen.is_none_or(|text| {
        text.parse::<SocketAddr>()
            .is_ok_and(|address| address.is_ipv6())
    });
    let off = number("ipv6/conf/all/disable_ipv6").is_none_or(|off| off != 0);
    let capped = capped.map(|most| Hindrance::ReceiveBufferCapped { most });
    let ipv6 = (wants_ipv6 && off).then_some(Hindrance::Ipv6Off);
    capped.into_iter().chain(ipv6).collect()
}

impl fmt::Display for Hindrance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ReceiveBufferCapped { most } => write!(
                f,
                "receive buffers are capped at {most} bytes by net.core.rmem_max; a thousand clients \
                 at once may lose packets. Raise it: sysctl -w net.core.rmem_max={RECEIVE_BUFFER}"
            ),
            Self::Ipv6Off => write!(
                f,
                "IPv6 is off on this host: clients are served over IPv4 alone. Turn it on with \
                 sysctl -w net.ipv6.conf.all.disable_ipv6=0, or say so: listen = \"0.0.0.0:69\""
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_that_hinder_are_named_with_what_to_do() {
        let dir = tempfile::tempdir().unwrap();
        let set = |name: &str, value: &str| {
            let path = dir.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, value).unwrap();
        };
        assert_eq!(look_in(dir.path(), None), [Hindrance::Ipv6Off]);
        assert_eq!(look_in(dir.path(), Some("0.0.0.0:69")), []);
        set("ipv6/conf/all/disable_ipv6", "0\n");
        set("core/rmem_max", "8388608\n");
        assert_eq!(look_in(dir.path(), None), []);
        set("ipv6/conf/all/disable_ipv6", "1\n");
        set("core/rmem_max", "212992\n");
        let found = look_in(dir.path(), Some("[::]:69"));
        let told = found.iter().map(ToString::to_string).collect::<String>();
        assert!(
            told.contains("at 212992 bytes by net.core.rmem_max"),
            "{told}"
        );
        assert!(told.contains("IPv6 is off"), "{told}");
    }
}
