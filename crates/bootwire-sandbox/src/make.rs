//! Directories that root makes for the user the server becomes.
//!
//! The way there may lead through directories of other users, who may put a link anywhere on it, at
//! any moment: so that root gives them a directory of its own, or makes one where they may not. So
//! the way is walked descriptor by descriptor, no link is followed that is not root's, and a
//! directory changes its owner by its descriptor, never by its name.

use std::ffi::{OsStr, OsString};
use std::fmt::Write as _;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path, PathBuf};

use rustix::fs::{
    AtFlags, CWD, Dir, FileType, Mode, OFlags, Stat, fchown, fstat, mkdirat, openat, readlinkat,
    statat,
};
use rustix::io::Errno;
use rustix::process::{Gid, Uid, geteuid};

use super::{Account, SandboxError};

/// Links followed on one way: as many as the kernel follows.
const LINKS_MAX: usize = 40;

/// Who owns what is made, and whether it is an error if it cannot be given away.
pub(super) struct Owner<'a> {
    pub(super) account: &'a Account,
    pub(super) required: bool,
}

/// Opens a directory, and makes what is missing of it and of those above it.
///
/// # Errors
/// If it cannot be made or opened, is no directory, or a link on the way belongs to somebody who is
/// neither root nor this user.
pub(super) fn directory(path: &Path, owner: Option<&Owner<'_>>) -> Result<OwnedFd, SandboxError> {
    Walk {
        path,
        owner,
        place: open(CWD, OsStr::new("."))
            .map_err(|errno| SandboxError::path(format!("make {}", path.display()))(errno))?,
        shown: PathBuf::new(),
        links: 0,
    }
    .through()
}

/// A place on the way.
struct Walk<'a> {
    path: &'a Path,
    owner: Option<&'a Owner<'a>>,
    place: OwnedFd,
    /// The way so far, for messages.
    shown: PathBuf,
    links: usize,
}

impl Walk<'_> {
    fn through(mut self) -> Result<OwnedFd, SandboxError> {
        // The next step is the last of the list.
        let mut steps = steps(self.path);
        while let Some(step) = steps.pop() {
            let told = self.shown.join(&step);
            self.take(&step, &mut steps).map_err(|error| {
                let mut what = format!("make {}", self.path.display());
                if told != self.path {
                    // Writing to a String cannot fail.
                    let _ = write!(what, ": {}", told.display());
                }
                SandboxError::path(what)(error)
            })?;
        }
        Ok(self.place)
    }

    fn take(&mut self, step: &OsStr, steps: &mut Vec<OsString>) -> io::Result<()> {
        let stat = match statat(&self.place, step, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => stat,
            Err(Errno::NOENT) => return self.make(step),
            Err(errno) => return Err(errno.into()),
        };
        if FileType::from_raw_mode(stat.st_mode) == FileType::Symlink {
            expect_trusted(&stat)?;
            self.links += 1;
            if self.links > LINKS_MAX {
                return Err(Errno::LOOP.into());
            }
            let target = readlinkat(&self.place, step, Vec::new())?;
            steps.extend(self::steps(Path::new(OsStr::from_bytes(target.to_bytes()))));
            return Ok(());
        }
        // A link that has been put there since is not followed.
        self.place = open(&self.place, step)?;
        self.shown.push(step);
        Ok(())
    }

    fn make(&mut self, step: &OsStr) -> io::Result<()> {
        match mkdirat(&self.place, step, Mode::from_raw_mode(0o777)) {
            Ok(()) => {}
            // Somebody else was quicker: it stays theirs.
            Err(Errno::EXIST) => {
                self.place = open(&self.place, step)?;
                self.shown.push(step);
                return Ok(());
            }
            Err(errno) => return Err(errno.into()),
        }
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let made = openat(&self.place, step, flags, Mode::empty())?;
        if let Some(owner) = self.owner {
            give(&made, owner)?;
        }
        self.place = made;
        self.shown.push(step);
        Ok(())
    }
}

/// Gives away a directory that was made just now.
fn give(made: &OwnedFd, owner: &Owner<'_>) -> io::Result<()> {
    // Whoever owns the one above may have put another in its place: only an empty one is given.
    let mut entries = Dir::read_from(made)?;
    let is_empty = entries
        .all(|entry| entry.is_ok_and(|entry| matches!(entry.file_name().to_bytes(), b"." | b"..")));
    if Uid::from_raw(fstat(made)?.st_uid) != geteuid() || !is_empty {
        return Err(io::Error::other("another directory was put in its place"));
    }
    let account = owner.account;
    let (uid, gid): (Uid, Gid) = (account.uid(), account.gid());
    match fchown(made, Some(uid), Some(gid)) {
        Ok(()) => Ok(()),
        // Root of a container that has no such user: it stays root, and that is told.
        Err(_) if !owner.required => Ok(()),
        Err(errno) => Err(io::Error::other(format!(
            "cannot give it to user {account}: {errno}"
        ))),
    }
}

