//! Opening what lies beneath a directory, and nothing else.

mod trace;

use std::ffi::OsStr;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, FileType, Mode, OFlags, ResolveFlags, fstat, openat, openat2};
use rustix::io::Errno;

use crate::name::{Shown, components};

/// What symbolic links inside a served directory may do. None of them ever leads out of it, unless
/// they may lead anywhere.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Links {
    /// A link must stay beneath the root on every step (`RESOLVE_BENEATH`): relative ones that
    /// climb out are refused even if they lead back in. Absolute ones are followed if they begin
    /// with the path of the root, as it was given or as the kernel knows it.
    #[default]
    Beneath,
    /// The directory is taken for the root of the file system, as in a chroot: an absolute link is
    /// followed from it, and `..` at the top stays at the top (`RESOLVE_IN_ROOT`). For trees made
    /// for a chrooted server.
    InRoot,
    /// Links are followed wherever they lead. Whoever can make a link in the directory can have any
    /// file served that the server may read: for trees that only operators write to.
    Anywhere,
}

/// A directory that cannot be served from or uploaded into.
#[derive(Debug, thiserror::Error)]
#[error("cannot use the directory {}: {reason}", path.display())]
pub struct OpenError {
    path: PathBuf,
    /// Part of the text, and so no source besides.
    reason: std::io::Error,
}

impl OpenError {
    pub(crate) fn new(path: &Path, errno: Errno) -> Self {
        Self {
            path: path.to_owned(),
            reason: errno.into(),
        }
    }

    pub(crate) fn into_reason(self) -> std::io::Error {
        self.reason
    }

    /// The directory.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What the kernel said.
    #[must_use]
    pub const fn io_error(&self) -> &std::io::Error {
        &self.reason
    }
}

/// How names are resolved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Resolver {
    /// By `openat2`.
    Kernel,
    /// Component by component, refusing links.
    Walk,
}

/// A directory, held open.
#[derive(Debug)]
pub(crate) struct Root {
    fd: OwnedFd,
    /// Device and inode.
    identity: (u64, u64),
    path: PathBuf,
    /// What absolute links that lead in begin with: the path as it was given and as the kernel
    /// knows it, without the slash at the end.
    names: Vec<Vec<u8>>,
    resolver: Resolver,
    /// Whether the caches of this kernel say all there is to say.
    local: bool,
}

/// How often a resolution is tried that a concurrent rename disturbed (`EAGAIN`) or a signal
/// interrupted.
const TRIES_MAX: usize = 32;

impl Root {
    pub(crate) fn open(path: &Path) -> Result<Self, OpenError> {
        let failed = |errno| OpenError::new(path, errno);
        let fd = openat(CWD, path, PLACE, Mode::empty()).map_err(failed)?;
        let resolver = probe(&fd).map_err(failed)?;
        Ok(Self {
            identity: identity(&fd).map_err(failed)?,
            local: bootwire::file::is_local(&fd),
            fd,
            path: path.to_owned(),
            names: names(path),
            resolver,
        })
    }

    /// Which directory has the name of this one now, by device and inode; an error if none has.
    /// May wait for a disk or a file server.
    pub(crate) fn look(&self) -> Result<(u64, u64), Errno> {
        identity(&openat(CWD, self.name(), PLACE, Mode::empty())?)
    }

    /// As [`Root::look`], by the kernel's caches alone; `None` if they do not say.
    pub(crate) fn look_cached(&self) -> Option<(u64, u64)> {
        if self.resolver != Resolver::Kernel || !self.local {
            return None;
        }
        let how = ResolveFlags::CACHED;
        let fd = openat2(CWD, self.name(), PLACE, Mode::empty(), how).ok()?;
        identity(&fd).ok()
    }

    /// The path that does not depend on the working directory, if there is one.
    pub(crate) fn name(&self) -> &Path {
        self.names
            .first()
            .map_or(&self.path, |name| Path::new(OsStr::from_bytes(name)))
    }

    /// Device and inode.
    pub(crate) const fn identity(&self) -> (u64, u64) {
        self.identity
    }

