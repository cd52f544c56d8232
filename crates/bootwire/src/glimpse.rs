//! A look at what a reply holds, beside its transfer.

use std::io;
use std::sync::Arc;

use bytes::Bytes;

use crate::Reply;
use crate::content::Content;
use crate::file::{OpenFile, PartialFile};

/// The beginning of a reply's content, for somebody who wants to look at it while the transfer goes
/// its way: which files a boot loader's configuration names, what kind of program a file is.
///
/// It is cheap to take, on a worker's thread too; [`Glimpse::read`] is what costs.
///
/// ```
/// use bootwire::Reply;
///
/// let glimpse = Reply::text("#!ipxe\nboot http://192.0.2.1/x\n").glimpse().expect("it is in memory");
/// assert_eq!(glimpse.read(6).expect("nothing to fail"), "#!ipxe");
/// ```
#[derive(Clone, Debug)]
pub struct Glimpse(Kind);

#[derive(Clone, Debug)]
enum Kind {
    Memory(Bytes),
    File(Arc<OpenFile>),
    Partial(Arc<PartialFile>),
}

impl Reply {
    /// What can be read of its content without touching the transfer; `None` for streams, which can
    /// be read only once.
    #[must_use]
    pub fn glimpse(&self) -> Option<Glimpse> {
        let kind = match &self.content {
            Content::Memory(bytes) => Kind::Memory(bytes.clone()),
            Content::File { file, .. } => Kind::File(Arc::clone(file)),
            Content::Partial { file, .. } => Kind::Partial(Arc::clone(file)),
            Content::Stream(_) => return None,
        };
        Some(Glimpse(kind))
    }
}

impl Glimpse {
    /// Whether it is in memory, so that reading waits for no disk.
    #[must_use]
    pub const fn is_in_memory(&self) -> bool {
        matches!(self.0, Kind::Memory(_))
    }

    /// Reads the content's first `max` bytes, or all of it if there are fewer. Of a file that fills
    /// up, what is here by now, which may be nothing. May block on the disk: call it where that is
    /// fine.
    ///
    /// # Errors
    /// What the kernel says.
    pub fn read(&self, max: usize) -> io::Result<Bytes> {
        match &self.0 {
            Kind::Memory(bytes) => Ok(bytes.slice(..max.min(bytes.len()))),
            Kind::File(file) => head(file.file(), max as u64, file.len()),
            Kind::Partial(file) => head(file.file(), max as u64, file.here()),
        }
    }
}

/// Reads the first bytes of a file, which is left where it is.
fn head(file: &std::fs::File, max: u64, len: u64) -> io::Result<Bytes> {
    use std::os::unix::fs::FileExt;

    let mut head = vec![0; max.min(len) as usize];
    let mut filled = 0;
    while filled < head.len() {
        match file.read_at(&mut head[filled..], filled as u64) {
            // It was cut meanwhile.
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    head.truncate(filled);
    Ok(head.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_in_memory_or_in_a_file_can_be_looked_at() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "from a file").unwrap();
        let file = OpenFile::new(file.reopen().unwrap()).unwrap();
        for (reply, whole, in_memory) in [
            (Reply::text("text"), "text", true),
            (Reply::empty(), "", true),
            (Reply::file(file), "from a file", false),
        ] {
            let glimpse = reply.glimpse().unwrap();
            assert_eq!(glimpse.is_in_memory(), in_memory);
            assert_eq!(glimpse.read(100).unwrap(), whole);
            assert_eq!(glimpse.read(2).unwrap(), whole.get(..2).unwrap_or_default());
        }
        assert!(Reply::stream(&b"once"[..]).glimpse().is_none());
    }
}
