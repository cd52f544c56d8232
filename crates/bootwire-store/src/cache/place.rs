//! The cache directory as it was opened: noticed when somebody replaces or removes it.

use std::fs::{File, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use rustix::fs::{FlockOperation, flock};
use tokio::time::Instant;

use super::private;
use super::salt::Salt;
use super::storage::Storage;

/// How often the directory is looked at, at most.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Where everything is, and the lock on it.
pub(super) struct Place {
    pub(super) dir: PathBuf,
    pub(super) objects: PathBuf,
    pub(super) incoming: PathBuf,
    state: Mutex<State>,
}

struct State {
    /// Held for as long as this process uses the directory.
    lock: File,
    looked: Instant,
}

/// What a look has found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Look {
    /// Nothing new.
    Same,
    /// Another directory, or none: now one that is locked, with what was in it.
    Replaced,
    /// A directory within it was gone, and was made again.
    Mended,
}

fn same(one: &Metadata, another: &Metadata) -> bool {
    (one.dev(), one.ino()) == (another.dev(), another.ino())
}

fn lock(dir: &Path) -> io::Result<File> {
    let lock = private::create(&dir.join("lock"))?;
    flock(&lock, FlockOperation::NonBlockingLockExclusive).map_err(|errno| {
        let error = io::Error::from(errno);
        let hint = "another process uses this cache, or it cannot be locked";
        io::Error::new(error.kind(), format!("{hint}: {error}"))
    })?;
    Ok(lock)
}

impl Place {
    /// Makes the directory if need be, and locks it. The salt comes with whether it is new.
    pub(super) fn open(dir: &Path, storage: &dyn Storage) -> io::Result<(Self, Salt)> {
        private::make_dir(dir)?;
        let (objects, incoming) = (dir.join("objects"), dir.join("incoming"));
        let lock = lock(dir)?;
        // What was on its way when the last process ended is of no use.
        storage.remove_all(&incoming)?;
        private::make_own_dir(&incoming)?;
        let (salt, fresh) = Salt::open(&dir.join("salt"))?;
        if fresh {
            // Whose they are cannot be told any more.
            storage.remove_all(&objects)?;
        }
        private::make_own_dir(&objects)?;
        storage.make_dir(&objects)?;
        let looked = Instant::now();
        let place = Self {
            dir: dir.to_owned(),
            objects,
            incoming,
            state: Mutex::new(State { lock, looked }),
        };
        Ok((place, salt))
    }

    /// Looks whether the directory is the one that was opened, and opens the one that is there now.
    /// Blocks on the disk.
    pub(super) fn look(&self) -> io::Result<Look> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.looked.elapsed() < LOOK_EVERY {
            return Ok(Look::Same);
        }
        let ours = state.lock.metadata()?;
        let here = std::fs::metadata(self.dir.join("lock"));
        let look = match here {
            Ok(here) if same(&here, &ours) => {
                let whole = self.objects.is_dir() && self.incoming.is_dir();
                if whole { Look::Same } else { Look::Mended }
            }
            _ => {
                let renewed = private::make_dir(&self.dir).and_then(|()| lock(&self.dir));
                state.lock = renewed.map_err(|error| self.lost(&error))?;
                // Those who fetch have the salt of the start. The next process takes this one.
                Salt::open(&self.dir.join("salt")).map_err(|error| self.lost(&error))?;
                Look::Replaced
            }
        };
        if look != Look::Same {
            for dir in [&self.objects, &self.incoming] {
                private::make_own_dir(dir).map_err(|error| self.lost(&error))?;
            }
        }
        state.looked = Instant::now();
        Ok(look)
    }

    fn lost(&self, error: &io::Error) -> io::Error {
        let dir = self.dir.display();
        let text = format!(
            "{dir} was replaced or removed, and what is there now cannot be used: {error}; \
             restart the server"
        );
        io::Error::new(error.kind(), text)
    }
}