    /// Whether it can be entered by its file mode, but something else keeps what is in it from
    /// being read: the sandbox, which knows directories and not their names.
    pub(crate) fn is_out_of_reach(&self) -> bool {
        let wanted = rustix::fs::Access::READ_OK | rustix::fs::Access::EXEC_OK;
        let allowed = rustix::fs::accessat(&self.fd, ".", wanted, rustix::fs::AtFlags::empty());
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let opened = openat(&self.fd, ".", flags, Mode::empty());
        allowed.is_ok() && opened.is_err_and(|errno| errno == Errno::ACCESS)
    }

    /// As on a kernel without `openat2`.
    #[cfg(test)]
    pub(crate) fn open_walking(path: &Path) -> Result<Self, OpenError> {
        Ok(Self {
            resolver: Resolver::Walk,
            ..Self::open(path)?
        })
    }

    /// As it was given, for messages to the operator.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn resolver(&self) -> Resolver {
        self.resolver
    }

    /// Opens `path` relative to the root with `flags`; an empty path is the root. Never makes a
    /// file. With [`Resolver::Walk`] any link is [`Errno::LOOP`], whatever `links` says.
    pub(crate) fn resolve(
        &self,
        path: &[u8],
        flags: OFlags,
        links: Links,
    ) -> Result<OwnedFd, Errno> {
        // IN_ROOT would take it for the root, and the walk for a name.
        if components(path).any(|component| component == b"..") {
            return Err(Errno::XDEV);
        }
        let flags = flags | OFlags::CLOEXEC;
        match self.resolver {
            Resolver::Kernel => self.resolve_by_kernel(path, flags, links),
            Resolver::Walk if links == Links::Anywhere => {
                let path = relative(path);
                let path = if path.is_empty() { b"." } else { path };
                openat(&self.fd, path, flags, Mode::empty())
            }
            Resolver::Walk => self.walk(path, flags),
        }
    }

    /// Looks `path` up in the kernel's caches alone: never waits for a disk or a file server.
    /// `None` if the caches do not say, or if this kernel (before 5.12) cannot be asked so. What
    /// is found is open as a place (`O_PATH`), not for reading.
    pub(crate) fn resolve_cached(
        &self,
        path: &[u8],
        links: Links,
    ) -> Option<Result<OwnedFd, Errno>> {
        if self.resolver != Resolver::Kernel || !self.local {
            return None;
        }
        if components(path).any(|component| component == b"..") {
            return Some(Err(Errno::XDEV));
        }
        let path = match links {
            Links::Anywhere => relative(path),
            Links::Beneath | Links::InRoot => path,
        };
        let flags = OFlags::PATH | OFlags::CLOEXEC;
        let how = scope(links) | ResolveFlags::NO_MAGICLINKS | ResolveFlags::CACHED;
        match openat2(&self.fd, path, flags, Mode::empty(), how) {
            Err(Errno::AGAIN | Errno::INTR | Errno::INVAL) => None,
            result => Some(result),
        }
    }

    fn resolve_by_kernel(
        &self,
        path: &[u8],
        flags: OFlags,
        links: Links,
    ) -> Result<OwnedFd, Errno> {
        let path = match links {
            // Nothing else holds an absolute path here.
            Links::Anywhere => relative(path),
            Links::Beneath | Links::InRoot => path,
        };
        let path = if path.is_empty() { b"." } else { path };
        match self.resolve_once(path, flags, links) {
            // An absolute link on the way? Whatever its text says, the kernel goes by this rule.
            Err(Errno::XDEV) if links == Links::Beneath => match self.trace(path) {
                trace::Traced::Inside(path) => self.resolve_once(&path, flags, links),
                trace::Traced::Outside { .. } => Err(Errno::XDEV),
                trace::Traced::Failed(errno) => Err(errno),
            },
            result => result,
        }
    }

    fn resolve_once(&self, path: &[u8], flags: OFlags, links: Links) -> Result<OwnedFd, Errno> {
        let how = scope(links) | ResolveFlags::NO_MAGICLINKS;
        let mut tries = 1;
        loop {
            match openat2(&self.fd, path, flags, Mode::empty(), how) {
                Err(Errno::AGAIN | Errno::INTR) if tries < TRIES_MAX => tries += 1,
                result => return result,
            }
        }
    }

    /// Why `path` was refused for its links, for the operator: which link, and where it leads.
    pub(crate) fn tell_link(&self, path: &[u8], links: Links) -> Option<String> {
        if self.resolver == Resolver::Walk && links != Links::Anywhere {
            return Some(
                "this kernel has no openat2, so symbolic links are not followed".to_owned(),
            );
        }
        match (links, self.trace(path)) {
            (Links::Beneath, trace::Traced::Outside { link, target }) => Some(format!(
                "the link {} leads to {}, out of {}",
                Shown(&link),
                Shown(&target),
                self.path.display()
            )),
            _ => None,
        }
    }

    fn walk(&self, path: &[u8], flags: OFlags) -> Result<OwnedFd, Errno> {
        let mut rest = components(path)
            .filter(|component| *component != b".")
            .peekable();
        let mut reached: Option<OwnedFd> = None;
        while let Some(component) = rest.next() {
            let at = reached.as_ref().map_or(self.fd.as_fd(), AsFd::as_fd);
            if rest.peek().is_none() && !flags.contains(OFlags::PATH) {
                // A link has no content to open: NOFOLLOW makes it ELOOP, but with DIRECTORY
                // ENOTDIR.
                return openat(at, component, flags | OFlags::NOFOLLOW, Mode::empty()).map_err(
                    |errno| {
                        if is_link(at, component) {
                            Errno::LOOP
                        } else {
                            errno
                        }
                    },
                );
            }
            let next = openat(
                at,
                component,
                OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC,
                Mode::empty(),
            )?;
            let kind = FileType::from_raw_mode(fstat(&next)?.st_mode);
            if kind == FileType::Symlink {
                return Err(Errno::LOOP);
            }
            if kind != FileType::Directory
                && (rest.peek().is_some() || flags.contains(OFlags::DIRECTORY))
            {
                return Err(Errno::NOTDIR);
            }
            reached = Some(next);
        }
        match reached {
            Some(found) => Ok(found),
            None => openat(&self.fd, ".", flags, Mode::empty()),
        }
    }
}

