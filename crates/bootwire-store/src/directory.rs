//! A directory by its path: whichever has the name now.

use std::collections::HashMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError, RwLock, Weak};
use std::time::{Duration, Instant};

use rustix::io::Errno;

use crate::beneath::{OpenError, Root};
use crate::blocking::Blocking;
use crate::kept::Kept;

/// Time between two looks at whether another directory has the name. Somebody who replaces a
/// directory waits no longer than a second for what is in it.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// What an operator should know of a directory that is served or uploaded into.
#[derive(Debug)]
#[non_exhaustive]
pub enum DirEvent {
    /// Another directory has its name now, and is used from here on. Transfers that run keep what
    /// they have.
    Replaced {
        /// The path.
        path: PathBuf,
    },
    /// Nothing has its name any more. What had it is used, wherever it is, until something has.
    Missing {
        /// The path.
        path: PathBuf,
    },
    /// The one that was missing is back.
    Back {
        /// The path.
        path: PathBuf,
    },
    /// Another directory has its name, but something keeps the server out of it: a sandbox that
    /// was closed around the old one. The old one is used.
    OutOfReach {
        /// The path.
        path: PathBuf,
    },
    /// The server may not see what has its name, and will not notice when it is replaced.
    Unseen {
        /// The path.
        path: PathBuf,
        /// What the kernel says.
        error: std::io::Error,
    },
}

impl fmt::Display for DirEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Replaced { path } => write!(
                f,
                "the directory {} was replaced: the new one is used from now on",
                path.display()
            ),
            Self::Missing { path } => write!(
                f,
                "the directory {} is gone: the old one is used, wherever it is, until there is one \
                 again",
                path.display()
            ),
            Self::Back { path } => {
                write!(f, "the directory {} is back", path.display())
            }
            Self::OutOfReach { path } => write!(
                f,
                "the directory {} was replaced, and the sandbox keeps the server out of the new \
                 one: the old one is used until the server is restarted",
                path.display()
            ),
            Self::Unseen { path, error } => write!(
                f,
                "cannot see what the directory {} is now ({error}): if it is replaced, restart the \
                 server",
                path.display()
            ),
        }
    }
}

/// Hears of what happens to a directory.
pub(crate) type Observer = Arc<dyn Fn(&DirEvent) + Send + Sync>;

/// All that is open, by absolute path: a thousand routes into one directory hold it open once.
static OPEN: LazyLock<Mutex<HashMap<PathBuf, Weak<Directory>>>> = LazyLock::new(Mutex::default);

/// When the first look of this process was: looks are counted from there.
static START: LazyLock<Instant> = LazyLock::new(Instant::now);

/// A directory that is served or uploaded into.
pub(crate) struct Directory {
    path: PathBuf,
    root: RwLock<Arc<Root>>,
    /// Milliseconds after [`START`] at which the next look is due.
    due: AtomicU64,
    trouble: Mutex<Trouble>,
    observer: Mutex<Option<Observer>>,
    /// Threads that look up and open files in it.
    pub(crate) reads: Blocking,
    /// Files of it that are kept open.
    pub(crate) kept: Kept,
}

/// What is wrong with the name and has been told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Trouble {
    #[default]
    None,
    Missing,
    Unseen,
    /// This one is out of reach.
    OutOfReach((u64, u64)),
}

impl fmt::Debug for Directory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Directory").field(&self.path).finish()
    }
}

impl Directory {
    /// Opens the directory that has this path now, or takes the one that is open.
    pub(crate) fn open(path: &Path) -> Result<Arc<Self>, OpenError> {
        let root = Root::open(path)?;
        let Ok(name) = std::path::absolute(path) else {
            return Ok(Arc::new(Self::new(root)));
        };
        let mut open = OPEN.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(directory) = open.get(&name).and_then(Weak::upgrade) {
            drop(open);
            directory.put(root);
            return Ok(directory);
        }
        open.retain(|_, directory| directory.strong_count() > 0);
        let directory = Arc::new(Self::new(root));
        open.insert(name, Arc::downgrade(&directory));
        Ok(directory)
    }

    fn new(root: Root) -> Self {
        Self {
            path: root.path().to_owned(),
            root: RwLock::new(Arc::new(root)),
            due: AtomicU64::new(next_look()),
            trouble: Mutex::default(),
            observer: Mutex::default(),
            reads: Blocking::new(),
            kept: Kept::default(),
        }
    }

