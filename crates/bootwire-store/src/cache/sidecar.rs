//! The text beside each cached object: what it is, and which of its chunks are whole.
//!
//! One JSON object on each line, the first of them about the object, each other about a chunk:
//!
//! ```text
//! {"bootwire_cache":2,"origin":"https://repo/boot/","object":"vmlinuz","size":9000000,…}
//! {"chunk":0,"sha256":"6ab3…"}
//! ```
//!
//! Lines are only ever added, after the bytes they speak of. Nothing is synced to the disk: after a
//! power failure a line may speak of bytes that were lost, but then its sum does not match, and the
//! chunk is fetched again. A line cut short counts as missing.

use std::io;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::chunks::{self, CHUNK, Sum};
use super::key::Key;
use super::storage::Storage;
use crate::origin::Version;

/// The form of the text.
const FORMAT: u32 = 2;
/// Longest text, in bytes: one for an object of 10 TiB with every chunk fetched twice.
const TEXT_MAX: u64 = 512 << 20;

/// What a sidecar's first line says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Header {
    bootwire_cache: u32,
    pub(crate) origin: String,
    /// A hash of what decides who may fetch it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub(crate) access: String,
    pub(crate) object: String,
    pub(crate) size: u64,
    chunk_size: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    etag: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    modified: Option<String>,
    /// Whether the origin does not send parts.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) whole: bool,
}

#[derive(Serialize, Deserialize)]
struct Line {
    chunk: usize,
    sha256: String,
}

impl Header {
    pub(crate) fn new(key: &Key, version: &Version, size: u64, whole: bool) -> Self {
        Self {
            bootwire_cache: FORMAT,
            origin: key.origin.to_string(),
            access: key.access.to_string(),
            object: key.object.to_string(),
            size,
            chunk_size: CHUNK,
            etag: version.etag.clone(),
            modified: version.modified.clone(),
            whole,
        }
    }

    pub(crate) fn version(&self) -> Version {
        Version {
            etag: self.etag.clone(),
            modified: self.modified.clone(),
        }
    }
}

/// Writes a new sidecar, with the sums that are known.
pub(crate) fn create(
    storage: &dyn Storage,
    path: &Path,
    header: &Header,
    sums: &[Option<Sum>],
) -> io::Result<()> {
    let mut text = serde_json::to_vec(header)?;
    text.push(b'\n');
    for (chunk, sum) in sums.iter().enumerate() {
        if let Some(sum) = sum {
            text.extend_from_slice(&line(chunk, *sum)?);
        }
    }
    storage.write_text(path, &text)
}

/// Adds that `chunk` is whole.
pub(crate) fn append(storage: &dyn Storage, path: &Path, chunk: usize, sum: Sum) -> io::Result<()> {
    storage.append(path, &line(chunk, sum)?)
}

fn line(chunk: usize, sum: Sum) -> io::Result<Vec<u8>> {
    let sha256 = sum.to_string();
    // A line end first: what a crash left of the last line must not spoil this one.
    let mut line = vec![b'\n'];
    serde_json::to_writer(&mut line, &Line { chunk, sha256 })?;
    line.push(b'\n');
    Ok(line)
}

/// Reads a sidecar: what the object is, and the sum of each chunk that is said to be whole.
pub(crate) fn read(storage: &dyn Storage, path: &Path) -> io::Result<(Header, Vec<Option<Sum>>)> {
    let text = storage.read_text(path, TEXT_MAX)?;
    let mut lines = text.split(|&byte| byte == b'\n');
    let header: Header = serde_json::from_slice(lines.next().unwrap_or_default())?;
    if header.bootwire_cache != FORMAT || header.chunk_size != CHUNK {
        return Err(io::Error::other("written by another version"));
    }
    let count = chunks::count(header.size);
    if count as u64 > TEXT_MAX / 64 {
        return Err(io::Error::other("an object too large to be true"));
    }
    let mut sums = vec![None; count];
    for line in lines {
        let Ok(line) = serde_json::from_slice::<Line>(line) else {
            continue;
        };
        if let Some(sum) = sums.get_mut(line.chunk) {
            *sum = Sum::parse(&line.sha256);
        }
    }
    Ok((header, sums))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cache::storage::Files;
    use crate::origin::ObjectName;

    fn header(size: u64) -> Header {
        let version = Version {
            etag: Some("\"1\"".to_owned()),
            modified: None,
        };
        let key = Key {
            origin: "http://o/".into(),
            access: "0a".into(),
            object: ObjectName::from_encoded("a%20b"),
        };
        Header::new(&key, &version, size, false)
    }

    #[test]
    fn what_is_written_is_read_and_a_line_cut_short_is_no_line() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x.meta");
        let header = header(3 * CHUNK);
        let (one, two) = (Sum::of(b"one"), Sum::of(b"two"));
        create(&Files, &path, &header, &[None, None, Some(one)]).unwrap();
        append(&Files, &path, 0, one).unwrap();
        append(&Files, &path, 0, two).unwrap();
        append(&Files, &path, 7, two).unwrap();
        let read_back = read(&Files, &path).unwrap();
        assert_eq!(read_back, (header, vec![Some(two), None, Some(one)]));
        assert_eq!(read_back.0.version().etag.as_deref(), Some("\"1\""));
        let text = std::fs::read(&path).unwrap();
        for cut in 0..text.len() {
            std::fs::write(&path, &text[..cut]).unwrap();
            if let Ok((_, sums)) = read(&Files, &path) {
                append(&Files, &path, 1, one).unwrap();
                assert_eq!(read(&Files, &path).unwrap().1[1], Some(one), "cut at {cut}");
                assert!(sums[0].is_none_or(|sum| sum == one || sum == two));
            }
        }
    }

    #[test]
    fn a_sidecar_is_not_made_of_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x.meta");
        assert!(append(&Files, &path, 0, Sum::of(b"")).is_err());
        for text in ["", "{}", "[]", "{\"bootwire_cache\":1}", "\n\n", "\0\u{1}"] {
            std::fs::write(&path, text).unwrap();
            assert!(read(&Files, &path).is_err(), "{text:?}");
        }
        let mut other = header(1);
        other.chunk_size = 1;
        create(&Files, &path, &other, &[]).unwrap();
        assert!(read(&Files, &path).is_err());
        create(&Files, &path, &header(u64::MAX), &[]).unwrap();
        assert!(read(&Files, &path).is_err());
    }
}