/// As a place, whatever its mode.
const PLACE: OFlags = OFlags::PATH.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);

fn identity(fd: &OwnedFd) -> Result<(u64, u64), Errno> {
    let stat = fstat(fd)?;
    Ok((stat.st_dev, stat.st_ino))
}

/// The absolute names of a directory, as far as they can be told.
fn names(path: &Path) -> Vec<Vec<u8>> {
    let names = [std::path::absolute(path), std::fs::canonicalize(path)];
    let mut names: Vec<Vec<u8>> = names
        .into_iter()
        .flatten()
        .map(|name| name.as_os_str().as_bytes().to_vec())
        .collect();
    names.dedup();
    names
}

fn scope(links: Links) -> ResolveFlags {
    match links {
        Links::Beneath => ResolveFlags::BENEATH,
        Links::InRoot => ResolveFlags::IN_ROOT,
        Links::Anywhere => ResolveFlags::empty(),
    }
}

/// The path without slashes in front.
fn relative(path: &[u8]) -> &[u8] {
    let start = path.iter().position(|&byte| byte != b'/');
    &path[start.unwrap_or(path.len())..]
}

fn is_link(at: BorrowedFd<'_>, name: &[u8]) -> bool {
    rustix::fs::statat(at, name, rustix::fs::AtFlags::SYMLINK_NOFOLLOW)
        .is_ok_and(|stat| FileType::from_raw_mode(stat.st_mode) == FileType::Symlink)
}

/// Whether this process may use `openat2`. Seccomp filters that do not know it say `EPERM`.
fn probe(fd: &OwnedFd) -> Result<Resolver, Errno> {
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let mut tries = 1;
    loop {
        return match openat2(
            fd,
            ".",
            flags,
            Mode::empty(),
            ResolveFlags::BENEATH | ResolveFlags::NO_MAGICLINKS,
        ) {
            Ok(_) => Ok(Resolver::Kernel),
            Err(Errno::NOSYS | Errno::PERM) => Ok(Resolver::Walk),
            Err(Errno::AGAIN | Errno::INTR) if tries < TRIES_MAX => {
                tries += 1;
                continue;
            }
            Err(errno) => Err(errno),
        };
    }
}
