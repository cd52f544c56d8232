//! Files that are sent while they fill up.

use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use bootwire_io::{MappedRange, Mapping};
use bytes::Bytes;

use crate::{BoxFuture, Refusal, Source};

/// Knows which parts of a [`PartialFile`] have arrived, and gets those that have not.
///
/// One filling serves every transfer of its file: it is asked for the same range by many of them,
/// and sees to it that the content comes only once.
pub trait Filling: Send + Sync + 'static {
    /// The end of what has arrived without a gap from byte `from` on: `from` itself if that byte
    /// is not here. Content that was here once stays. Must not wait for anything.
    fn here(&self, from: u64) -> u64;

    /// Waits until byte `range.start` has arrived. What follows it up to `range.end` will be asked
    /// for soon, so it is worth having it fetched already.
    ///
    /// # Errors
    /// A refusal, when the byte cannot be had, ends the transfer that needs it with an ERROR.
    fn ready(&self, range: Range<u64>) -> BoxFuture<'_, Result<(), Refusal>>;
}

/// A file of known size that is sent while it fills up, in any order: the copy of an object whose
/// origin is elsewhere.
///
/// The parts that have arrived go out as those of an [`OpenFile`](super::file::OpenFile) do: from
/// the page cache, never read in user space. They must not change any more.
pub struct PartialFile {
    file: File,
    size: u64,
    mapping: Option<Mapping>,
    filling: Arc<dyn Filling>,
}

impl PartialFile {
    /// Takes a file that `filling` fills up to `size` bytes. It has that length already (see
    /// `ftruncate(2)`), the missing parts as holes. Asks the kernel for a mapping, and waits for
    /// no content.
    ///
    /// # Errors
    /// `InvalidInput` if it is not a regular file of `size` bytes, or what the kernel says.
    pub fn new(file: File, size: u64, filling: Arc<dyn Filling>) -> io::Result<Arc<Self>> {
        let metadata = file.metadata()?;
        if !metadata.is_file() || metadata.len() != size {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                "not a regular file of the size given",
            ));
        }
        let mappable = size > 0 && bootwire_io::mappable(&file);
        let mapping = mappable.then(|| Mapping::new(&file, size)).transpose()?;
        Ok(Arc::new(Self {
            file,
            size,
            mapping,
            filling,
        }))
    }

    /// Size in bytes, once it is full.
    #[must_use]
    pub const fn len(&self) -> u64 {
        self.size
    }

    /// Whether it holds nothing, and never will.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.size == 0
    }

    /// The descriptor.
    pub(crate) const fn file(&self) -> &File {
        &self.file
    }

    /// The end of what has arrived from the beginning on.
    pub(crate) fn here(&self) -> u64 {
        self.filling.here(0).min(self.size)
    }

    /// Whether it is mapped, so that the kernel alone reads it.
    pub(crate) const fn is_mapped(&self) -> bool {
        self.mapping.is_some()
    }

    /// A part of the content; empty where it is not mapped.
    pub(crate) fn range(&self, range: Range<u64>) -> Option<MappedRange<'_>> {
        self.mapping.as_ref().map(|mapping| mapping.range(range))
    }

    /// Waits until the file is here beyond `range.start`, and in memory. Tells up to where; no
    /// further than `range.end`, which should lie beyond the start.
    pub(crate) async fn bring(self: Arc<Self>, range: Range<u64>) -> Result<u64, Refusal> {
        let range = range.start..range.end.min(self.size);
        if range.is_empty() {
            return Ok(range.start);
        }
        self.filling.ready(range.clone()).await?;
        let here = self.filling.here(range.start).min(range.end);
        if here <= range.start {
            return Err(Refusal::internal().because("a filling said ready, and had nothing"));
        }
        // What arrived long ago may have left the page cache.
        let populate = move || match &self.mapping {
            Some(mapping) => mapping.populate(range.start..here),
            None => Ok(()),
        };
        tokio::task::spawn_blocking(populate)
            .await
            .map_err(io::Error::other)
            .flatten()
            .map_err(|error| Refusal::origin().because(error))?;
        Ok(here)
    }
}

impl std::fmt::Debug for PartialFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PartialFile")
            .field("size", &self.size)
            .finish_non_exhaustive()
    }
}

/// A partial file read piece by piece, where it is not sent from a mapping.
pub(crate) struct PartialSource {
    file: Arc<PartialFile>,
    offset: u64,
}

impl PartialSource {
    pub(crate) const fn new(file: Arc<PartialFile>) -> Self {
        Self { file, offset: 0 }
    }

    async fn piece(&mut self) -> io::Result<Bytes> {
        let offset = self.offset;
        if offset == self.file.len() {
            return Ok(Bytes::new());
        }
        let wanted = offset..(offset + crate::file::READ_AHEAD).min(self.file.len());
        let ready = self.file.filling.ready(wanted).await;
        ready.map_err(io::Error::other)?;
        let here = self
            .file
            .filling
            .here(offset)
            .min(offset + crate::file::READ_PIECE);
        let file = Arc::clone(&self.file);
        let read = move || {
            let mut piece = vec![0; (here - offset) as usize];
            file.file.read_exact_at(&mut piece, offset).map(|()| piece)
        };
        let piece = tokio::task::spawn_blocking(read)
            .await
            .map_err(io::Error::other)??;
        self.offset += piece.len() as u64;
        Ok(piece.into())
    }
}

impl Source for PartialSource {
    fn size(&self) -> Option<u64> {
        Some(self.file.len())
    }

    fn next(&mut self) -> BoxFuture<'_, io::Result<Bytes>> {
        Box::pin(self.piece())
    }
}
