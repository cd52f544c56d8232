//! Files as the kernel sends them: mapped, and never read here.

use std::{ffi::c_void, fs::File, io, marker::PhantomData, ops::Range, os::fd::AsFd, ptr};

use rustix::mm::{Advice, MapFlags, ProtFlags};

/// Bytes read at a time where pages must be brought in by reading.
const SCRATCH_LEN: usize = 256 * 1024;

/// Reads pages in, and waits until they are there (Linux 5.14).
const POPULATE: Option<Advice> = {
    #[cfg(target_os = "linux")]
    let advice = Some(Advice::LinuxPopulateRead);
    #[cfg(not(target_os = "linux"))]
    let advice = None;
    advice
};

/// A read-only shared mapping of a regular file, read by the kernel alone.
///
/// Who reads a mapping of a file that has become shorter is killed by a signal. The kernel is
/// not: a send answers `EFAULT`, told as [`FailureKind::Fault`](crate::FailureKind::Fault). So
/// there is no way to get at the bytes; they go from the page cache to the wire. Bytes that are
/// overwritten in place go out as they are at that moment.
#[derive(Debug)]
pub struct Mapping {
    start: *mut c_void,
    len: usize,
    /// To read the file where the kernel cannot populate a mapping.
    file: Option<File>,
}

// SAFETY: the mapping is never written to nor read by this process, and belongs to no thread.
unsafe impl Send for Mapping {}
// SAFETY: as above; all methods are system calls that may run side by side.
unsafe impl Sync for Mapping {}

impl Mapping {
    /// Maps the first `len` bytes of a file. They need not all be there: what lies beyond its end
    /// fails to be sent.
    ///
    /// # Errors
    /// `InvalidInput` if `len` is 0 or no address space holds it; otherwise what the kernel
    /// says, as for a file that cannot be mapped.
    pub fn new(file: &File, len: u64) -> io::Result<Self> {
        let len = usize::try_from(len)
            .ok()
            .filter(|len| *len > 0 && isize::try_from(*len).is_ok());
        let len = len.ok_or(io::ErrorKind::InvalidInput)?;
        let copy = if can_populate() {
            None
        } else {
            Some(file.try_clone()?)
        };
        // SAFETY: a new mapping at an address of the kernel's choice touches no memory in use.
        let start = unsafe {
            rustix::mm::mmap(
                ptr::null_mut(),
                len,
                ProtFlags::READ,
                MapFlags::SHARED,
                file,
                0,
            )
        }?;
        Ok(Self {
            start,
            len,
            file: copy,
        })
    }

    /// Bytes mapped.
    pub const fn len(&self) -> u64 {
        self.len as u64
    }

    /// Never true: there is no empty mapping.
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The bytes of a range, as far as they are mapped.
    #[inline]
    pub fn range(&self, range: Range<u64>) -> MappedRange<'_> {
        let range = self.within(&range);
        MappedRange {
            start: self.start.cast::<u8>().wrapping_add(range.start),
            len: range.len(),
            mapping: PhantomData,
        }
    }

    /// Brings the bytes of a range into memory, so that sending them does not wait for the disk.
    /// Waits for it instead: not for a thread that has other transfers to look after. The kernel
    /// may drop them again later.
    ///
    /// # Errors
    /// `EFAULT` or `UnexpectedEof` if the file has become shorter; what the disk says.
    pub fn populate(&self, range: Range<u64>) -> io::Result<()> {
        let range = self.within(&range);
        if range.is_empty() {
            return Ok(());
        }
        if let Some(file) = &self.file {
            return read_through(file, &range);
        }
        let Some(advice) = POPULATE else {
            return Ok(());
        };
        let page_start = range.start - range.start % rustix::param::page_size();
        let start = self.start.cast::<u8>().wrapping_add(page_start).cast();
        // SAFETY: the range begins on a page within this mapping and ends within it; populating
        // changes nothing but what is in memory.
        let populated = unsafe { rustix::mm::madvise(start, range.end - page_start, advice) };
        Ok(populated?)
    }

    fn within(&self, range: &Range<u64>) -> Range<usize> {
        let clamp = |at: u64| usize::try_from(at).unwrap_or(usize::MAX).min(self.len);
        let end = clamp(range.end);
        clamp(range.start).min(end)..end
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        // SAFETY: this is the whole of a mapping made by `new`, and ranges borrow it. It cannot
        // fail for such a one, so there is nothing to report.
        let _ = unsafe { rustix::mm::munmap(self.start, self.len) };
    }
}

/// Part of a [`Mapping`], to be sent as [`Payload::Mapped`](crate::Payload::Mapped).
#[derive(Clone, Copy, Debug)]
pub struct MappedRange<'a> {
    start: *const u8,
    len: usize,
    mapping: PhantomData<&'a Mapping>,
}

// SAFETY: it is an address within a mapping that is borrowed, and is not read here.
unsafe impl Send for MappedRange<'_> {}
// SAFETY: as above.
unsafe impl Sync for MappedRange<'_> {}

impl MappedRange<'_> {
    /// Its length in bytes.
    pub const fn len(&self) -> usize {
        self.len
    }

    /// Whether it has no bytes.
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The first `at` bytes, or all if there are fewer, and the rest.
    #[must_use]
    #[inline]
    pub fn split_at(self, at: usize) -> (Self, Self) {
        let at = at.min(self.len);
        let head = Self { len: at, ..self };
        let tail = Self {
            start: self.start.wrapping_add(at),
            len: self.len - at,
            ..self
        };
        (head, tail)
    }

    /// For the kernel's eyes only.
    pub(crate) const fn as_ptr(&self) -> *const u8 {
        self.start
    }
}