/// Follows links of root and of this user, and of nobody else.
fn expect_trusted(link: &Stat) -> io::Result<()> {
    let owner = Uid::from_raw(link.st_uid);
    if owner.is_root() || owner == geteuid() {
        return Ok(());
    }
    let name = Account::name_of(owner).unwrap_or_else(|| owner.as_raw().to_string());
    Err(io::Error::other(format!(
        "a link of user {name}, which root does not follow: name the place that it leads to"
    )))
}

/// Opens a directory as a place; no link.
fn open(place: impl AsFd, step: &OsStr) -> Result<OwnedFd, Errno> {
    let flags = super::grant::place_flags() | OFlags::DIRECTORY | OFlags::NOFOLLOW;
    openat(place, step, flags, Mode::empty())
}

/// The steps of a path, the last one first. An absolute one begins with `/`, which leads to the root
/// from everywhere.
fn steps(path: &Path) -> Vec<OsString> {
    let steps = path.components().rev();
    let steps = steps.filter(|step| *step != Component::CurDir);
    steps.map(|step| step.as_os_str().to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::{MetadataExt, lchown, symlink};

    use super::*;

    fn told(error: &SandboxError) -> String {
        use std::error::Error as _;
        let cause = error.source().map(ToString::to_string);
        format!("{error}: {}", cause.unwrap_or_default())
    }

    fn nobody() -> Account {
        Account::nobody()
    }

    fn owned(account: &Account) -> Owner<'_> {
        Owner {
            account,
            required: true,
        }
    }

    #[test]
    fn what_is_missing_is_made_and_what_is_there_stays() {
        let dir = tempfile::tempdir().unwrap();
        let (account, way) = (nobody(), dir.path().join("a/./b/../c"));
        let root = geteuid().is_root();
        let owner = root.then(|| owned(&account));
        fs::create_dir(dir.path().join("a")).unwrap();
        directory(&way, owner.as_ref()).unwrap();
        directory(&way, owner.as_ref()).unwrap();
        let uid = |name: &str| fs::metadata(dir.path().join(name)).unwrap().uid();
        let expected = owner.map_or(geteuid(), |owner| owner.account.uid());
        assert_eq!(uid("a"), geteuid().as_raw(), "it was there");
        assert_eq!([uid("a/b"), uid("a/c")], [expected.as_raw(); 2]);
    }

    #[test]
    fn links_of_root_and_of_this_user_are_followed() {
        let dir = tempfile::tempdir().unwrap();
        let path = |name: &str| dir.path().join(name);
        fs::create_dir(path("real")).unwrap();
        symlink("real", path("near")).unwrap();
        symlink(path("near"), path("far")).unwrap();
        directory(&path("far/x/y"), None).unwrap();
        assert!(path("real/x/y").is_dir());
        symlink("loop", path("loop")).unwrap();
        let error = directory(&path("loop/x"), None).unwrap_err();
        assert!(told(&error).contains("/loop"), "{}", told(&error));
        fs::write(path("file"), "").unwrap();
        assert!(directory(&path("file/x"), None).is_err());
    }

    /// A user who may write above puts a link there: root neither makes anything behind it nor gives
    /// away what it leads to.
    #[test]
    fn links_of_others_are_not_followed() {
        if !geteuid().is_root() {
            return;
        }
        let dir = tempfile::tempdir().unwrap();
        let path = |name: &str| dir.path().join(name);
        fs::create_dir(path("private")).unwrap();
        fs::create_dir(path("alice")).unwrap();
        symlink(path("private"), path("alice/state")).unwrap();
        lchown(path("alice/state"), Some(4711), Some(4711)).unwrap();
        let account = nobody();
        for way in ["alice/state", "alice/state/cache"] {
            let error = directory(&path(way), Some(&owned(&account))).unwrap_err();
            assert!(
                told(&error).contains("a link of user 4711"),
                "{}",
                told(&error)
            );
        }
        assert_eq!(fs::metadata(path("private")).unwrap().uid(), 0);
        assert_eq!(fs::read_dir(path("private")).unwrap().count(), 0);
    }

    /// The moment between making and giving: what was put there is not given away.
    #[test]
    fn only_an_empty_directory_of_its_own_is_given_away() {
        if !geteuid().is_root() {
            return;
        }
        let dir = tempfile::tempdir().unwrap();
        let account = nobody();
        let made = open(CWD, dir.path().as_os_str()).unwrap();
        let flags = OFlags::RDONLY | OFlags::DIRECTORY;
        let made = openat(&made, ".", flags, Mode::empty()).unwrap();
        fs::write(dir.path().join("shadow"), "").unwrap();
        assert!(give(&made, &owned(&account)).is_err());
        assert_eq!(fs::metadata(dir.path()).unwrap().uid(), 0);
        fs::remove_file(dir.path().join("shadow")).unwrap();
        give(&made, &owned(&account)).unwrap();
        assert_eq!(
            fs::metadata(dir.path()).unwrap().uid(),
            account.uid().as_raw()
        );
        assert!(give(&made, &owned(&account)).is_err(), "another user's");
    }
}
