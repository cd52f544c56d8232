//! Where a configuration is.

use std::fmt;
use std::path::{Path, PathBuf};

use super::problem::Problem;

/// Where a configuration is, wherever the process is by the time it is read again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Location {
    /// As it was given, and is shown.
    shown: PathBuf,
    absolute: PathBuf,
    /// Whether there is a file: flags may say it all.
    is_file: bool,
}

impl Location {
    /// The file at `path`, which may begin in the current directory.
    pub fn of(path: &Path) -> Result<Self, Problem> {
        let absolute = std::path::absolute(path).map_err(|error| {
            let what = format!("cannot find the current directory: {error}");
            Problem::new(path.display().to_string(), what)
        })?;
        Ok(Self {
            shown: path.to_owned(),
            absolute,
            is_file: true,
        })
    }

    /// No file, but the command line: relative paths begin in the current directory.
    pub(super) fn of_flags() -> Result<Self, Problem> {
        let here = Self::of(Path::new("the command line"))?;
        Ok(Self {
            is_file: false,
            ..here
        })
    }

    /// Whether there is a file.
    #[must_use]
    pub const fn is_file(&self) -> bool {
        self.is_file
    }

    /// The main file.
    pub(super) fn main(&self) -> &Path {
        &self.absolute
    }

    /// Where the main file is, and where relative paths begin.
    pub(super) fn directory(&self) -> &Path {
        self.absolute.parent().unwrap_or(Path::new("/"))
    }

    /// The directory of drop-ins: `bootwire.d` beside `bootwire.toml`.
    pub(super) fn drop_ins(&self) -> PathBuf {
        self.absolute.with_extension("d")
    }

    /// A file of it as it is shown: beside the main file as that was given.
    pub fn show(&self, file: &Path) -> String {
        let shown = match file.strip_prefix(self.directory()) {
            Ok(beside) => self.shown.with_file_name(beside),
            Err(_) => file.to_owned(),
        };
        shown.display().to_string()
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.shown.display().fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_shown_as_the_main_file_was_given() {
        for (given, drop_in) in [
            ("boot.toml", "boot.d/10.toml"),
            ("./boot.toml", "./boot.d/10.toml"),
            ("../etc/boot.toml", "../etc/boot.d/10.toml"),
            ("/etc/boot.toml", "/etc/boot.d/10.toml"),
        ] {
            let location = Location::of(Path::new(given)).unwrap();
            assert_eq!(location.to_string(), given);
            assert_eq!(location.show(location.main()), given);
            let file = location.drop_ins().join("10.toml");
            assert!(file.is_absolute(), "{}", file.display());
            assert_eq!(location.show(&file), drop_in);
        }
    }
}