/// Reads a range for no other reason than to have it in the page cache.
fn read_through(file: &File, range: &Range<usize>) -> io::Result<()> {
    use std::os::unix::fs::FileExt;

    let mut scratch = vec![0; range.len().min(SCRATCH_LEN)];
    let mut at = range.start;
    while at < range.end {
        let want = scratch.len().min(range.end - at);
        match file.read_at(&mut scratch[..want], at as u64) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(read) => at += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Whether the kernel has `MADV_POPULATE_READ`.
fn can_populate() -> bool {
    use std::sync::OnceLock;

    static CAN: OnceLock<bool> = OnceLock::new();
    let Some(advice) = POPULATE else { return false };
    *CAN.get_or_init(|| {
        let len = rustix::param::page_size();
        // SAFETY: a new mapping at an address of the kernel's choice touches no memory in use.
        let page = unsafe {
            rustix::mm::mmap_anonymous(ptr::null_mut(), len, ProtFlags::READ, MapFlags::PRIVATE)
        };
        let Ok(page) = page else { return false };
        // SAFETY: the range is the mapping just made.
        let populated = unsafe { rustix::mm::madvise(page, len, advice) };
        // SAFETY: as above, and nobody else knows it.
        let _ = unsafe { rustix::mm::munmap(page, len) };
        populated.is_ok()
    })
}

/// Whether a file may be sent from a mapping: a regular file on a [local](is_local) file system.
pub fn mappable(file: &File) -> bool {
    file.metadata().is_ok_and(|metadata| metadata.is_file()) && is_local(file)
}

/// Whether the file system answers from this machine's disks and memory. On a network or user-space
/// file system a page, or the times of a file, may take seconds to come, and another machine may
/// change the content behind the page cache.
#[cfg(target_os = "linux")]
pub fn is_local(fd: impl AsFd) -> bool {
    /// The others, by the magic number of `statfs(2)`.
    const REMOTE: [u32; 17] = [
        0x6969,      // NFS
        0x517B,      // SMB
        0xFF53_4D42, // CIFS
        0xFE53_4D42, // SMB2
        0x0102_1997, // 9P
        0x6573_5546, // FUSE
        0x00C3_6400, // Ceph
        0x5346_414F, // AFS (OpenAFS)
        0x6B41_4653, // AFS (kernel)
        0x7372_7545, // Coda
        0x564C,      // NCP
        0x7461_636F, // OCFS2
        0x0116_1970, // GFS2
        0x0BD0_0BD0, // Lustre
        0x786F_4256, // VirtualBox shared folders
        0x0000_9FA0, // proc: sizes of 0, contents made on reading
        0x6265_6572, // sysfs
    ];
    // The field's width and sign differ between architectures; the numbers are 32 bits.
    rustix::fs::fstatfs(fd).is_ok_and(|fs| !REMOTE.contains(&(fs.f_type as u32)))
}

/// Whether the file system answers from this machine's disks and memory: not known on this system.
#[cfg(not(target_os = "linux"))]
pub fn is_local(_fd: impl AsFd) -> bool {
    false
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    fn file_of(len: usize) -> File {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(&vec![7; len]).unwrap();
        file
    }

    #[test]
    fn ranges_are_cut_to_what_is_mapped() {
        let mapping = Mapping::new(&file_of(10_000), 10_000).unwrap();
        assert_eq!(mapping.len(), 10_000);
        assert_eq!(mapping.range(0..10_000).len(), 10_000);
        assert_eq!(mapping.range(9_990..u64::MAX).len(), 10);
        assert!(mapping.range(20_000..30_000).is_empty());
        let (start, end) = (5, 3); // backwards
        assert!(mapping.range(start..end).is_empty());
        let (head, tail) = mapping.range(0..100).split_at(30);
        assert_eq!((head.len(), tail.len()), (30, 70));
        let (head, tail) = tail.split_at(1000);
        assert_eq!((head.len(), tail.len()), (70, 0));
    }

    #[test]
    fn nothing_cannot_be_mapped() {
        assert_eq!(
            Mapping::new(&file_of(0), 0).unwrap_err().kind(),
            io::ErrorKind::InvalidInput
        );
        assert!(Mapping::new(&file_of(1), u64::MAX).is_err());
    }

    #[test]
    fn populating_tells_of_a_file_that_became_shorter() {
        let file = file_of(100_000);
        let mapping = Mapping::new(&file, 100_000).unwrap();
        mapping.populate(0..100_000).unwrap();
        mapping.populate(5_000..5_001).unwrap();
        mapping.populate(70_000..u64::MAX).unwrap();
        file.set_len(50_000).unwrap();
        mapping.populate(0..50_000).unwrap();
        assert!(mapping.populate(60_000..100_000).is_err());
    }

    #[test]
    fn reading_through_tells_of_a_file_that_became_shorter() {
        let file = file_of(600_000);
        read_through(&file, &(1..600_000)).unwrap();
        file.set_len(300_000).unwrap();
        let error = read_through(&file, &(0..600_000)).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn only_regular_files_of_this_machine_are_mapped() {
        assert!(mappable(&file_of(1)));
        assert!(!mappable(&File::open("/dev/null").unwrap()));
        assert!(!mappable(&File::open("/").unwrap()));
        assert!(!mappable(&File::open("/proc/self/status").unwrap()));
    }
}
