//! Where an upload will go.

use std::ffi::OsStr;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::Arc;

use bootwire::{Reason, Refusal};
use rustix::fs::{Access, AtFlags, FileType, OFlags, accessat, statat};
use rustix::io::Errno;

use super::{Existing, Policy};
use crate::beneath::{Links, Root};
use crate::errno::{is_absent, refuse, refuse_link};
use crate::name::{Shown, Unfit, components, judge};

/// Longest file name of the usual file systems, in bytes.
const NAME_MAX: usize = 255;

/// Longest that is added to the name of a version: `.YYYYMMDD-HHMMSS-NNN`.
const VERSION_SUFFIX_MAX: usize = 20;

/// The place of an upload: held open, so that it stays the same place until the end.
#[derive(Debug)]
pub(super) struct Target {
    /// The deepest directory of the path that exists. The temporary file lives here: directories
    /// made in it later are on the same file system.
    pub(super) base: Arc<OwnedFd>,
    /// Directories that have to be made below `base`, outermost first.
    pub(super) missing: Vec<Vec<u8>>,
    /// The last component.
    pub(super) name: Vec<u8>,
    /// The whole path, for messages.
    pub(super) path: Vec<u8>,
}

impl Target {
    /// Where it is below the root.
    pub(super) fn name(&self) -> &Path {
        let path = self.path.strip_prefix(b"/").unwrap_or(&self.path);
        Path::new(OsStr::from_bytes(path))
    }

    /// Finds the place for `path` and refuses what can be refused before any data came.
    pub(super) fn resolve(root: &Root, policy: Policy, path: &[u8]) -> Result<Self, Refusal> {
        judge(path).map_err(|unfit| match unfit {
            Unfit::Directory => is_directory(),
            Unfit::Climbs => {
                Refusal::denied().because(format_args!("{}: climbs out of the root", Shown(path)))
            }
            Unfit::Reserved | Unfit::Nul => bad_name(),
        })?;
        if path.iter().any(u8::is_ascii_control) {
            return Err(bad_name().because(format_args!("{}: has control characters", Shown(path))));
        }
        let mut directories: Vec<&[u8]> = components(path).collect();
        let name = directories.pop().ok_or_else(is_directory)?;
        let suffix = if policy.existing == Existing::Keep {
            VERSION_SUFFIX_MAX
        } else {
            0
        };
        if directories
            .iter()
            .any(|directory| directory.len() > NAME_MAX)
            || name.len() + suffix > NAME_MAX
        {
            return Err(Refusal::denied().text("File name too long"));
        }
        let (base, missing) = deepest(root, &directories, policy.makes_directories()).map_err(
            |errno| match errno {
                absent if is_absent(absent) => Refusal::not_found().text("No such directory"),
                errno @ (Errno::XDEV | Errno::LOOP) => {
                    let way = directories.join(&b'/');
                    refuse_link(errno, Shown(path), root.tell_link(&way, Links::Beneath))
                }
                errno => refuse(errno, Shown(path)),
            },
        )?;
        if missing.is_empty() {
            check_existing(&base, name, policy).map_err(|blocked| blocked.refusal(path))?;
        }
        Ok(Self {
            base: Arc::new(base),
            missing,
            name: name.to_vec(),
            path: path.to_vec(),
        })
    }
}

/// Opens the deepest existing directory of a path, and says what is missing below it. Without
/// `create` nothing may be missing.
fn deepest(
    root: &Root,
    directories: &[&[u8]],
    create: bool,
) -> Result<(OwnedFd, Vec<Vec<u8>>), Errno> {
    let mut existing = directories.len();
    loop {
        let path = directories[..existing].join(&b'/');
        match root.resolve(&path, OFlags::RDONLY | OFlags::DIRECTORY, Links::Beneath) {
            Ok(base) => {
                return Ok((
                    base,
                    directories[existing..]
                        .iter()
                        .map(|name| name.to_vec())
                        .collect(),
                ));
            }
            Err(Errno::NOENT) if create && existing > 0 => existing -= 1,
            Err(errno) => return Err(errno),
        }
    }
}

/// Why a name cannot be taken.
#[derive(Debug)]
pub(super) enum Blocked {
    Exists,
    Missing,
    NotPublic,
    Directory,
    Link,
    Special,
    Kernel(Errno),
}

impl Blocked {
    pub(super) fn refusal(&self, path: &[u8]) -> Refusal {
        match self {
            Self::Exists => Refusal::new(Reason::Exists),
            Self::Missing => Refusal::not_found().because(format_args!(
                "{}: only files that exist are taken",
                Shown(path)
            )),
            Self::NotPublic => Refusal::denied().because(format_args!(
                "{}: not everybody may write it, and only such files are replaced",
                Shown(path)
            )),
            Self::Directory => is_directory(),
            Self::Link => Refusal::denied()
                .text("Is a symbolic link")
                .because(format_args!("{}: uploads replace no links", Shown(path))),
            Self::Special => Refusal::denied().text("Not a regular file"),
            Self::Kernel(errno) => refuse(*errno, Shown(path)),
        }
    }
}

/// Looks at what has the name now: a link counts as itself. True if a regular file is there.
pub(super) fn check_existing(
    directory: &OwnedFd,
    name: &[u8],
    policy: Policy,
) -> Result<bool, Blocked> {
    let stat = match statat(directory, name, AtFlags::SYMLINK_NOFOLLOW) {
        Err(Errno::NOENT) if policy.existing == Existing::Only => return Err(Blocked::Missing),
        Err(Errno::NOENT) => return Ok(false),
        other => other.map_err(Blocked::Kernel)?,
    };
    match FileType::from_raw_mode(stat.st_mode) {
        FileType::RegularFile if policy.existing == Existing::Refuse => Err(Blocked::Exists),
        FileType::RegularFile if policy.public_only && stat.st_mode & FOR_ALL == 0 => {
            Err(Blocked::NotPublic)
        }
        FileType::RegularFile if policy.existing == Existing::Only => {
            // To take a name asks only the directory.
            accessat(directory, name, Access::WRITE_OK, AtFlags::empty())
                .map_err(Blocked::Kernel)?;
            Ok(true)
        }
        FileType::RegularFile => Ok(true),
        FileType::Directory => Err(Blocked::Directory),
        FileType::Symlink => Err(Blocked::Link),
        _ => Err(Blocked::Special),
    }
}

/// The bit of a file's mode that lets everybody write it.
const FOR_ALL: u32 = 0o002;

/// Code 2, not 1: a client that writes is not looking for another name.
fn is_directory() -> Refusal {
    Refusal::denied().text("Is a directory")
}

fn bad_name() -> Refusal {
    Refusal::denied().text("Bad file name")
}
