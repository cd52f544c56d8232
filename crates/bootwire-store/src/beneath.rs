//! Opening what lies beneath a directory, and nothing else.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, FileType, Mode, OFlags, ResolveFlags, fstat, openat, openat2};
use rustix::io::Errno;

use crate::name::components;

/// What symbolic links inside a served directory may do. None of them ever leads out of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Links {
    /// A link must stay beneath the root on every step: absolute links, and relative ones that
    /// climb out, are refused even if they lead back in (`RESOLVE_BENEATH`).
    #[default]
    Beneath,
    /// The directory is taken for the root of the file system, as in a chroot: an absolute link is
    /// followed from it, and `..` at the top stays at the top (`RESOLVE_IN_ROOT`). For trees made
    /// for a chrooted server.
    InRoot,
}

/// A directory that cannot be served from or uploaded into.
#[derive(Debug, thiserror::Error)]
#[error("cannot use the directory {}: {source}", path.display())]
pub struct OpenError {
    path: PathBuf,
    source: std::io::Error,
}

impl OpenError {
    pub(crate) fn new(path: &Path, errno: Errno) -> Self {
        Self {
            path: path.to_owned(),
            source: errno.into(),
        }
    }

    /// The directory.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What the kernel said.
    #[must_use]
    pub const fn io_error(&self) -> &std::io::Error {
        &self.source
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
    path: PathBuf,
    resolver: Resolver,
    /// Whether the caches of this kernel say all there is to say.
    local: bool,
}

/// How often a resolution is tried that a concurrent rename disturbed (`EAGAIN`) or a signal
/// interrupted.
const TRIES_MAX: usize = 32;

impl Root {
    pub(crate) fn open(path: &Path) -> Result<Self, OpenError> {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let fd =
            openat(CWD, path, flags, Mode::empty()).map_err(|errno| OpenError::new(path, errno))?;
        let resolver = probe(&fd).map_err(|errno| OpenError::new(path, errno))?;
        Ok(Self {
            local: bootwire::file::is_local(&fd),
            fd,
            path: path.to_owned(),
            resolver,
        })
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
        let path = if path.is_empty() { b"." } else { path };
        let how = scope(links) | ResolveFlags::NO_MAGICLINKS;
        let mut tries = 1;
        loop {
            match openat2(&self.fd, path, flags, Mode::empty(), how) {
                Err(Errno::AGAIN | Errno::INTR) if tries < TRIES_MAX => tries += 1,
                result => return result,
            }
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

fn scope(links: Links) -> ResolveFlags {
    match links {
        Links::Beneath => ResolveFlags::BENEATH,
        Links::InRoot => ResolveFlags::IN_ROOT,
    }
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
