//! Files and directories that only the server's user may read: a token may have fetched them.

use std::fs::{DirBuilder, File, OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;

const DIR_MODE: u32 = 0o700;
const FILE_MODE: u32 = 0o600;

/// Makes a directory, and those above it, unless it is there.
pub(super) fn make_dir(dir: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(DIR_MODE).create(dir)
}

/// As [`make_dir`], for a directory of the cache alone: one that others could read is closed.
pub(super) fn make_own_dir(dir: &Path) -> io::Result<()> {
    make_dir(dir)?;
    // By descriptor: a call that the sandbox leaves.
    let open = File::open(dir)?;
    if open.metadata()?.permissions().mode() & 0o077 == 0 {
        return Ok(());
    }
    match open.set_permissions(Permissions::from_mode(DIR_MODE)) {
        // Somebody else's directory that we may use: how open it is was his choice.
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => Ok(()),
        result => result,
    }
}

/// How files are made.
pub(super) fn options() -> OpenOptions {
    let mut options = File::options();
    options.read(true).mode(FILE_MODE);
    options
}

/// Makes a file to read and write, or empties it.
pub(super) fn create(path: &Path) -> io::Result<File> {
    options().write(true).create(true).truncate(true).open(path)
}
