//! Space on file systems that uploads share.
//!
//! What one upload may still write is spoken for before another one is promised any: all uploads of
//! the process count together, whichever directory of a file system they go to.

use std::collections::HashMap;
use std::os::fd::OwnedFd;
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};

use bootwire::{Reason, Refusal};
use rustix::fs::{StatVfs, fstat, fstatvfs};

use crate::errno::refuse;
use crate::name::Shown;

/// What stays free by default, in bytes; of a small file system less.
const KEEP_FREE: u64 = 64 << 20;
/// The part of a small file system that stays free by default.
const KEEP_PART: u64 = 16;
/// Bytes that an upload of unknown size is promised at a time: the first, and at most. In between
/// as many as it has.
const STEP_MIN: u64 = 64 << 10;
const STEP_MAX: u64 = 4 << 20;

/// What must stay free on a file system.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum KeepFree {
    /// What suits its size.
    Default,
    Bytes(u64),
}

impl KeepFree {
    /// In bytes, of a file system with `size`.
    fn bytes(self, size: u64) -> u64 {
        match self {
            Self::Default => KEEP_FREE.min(size / KEEP_PART),
            Self::Bytes(bytes) => bytes,
        }
    }
}

/// How much there is, in bytes, and how many files; `None` where a file system does not say.
#[derive(Clone, Copy, Debug)]
struct Free {
    size: u64,
    bytes: Option<u64>,
    inodes: Option<u64>,
    /// All there are.
    inodes_size: u64,
}

impl From<StatVfs> for Free {
    fn from(stat: StatVfs) -> Self {
        // Some network file systems say nothing; then only the write itself can tell.
        let told = |blocks: u64, value: u64| (blocks != 0).then_some(value);
        Self {
            size: stat.f_blocks.saturating_mul(stat.f_frsize),
            bytes: told(stat.f_blocks, stat.f_bavail.saturating_mul(stat.f_frsize)),
            inodes: told(stat.f_files, stat.f_favail),
            inodes_size: stat.f_files,
        }
    }
}

/// Bytes that are promised on one file system and not written yet.
#[derive(Debug, Default)]
struct Promised {
    bytes: Mutex<u64>,
}

impl Promised {
    fn lock(&self) -> MutexGuard<'_, u64> {
        self.bytes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// By device.
static PROMISED: LazyLock<Mutex<HashMap<u64, Arc<Promised>>>> = LazyLock::new(Mutex::default);

fn promised_on(device: u64) -> Arc<Promised> {
    let mut all = PROMISED.lock().unwrap_or_else(PoisonError::into_inner);
    // What nobody has promises on is forgotten: devices come and go.
    all.retain(|&known, promised| known == device || Arc::strong_count(promised) > 1);
    Arc::clone(all.entry(device).or_default())
}

/// The share of one upload.
#[derive(Debug)]
pub(super) struct Share {
    on: Arc<Promised>,
    keep: KeepFree,
    /// Promised to this one and not written yet.
    left: u64,
    written: u64,
}

impl Share {
    /// Room for a new file of which `announced` bytes are to come; 0 if nobody knows. `make` makes
    /// it, while nobody else takes the last inode.
    pub(super) fn take<T>(
        directory: &OwnedFd,
        keep: KeepFree,
        announced: u64,
        path: &[u8],
        make: impl FnOnce() -> Result<T, Refusal>,
    ) -> Result<(Self, T), Refusal> {
        let stat = fstat(directory).map_err(|errno| refuse(errno, Shown(path)))?;
        let on = promised_on(stat.st_dev);
        let mut promised = on.lock();
        let free = look(directory, path)?;
        check(free, keep, *promised, announced.max(1))?;
        let made = make()?;
        *promised += announced;
        drop(promised);
        let share = Self {
            on,
            keep,
            left: announced,
            written: 0,
        };
        Ok((share, made))
    }

    /// Whether there is room for a new file of `announced` bytes now.
    pub(super) fn look(
        directory: &OwnedFd,
        keep: KeepFree,
        announced: u64,
        path: &[u8],
    ) -> Result<(), Refusal> {
        let stat = fstat(directory).map_err(|errno| refuse(errno, Shown(path)))?;
        let promised = *promised_on(stat.st_dev).lock();
        check(look(directory, path)?, keep, promised, announced.max(1))
    }

    /// Room for `wanted` more bytes.
    pub(super) fn want(
        &mut self,
        directory: &OwnedFd,
        wanted: u64,
        path: &[u8],
    ) -> Result<(), Refusal> {
        let Some(lacking) = wanted.checked_sub(self.left).filter(|&lacking| lacking > 0) else {
            return Ok(());
        };
        let mut promised = self.on.lock();
        let free = look(directory, path)?;
        let step = self.written.clamp(STEP_MIN, STEP_MAX).max(lacking);
        // Near the end of the space there is as much as is needed.
        let more = match check(free, self.keep, *promised, step) {
            Ok(()) => step,
            Err(_) => {
                check(free, self.keep, *promised, lacking)?;
                lacking
            }
        };
        *promised += more;
        drop(promised);
        self.left += more;
        Ok(())
    }

