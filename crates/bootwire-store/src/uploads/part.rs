//! The temporary file of an upload.

use std::fs::File;
use std::hash::{BuildHasher, RandomState};
use std::io::Write as _;
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use bootwire::{Reason, Refusal};
use rustix::fs::{Access, AtFlags, Mode, OFlags, accessat, openat, unlinkat};
use rustix::io::Errno;
use rustix::process::{Resource, getrlimit};

use super::Policy;
use super::space::Share;
use super::target::Target;
use crate::errno::{refuse, refuse_io};
use crate::name::{RESERVED_PREFIX, Shown};

/// How a temporary name ends.
pub(super) const SUFFIX: &[u8] = b".part";

/// Temporary names tried until one is free. They are random: a second try is rare.
const NAMES_MAX: usize = 8;

/// An upload that has not taken its name. Dropped, it removes its file, at once and on the thread
/// that drops it: a server on its way down has no other.
pub(super) struct Part {
    pub(super) target: Target,
    pub(super) policy: Policy,
    pub(super) versions: Arc<Mutex<()>>,
    pub(super) file: File,
    /// Where the file is now.
    pub(super) place: Place,
    /// Its share of the space.
    pub(super) share: Share,
    written: u64,
    _open: Open,
}

/// A name in a directory.
pub(super) struct Place {
    pub(super) directory: Arc<OwnedFd>,
    /// Empty once the file has its final name and must stay.
    pub(super) name: Vec<u8>,
}

impl Drop for Place {
    fn drop(&mut self) {
        if !self.name.is_empty() {
            // Nobody is left to tell; the next start removes what is old.
            let _ = unlinkat(&*self.directory, &self.name[..], AtFlags::empty());
        }
    }
}

impl Part {
    /// Makes the temporary file for an upload of which `announced` bytes are to come.
    pub(super) fn create(
        target: Target,
        policy: Policy,
        versions: Arc<Mutex<()>>,
        announced: u64,
    ) -> Result<Self, Refusal> {
        let open = Open::one()?;
        let make = || {
            create_hidden(&target.base)
                .map_err(|errno| refuse_new(errno, &target.base, &target.path))
        };
        let keep = policy.keep_free;
        let (share, (file, name)) = Share::take(&target.base, keep, announced, &target.path, make)?;
        let place = Place {
            directory: Arc::clone(&target.base),
            name,
        };
        Ok(Self {
            target,
            policy,
            versions,
            file,
            place,
            share,
            written: 0,
            _open: open,
        })
    }

    /// Bytes so far.
    pub(super) const fn written(&self) -> u64 {
        self.written
    }

    /// Adds `data`. After an error the upload is lost.
    pub(super) fn write(&mut self, data: &[u8]) -> Result<(), Refusal> {
        let end = self.written + data.len() as u64;
        if end > self.policy.size_max {
            return Err(too_large(self.policy));
        }
        self.share
            .want(&self.target.base, data.len() as u64, &self.target.path)?;
        self.file
            .write_all(data)
            .map_err(|error| refuse_io(&error, Shown(&self.target.path)))?;
        self.share.wrote(data.len() as u64);
        self.written = end;
        Ok(())
    }
}

/// A new file that nobody else can see into, under a name that nobody asks for.
fn create_hidden(directory: &OwnedFd) -> Result<(File, Vec<u8>), Errno> {
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let mut tries = 1;
    loop {
        // Keyed afresh each time, and EXCL settles what randomness does not.
        let random = RandomState::new().hash_one(tries);
        let name = [RESERVED_PREFIX, format!("{random:016x}").as_bytes(), SUFFIX].concat();
        match openat(directory, &name[..], flags, Mode::RUSR | Mode::WUSR) {
            Ok(file) => return Ok((File::from(file), name)),
            Err(Errno::EXIST | Errno::INTR) if tries < NAMES_MAX => tries += 1,
            Err(errno) => return Err(errno),
        }
    }
}

/// Why nothing can be made in `directory`. Where its mode would allow it, it is the sandbox that does
/// not: it was closed around another directory by this name.
fn refuse_new(errno: Errno, directory: &OwnedFd, path: &[u8]) -> Refusal {
    let wanted = Access::WRITE_OK | Access::EXEC_OK;
    let allowed = || accessat(directory, ".", wanted, AtFlags::empty()).is_ok();
    if errno == Errno::ACCESS && allowed() {
        return Refusal::denied().because(format_args!(
            "{}: the sandbox keeps the server from writing there: if the directory was replaced, \
             restart the server",
            Shown(path)
        ));
    }
    refuse(errno, Shown(path))
}

/// Refuses what is larger than uploads may be.
pub(super) fn too_large(policy: Policy) -> Refusal {
    Refusal::new(Reason::TooLarge)
        .because(format_args!("uploads may have {} bytes", policy.size_max))
}

/// Uploads that have files open, in the whole process.
static OPEN: AtomicUsize = AtomicUsize::new(0);

/// Descriptors that an upload takes while it is under way: its file and its directory.
const DESCRIPTORS: u64 = 2;

/// One of them. Together they take half of all descriptors at most: reads have to go on.
struct Open;

impl Open {
    fn one() -> Result<Self, Refusal> {
        let limit = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
        let most = usize::try_from(limit / 2 / DESCRIPTORS).unwrap_or(usize::MAX);
        // Given back when it is dropped, also if it is one too many.
        let open = Self;
        if OPEN.fetch_add(1, Ordering::Relaxed) < most.max(1) {
            Ok(open)
        } else {
            Err(Refusal::busy().because(format_args!(
                "{most} uploads at once are all that the limit of descriptors allows"
            )))
        }
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        OPEN.fetch_sub(1, Ordering::Relaxed);
    }
}
