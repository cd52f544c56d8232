//! Things made from files, made again when the files change.
//!
//! There is no thread that watches. Whoever asks after the interval has passed looks at the files
//! first, on a blocking thread and for a moment at most; everyone else is given what is there. So
//! the first request after an edit sees the edit, a server without requests touches no disk, and
//! a hung file system delays one request by [`PATIENCE`].
//!
//! Files are looked at through links and compared by device, inode, size and times, so that the
//! swapped `..data` link of a Kubernetes volume is a change like any other.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::{Duration, Instant};

pub(crate) use bootwire::file::Stamp;

/// How often files are looked at, unless told otherwise.
pub(crate) const INTERVAL: Duration = Duration::from_secs(1);

/// How long a request waits for the look at the files.
const PATIENCE: Duration = Duration::from_millis(500);

/// Something wrong with a file or an entry, for the operator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Where: a file, often with its line.
    pub place: String,
    /// What, and what was done about it.
    pub what: String,
}

impl Problem {
    pub(crate) fn new(place: impl std::fmt::Display, what: impl std::fmt::Display) -> Self {
        Self {
            place: place.to_string(),
            what: what.to_string(),
        }
    }
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.place, self.what)
    }
}

/// Problems listed at once; the rest is a number.
const PROBLEMS_MAX: usize = 100;

/// Keeps the first problems and says how many there are more.
pub(crate) fn limited(mut problems: Vec<Problem>) -> Vec<Problem> {
    let more = problems.len().saturating_sub(PROBLEMS_MAX);
    problems.truncate(PROBLEMS_MAX);
    if more > 0 {
        problems.push(Problem::new("and", format_args!("{more} problems more")));
    }
    problems
}

/// Is told every problem once, when it appears.
pub(crate) type Report = Arc<dyn Fn(&Problem) + Send + Sync>;

/// Makes a value from files. Everything here may block.
pub(crate) trait Load: Send + Sync + 'static {
    /// What is made.
    type Value: Send + Sync + 'static;

    /// Makes the value anew if its files are no longer what they were.
    fn again(&self, old: &Self::Value) -> Option<Self::Value>;

    /// What is wrong with it.
    fn problems(value: &Self::Value) -> &[Problem];
}

/// Writes the methods of what is made from files and kept in a field `reloading`.
macro_rules! made_from_files {
    ($made:ty) => {
        impl $made {
            /// Looks whether files have changed at most this often, when somebody asks. Default 1 s.
            #[must_use]
            pub fn check_every(self, interval: std::time::Duration) -> Self {
                self.reloading.set_interval(interval);
                self
            }

            /// Has `report` told once of every problem, those there are now at once.
            #[must_use]
            pub fn report(
                self,
                report: impl Fn(&$crate::reload::Problem) + Send + Sync + 'static,
            ) -> Self {
                self.reloading.set_report(std::sync::Arc::new(report));
                self
            }

            /// What is wrong with the files now: mistakes with file and line.
            #[must_use]
            pub fn problems(&self) -> Vec<$crate::reload::Problem> {
                self.reloading.problems()
            }

            /// Looks at the files now. Blocks on the disk.
            pub fn reload(&self) {
                self.reloading.look();
            }
        }
    };
}
pub(crate) use made_from_files;

/// A value and the means to keep it up to date.
pub(crate) struct Reloading<L: Load> {
    watched: Arc<Watched<L>>,
}

struct Watched<L: Load> {
    loader: L,
    current: RwLock<Arc<L::Value>>,
    report: RwLock<Option<Report>>,
    /// Whether somebody is looking at the files.
    looking: AtomicBool,
    born: Instant,
    /// Between two looks, in milliseconds.
    interval: AtomicU64,
    /// When to look again, in milliseconds since `born`.
    due: AtomicU64,
}

