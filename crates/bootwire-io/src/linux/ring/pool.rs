//! Buffers the kernel fills, handed to it through a ring of their own.

use std::{
    io,
    ptr::NonNull,
    sync::atomic::{AtomicU16, Ordering},
};

use io_uring::{Submitter, types::BufRingEntry};
use rustix::mm::{MapFlags, ProtFlags, mmap_anonymous, munmap};

use crate::Ring;

/// Fewest and most buffers. Powers of two, the kernel wants it so.
const COUNTS: (usize, usize) = (64, 4096);

/// The group of buffers: a ring has only this one.
pub(super) const GROUP: u16 = 0;

/// The buffers. Each is the kernel's, which may write to it at any time, or ours, from the
/// completion that names it until it is given back.
pub(super) struct Pool {
    /// The kernel's view: `count` entries, in memory of its own, as they start on a page.
    entries: NonNull<BufRingEntry>,
    /// `count` times `size` bytes, likewise.
    bytes: NonNull<u8>,
    count: u16,
    size: usize,
    /// Where the next buffer given back goes; the kernel sees it when published.
    tail: u16,
}

impl Pool {
    /// Buffers of `size` bytes, none of them the kernel's yet.
    pub(super) fn new(size: usize) -> io::Result<Self> {
        let size = size.next_multiple_of(8);
        let count = (Ring::ROOM / size).clamp(COUNTS.0, COUNTS.1);
        let count = 1_usize << count.ilog2();
        let entries_len = count * size_of::<BufRingEntry>();
        let entries = map(entries_len)?;
        let bytes = map(count * size).inspect_err(|_| unmap(entries, entries_len))?;
        Ok(Self {
            entries: entries.cast(),
            bytes,
            count: count as u16,
            size,
            tail: 0,
        })
    }

    /// Makes them known to the kernel, and all of them its.
    pub(super) fn register(&mut self, submitter: &Submitter<'_>) -> io::Result<()> {
        let entries = self.entries.as_ptr() as u64;
        // SAFETY: the entries are as many as told, and are unmapped only after the ring is gone.
        unsafe { submitter.register_buf_ring_with_flags(entries, self.count, GROUP, 0)? };
        (0..self.count).for_each(|buffer| self.give_back(buffer));
        self.publish();
        Ok(())
    }

    /// Gives a buffer back to the kernel, which hears of it with [`Pool::publish`]. It must be
    /// ours, and nothing may refer to it any more.
    pub(super) fn give_back(&mut self, buffer: u16) {
        let place = usize::from(self.tail & (self.count - 1));
        let bytes = self
            .bytes
            .as_ptr()
            .wrapping_add(usize::from(buffer) * self.size);
        let entry = self.entries.as_ptr().wrapping_add(place);
        // SAFETY: the place is below `count`, and the kernel does not look at entries beyond the
        // tail it was told. The tail itself shares the first entry, but none of these fields.
        let entry = unsafe { &mut *entry };
        entry.set_addr(bytes as u64);
        entry.set_len(self.size as u32);
        entry.set_bid(buffer);
        self.tail = self.tail.wrapping_add(1);
    }

    /// Tells the kernel of all buffers given back.
    pub(super) fn publish(&mut self) {
        // SAFETY: this is the first entry, which is initialised.
        let tail = unsafe { BufRingEntry::tail(self.entries.as_ptr()) };
        // SAFETY: it is aligned, valid as long as the pool, and the kernel only reads it.
        let tail = unsafe { AtomicU16::from_ptr(tail.cast_mut()) };
        tail.store(self.tail, Ordering::Release);
    }

    /// The first `len` bytes of a buffer.
    ///
    /// # Safety
    /// The buffer must be ours for as long as the result lives.
    pub(super) unsafe fn filled(&self, buffer: u16, len: usize) -> &[u8] {
        let buffer = buffer & (self.count - 1);
        let first = self
            .bytes
            .as_ptr()
            .wrapping_add(usize::from(buffer) * self.size);
        // SAFETY: within the mapping, which is initialised from the start, and nobody writes.
        unsafe { std::slice::from_raw_parts(first, len.min(self.size)) }
    }

    /// Unmaps the memory.
    ///
    /// # Safety
    /// No request that may write to a buffer may be under way, and the ring must be gone.
    pub(super) unsafe fn free(&mut self) {
        let count = usize::from(self.count);
        unmap(self.entries.cast(), count * size_of::<BufRingEntry>());
        unmap(self.bytes, count * self.size);
    }
}

fn map(len: usize) -> io::Result<NonNull<u8>> {
    let access = ProtFlags::READ | ProtFlags::WRITE;
    // SAFETY: a new mapping at a place the kernel picks.
    let first = unsafe { mmap_anonymous(std::ptr::null_mut(), len, access, MapFlags::PRIVATE)? };
    NonNull::new(first.cast()).ok_or_else(|| io::ErrorKind::OutOfMemory.into())
}

fn unmap(first: NonNull<u8>, len: usize) {
    // SAFETY: only called with what `map` made, when nothing refers to it any more.
    let _ = unsafe { munmap(first.as_ptr().cast(), len) };
}
