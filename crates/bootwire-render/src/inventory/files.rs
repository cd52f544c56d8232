//! Machines in TOML, YAML and JSON files.

mod parse;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bootwire::BoxFuture;

pub use parse::{Format, parse_machines};

use super::{Found, Inventory, InventoryError, Lookup, LookupKey, Machine};
use crate::identity::Identity;
use crate::reload::{self, Load, Problem, Reloading, Stamp, limited, made_from_files};

/// The largest file read, in bytes.
const FILE_MAX: u64 = 64 << 20;
/// Files of one inventory, at most.
const FILES_MAX: usize = 10_000;
/// Machines of one inventory, at most.
const MACHINES_MAX: usize = 1 << 20;

/// Machines in files, all in memory. Cheap to clone.
///
/// A place is a file, a directory (every `.toml`, `.json`, `.yaml` and `.yml` in it) or a path whose
/// last part has `*`: `machines/*.toml`. Files whose names begin with a dot are left out. A file
/// says
///
/// ```toml
/// [[machine]]
/// mac = "52:54:00:12:34:56"
/// hostname = "node-7"
/// profile = "worker"
/// vars = { disk = "/dev/nvme0n1" }
/// ```
///
/// or in JSON and YAML `{"machine": [{"mac": ...}, ...]}`, or just the list.
///
/// Files are looked at when somebody asks and a second has passed, and read again when they have
/// changed; new and removed files are seen too. A file that cannot be read or understood keeps the
/// machines it had, and is a [problem](Files::problems) with its line. Where two machines have a
/// key in common, the one that comes first counts, files in the order of their names.
#[derive(Clone)]
pub struct Files {
    reloading: Arc<Reloading<Loader>>,
}

/// Why an inventory cannot be opened at all.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FileError {
    /// A place is neither there nor a pattern.
    #[error("inventory {place}: {error}")]
    Place {
        /// The place as it was given.
        place: String,
        /// What the kernel says.
        error: io::Error,
    },
    /// No file could be understood.
    #[error("inventory {0}")]
    Broken(Problem),
}

impl Files {
    /// Reads the files at `places`. Blocks on the disk.
    ///
    /// # Errors
    /// If a place is not there, or what is there holds mistakes: a server should not start with half
    /// of its machines. Later mistakes are [problems](Files::problems).
    pub fn open<P: AsRef<Path>>(places: impl IntoIterator<Item = P>) -> Result<Self, FileError> {
        let places = places.into_iter().map(|p| p.as_ref().to_owned()).collect();
        let loader = Loader { places };
        for place in &loader.places {
            list(place, &mut Vec::new()).map_err(|error| FileError::Place {
                place: place.display().to_string(),
                error,
            })?;
        }
        let first = loader.load(None);
        if let Some(problem) = first.broken.first() {
            return Err(FileError::Broken(problem.clone()));
        }
        Ok(Self {
            reloading: Arc::new(Reloading::new(loader, first)),
        })
    }

    /// Number of machines.
    #[must_use]
    pub fn len(&self) -> usize {
        self.reloading.get().machines
    }

    /// Whether there is no machine.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// All machines, in the order of the files.
    #[must_use]
    pub fn machines(&self) -> Vec<Arc<Machine>> {
        let index = self.reloading.get();
        let machines = index.files.iter().flat_map(|file| file.machines.iter());
        machines.cloned().collect()
    }
}

made_from_files!(Files);

impl std::fmt::Debug for Files {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Files")
            .field("machines", &self.len())
            .finish_non_exhaustive()
    }
}

impl Inventory for Files {
    fn find<'a>(&'a self, who: &'a Identity) -> BoxFuture<'a, Result<Found, InventoryError>> {
        Box::pin(async move { Ok(self.reloading.fresh().await.find(who)) })
    }

    fn at_hand(&self, who: &Identity) -> Option<Found> {
        Some(self.reloading.at_hand()?.find(who))
    }

    fn check(&self) -> BoxFuture<'_, Result<String, InventoryError>> {
        Box::pin(async move {
            let index = self.reloading.fresh().await;
            match index.broken.first() {
                Some(problem) => Err(InventoryError::Senseless(problem.to_string())),
                None => Ok(format!(
                    "machines: {}, files: {}",
                    index.machines,
                    index.files.len()
                )),
            }
        })
    }
}

struct Loader {
    places: Vec<PathBuf>,
}

/// One file as it was last understood.
#[derive(Clone)]
struct OneFile {
    path: PathBuf,
    /// The version last looked at, understood or not.
    stamp: Option<Stamp>,
    machines: Vec<Arc<Machine>>,
    problem: Option<Problem>,
}

/// All machines, by every key.
struct Index {
    files: Vec<OneFile>,
    by_key: HashMap<LookupKey, Arc<Machine>>,
    machines: usize,
    /// Whether every place could be listed.
    listed: bool,
    /// What keeps a file from being understood.
    broken: Vec<Problem>,
    /// That, and what else is wrong.
    problems: Vec<Problem>,
}

impl Index {
    fn find(&self, who: &Identity) -> Found {
        let keys = Lookup::of(who).keys;
        keys.iter().find_map(|key| self.by_key.get(key)).cloned()
    }

