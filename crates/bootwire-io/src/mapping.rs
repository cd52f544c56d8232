//! Mapped files.
use std::{fs::File, io, marker::PhantomData, ops::Range};

/// Read-only shared mapping of a regular file, read only by the kernel.
#[derive(Debug)]
pub struct Mapping(());

/// Part of a [`Mapping`].
#[derive(Clone, Copy, Debug)]
pub struct MappedRange<'a>(PhantomData<&'a Mapping>);

impl Mapping {
    /// Maps the first `len` bytes.
    pub fn new(file: &File, len: u64) -> io::Result<Self> {
        let _ = (file, len);
        todo!()
    }
    /// Bytes mapped.
    pub fn len(&self) -> u64 {
        todo!()
    }
    /// Never true.
    pub fn is_empty(&self) -> bool {
        todo!()
    }
    /// A part, cut to what is mapped.
    pub fn range(&self, range: Range<u64>) -> MappedRange<'_> {
        let _ = range;
        todo!()
    }
    /// Brings pages into memory.
    pub fn populate(&self, range: Range<u64>) -> io::Result<()> {
        let _ = range;
        todo!()
    }
}

impl MappedRange<'_> {
    /// Bytes.
    pub fn len(&self) -> usize {
        todo!()
    }
    /// No bytes.
    pub fn is_empty(&self) -> bool {
        todo!()
    }
}

/// Whether mapping is wise.
pub fn mappable(file: &File) -> bool {
    let _ = file;
    todo!()
}
