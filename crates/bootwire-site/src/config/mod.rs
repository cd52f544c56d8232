//! The configuration file: read, laid over each other, understood, checked.
//!
//! `load` reads the files, `assemble` does the rest without touching anything: texts become a
//! `tree` that knows where everything was written, drop-ins and the `environment` are laid over
//! it, it is `read` into the tables of the `model`, and `rules` look for what contradicts
//! itself. All that is wrong is reported at once, with file and line.

mod assemble;
mod environment;
mod flags;
mod home;
mod load;
mod location;
mod mistake;
pub mod model;
mod problem;
mod read;
pub(crate) mod route;
mod rules;
pub mod schema;
pub mod setting;
mod source;
#[cfg(test)]
mod tests;
mod tree;
pub mod value;

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

pub use flags::{Flags, RouteFlag};
pub use location::Location;
pub use problem::{Problem, Problems};

use crate::quirks::Quirks;
use route::Route;
use source::{Place, Sources};

/// Where the configuration is, unless told otherwise.
pub const DEFAULT: &str = "/etc/bootwire/bootwire.toml";

/// A configuration that keeps the rules. Files it names may still be missing.
pub struct Config {
    /// What it says, drop-ins and environment included.
    pub document: model::Document,
    /// Its routes, in order.
    pub(crate) routes: Vec<Route>,
    pub(crate) quirks: Arc<Quirks>,
    /// The directory of the main file, absolute: where relative paths begin.
    pub base: PathBuf,
    /// Where it was read.
    pub location: Location,
    /// How to read it again.
    pub(crate) layers: Layers,
    /// Every file that was read, by its absolute path.
    pub files: Vec<PathBuf>,
    /// Those of them that are empty, or nothing but white space.
    pub blank: Vec<PathBuf>,
    /// Directories in which a change may mean another configuration.
    pub watched: Vec<PathBuf>,
    /// What is probably not meant so, with its place.
    pub warnings: Vec<String>,
    sources: Sources,
    keys: BTreeMap<String, Place>,
}

impl Config {
    /// Reads a configuration: the file at `path`, its drop-ins, the environment.
    ///
    /// # Errors
    /// All mistakes at once, with file and line.
    pub fn load(path: &Path) -> Result<Self, Problems> {
        Self::load_with_flags(path, &Flags::default())
    }

    /// The same, and flags of the command line over it.
    ///
    /// # Errors
    /// All mistakes at once, with file and line, or the flag.
    pub fn load_with_flags(path: &Path, flags: &Flags) -> Result<Self, Problems> {
        let layers = Layers {
            location: Location::of(path)?,
            environment: None,
            flags: flags.clone(),
        };
        layers.read()
    }

    /// What flags and the environment say, without a file.
    ///
    /// # Errors
    /// All mistakes at once, with the flag.
    pub fn of_flags(flags: &Flags) -> Result<Self, Problems> {
        let layers = Layers {
            location: Location::of_flags()?,
            environment: None,
            flags: flags.clone(),
        };
        layers.read()
    }