impl<L: Load> Reloading<L> {
    pub(crate) fn new(loader: L, first: L::Value) -> Self {
        let watched = Watched {
            loader,
            current: RwLock::new(Arc::new(first)),
            report: RwLock::new(None),
            looking: AtomicBool::new(false),
            born: Instant::now(),
            interval: AtomicU64::new(millis(INTERVAL)),
            due: AtomicU64::new(millis(INTERVAL)),
        };
        Self {
            watched: Arc::new(watched),
        }
    }

    pub(crate) fn set_interval(&self, interval: Duration) {
        let watched = &self.watched;
        watched.interval.store(millis(interval), Ordering::Relaxed);
        let due = millis(watched.born.elapsed()).saturating_add(millis(interval));
        watched.due.store(due, Ordering::Relaxed);
    }

    /// Has every problem reported, those there are now at once.
    pub(crate) fn set_report(&self, report: Report) {
        for problem in L::problems(&self.get()) {
            report(problem);
        }
        *write(&self.watched.report) = Some(report);
    }

    pub(crate) fn problems(&self) -> Vec<Problem> {
        L::problems(&self.get()).to_vec()
    }

    /// The value as it is, without waiting.
    pub(crate) fn get(&self) -> Arc<L::Value> {
        self.watched.get()
    }

    /// The value, unless it is time to look at the files.
    pub(crate) fn at_hand(&self) -> Option<Arc<L::Value>> {
        (!self.is_due()).then(|| self.get())
    }

    fn is_due(&self) -> bool {
        millis(self.watched.born.elapsed()) >= self.watched.due.load(Ordering::Relaxed)
            && !self.watched.looking.load(Ordering::Relaxed)
    }

    /// The value, after a look at the files if it is time for one.
    pub(crate) async fn fresh(&self) -> Arc<L::Value> {
        if self.is_due() {
            let watched = Arc::clone(&self.watched);
            let look = tokio::task::spawn_blocking(move || watched.look());
            // Late or failed, what is there serves.
            let _ = tokio::time::timeout(PATIENCE, look).await;
        }
        self.get()
    }

    /// Looks at the files now. Blocks.
    pub(crate) fn look(&self) {
        self.watched.look();
    }
}

impl<L: Load> Watched<L> {
    fn get(&self) -> Arc<L::Value> {
        Arc::clone(&read_lock(&self.current))
    }

    fn look(&self) {
        if self.looking.swap(true, Ordering::AcqRel) {
            return;
        }
        let looking = Looking(&self.looking);
        let old = self.get();
        if let Some(new) = self.loader.again(&old) {
            let new = Arc::new(new);
            *write(&self.current) = Arc::clone(&new);
            let report = read_lock(&self.report).clone();
            let fresh = L::problems(&new)
                .iter()
                .filter(|problem| !L::problems(&old).contains(problem));
            if let Some(report) = report {
                fresh.for_each(|problem| report(problem));
            }
        }
        let interval = self.interval.load(Ordering::Relaxed);
        let next = millis(self.born.elapsed()).saturating_add(interval);
        self.due.store(next, Ordering::Relaxed);
        drop(looking);
    }
}

fn millis(time: Duration) -> u64 {
    time.as_millis().try_into().unwrap_or(u64::MAX)
}

fn read_lock<T>(lock: &RwLock<T>) -> RwLockReadGuard<'_, T> {
    lock.read().unwrap_or_else(PoisonError::into_inner)
}

fn write<T>(lock: &RwLock<T>) -> RwLockWriteGuard<'_, T> {
    lock.write().unwrap_or_else(PoisonError::into_inner)
}

/// Lets others look again, also after a panic.
struct Looking<'a>(&'a AtomicBool);

impl Drop for Looking<'_> {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Release);
    }
}

