//! Temporary files of a server that was killed.

use std::os::fd::OwnedFd;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rustix::fs::{AtFlags, Dir as Entries, FileType, statat, unlinkat};

use super::part::SUFFIX;
use crate::name::RESERVED_PREFIX;

/// No upload is without a new byte for so long, so what is older belongs to nobody.
const AGE_MIN: Duration = Duration::from_secs(24 * 3600);

/// Most entries of the directory looked at.
const ENTRIES_MAX: usize = 65_536;

/// Removes old temporary files directly in `directory`. What cannot be read or removed stays: it
/// does no harm, and a server that cannot start would.
pub(super) fn remove(directory: &OwnedFd, now: SystemTime) {
    let Ok(entries) = Entries::read_from(directory) else {
        return;
    };
    let oldest = now
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default()
        .saturating_sub(AGE_MIN)
        .as_secs();
    for entry in entries.take(ENTRIES_MAX).flatten() {
        let name = entry.file_name().to_bytes();
        if !name.starts_with(RESERVED_PREFIX) || !name.ends_with(SUFFIX) {
            continue;
        }
        let Ok(stat) = statat(directory, name, AtFlags::SYMLINK_NOFOLLOW) else {
            continue;
        };
        let is_old = u64::try_from(stat.st_mtime).is_ok_and(|modified| modified < oldest);
        if is_old && FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile {
            let _ = unlinkat(directory, name, AtFlags::empty());
        }
    }
}