    /// The same with another environment than the process has.
    ///
    /// # Errors
    /// All mistakes at once, with file and line.
    pub fn load_with(
        path: &Path,
        environment: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self, Problems> {
        let layers = Layers {
            location: Location::of(path)?,
            environment: Some(environment.into_iter().collect()),
            flags: Flags::default(),
        };
        layers.read()
    }

    /// The places of all routes, in order: `FILE:LINE`.
    pub fn route_places(&self) -> impl Iterator<Item = String> {
        self.routes.iter().map(|route| self.place(route.step.place))
    }

    /// The same if it has routes: without any, every client would hear that there is no such file.
    pub fn with_routes(self) -> Result<Self, Problems> {
        if !self.routes.is_empty() {
            return Ok(self);
        }
        let what = match self.files.as_slice() {
            files if files.iter().all(|file| self.blank.contains(file)) => {
                "the file is empty, and clients would find no file: write a [[route]]"
            }
            _ => "there is no [[route]], and clients would find no file: write one",
        };
        let what = format!("{what}, such as [[route]] with dir = \"/srv/tftp\" below it");
        Err(Problem::new(self.location.to_string(), what).into())
    }

    /// The files of this configuration that said something in `old` and are empty now. Whoever writes
    /// a file in place empties it first, and may have been stopped there.
    pub fn emptied_since<'a>(&'a self, old: &'a Self) -> impl Iterator<Item = &'a Path> {
        let said = |file: &&PathBuf| old.files.contains(file) && !old.blank.contains(file);
        self.blank.iter().filter(said).map(PathBuf::as_path)
    }

    /// A place in words: `FILE:LINE`.
    pub(crate) fn place(&self, place: Place) -> String {
        self.sources.show(place.source, place.start)
    }

    /// Where a key is: `place_of("origin.images.url")`. Of one that is not there, the table it would
    /// be in, or the main file.
    #[must_use]
    pub fn place_of(&self, key: &str) -> String {
        let mut path = key;
        loop {
            if let Some(place) = self.keys.get(path) {
                return self.place(*place);
            }
            match path.rsplit_once('.') {
                Some((table, _)) => path = table,
                None => return self.sources.name(0).to_owned(),
            }
        }
    }

    /// The same of a key that is there.
    pub(crate) fn place_if_set(&self, key: &str) -> Option<String> {
        self.keys.get(key).map(|place| self.place(*place))
    }

    /// The SQLite database of its inventory.
    #[must_use]
    pub fn database(&self) -> Option<PathBuf> {
        let file = self.document.inventory.sqlite.as_ref();
        file.map(|file| self.path(file))
    }

    /// The file that new machines are written into by hand or by `bootwire machines discovered --add`, if
    /// machines are in files: the first TOML file that is named, or `discovered.toml` in the first
    /// directory. `None` where no TOML can go.
    #[must_use]
    pub fn machine_file(&self) -> Option<PathBuf> {
        let places = self.document.inventory.files.as_ref()?;
        places.0.iter().find_map(|place| {
            let path = self.path(place);
            let ends = |path: &Path| path.extension().is_some_and(|end| end == "toml");
            let is_pattern = path
                .file_name()
                .is_some_and(|name| name.to_string_lossy().contains('*'));
            match is_pattern {
                true => ends(&path).then(|| path.with_file_name("discovered.toml")),
                false if path.is_dir() => Some(path.join("discovered.toml")),
                false => ends(&path).then_some(path),
            }
        })
    }

    /// How long the slowest route may take to answer: what the server itself must not cut short.
    #[must_use]
    pub fn longest_deadline(&self) -> Duration {
        let routes = self.routes.iter().filter_map(|route| route.deadline);
        routes.fold(self.document.deadline.0, Duration::max)
    }

    /// What a running server cannot change: keys, and their values as they are written.
    #[must_use]
    pub(crate) fn fixed(&self) -> Vec<(String, Option<String>)> {
        // The server's own deadline is that of its slowest route.
        let document = model::Document {
            deadline: value::Time(self.longest_deadline()),
            ..self.document.clone()
        };
        let fixed = document
            .settings()
            .filter(|(setting, _)| setting.needs_restart);
        let fixed = fixed.map(|(setting, value)| (setting.path(), value.text()));
        let statsd = document.metrics.statsd.as_ref();
        let statsd = statsd.map(|statsd| format!("{statsd:?}"));
        fixed
            .chain([("metrics.statsd".to_owned(), statsd)])
            .collect()
    }

    /// A path that the configuration names: relative ones begin beside the main file.
    pub fn path(&self, path: &Path) -> PathBuf {
        self.base.join(path)
    }
}

/// What a configuration is laid together from. Needs no current directory, which is out of reach in a sandbox.
#[derive(Clone)]
pub(crate) struct Layers {
    location: Location,
    /// `None` for the process's, as it is then.
    environment: Option<Vec<(String, String)>>,
    flags: Flags,
}

impl Layers {
    /// Reads it, as often as it takes.
    pub(crate) fn read(&self) -> Result<Config, Problems> {
        let location = &self.location;
        let base = location.directory().to_owned();
        let files = load::files(location)?;
        let environment = self.environment.clone();
        let environment = environment.unwrap_or_else(|| environment_of_process().collect());
        let assembled = assemble::assemble(&files.main, &files.drop_ins, environment, &self.flags)?;
        // The second may come later.
        let watched = if location.is_file() {
            vec![base.clone(), location.drop_ins()]
        } else {
            Vec::new()
        };
        Ok(Config {
            document: assembled.document,
            routes: assembled.parsed.routes,
            quirks: Arc::new(Quirks::new(assembled.parsed.quirks)),
            base,
            location: location.clone(),
            layers: self.clone(),
            files: files.paths,
            blank: files.blank,
            watched,
            warnings: assembled.warnings,
            sources: assembled.sources,
            keys: assembled.keys,
        })
    }
}

/// Without what it says: that may hold secrets.
impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Config")
            .field("files", &self.files)
            .finish_non_exhaustive()
    }
}

/// The environment, but for names and values that are no text: those are nobody's settings.
fn environment_of_process() -> impl Iterator<Item = (String, String)> {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
}
