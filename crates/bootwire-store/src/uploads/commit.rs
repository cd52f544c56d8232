//! Giving a finished upload its name.

use std::os::fd::OwnedFd;
use std::sync::{Arc, PoisonError, Weak};
use std::time::SystemTime;

use bootwire::Refusal;
use rustix::fs::{
    AtFlags, Gid, Mode, OFlags, RenameFlags, Uid, fchmod, fchown, fsync, linkat, mkdirat, openat,
    renameat, renameat_with, statat, unlinkat,
};
use rustix::io::Errno;

use super::part::{Part, Place};
use super::stamp::stamp;
use super::target::{Blocked, check_existing};
use super::{Existing, Policy};
use crate::errno::{is_unsupported, refuse, refuse_io};
use crate::name::Shown;

/// Versions of one name within a second, at most.
const VERSIONS_MAX: usize = 1000;

/// How often a name may appear and vanish under our hands before we give up.
const RACES_MAX: usize = 16;

impl Part {
    /// Makes the upload durable, then visible, then that durable too. It does not become visible if
    /// nobody holds `wanted` any more: its client may be at the next upload of the same name.
    pub(super) fn commit(mut self, wanted: &Weak<()>) -> Result<(), Refusal> {
        let shown = Shown(&self.target.path);
        let mode = match self.policy.existing {
            Existing::Only => self.take_owner().map_err(|errno| refuse(errno, &shown))?,
            Existing::Refuse | Existing::Replace | Existing::Keep => self.policy.mode,
        };
        fchmod(&self.file, Mode::from_raw_mode(mode)).map_err(|errno| refuse(errno, &shown))?;
        self.file
            .sync_all()
            .map_err(|error| refuse_io(&error, &shown))?;
        let mut made = Made::new(Arc::clone(&self.target.base));
        made.make(&self.target.missing)
            .map_err(|errno| refuse(errno, &shown))?;
        let directory = made.innermost();
        if wanted.strong_count() == 0 {
            return Err(Refusal::internal().because("the upload was given up"));
        }
        self.settle(&directory)
            .map_err(|blocked| blocked.refusal(&self.target.path))?;
        made.keep()
            .map_err(|errno| refuse(errno, Shown(&self.target.path)))
    }

    /// Gives the file the owner and group of the one it replaces, as far as the server may. The
    /// permissions of that.
    fn take_owner(&self) -> Result<u32, Errno> {
        let (base, name) = (&*self.target.base, &self.target.name[..]);
        let old = match statat(base, name, AtFlags::SYMLINK_NOFOLLOW) {
            // It is gone: `settle` says so.
            Err(Errno::NOENT) => return Ok(self.policy.mode),
            old => old?,
        };
        let (owner, group) = (Uid::from_raw(old.st_uid), Gid::from_raw(old.st_gid));
        if fchown(&self.file, Some(owner), Some(group)).is_err() {
            // Not its owner, but perhaps a group this process is in.
            let _ = fchown(&self.file, None, Some(group));
        }
        Ok(old.st_mode & 0o777)
    }

    /// Gives the file its name in `directory`.
    fn settle(&mut self, directory: &Arc<OwnedFd>) -> Result<(), Blocked> {
        let name = self.target.name.clone();
        match self.policy.existing {
            Existing::Refuse => self.place.take_free_name(directory, &name, self.policy)?,
            Existing::Replace | Existing::Only => {
                check_existing(directory, &name, self.policy)?;
                self.place.replace(directory, &name)?;
            }
            Existing::Keep => self.keep_version(directory, &name)?,
        }
        // From here on the file is no longer ours to remove.
        self.place.name.clear();
        Ok(())
    }

    /// Takes `name`; a file that has it gets the name of a version.
    ///
    /// The new file first takes the version's name, then the two are exchanged: at no moment is
    /// `name` missing or any content without a name, whoever else uploads it meanwhile, and
    /// wherever the power fails.
    fn keep_version(&mut self, directory: &Arc<OwnedFd>, name: &[u8]) -> Result<(), Blocked> {
        for _ in 0..RACES_MAX {
            match self.place.take_free_name(directory, name, self.policy) {
                Err(Blocked::Exists) => {}
                settled => return settled,
            }
            if !check_existing(directory, name, self.policy)? {
                continue;
            }
            self.place.take_version_name(directory, name, self.policy)?;
            match exchange(directory, &self.place.name, name, self.policy) {
                Ok(()) => return Ok(()),
                Err(Errno::NOENT) => {}
                Err(errno) if is_unsupported(errno) => {
                    return self.keep_version_by_link(directory, name);
                }
                Err(errno) => return Err(Blocked::Kernel(errno)),
            }
        }
        Err(Blocked::Kernel(Errno::BUSY))
    }

    /// As [`Part::keep_version`], where two files cannot be exchanged (NFS): the old one gets a
    /// second name, then the new one takes the first. Between the two steps another upload could
    /// take the name and be lost, hence the lock; another server on the same directory is not
    /// guarded against.
    fn keep_version_by_link(
        &mut self,
        directory: &Arc<OwnedFd>,
        name: &[u8],
    ) -> Result<(), Blocked> {
        let versions = Arc::clone(&self.versions);
        let _one_at_a_time = versions.lock().unwrap_or_else(PoisonError::into_inner);
        for version in version_names(name) {
            match linkat(
                &**directory,
                name,
                &**directory,
                &version[..],
                AtFlags::empty(),
            ) {
                Ok(()) | Err(Errno::NOENT) => return self.place.replace(directory, name),
                Err(Errno::EXIST) => {}
                Err(errno) => return Err(Blocked::Kernel(errno)),
            }
        }
        Err(Blocked::Kernel(Errno::BUSY))
    }
}

