//! Whether there are other threads yet.

use crate::SandboxError;

/// Fails if this process has more than one thread: the others would keep all their rights.
pub(super) fn expect_none() -> Result<(), SandboxError> {
    // Without /proc there is nothing to tell.
    let count = std::fs::read_dir("/proc/self/task").map_or(1, Iterator::count);
    if count > 1 {
        return Err(SandboxError::Threads(count));
    }
    Ok(())
}
