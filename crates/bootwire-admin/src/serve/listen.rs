//! Where the API is served: a Unix socket, or TCP.

use std::fmt;
use std::fs::{self, File, TryLockError};
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener};
use std::os::unix::fs::{DirBuilderExt, FileTypeExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use rustix::fs::{Mode, fchmod};
use rustix::net::{
    AddressFamily, SocketAddrUnix, SocketFlags, SocketType, bind, listen, socket_with,
};

/// Connections that wait to be accepted.
const BACKLOG: i32 = 128;

/// Where to serve, or to connect to: the path of a Unix socket, or an address and a port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Address {
    /// A Unix socket.
    Unix(PathBuf),
    /// TCP.
    Tcp(SocketAddr),
}

impl Address {
    /// Whether nobody but this host can connect.
    #[must_use]
    pub const fn is_local(&self) -> bool {
        match self {
            Self::Unix(_) => true,
            Self::Tcp(address) => address.ip().is_loopback(),
        }
    }
}

/// Text that is no address.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is neither the path of a socket, like /run/bootwire/admin.sock, nor an address and a port, like 127.0.0.1:9468"
)]
pub struct ParseAddressError(String);

impl FromStr for Address {
    type Err = ParseAddressError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = || ParseAddressError(text.to_owned());
        if let Some(path) = text.strip_prefix("unix:") {
            return Ok(Self::Unix(path.into()));
        }
        if text.contains('/') {
            return Ok(Self::Unix(text.into()));
        }
        if let Some(port) = text.strip_prefix("localhost:") {
            let port = port.parse().map_err(|_| wrong())?;
            return Ok(Self::Tcp(SocketAddr::new(
                IpAddr::V4(Ipv4Addr::LOCALHOST),
                port,
            )));
        }
        text.parse().map(Self::Tcp).map_err(|_| wrong())
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unix(path) => path.display().fmt(f),
            Self::Tcp(address) => address.fmt(f),
        }
    }
}

/// Why the API cannot be served there.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    /// Another server has the socket.
    #[error("{0} belongs to a server that runs")]
    Taken(Address),
    /// Something else is where the socket would be.
    #[error("{0} is there and is no socket: remove it, or choose another path")]
    InTheWay(PathBuf),
    /// It must not be served there without a token and TLS.
    #[error("{0} can be reached from other hosts: that takes a token, a certificate and its key")]
    Exposed(SocketAddr),
    /// The system says no.
    #[error("cannot listen on {0}: {1}")]
    Io(Address, #[source] io::Error),
}

/// A socket that is open, before threads start and rights are given up. Dropping it closes it, and
/// removes the file of a Unix socket.
#[derive(Debug)]
pub struct Listener {
    pub(crate) socket: Socket,
    address: Address,
    /// Removes the file; then lets go of the lock.
    _file: Option<SocketFile>,
}

#[derive(Debug)]
pub(crate) enum Socket {
    Unix(UnixListener),
    Tcp(TcpListener),
}

impl Listener {
    /// Opens a socket. A Unix socket can be used by this process's user, and by the members of
    /// `group`. Its directory is made if it is missing. A socket that another server left behind is
    /// replaced, one that is in use is not.
    ///
    /// # Errors
    /// If another server has it, or the system says no.
    pub fn bind(address: &Address, group: Option<u32>) -> Result<Self, ListenError> {
        match address {
            Address::Unix(path) => bind_unix(path, group),
            Address::Tcp(at) => {
                let failed = |error| ListenError::Io(address.clone(), error);
                let socket = TcpListener::bind(at).map_err(failed)?;
                socket.set_nonblocking(true).map_err(failed)?;
                let address = Address::Tcp(socket.local_addr().map_err(failed)?);
                let socket = Socket::Tcp(socket);
                Ok(Self {
                    socket,
                    address,
                    _file: None,
                })
            }
        }
    }

    /// Where it listens, with the port that the kernel chose.
    #[must_use]
    pub const fn address(&self) -> &Address {
        &self.address
    }

    pub(crate) fn into_parts(self) -> (Socket, Address, Option<SocketFile>) {
        (self.socket, self.address, self._file)
    }
}

fn bind_unix(path: &Path, group: Option<u32>) -> Result<Listener, ListenError> {
    let address = Address::Unix(path.to_owned());
    let failed = |error: io::Error| ListenError::Io(address.clone(), error);
    if let Some(directory) = path
        .parent()
        .filter(|directory| !directory.as_os_str().is_empty())
    {
        make_directory(directory).map_err(failed)?;
    }
    // Two servers that start at the same time must not both find that nobody has it.
    let lock = lock(path)
        .map_err(failed)?
        .ok_or_else(|| ListenError::Taken(address.clone()))?;
    match fs::symlink_metadata(path) {
        Ok(found) if !found.file_type().is_socket() => {
            return Err(ListenError::InTheWay(path.to_owned()));
        }
        Ok(_) => fs::remove_file(path).map_err(failed)?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(failed(error)),
    }
    let socket = open(path).map_err(|errno| failed(errno.into()))?;
    socket.set_nonblocking(true).map_err(failed)?;
    let file = SocketFile::new(path, lock).map_err(failed)?;
    if let Some(group) = group {
        std::os::unix::fs::lchown(path, None, Some(group)).map_err(failed)?;
        fs::set_permissions(path, fs::Permissions::from_mode(0o660)).map_err(failed)?;
    }
    Ok(Listener {
        socket: Socket::Unix(socket),
        address,
        _file: Some(file),
    })
}

