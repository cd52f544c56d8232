//! What tells one version of a file from another.

use std::fs::Metadata;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// What tells one version of a file from another: its device, inode, size and times. A file that is
/// edited, replaced by `rename` or reached by another link has another one, on every file system.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Stamp {
    device: u64,
    inode: u64,
    size: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

impl Stamp {
    /// Of the file that this is of.
    #[must_use]
    pub fn of(metadata: &Metadata) -> Self {
        Self {
            device: metadata.dev(),
            inode: metadata.ino(),
            size: metadata.size(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        }
    }

    /// Of the file at `path` now, through links; `None` if it is not there. Blocks on the disk.
    ///
    /// # Errors
    /// What the system says, if it cannot be seen.
    pub fn at(path: &Path) -> io::Result<Option<Self>> {
        match std::fs::metadata(path) {
            Ok(metadata) => Ok(Some(Self::of(&metadata))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Size of the file in bytes.
    #[must_use]
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// When its content was changed last: seconds since 1970, and nanoseconds.
    pub(crate) const fn modified(&self) -> (i64, i64) {
        self.modified
    }

    /// Whether the content is the same. The change time alone does not say so: it also moves when a file
    /// is renamed, linked or unlinked, which is how files are replaced well.
    pub(crate) fn same_content(&self, other: &Self) -> bool {
        self.size == other.size && self.modified == other.modified
    }
}