    /// More must stay free from now on.
    #[cfg(test)]
    pub(super) fn keep_free(&mut self, bytes: u64) {
        self.keep = KeepFree::Bytes(bytes);
    }

    /// `bytes` of what was wanted are written: they show in what is free.
    pub(super) fn wrote(&mut self, bytes: u64) {
        let kept = bytes.min(self.left);
        self.left -= kept;
        self.written += bytes;
        let mut promised = self.on.lock();
        *promised = promised.saturating_sub(kept);
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        let mut promised = self.on.lock();
        *promised = promised.saturating_sub(self.left);
    }
}

fn look(directory: &OwnedFd, path: &[u8]) -> Result<Free, Refusal> {
    let stat = fstatvfs(directory).map_err(|errno| refuse(errno, Shown(path)))?;
    Ok(stat.into())
}

/// Refuses if `wanted` more bytes would eat into what must stay free, or a new file would.
fn check(free: Free, keep: KeepFree, promised: u64, wanted: u64) -> Result<(), Refusal> {
    let keep_bytes = keep.bytes(free.size);
    if let Some(bytes) = free.bytes {
        let needed = keep_bytes.saturating_add(promised).saturating_add(wanted);
        if bytes < needed {
            let help = if keep_bytes >= free.size {
                ", which is more than the file system has"
            } else {
                ""
            };
            return Err(Refusal::new(Reason::DiskFull).because(format_args!(
                "{bytes} bytes free, {wanted} wanted, {promised} promised to other uploads, and \
                 {keep_bytes} must stay free (keep_free){help}"
            )));
        }
    }
    if let Some(inodes) = free.inodes {
        // The same part of them as of the bytes.
        let keep_inodes =
            u128::from(free.inodes_size) * u128::from(keep_bytes) / u128::from(free.size.max(1));
        if u128::from(inodes) <= keep_inodes.min(u128::from(free.inodes_size)) {
            return Err(Refusal::new(Reason::DiskFull).because(format_args!(
                "{inodes} inodes free, and {keep_inodes} must stay free (keep_free)"
            )));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: u64 = 1 << 20;

    fn free(size: u64, bytes: u64, inodes_size: u64, inodes: u64) -> Free {
        Free {
            size,
            bytes: Some(bytes),
            inodes: (inodes_size > 0).then_some(inodes),
            inodes_size,
        }
    }

    #[test]
    fn a_small_file_system_keeps_a_part_of_itself_free() {
        for (size, kept) in [(500_000, 31_250), (64 * MIB, 4 * MIB), (1 << 40, 64 * MIB)] {
            assert_eq!(KeepFree::Default.bytes(size), kept);
            assert_eq!(KeepFree::Bytes(7).bytes(size), 7);
            let full = check(free(size, kept, 0, 0), KeepFree::Default, 0, 1);
            assert!(full.is_err());
            check(free(size, kept + 1, 0, 0), KeepFree::Default, 0, 1).unwrap();
            assert!(check(free(size, kept + 1, 0, 0), KeepFree::Default, 1, 1).is_err());
        }
    }

    #[test]
    fn the_setting_that_asks_too_much_is_named() {
        let keep = KeepFree::Bytes(64 * MIB);
        let refusal = check(free(500_000, 400_000, 0, 0), keep, 0, 1).unwrap_err();
        let detail = refusal.detail().unwrap();
        assert!(
            detail.ends_with("must stay free (keep_free), which is more than the file system has"),
            "{detail}"
        );
    }

    #[test]
    fn inodes_are_kept_free_as_bytes_are() {
        let keep = KeepFree::Bytes(100);
        check(free(1000, 900, 1000, 101), keep, 0, 1).unwrap();
        let refusal = check(free(1000, 900, 1000, 100), keep, 0, 1).unwrap_err();
        assert_eq!(refusal.reason(), Reason::DiskFull);
        assert!(check(free(1000, 900, 1000, 0), KeepFree::Bytes(0), 0, 1).is_err());
        check(free(1000, 900, 1000, 1), KeepFree::Bytes(0), 0, 1).unwrap();
    }

    #[test]
    fn promises_count_until_they_are_kept_or_given_back() {
        let on = Arc::<Promised>::default();
        let share = |left| {
            *on.lock() += left;
            Share {
                on: Arc::clone(&on),
                keep: KeepFree::Bytes(0),
                left,
                written: 0,
            }
        };
        let (mut one, two) = (share(100), share(50));
        one.wrote(30);
        assert_eq!((*on.lock(), one.left), (120, 70));
        one.wrote(90);
        assert_eq!((*on.lock(), one.left), (50, 0));
        drop(two);
        assert_eq!(*on.lock(), 0);
        drop(one);
        assert_eq!(*on.lock(), 0);
    }
}
