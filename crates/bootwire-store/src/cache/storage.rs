//! Where bytes of objects are written.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

/// Writes into files of the cache. A test's may fill up at any byte.
pub(crate) trait Storage: Send + Sync + 'static {
    /// Writes all of `bytes`, or fails with some of them written. Blocks on the disk.
    fn write_all_at(&self, file: &File, bytes: &[u8], at: u64) -> io::Result<()>;

    /// Whether bytes that could not be written count as written: a fault that tests plant.
    #[cfg(test)]
    fn forgets_the_tail(&self) -> bool {
        false
    }
}

/// The file system.
pub(crate) struct Files;

impl Storage for Files {
    fn write_all_at(&self, file: &File, bytes: &[u8], at: u64) -> io::Result<()> {
        file.write_all_at(bytes, at)
    }
}
