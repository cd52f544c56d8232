//! Whether the files of a configuration have changed.
//!
//! Looked at once a second: directories as well as files, by what the names lead to. That finds
//! edits, renames, drop-ins that come and go, and the links that Kubernetes swaps, on every file
//! system, and takes no right that the sandbox gives up.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use bootwire::file::Stamp;

use crate::config::Config;

/// Time between two looks.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Looks for which a file must have been the same.
const STILL_FOR: u32 = 1;

/// The same for one that has become shorter: whoever writes in place empties the file first, and may
/// pause.
const STILL_FOR_SHORTER: u32 = 3;

/// Time between two looks after a signal, which says that all is written, and for how long to look.
const AFTER_SIGNAL: Duration = Duration::from_millis(100);
const AFTER_SIGNAL_MAX: Duration = Duration::from_secs(5);

/// The files of a configuration as they were when it was read.
#[derive(Debug)]
pub(super) struct Watch {
    files: Vec<PathBuf>,
    directories: Vec<PathBuf>,
    seen: Shape,
}

/// What there is, and which version of it.
type Shape = BTreeMap<PathBuf, Option<Stamp>>;

impl Watch {
    /// Looks at the files now.
    pub(super) fn new(config: &Config) -> Self {
        let mut watch = Self {
            files: Vec::new(),
            directories: Vec::new(),
            seen: Shape::new(),
        };
        watch.follow(config);
        watch
    }

    /// Watches the files of another configuration. Those watched before may have changed while it
    /// was read, and still count as changed then.
    pub(super) fn follow(&mut self, config: &Config) {
        self.files.clone_from(&config.files);
        self.directories.clone_from(&config.watched);
        let mut now = shape(&self.files, &self.directories);
        for (path, version) in &mut now {
            if let Some(known) = self.seen.get(path) {
                *version = *known;
            }
        }
        self.seen = now;
    }

    /// Waits until something differs, and has been the same for a while: whoever writes several
    /// files, or one in pieces, shall be done.
    pub(super) async fn changed(&mut self) {
        let mut stillness = Stillness::new(self.seen.clone());
        loop {
            tokio::time::sleep(LOOK_EVERY).await;
            let Some(now) = self.now().await else {
                continue;
            };
            if stillness.look(now, &self.seen) {
                self.seen = stillness.last;
                return;
            }
        }
    }

    /// Waits until two looks find the same, and takes that for known: to be called before the files
    /// are read because somebody says so.
    pub(super) async fn still(&mut self) {
        let written = async {
            let mut last = None;
            loop {
                let now = self.now().await;
                if now.is_some() && now == last {
                    return now;
                }
                last = now;
                tokio::time::sleep(AFTER_SIGNAL).await;
            }
        };
        // After that they are read as they are: reading notices what changes meanwhile.
        let found = tokio::time::timeout(AFTER_SIGNAL_MAX, written).await;
        if let Ok(Some(now)) = found {
            self.seen = now;
        }
    }

    /// The files as they are now; `None` if that cannot be told.
    async fn now(&self) -> Option<Shape> {
        let (files, directories) = (self.files.clone(), self.directories.clone());
        // A network file system that does not answer must hold up nothing else.
        let look = move || shape(&files, &directories);
        tokio::task::spawn_blocking(look).await.ok()
    }
}

/// For how long the files have been the same.
struct Stillness {
    last: Shape,
    looks: u32,
}

impl Stillness {
    const fn new(last: Shape) -> Self {
        Self { last, looks: 0 }
    }

    /// Another look: whether this differs from what was `seen`, and has done so for long enough.
    fn look(&mut self, now: Shape, seen: &Shape) -> bool {
        if now == self.last {
            self.looks = self.looks.saturating_add(1);
        } else {
            self.looks = 0;
            self.last = now;
        }
        let size = |version: &Option<Stamp>| version.as_ref().map_or(0, |version| version.size());
        let shorter = self.last.iter().any(|(path, now)| {
            let before = seen.get(path).map_or(0, size);
            size(now) < before
        });
        let wanted = if shorter {
            STILL_FOR_SHORTER
        } else {
            STILL_FOR
        };
        self.last != *seen && self.looks >= wanted
    }
}

