//! A token in a file, read again when the file changes: tokens run out, and others are put in their
//! place while the server runs.

use std::fs::{self, Metadata};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use reqwest::header::HeaderValue;

use super::EndpointError;

/// How often the file is looked at, at most.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// Longest token that is read, in bytes.
const MAX: u64 = 64 << 10;

/// A token as it is in its file. Clones share it.
#[derive(Clone)]
pub(super) struct TokenFile(Arc<Inner>);

struct Inner {
    file: PathBuf,
    known: Mutex<Known>,
}

struct Known {
    value: HeaderValue,
    /// The state of the file that the value is of.
    stamp: Option<Stamp>,
    looked: Instant,
}

/// What tells one state of a file from another.
type Stamp = (u64, u64, u64, i64, i64);

impl TokenFile {
    /// Reads the token. Blocks on the disk.
    pub(super) fn open(file: &Path) -> Result<Self, EndpointError> {
        let (value, stamp) = read(file)?;
        let known = Known {
            value,
            stamp,
            looked: Instant::now(),
        };
        Ok(Self(Arc::new(Inner {
            file: file.to_owned(),
            known: Mutex::new(known),
        })))
    }

    /// What goes out as `Authorization`, as of a second ago at most. A file that cannot be read at the
    /// moment, or holds no token, changes nothing.
    pub(super) async fn now(&self) -> HeaderValue {
        let inner = Arc::clone(&self.0);
        {
            let known = self.known();
            if known.looked.elapsed() < LOOK_EVERY {
                return known.value.clone();
            }
        }
        // The disk may be slow; who posts waits for it, and nobody else.
        let _ = tokio::task::spawn_blocking(move || inner.look()).await;
        self.known().value.clone()
    }

    fn known(&self) -> std::sync::MutexGuard<'_, Known> {
        self.0.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn look(&self) {
        let now = fs::metadata(&self.file).ok().as_ref().map(stamp);
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.looked = Instant::now();
        if now.is_none() || known.stamp == now {
            return;
        }
        drop(known);
        if let Ok((value, stamp)) = read(&self.file) {
            let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
            (known.value, known.stamp) = (value, stamp);
        }
    }
}

fn stamp(file: &Metadata) -> Stamp {
    (
        file.dev(),
        file.ino(),
        file.size(),
        file.mtime(),
        file.mtime_nsec(),
    )
}

fn read(file: &Path) -> Result<(HeaderValue, Option<Stamp>), EndpointError> {
    let shown = file.display();
    let cannot =
        |why: &dyn std::fmt::Display| EndpointError::of(format!("cannot read {shown}: {why}"));
    // Before it is read: what changes meanwhile is seen the next time.
    let before = fs::metadata(file).map_err(|error| cannot(&error))?;
    if before.len() > MAX {
        return Err(cannot(&"it is too long for a token"));
    }
    let text = fs::read_to_string(file).map_err(|error| cannot(&error))?;
    let token = text.trim();
    let value = HeaderValue::from_str(&format!("Bearer {token}"));
    let mut value = value.map_err(|_| cannot(&"what is in it cannot be sent"))?;
    if token.is_empty() {
        return Err(cannot(&"it is empty"));
    }
    value.set_sensitive(true);
    Ok((value, Some(stamp(&before))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_file_that_changes_is_read_again() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("token");
        assert!(TokenFile::open(&file).is_err());
        fs::write(&file, "one\n").unwrap();
        let token = TokenFile::open(&file).unwrap();
        let until = async |wanted: &str| {
            while token.now().await != *wanted {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        until("Bearer one").await;
        fs::write(dir.path().join("new"), " second ").unwrap();
        fs::rename(dir.path().join("new"), &file).unwrap();
        until("Bearer second").await;
        // What makes no sense, or is gone, leaves it as it was.
        for spoil in [
            &(|| fs::write(&file, "").unwrap()) as &dyn Fn(),
            &|| fs::write(&file, "a\u{1}b").unwrap(),
            &|| fs::remove_file(&file).unwrap(),
        ] {
            spoil();
            tokio::time::sleep(LOOK_EVERY + Duration::from_millis(50)).await;
            assert_eq!(token.now().await, "Bearer second");
        }
        fs::write(&file, "third").unwrap();
        until("Bearer third").await;
    }
}
