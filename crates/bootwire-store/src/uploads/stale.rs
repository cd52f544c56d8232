//! Temporary files of a server that was killed.

use std::collections::VecDeque;
use std::os::fd::OwnedFd;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rustix::fs::{AtFlags, Dir as Entries, FileType, Mode, OFlags, openat, statat, unlinkat};

use super::part::SUFFIX;
use crate::name::RESERVED_PREFIX;

/// No upload is without a new byte for so long, so what is older belongs to nobody.
pub(super) const AGE_MIN: Duration = Duration::from_secs(24 * 3600);

/// Most entries looked at when the server starts. The rest waits for the first upload.
pub(super) const ENTRIES_AT_START: usize = 65_536;
/// Most entries looked at later, beside the uploads.
pub(super) const ENTRIES_MAX: usize = 16 << 20;

/// Most directories remembered to be looked at: those beyond wait for the next time.
const DIRECTORIES_MAX: usize = 65_536;

/// Removes old temporary files in `root` and below, and looks at `entries` entries at most; `false`
/// if that was not all. Follows no links and leaves other file systems alone. What cannot be read
/// or removed stays: it does no harm, and a server that cannot start would.
pub(super) fn remove(root: &OwnedFd, now: SystemTime, mut entries: usize) -> bool {
    let Ok(device) = rustix::fs::fstat(root).map(|stat| stat.st_dev) else {
        return true;
    };
    let oldest = now
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default()
        .saturating_sub(AGE_MIN)
        .as_secs();
    // Names from the root down: a descriptor for each would be many.
    let mut pending = VecDeque::from([Vec::new()]);
    let mut all = true;
    while let Some(path) = pending.pop_front() {
        let Some(directory) = enter(root, &path) else {
            continue;
        };
        let Ok(found) = Entries::read_from(&directory) else {
            continue;
        };
        for entry in found.flatten() {
            let name = entry.file_name().to_bytes();
            if name == b"." || name == b".." {
                continue;
            }
            let Some(left) = entries.checked_sub(1) else {
                return false;
            };
            entries = left;
            let is_ours = name.starts_with(RESERVED_PREFIX) && name.ends_with(SUFFIX);
            let may_be_directory =
                matches!(entry.file_type(), FileType::Directory | FileType::Unknown);
            if !is_ours && !may_be_directory {
                continue;
            }
            let Ok(stat) = statat(&directory, name, AtFlags::SYMLINK_NOFOLLOW) else {
                continue;
            };
            match FileType::from_raw_mode(stat.st_mode) {
                FileType::RegularFile if is_ours => {
                    let is_old = u64::try_from(stat.st_mtime).is_ok_and(|time| time < oldest);
                    if is_old {
                        let _ = unlinkat(&directory, name, AtFlags::empty());
                    }
                }
                FileType::Directory if stat.st_dev == device => {
                    if pending.len() < DIRECTORIES_MAX {
                        pending.push_back([&path[..], b"/", name].concat());
                    } else {
                        all = false;
                    }
                }
                _ => {}
            }
        }
    }
    all
}

/// Opens a directory below `root`, component by component: none of them may have become a link.
fn enter(root: &OwnedFd, path: &[u8]) -> Option<OwnedFd> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let mut directory = openat(root, ".", flags, Mode::empty()).ok()?;
    for component in crate::name::components(path) {
        directory = openat(&directory, component, flags, Mode::empty()).ok()?;
    }
    Some(directory)
}