/// Reads a regular file of at most `max` bytes, and tells which version of it that was.
pub(crate) fn read(path: &Path, max: u64) -> io::Result<(Stamp, Vec<u8>)> {
    // To open a FIFO would wait for its writer.
    if !std::fs::metadata(path)?.is_file() {
        return Err(io::Error::other("not a regular file"));
    }
    let file = File::open(path)?;
    let stamp = Stamp::of(&file.metadata()?);
    let mut content = Vec::new();
    file.take(max + 1).read_to_end(&mut content)?;
    if content.len() as u64 > max {
        return Err(io::Error::other(format!("larger than {max} bytes")));
    }
    Ok((stamp, content))
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;
    use std::sync::Mutex;

    use super::*;

    /// The text of a file; what it says after "bad" is a problem.
    struct Text(PathBuf);

    struct Value {
        stamp: Stamp,
        text: String,
        problems: Vec<Problem>,
    }

    impl Text {
        fn load(&self) -> Value {
            let (stamp, content) = read(&self.0, 100).unwrap();
            let text = String::from_utf8(content).unwrap();
            let bad = text
                .strip_prefix("bad ")
                .map(|what| Problem::new("file", what));
            Value {
                stamp,
                problems: bad.into_iter().collect(),
                text,
            }
        }
    }

    impl Load for Text {
        type Value = Value;

        fn again(&self, old: &Value) -> Option<Value> {
            (Stamp::at(&self.0).unwrap() != Some(old.stamp)).then(|| self.load())
        }

        fn problems(value: &Value) -> &[Problem] {
            &value.problems
        }
    }

    fn reloading(path: &Path) -> Reloading<Text> {
        let loader = Text(path.to_owned());
        let first = loader.load();
        Reloading::new(loader, first)
    }

    #[tokio::test]
    async fn the_first_who_asks_after_the_interval_sees_the_edit() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("file");
        std::fs::write(&path, "one").unwrap();
        let value = reloading(&path);
        std::fs::write(&path, "two, and longer").unwrap();
        assert_eq!(value.fresh().await.text, "one", "not due yet");
        assert_eq!(value.at_hand().unwrap().text, "one");

        value.set_interval(Duration::ZERO);
        assert!(value.at_hand().is_none(), "due: somebody has to look");
        assert_eq!(value.fresh().await.text, "two, and longer");
    }

    #[tokio::test]
    async fn a_swapped_link_is_a_change() {
        let dir = tempfile::tempdir().unwrap();
        for version in ["v1", "v2"] {
            std::fs::create_dir(dir.path().join(version)).unwrap();
            std::fs::write(dir.path().join(version).join("file"), version).unwrap();
        }
        let (data, new) = (dir.path().join("..data"), dir.path().join("..new"));
        std::os::unix::fs::symlink("v1", &data).unwrap();
        let path = dir.path().join("file");
        std::os::unix::fs::symlink("..data/file", &path).unwrap();
        let value = reloading(&path);
        value.set_interval(Duration::ZERO);
        assert_eq!(value.fresh().await.text, "v1");
        std::os::unix::fs::symlink("v2", &new).unwrap();
        std::fs::rename(&new, &data).unwrap();
        assert_eq!(value.fresh().await.text, "v2");
    }

    #[tokio::test]
    async fn a_problem_is_reported_when_it_appears_and_not_again() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("file");
        std::fs::write(&path, "bad start").unwrap();
        let value = reloading(&path);
        let told = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&told);
        value.set_report(Arc::new(move |problem| {
            kept.lock().unwrap().push(problem.to_string());
        }));
        value.set_interval(Duration::ZERO);
        value.fresh().await;
        std::fs::write(&path, "bad to worse").unwrap();
        value.fresh().await;
        value.fresh().await;
        std::fs::write(&path, "good again").unwrap();
        value.fresh().await;
        assert_eq!(*told.lock().unwrap(), ["file: start", "file: to worse"]);
    }

    #[test]
    fn what_is_no_regular_file_or_too_large_is_not_read() {
        let dir = tempfile::tempdir().unwrap();
        assert!(read(dir.path(), 100).is_err());
        let path = dir.path().join("file");
        std::fs::write(&path, [0; 101]).unwrap();
        assert!(
            read(&path, 100)
                .unwrap_err()
                .to_string()
                .contains("100 bytes")
        );
        assert_eq!(read(&path, 101).unwrap().1.len(), 101);
    }
}
