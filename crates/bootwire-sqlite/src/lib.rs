#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod change;
mod file;
mod opened;
mod place;

pub use change::Change;
pub use file::{Event, File};
pub use opened::{READERS, set_aside};

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use sqlx::sqlite::SqliteError;

/// How a program lays out its file, and how long it waits for it.
#[derive(Clone, Copy, Debug)]
pub struct Layout {
    /// Each makes a schema of the version before one of the next: statements of SQL. Steps are never
    /// changed, only added. SQLite's `user_version` says how many were made.
    pub steps: &'static [&'static str],
    /// How long a question waits for a connection, or for another's write to finish.
    pub patience: Duration,
    /// Who may read and write a file that is made, as `chmod` has it; the umask takes from it. What SQLite
    /// puts beside it is as readable.
    pub mode: u32,
    /// Whether a file that is gone is made anew when somebody asks. If not, questions fail until one is
    /// there, or [`File::look`] makes it.
    pub renews: bool,
}

/// Why a file cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Nothing is at its place.
    #[error("{} is gone", .0.display())]
    Gone(PathBuf),
    /// A newer program made it, with so many steps.
    #[error("the database has schema {0}, made by a newer version")]
    Newer(i64),
    /// It was another file each time it was opened.
    #[error("another file takes its place all the time")]
    Restless,
    /// What the file before it left beside it would be taken for its own.
    #[error("{}: cannot remove what the file before it left: {error}", path.display())]
    Leftover {
        /// The file.
        path: PathBuf,
        /// What the system said.
        error: io::Error,
    },
    /// A damaged file cannot be given another name.
    #[error("it cannot be put aside: {0}")]
    Aside(io::Error),
    /// It was opened by [`File::read`].
    #[error("opened for reading alone")]
    ReadOnly,
    /// What SQLite says.
    #[error(transparent)]
    Database(#[from] sqlx::Error),
}

/// Whether this says that a file is damaged, or is no database.
#[must_use]
pub fn is_damage(error: &sqlx::Error) -> bool {
    let sqlx::Error::Database(error) = error else {
        return false;
    };
    let is_sqlite = error.try_downcast_ref::<SqliteError>().is_some();
    let code = error.code().and_then(|code| code.parse::<u32>().ok());
    // SQLITE_CORRUPT and SQLITE_NOTADB; the higher bits say more.
    is_sqlite && code.is_some_and(|code| matches!(code & 0xff, 11 | 26))
}