impl Place {
    /// Moves the file to the name of a version of `name`.
    fn take_version_name(
        &mut self,
        directory: &Arc<OwnedFd>,
        name: &[u8],
        policy: Policy,
    ) -> Result<(), Blocked> {
        for version in version_names(name) {
            match self.take_free_name(directory, &version, policy) {
                Err(Blocked::Exists) => {}
                taken => return taken,
            }
        }
        Err(Blocked::Kernel(Errno::BUSY))
    }

    /// Moves the file to `name` unless something has it.
    fn take_free_name(
        &mut self,
        directory: &Arc<OwnedFd>,
        name: &[u8],
        policy: Policy,
    ) -> Result<(), Blocked> {
        let renamed = if policy.rename_flags {
            renameat_with(
                &*self.directory,
                &self.name[..],
                &**directory,
                name,
                RenameFlags::NOREPLACE,
            )
        } else {
            Err(Errno::INVAL)
        };
        match renamed {
            Err(errno) if is_unsupported(errno) => {
                // A second name fails just as surely when something has it; then the first goes.
                linkat(
                    &*self.directory,
                    &self.name[..],
                    &**directory,
                    name,
                    AtFlags::empty(),
                )
                .map_err(blocked)?;
                unlinkat(&*self.directory, &self.name[..], AtFlags::empty()).map_err(blocked)?;
            }
            renamed => renamed.map_err(blocked)?,
        }
        self.moved(directory, name);
        Ok(())
    }

    /// Moves the file to `name`, in the place of what has it.
    fn replace(&mut self, directory: &Arc<OwnedFd>, name: &[u8]) -> Result<(), Blocked> {
        renameat(&*self.directory, &self.name[..], &**directory, name).map_err(blocked)?;
        self.moved(directory, name);
        Ok(())
    }

    fn moved(&mut self, directory: &Arc<OwnedFd>, name: &[u8]) {
        self.directory = Arc::clone(directory);
        self.name = name.to_vec();
    }
}

fn blocked(errno: Errno) -> Blocked {
    match errno {
        Errno::EXIST => Blocked::Exists,
        Errno::ISDIR => Blocked::Directory,
        errno => Blocked::Kernel(errno),
    }
}

fn exchange(directory: &OwnedFd, new: &[u8], old: &[u8], policy: Policy) -> Result<(), Errno> {
    if !policy.rename_flags {
        return Err(Errno::INVAL);
    }
    renameat_with(directory, new, directory, old, RenameFlags::EXCHANGE)
}

/// `name.20261122-080900`, `name.20261122-080900-1`, ...
fn version_names(name: &[u8]) -> impl Iterator<Item = Vec<u8>> {
    let first = [name, b".", stamp(SystemTime::now()).as_bytes()].concat();
    (0..VERSIONS_MAX).map(move |count| match count {
        0 => first.clone(),
        _ => [&first[..], format!("-{count}").as_bytes()].concat(),
    })
}

/// Directories made for an upload, removed again if it does not get its name after all.
struct Made {
    /// The directory that was there, then those on the way to the innermost.
    path: Vec<Arc<OwnedFd>>,
    /// The names of those that are new, each with the index of its parent in `path`.
    new: Vec<(usize, Vec<u8>)>,
}

impl Made {
    fn new(base: Arc<OwnedFd>) -> Self {
        Self {
            path: vec![base],
            new: Vec::new(),
        }
    }

    fn make(&mut self, names: &[Vec<u8>]) -> Result<(), Errno> {
        for name in names {
            let parent = self.innermost();
            match mkdirat(&*parent, &name[..], Mode::from_raw_mode(0o777)) {
                Ok(()) => self.new.push((self.path.len() - 1, name.clone())),
                // Another upload was faster. Were it a link, NOFOLLOW would refuse it.
                Err(Errno::EXIST) => {}
                Err(errno) => return Err(errno),
            }
            let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
            self.path
                .push(Arc::new(openat(&*parent, &name[..], flags, Mode::empty())?));
        }
        Ok(())
    }

    fn innermost(&self) -> Arc<OwnedFd> {
        // The base is always there.
        Arc::clone(&self.path[self.path.len() - 1])
    }

    /// Makes every changed directory durable.
    fn keep(mut self) -> Result<(), Errno> {
        self.new.clear();
        for directory in self.path.iter().rev() {
            match fsync(&**directory) {
                // Some file systems sync no directories.
                Err(errno) if is_unsupported(errno) => {}
                synced => synced?,
            }
        }
        Ok(())
    }
}

impl Drop for Made {
    fn drop(&mut self) {
        for (parent, name) in self.new.drain(..).rev() {
            // Fails as it should if another upload has put something there.
            let _ = unlinkat(&*self.path[parent], &name[..], AtFlags::REMOVEDIR);
        }
    }
}
