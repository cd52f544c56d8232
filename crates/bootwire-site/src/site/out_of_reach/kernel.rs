//! What the kernel lets this process do, found out without doing it.
//!
//! The filter of a sandbox answers `ENOSYS`, Landlock `EACCES`. Anything else is not the sandbox's.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;
use std::process::{Command, Stdio};

use rustix::fs::{Access, CWD, FlockOperation, Mode, OFlags, access, flock, openat};
use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketFlags, SocketType, connect, socket_with};

/// What is to be done with a path.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Use {
    Read,
    Write,
}

/// Sockets of this host.
#[derive(Clone, Copy)]
pub(super) enum Socket {
    /// On which databases listen.
    Unix,
    /// That the kernel answers.
    Netlink,
}

/// Whether the kernel refuses what the modes of the file allow.
pub(super) fn is_kept_from(path: &Path, wanted: Use) -> bool {
    let Ok(metadata) = std::fs::metadata(path) else {
        // It is made, or its absence is told by whoever opens it.
        return wanted == Use::Write
            && path
                .parent()
                .is_some_and(|parent| parent.is_dir() && is_kept_from(parent, wanted));
    };
    // To open anything else may have consequences.
    if !metadata.is_dir() && !metadata.is_file() {
        return false;
    }
    let (flags, modes) = match wanted {
        // A file without a name, which is gone when it is closed.
        Use::Write => (OFlags::WRONLY | OFlags::TMPFILE, Access::WRITE_OK),
        Use::Read => (OFlags::RDONLY | OFlags::NONBLOCK, Access::READ_OK),
    };
    let opened = openat(CWD, path, flags | OFlags::CLOEXEC, Mode::RUSR);
    opened.is_err_and(|errno| errno == Errno::ACCESS) && access(path, modes).is_ok()
}

/// Whether TCP connections to this port may be opened. Nothing is sent: nobody can have a connection
/// to all hosts, and the kernel says so, if the sandbox has not said no before.
pub(super) fn may_connect(port: u16) -> bool {
    let all_hosts = [
        SocketAddr::from((Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 1), port)),
        SocketAddr::from((Ipv4Addr::new(224, 0, 0, 1), port)),
    ];
    for address in all_hosts {
        let family = match address {
            SocketAddr::V4(_) => AddressFamily::INET,
            SocketAddr::V6(_) => AddressFamily::INET6,
        };
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        match socket_with(family, SocketType::STREAM, flags, None) {
            Ok(socket) => {
                let refused = connect(&socket, &address);
                return !matches!(refused, Err(Errno::ACCESS | Errno::NOSYS));
            }
            Err(Errno::NOSYS) => return false,
            // A kernel without IPv6.
            Err(_) => {}
        }
    }
    true
}

/// Whether such sockets may be made.
pub(super) fn may_make(socket: Socket) -> bool {
    let (family, kind) = match socket {
        Socket::Unix => (AddressFamily::UNIX, SocketType::STREAM),
        Socket::Netlink => (AddressFamily::NETLINK, SocketType::RAW),
    };
    !matches!(
        socket_with(family, kind, SocketFlags::CLOEXEC, None),
        Err(Errno::NOSYS)
    )
}

/// Whether files may be locked, as the cache and databases do.
pub(super) fn may_lock() -> bool {
    let flags = SocketFlags::CLOEXEC;
    let Ok(any) = socket_with(AddressFamily::UNIX, SocketType::DGRAM, flags, None) else {
        return true;
    };
    flock(&any, FlockOperation::NonBlockingLockExclusive) != Err(Errno::NOSYS)
}

/// Whether programs may be started at all.
pub(super) fn may_start_programs() -> bool {
    // There is none by that name, which a new process finds out.
    let mut none = Command::new("/dev/null/none");
    none.env_clear().stdin(Stdio::inherit());
    let started = none.spawn();
    !started.is_err_and(|error| error.raw_os_error() == Some(Errno::NOSYS.raw_os_error()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_a_sandbox_everything_may_be_done() {
        for port in [1, 80, 443, 8080, 65535] {
            assert!(may_connect(port), "{port}");
        }
        assert!(may_make(Socket::Unix) && may_make(Socket::Netlink));
        assert!(may_lock() && may_start_programs());
        let dir = tempfile::tempdir().unwrap();
        for path in [dir.path(), &dir.path().join("missing")] {
            assert!(!is_kept_from(path, Use::Read) && !is_kept_from(path, Use::Write));
        }
    }
}