fn shape(files: &[PathBuf], directories: &[PathBuf]) -> Shape {
    let in_directories = directories.iter().flat_map(|directory| {
        let entries = fs::read_dir(directory).into_iter().flatten().flatten();
        let paths = entries.map(|entry| entry.path());
        paths.filter(|path| {
            path.extension()
                .is_some_and(|extension| extension == "toml")
        })
    });
    in_directories
        .chain(files.iter().cloned())
        .map(|path| {
            let version = Stamp::at(&path).ok().flatten();
            (path, version)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;
    use std::path::Path;

    use super::*;

    fn seen(dir: &Path) -> Shape {
        shape(&[dir.join("bootwire.toml")], &[dir.join("bootwire.d")])
    }

    #[test]
    fn edits_drop_ins_and_swapped_links_are_changes() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path();
        fs::create_dir(path.join("bootwire.d")).unwrap();
        fs::create_dir(path.join("one")).unwrap();
        fs::create_dir(path.join("two")).unwrap();
        for version in ["one", "two"] {
            fs::write(path.join(version).join("bootwire.toml"), "same size").unwrap();
        }
        symlink("one", path.join("..data")).unwrap();
        symlink("..data/bootwire.toml", path.join("bootwire.toml")).unwrap();
        let mut last = seen(path);
        assert_eq!(last, seen(path));
        let mut changes = |what: &str, change: &dyn Fn()| {
            change();
            let now = seen(path);
            assert_ne!(last, now, "{what}");
            last = now;
        };
        changes("a link swapped", &|| {
            symlink("two", path.join("..new")).unwrap();
            fs::rename(path.join("..new"), path.join("..data")).unwrap();
        });
        changes("an edit", &|| {
            fs::write(path.join("two/bootwire.toml"), "more").unwrap();
        });
        let drop_in = path.join("bootwire.d/10-lab.toml");
        changes("a drop-in", &|| fs::write(&drop_in, "").unwrap());
        changes("a drop-in removed", &|| fs::remove_file(&drop_in).unwrap());
        changes("all removed", &|| {
            fs::remove_file(path.join("bootwire.toml")).unwrap();
        });
        fs::write(path.join("bootwire.d/notes.txt"), "not read").unwrap();
        assert_eq!(last, seen(path), "other files are none of it");
    }

    #[test]
    fn a_file_that_became_shorter_is_given_more_time() {
        let dir = tempfile::tempdir().unwrap();
        // A version for each size.
        let shape = |size: usize| {
            let path = dir.path().join(size.to_string());
            if !path.exists() {
                fs::write(&path, vec![b'#'; size]).unwrap();
            }
            let version = Stamp::at(&path).unwrap();
            Shape::from([(PathBuf::from("bootwire.toml"), version)])
        };
        let looks = |sizes: &[usize]| {
            let seen = shape(100);
            let mut stillness = Stillness::new(seen.clone());
            let mut sizes = sizes.iter();
            sizes.position(|&size| stillness.look(shape(size), &seen))
        };
        assert_eq!(looks(&[100, 100, 100, 100, 100]), None);
        assert_eq!(looks(&[100, 200, 200]), Some(2));
        assert_eq!(looks(&[200, 300, 300, 300]), Some(2));
        // Emptied, half written, whole.
        assert_eq!(looks(&[0, 0, 0, 50, 50, 50, 120, 120]), Some(7));
        assert_eq!(looks(&[0, 100, 100, 100]), None);
        assert_eq!(looks(&[50, 50, 50, 50]), Some(3));
        assert_eq!(looks(&[0, 0, 0, 0]), Some(3));
    }
}
