//! Memory that is free and still the process's.

/// Gives the system back what the allocator keeps of memory that was freed. After a crowd has gone
/// that may be most of what the process holds. Takes milliseconds at most, during which threads that
/// allocate may wait.
///
/// Does nothing where the C library is not glibc: others keep little.
pub fn give_back_memory() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    // SAFETY: it takes the allocator's own locks and touches nothing that is in use.
    unsafe {
        libc::malloc_trim(0);
    }
}
