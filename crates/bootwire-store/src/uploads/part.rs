//! The temporary file of an upload.

use std::fs::File;
use std::hash::{BuildHasher, RandomState};
use std::io::Write as _;
use std::os::fd::OwnedFd;
use std::sync::{Arc, Mutex};

use bootwire::{Reason, Refusal};
use rustix::fs::{AtFlags, Mode, OFlags, fstatvfs, openat, unlinkat};
use rustix::io::Errno;

use super::Policy;
use super::target::Target;
use crate::errno::{refuse, refuse_io};
use crate::name::{RESERVED_PREFIX, Shown};

/// How a temporary name ends.
pub(super) const SUFFIX: &[u8] = b".part";

/// Bytes written between two looks at the free space.
const SPACE_CHECK_BYTES: u64 = 4 << 20;

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
    written: u64,
    space_check_at: u64,
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
        if announced > policy.size_max {
            return Err(too_large(policy));
        }
        check_space(&target.base, policy, announced, &target.path)?;
        let (file, name) =
            create_hidden(&target.base).map_err(|errno| refuse(errno, Shown(&target.path)))?;
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
            written: 0,
            space_check_at: SPACE_CHECK_BYTES,
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
        if end >= self.space_check_at {
            check_space(
                &self.target.base,
                self.policy,
                data.len() as u64,
                &self.target.path,
            )?;
            self.space_check_at = end + SPACE_CHECK_BYTES;
        }
        self.file
            .write_all(data)
            .map_err(|error| refuse_io(&error, Shown(&self.target.path)))?;
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

fn too_large(policy: Policy) -> Refusal {
    Refusal::new(Reason::DiskFull)
        .text("File too large")
        .because(format_args!("uploads may have {} bytes", policy.size_max))
}

/// Refuses if `wanted` more bytes would eat into the space that must stay free.
fn check_space(
    directory: &OwnedFd,
    policy: Policy,
    wanted: u64,
    path: &[u8],
) -> Result<(), Refusal> {
    let stat = fstatvfs(directory).map_err(|errno| refuse(errno, Shown(path)))?;
    if stat.f_blocks == 0 {
        // Some network file systems do not say; then only the write itself can tell.
        return Ok(());
    }
    let free = stat.f_bavail.saturating_mul(stat.f_frsize);
    if free < policy.keep_free.saturating_add(wanted) {
        return Err(Refusal::new(Reason::DiskFull).because(format_args!(
            "{free} bytes free, {wanted} wanted, {} must stay free",
            policy.keep_free
        )));
    }
    Ok(())
}
