//! Where boots are kept, as a configuration says it or as there is room.

use std::path::{Path, PathBuf};

use crate::config::Config;
use crate::config::model::is_postgres;

/// The directory for what a service keeps, where systemd does not name one.
const STATE: &str = "/var/lib/bootwire";

/// The name of the file there.
const FILE: &str = "boots.db";

/// Where boots are kept.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum BootsPlace {
    /// Nobody follows them.
    Off,
    /// In memory: they are gone when the server ends.
    Memory,
    /// In an SQLite file.
    File {
        /// The file.
        path: PathBuf,
        /// Whether nobody named it: if it cannot be opened, memory will do.
        by_default: bool,
    },
    /// In a PostgreSQL database.
    Postgres {
        /// Its URL.
        url: String,
        /// The file that holds the password.
        password_file: Option<PathBuf>,
    },
}

/// Without the URL, which may hold a password.
impl std::fmt::Debug for BootsPlace {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Off => f.write_str("off"),
            Self::Memory => f.write_str("memory"),
            Self::File { path, .. } => f.debug_tuple("File").field(path).finish(),
            Self::Postgres { .. } => f.write_str("postgres"),
        }
    }
}

impl Config {
    /// Where boots are kept. If nothing is said: in the directory that systemd names
    /// (`STATE_DIRECTORY`), else in `/var/lib/bootwire` if that is there, else in memory.
    #[must_use]
    pub fn boots_place(&self) -> BootsPlace {
        let boots = &self.document.boots;
        match boots.database.as_deref() {
            Some("off") => BootsPlace::Off,
            Some("memory") => BootsPlace::Memory,
            Some(url) if is_postgres(url) => BootsPlace::Postgres {
                url: url.to_owned(),
                password_file: boots.password_file.as_ref().map(|file| self.path(file)),
            },
            Some(file) => BootsPlace::File {
                path: self.path(Path::new(file)),
                by_default: false,
            },
            None => match state_directory() {
                Some(directory) => BootsPlace::File {
                    path: directory.join(FILE),
                    by_default: true,
                },
                None => BootsPlace::Memory,
            },
        }
    }
}

/// Where a service keeps what it has to remember, if there is such a place.
fn state_directory() -> Option<PathBuf> {
    let named = std::env::var_os("STATE_DIRECTORY").unwrap_or_default();
    // There may be several.
    let named = std::env::split_paths(&named).find(|path| path.is_absolute());
    let place = named.unwrap_or_else(|| PathBuf::from(STATE));
    place.is_dir().then_some(place)
}
