//! What stays within reach.

use std::fmt;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};

use rustix::fs::{Access as Mode, AtFlags, CWD, FileType, OFlags, accessat, fstat, openat};
use rustix::io::Errno;

use super::{Account, SandboxError};

/// What may be done beneath a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Files are read, directories listed.
    Read,
    /// As that, and files are made, written, renamed within their directory and removed.
    Write,
    /// As that, and directories are made, and files renamed into them.
    WriteAndMakeDirs,
    /// Files are read, and started as programs.
    Execute,
}

/// A path that stays within reach. Held open, so that it need not be reached by name again: the
/// directories above it may be closed to the user the server becomes.
#[derive(Debug)]
pub struct Grant {
    place: OwnedFd,
    path: PathBuf,
    access: Access,
    /// Nothing depends on it.
    optional: bool,
    /// It may be closed to this process for all that is known.
    unchecked: bool,
    /// Whether it is a directory.
    directory: bool,
}

impl Grant {
    /// Opens a path.
    ///
    /// # Errors
    /// What the kernel says.
    pub fn new(path: &Path, access: Access) -> Result<Self, SandboxError> {
        let opened = openat(CWD, path, place_flags(), rustix::fs::Mode::empty())
            .and_then(|place| Ok((fstat(&place)?, place)));
        let what = || format!("open {}", path.display());
        let (stat, place) = opened.map_err(|errno| SandboxError::path(what())(errno))?;
        Ok(Self {
            place,
            path: path.to_owned(),
            access,
            optional: false,
            unchecked: false,
            directory: FileType::from_raw_mode(stat.st_mode) == FileType::Directory,
        })
    }

    /// A directory that is open.
    pub(super) fn of_directory(place: OwnedFd, path: &Path, access: Access) -> Self {
        Self {
            place,
            path: path.to_owned(),
            access,
            optional: false,
            unchecked: false,
            directory: true,
        }
    }

    /// The same for what nothing depends on: not checked beforehand, not named in the log.
    pub(super) fn optional(mut self) -> Self {
        self.optional = true;
        self
    }

    /// The same for a place that something else can stand in for: whoever wants to use it finds out
    /// whether it can be used, on a read-only file system for one.
    #[must_use]
    pub fn replaceable(mut self) -> Self {
        self.unchecked = true;
        self
    }

    /// The same for what is only needed when something else is replaced: not checked beforehand.
    pub(super) fn beside(mut self) -> Self {
        self.unchecked = true;
        self
    }

    /// Whether it is worth a word in the log.
    pub(super) const fn is_told(&self) -> bool {
        !self.optional
    }

    pub(super) const fn is_directory(&self) -> bool {
        self.directory
    }

    /// Its path, without links, if programs may be started from it.
    pub(super) fn executable(&self) -> Option<PathBuf> {
        let executable = self.access == Access::Execute;
        executable.then(|| std::fs::canonicalize(&self.path).ok())?
    }

    pub(super) const fn access(&self) -> Access {
        self.access
    }

    /// Whether file modes let this process do what is granted.
    fn check(&self) -> Result<(), Errno> {
        // Files are opened before long, and whoever does that says what is wrong.
        if self.optional || self.unchecked || !self.directory {
            return Ok(());
        }
        let wanted = match self.access {
            Access::Read | Access::Execute => Mode::EXEC_OK,
            Access::Write | Access::WriteAndMakeDirs => Mode::EXEC_OK | Mode::WRITE_OK,
        };
        accessat(&self.place, ".", wanted, AtFlags::empty())
    }
}

/// As a place, not for its content, where the system can do that.
pub(super) fn place_flags() -> OFlags {
    #[cfg(target_os = "linux")]
    let flags = OFlags::PATH | OFlags::CLOEXEC;
    #[cfg(not(target_os = "linux"))]
    let flags = OFlags::RDONLY | OFlags::CLOEXEC;
    flags
}

impl AsFd for Grant {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.place.as_fd()
    }
}

/// For the log: `read /srv/tftp`.
impl fmt::Display for Grant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verb = match self.access {
            Access::Read => "read",
            Access::Write | Access::WriteAndMakeDirs => "write",
            Access::Execute => "execute",
        };
        write!(f, "{verb} {}", self.path.display())
    }
}

/// Fails if file modes keep this process from what it is granted: better at the start than with
/// each request.
pub(super) fn check(grants: &[Grant]) -> Result<(), SandboxError> {
    grants
        .iter()
        .try_for_each(|grant| grant.check().map_err(|errno| explain(grant, errno)))
}

fn explain(grant: &Grant, errno: Errno) -> SandboxError {
    let path = grant.path.display();
    if errno != Errno::ACCESS {
        let what = format!("use {path}");
        return SandboxError::path(what)(errno);
    }
    let me = rustix::process::geteuid();
    let user = Account::name_of(me).unwrap_or_else(|| me.as_raw().to_string());
    SandboxError::Denied(match grant.access {
        Access::Read | Access::Execute => format!(
            "user {user} may not enter {path}: let others in (chmod o+x {path}), or serve as \
             another user with --user"
        ),
        Access::Write | Access::WriteAndMakeDirs => format!(
            "user {user} may not write into {path}: give it the directory (chown {user} {path}), \
             or serve as another user with --user"
        ),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_grant_needs_no_name_once_it_is_open() {
        let dir = tempfile::tempdir().unwrap();
        let (old, new) = (dir.path().join("old"), dir.path().join("new"));
        std::fs::create_dir(&old).unwrap();
        let grant = Grant::new(&old, Access::Write).unwrap();
        std::fs::rename(&old, &new).unwrap();
        grant.check().unwrap();
        assert_eq!(grant.to_string(), format!("write {}", old.display()));
    }

    #[test]
    fn what_is_not_there_is_named() {
        let error = Grant::new(Path::new("/no/such/place"), Access::Read).unwrap_err();
        assert!(error.to_string().contains("/no/such/place"), "{error}");
    }

    #[test]
    fn a_closed_directory_says_what_to_do() {
        let grant = Grant::new(Path::new("/"), Access::Write).unwrap();
        let text = explain(&grant, Errno::ACCESS).to_string();
        assert!(text.contains("may not write into /: give it"), "{text}");
        assert!(text.contains("--user"), "{text}");
        let text = explain(&grant, Errno::STALE).to_string();
        assert!(text.starts_with("cannot use /"), "{text}");
    }
}
