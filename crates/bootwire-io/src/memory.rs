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

/// Has the allocator share its free memory between threads. By default every thread that allocates
/// gets an arena of its own, up to eight for each processor, and what was freed there serves no other
/// thread: threads that make texts of hundreds of kilobytes, one after the other, keep megabytes
/// each. Blocks of less than a kilobyte come from a thread's own store either way.
///
/// For the beginning of a program: arenas that are there stay. Does nothing where the C library is
/// not glibc.
pub fn share_free_memory(arenas: usize) {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    {
        let arenas = libc::c_int::try_from(arenas.max(1)).unwrap_or(libc::c_int::MAX);
        // SAFETY: it sets a number in the allocator, under the allocator's own lock.
        unsafe {
            libc::mallopt(libc::M_ARENA_MAX, arenas);
        }
    }
    #[cfg(not(all(target_os = "linux", target_env = "gnu")))]
    let _ = arenas;
}