    /// As on a kernel without `openat2`.
    #[cfg(test)]
    pub(crate) fn open_walking(path: &Path) -> Result<Arc<Self>, OpenError> {
        Ok(Arc::new(Self::new(Root::open_walking(path)?)))
    }

    /// Has a look due at once.
    #[cfg(test)]
    pub(crate) fn expire(&self) {
        self.due.store(0, Ordering::Relaxed);
    }

    /// Who hears of what happens to it from now on. Those who share it share that.
    pub(crate) fn observe(&self, observer: Observer) {
        *self.observer.lock().unwrap_or_else(PoisonError::into_inner) = Some(observer);
    }

    /// The directory, without asking whether another has its name.
    pub(crate) fn held(&self) -> Arc<Root> {
        Arc::clone(&self.root.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// The directory that has the name now, or had it half a second ago. May wait for the disk.
    pub(crate) fn now(&self) -> Arc<Root> {
        let due = self.due.load(Ordering::Relaxed);
        // One looks; the others go on with what there is.
        if is_due(due)
            && self
                .due
                .compare_exchange(due, next_look(), Ordering::Relaxed, Ordering::Relaxed)
                .is_ok()
        {
            self.look();
        }
        self.held()
    }

    /// As [`Directory::now`], if that can be told without waiting.
    pub(crate) fn now_cached(&self) -> Option<Arc<Root>> {
        let root = self.held();
        if is_due(self.due.load(Ordering::Relaxed)) {
            if root.look_cached() != Some(root.identity()) {
                return None;
            }
            self.due.store(next_look(), Ordering::Relaxed);
            self.settled();
        }
        Some(root)
    }

    fn look(&self) {
        let root = self.held();
        match root.look() {
            Ok(identity) if identity == root.identity() => self.settled(),
            // By the name that was looked at, and not from a working directory.
            Ok(_) => match Root::open(root.name()) {
                Ok(root) => self.replace(root),
                Err(error) => self.unseen(error.into_reason()),
            },
            Err(Errno::NOENT | Errno::NOTDIR) => {
                if self.is_news(Trouble::Missing) {
                    self.tell(&DirEvent::Missing {
                        path: self.path.clone(),
                    });
                }
            }
            Err(errno) => self.unseen(errno.into()),
        }
    }

    fn replace(&self, root: Root) {
        if root.is_out_of_reach() {
            if self.is_news(Trouble::OutOfReach(root.identity())) {
                self.tell(&DirEvent::OutOfReach {
                    path: self.path.clone(),
                });
            }
            return;
        }
        *self.trouble() = Trouble::None;
        self.put(root);
        self.tell(&DirEvent::Replaced {
            path: self.path.clone(),
        });
    }

    /// Uses `root` if it is another directory.
    fn put(&self, root: Root) {
        let mut held = self.root.write().unwrap_or_else(PoisonError::into_inner);
        if held.identity() != root.identity() {
            *held = Arc::new(root);
            drop(held);
            self.kept.let_all_go();
        }
    }

    /// The name leads where it did.
    fn settled(&self) {
        let before = std::mem::take(&mut *self.trouble());
        if before == Trouble::Missing {
            self.tell(&DirEvent::Back {
                path: self.path.clone(),
            });
        }
    }

    fn unseen(&self, error: std::io::Error) {
        if self.is_news(Trouble::Unseen) {
            self.tell(&DirEvent::Unseen {
                path: self.path.clone(),
                error,
            });
        }
    }

    fn is_news(&self, trouble: Trouble) -> bool {
        std::mem::replace(&mut *self.trouble(), trouble) != trouble
    }

    fn trouble(&self) -> MutexGuard<'_, Trouble> {
        self.trouble.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tell(&self, event: &DirEvent) {
        let observer = self
            .observer
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        if let Some(observer) = observer {
            observer(event);
        }
    }
}

fn millis(time: Instant) -> u64 {
    u64::try_from(time.saturating_duration_since(*START).as_millis()).unwrap_or(u64::MAX)
}

fn is_due(due: u64) -> bool {
    millis(Instant::now()) >= due
}

fn next_look() -> u64 {
    millis(Instant::now() + LOOK_EVERY)
}
