//! A hint to the processor.

/// Bytes the processor fetches at once.
const LINE: usize = 64;

/// Has the first `bytes` bytes of `value` (at most all of it) brought into the cache, and does not
/// wait for them: for what is looked at soon, with something else to do before. Where it is in the
/// cache already this costs next to nothing.
///
/// Does nothing on processors other than x86-64.
#[inline]
pub fn prefetch<T>(value: &T, bytes: usize) {
    #[cfg(target_arch = "x86_64")]
    for at in (0..bytes.min(size_of::<T>())).step_by(LINE) {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        let line = std::ptr::from_ref(value).cast::<i8>().wrapping_add(at);
        // SAFETY: it is a hint, which changes nothing and never faults; the address is in `value`.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(line) };
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = (value, bytes, LINE);
}