    fn of(files: Vec<OneFile>, mut broken: Vec<Problem>) -> Self {
        let listed = broken.is_empty();
        broken.extend(files.iter().filter_map(|file| file.problem.clone()));
        let mut problems = broken.clone();
        let (mut by_key, mut machines) = (HashMap::new(), 0);
        for file in &files {
            for (number, machine) in file.machines.iter().enumerate() {
                let place = format_args!("{}, machine {}", file.path.display(), number + 1);
                if machines == MACHINES_MAX {
                    problems.push(Problem::new(place, "more machines than are kept, left out"));
                    break;
                }
                machines += 1;
                let keys = machine.keys();
                if keys.is_empty() {
                    problems.push(Problem::new(place, "no key to find it by"));
                }
                for key in keys {
                    match by_key.entry(key) {
                        Entry::Vacant(free) => _ = free.insert(Arc::clone(machine)),
                        Entry::Occupied(taken) => {
                            let key = taken.key();
                            let what =
                                format_args!("{key} belongs to an earlier machine, which counts");
                            problems.push(Problem::new(place, what));
                        }
                    }
                }
            }
        }
        Self {
            files,
            by_key,
            machines,
            listed,
            broken,
            problems: limited(problems),
        }
    }
}

impl Loader {
    /// The files there are now, in order, and what keeps places from being listed.
    fn list(&self) -> (Vec<PathBuf>, Vec<Problem>) {
        let (mut paths, mut broken) = (Vec::new(), Vec::new());
        for place in &self.places {
            if let Err(error) = list(place, &mut paths) {
                broken.push(Problem::new(place.display(), error));
            }
        }
        paths.sort();
        paths.dedup();
        if paths.len() > FILES_MAX {
            paths.truncate(FILES_MAX);
            let what = format_args!("more than {FILES_MAX} files, the others are left out");
            broken.push(Problem::new("inventory", what));
        }
        (paths, broken)
    }

    fn load(&self, old: Option<&Index>) -> Index {
        let (paths, broken) = self.list();
        // A place that cannot be listed keeps all it had.
        if let Some(old) = old
            && !broken.is_empty()
        {
            return Index::of(old.files.clone(), broken);
        }
        let old = old.map(|old| old.files.as_slice()).unwrap_or_default();
        let was: HashMap<_, _> = old.iter().map(|file| (&file.path, file)).collect();
        let files = paths.into_iter().map(|path| {
            let old = was.get(&path).copied();
            OneFile::load(path, old)
        });
        Index::of(files.collect(), broken)
    }
}

impl OneFile {
    /// Reads the file, unless it is what it was.
    fn load(path: PathBuf, old: Option<&Self>) -> Self {
        let stamp = Stamp::at(&path).ok().flatten();
        if let Some(old) = old
            && old.stamp == stamp
        {
            return old.clone();
        }
        let read =
            reload::read(&path, FILE_MAX).map_err(|error| Problem::new(path.display(), error));
        let (stamp, parsed) = match read {
            Ok((stamp, content)) => (Some(stamp), parse::machines(&path, &content)),
            Err(problem) => (stamp, Err(problem)),
        };
        match parsed {
            Ok(machines) => Self {
                path,
                stamp,
                machines,
                problem: None,
            },
            Err(problem) => Self {
                path,
                stamp,
                machines: old.map(|old| old.machines.clone()).unwrap_or_default(),
                problem: Some(problem),
            },
        }
    }
}

impl Load for Loader {
    type Value = Index;

    fn again(&self, old: &Index) -> Option<Index> {
        let (paths, broken) = self.list();
        let same = broken.is_empty()
            && old.listed
            && paths.len() == old.files.len()
            && paths.iter().zip(&old.files).all(|(path, file)| {
                *path == file.path && Stamp::at(path).ok().flatten() == file.stamp
            });
        (!same).then(|| self.load(Some(old)))
    }

    fn problems(index: &Index) -> &[Problem] {
        &index.problems
    }
}

/// Adds the inventory files at a place.
fn list(place: &Path, paths: &mut Vec<PathBuf>) -> io::Result<()> {
    let pattern = place
        .file_name()
        .and_then(|name| name.to_str())
        .filter(|name| name.contains('*'));
    let (directory, pattern) = match pattern {
        Some(pattern) => (place.parent().unwrap_or(Path::new(".")), Some(pattern)),
        None if std::fs::metadata(place)?.is_dir() => (place, None),
        None => {
            paths.push(place.to_owned());
            return Ok(());
        }
    };
    let directory = if directory.as_os_str().is_empty() {
        Path::new(".")
    } else {
        directory
    };
    for entry in std::fs::read_dir(directory)?.take(FILES_MAX * 2) {
        let entry = entry?;
        let name = entry.file_name();
        let Some(name) = name.to_str().filter(|name| !name.starts_with('.')) else {
            continue;
        };
        let wanted = match pattern {
            Some(pattern) => fits(pattern, name),
            None => Format::of(Path::new(name)).is_some(),
        };
        if wanted && std::fs::metadata(entry.path()).is_ok_and(|meta| meta.is_file()) {
            paths.push(entry.path());
        }
    }
    Ok(())
}

/// Whether `name` fits `pattern`, in which `*` stands for any text.
fn fits(pattern: &str, name: &str) -> bool {
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = name.strip_prefix(first) else {
        return false;
    };
    let Some(last) = parts.next_back() else {
        return rest.is_empty();
    };
    for part in parts {
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    rest.ends_with(last)
}