/// A listening socket whose file nobody else could use at any time: it is made with the mode that the
/// socket has before.
fn open(path: &Path) -> rustix::io::Result<UnixListener> {
    let address = SocketAddrUnix::new(path)?;
    let flags = SocketFlags::CLOEXEC;
    let socket = socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None)?;
    fchmod(&socket, Mode::from_raw_mode(0o600))?;
    bind(&socket, &address)?;
    listen(&socket, BACKLOG)?;
    Ok(socket.into())
}

/// The directory, if its own directory is there. Others may look into it, and connect if the socket
/// lets them.
fn make_directory(directory: &Path) -> io::Result<()> {
    match fs::DirBuilder::new().mode(0o755).create(directory) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        made => made,
    }
}

/// The lock beside a socket, or nothing if another process has it. It stays where it is: whoever
/// removed it could not know that nobody is about to take it.
fn lock(path: &Path) -> io::Result<Option<File>> {
    let mut name = path.as_os_str().to_owned();
    name.push(".lock");
    let flags = rustix::fs::OFlags::NOFOLLOW.bits();
    let file = File::options()
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .custom_flags(flags.cast_signed())
        .open(name)?;
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

/// The file of a Unix socket. Removed in the end, if it is still the same.
#[derive(Debug)]
pub(crate) struct SocketFile {
    path: PathBuf,
    identity: (u64, u64),
    _lock: File,
}

impl SocketFile {
    fn new(path: &Path, lock: File) -> io::Result<Self> {
        Ok(Self {
            path: path.to_owned(),
            identity: identity(path)?,
            _lock: lock,
        })
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        // A server that has become another user may not; then the next one replaces it.
        if identity(&self.path).is_ok_and(|identity| identity == self.identity) {
            let _ = fs::remove_file(&self.path);
        }
    }
}

fn identity(path: &Path) -> io::Result<(u64, u64)> {
    fs::symlink_metadata(path).map(|found| (found.dev(), found.ino()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unix(path: &Path) -> Address {
        Address::Unix(path.to_owned())
    }

    #[test]
    fn addresses_are_paths_or_ports() {
        for (text, expected) in [
            ("/run/x.sock", Address::Unix("/run/x.sock".into())),
            ("unix:x.sock", Address::Unix("x.sock".into())),
            (
                "127.0.0.1:9468",
                Address::Tcp("127.0.0.1:9468".parse().unwrap()),
            ),
            ("localhost:1", Address::Tcp("127.0.0.1:1".parse().unwrap())),
            ("[::1]:1", Address::Tcp("[::1]:1".parse().unwrap())),
        ] {
            assert_eq!(text.parse(), Ok(expected), "{text}");
        }
        assert!("9468".parse::<Address>().is_err());
        assert!("example.com:9468".parse::<Address>().is_err());
        assert!(!"0.0.0.0:1".parse::<Address>().unwrap().is_local());
    }

    #[test]
    fn only_its_user_may_use_a_socket() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("run/admin.sock");
        let listener = Listener::bind(&unix(&path), None).unwrap();
        let mode = fs::symlink_metadata(&path).unwrap().mode();
        assert_eq!(mode & 0o777, 0o600);
        drop(listener);
        assert!(!path.exists(), "it is removed in the end");
        let group = fs::metadata(dir.path()).unwrap().gid();
        let _listener = Listener::bind(&unix(&path), Some(group)).unwrap();
        let mode = fs::symlink_metadata(&path).unwrap().mode();
        assert_eq!(mode & 0o777, 0o660);
    }

    #[test]
    fn one_that_is_left_is_replaced_and_one_in_use_is_not() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("admin.sock");
        drop(UnixListener::bind(&path).unwrap());
        assert!(path.exists(), "left behind");
        let first = Listener::bind(&unix(&path), None).unwrap();
        let second = Listener::bind(&unix(&path), None);
        assert!(matches!(second, Err(ListenError::Taken(_))), "{second:?}");
        drop(first);
        Listener::bind(&unix(&path), None).unwrap();
    }

    #[test]
    fn files_and_links_in_the_way_stay() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("admin.sock");
        fs::write(&path, "notes").unwrap();
        let told = Listener::bind(&unix(&path), None).unwrap_err().to_string();
        assert!(told.contains("remove it"), "{told}");
        assert_eq!(fs::read_to_string(&path).unwrap(), "notes");
        let link = dir.path().join("link.sock");
        std::os::unix::fs::symlink(&path, &link).unwrap();
        assert!(matches!(
            Listener::bind(&unix(&link), None),
            Err(ListenError::InTheWay(_))
        ));
    }

    #[test]
    fn what_another_made_meanwhile_is_not_removed() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("admin.sock");
        let listener = Listener::bind(&unix(&path), None).unwrap();
        fs::remove_file(&path).unwrap();
        fs::write(&path, "another's").unwrap();
        drop(listener);
        assert!(path.exists());
    }
}
