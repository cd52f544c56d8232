//! What keeps somebody from a database, in words: SQLite has numbers for it.

use std::fs::{self, Metadata};
use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use bootwire_render::inventory::sql::SqlError;
use bootwire_sandbox::user_name;
use rustix::fs::{Access, access};

use crate::MachinesError;

/// Why this user cannot use the database, if it is that.
pub(crate) fn denied(path: &Path) -> Option<String> {
    let me = user_name(rustix::process::geteuid().as_raw());
    let directory = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let (verb, place, owner) = match fs::metadata(path) {
        Err(error) if error.kind() == ErrorKind::PermissionDenied => {
            ("enter", directory, fs::metadata(directory).ok())
        }
        Err(_) => return None,
        Ok(file) if access(path, Access::READ_OK | Access::WRITE_OK).is_err() => {
            ("read and write", path, Some(file))
        }
        // Beside the file SQLite keeps what is not yet in it.
        Ok(_) if access(directory, Access::WRITE_OK | Access::EXEC_OK).is_err() => {
            ("write into", directory, fs::metadata(directory).ok())
        }
        Ok(_) => return None,
    };
    let place = place.display();
    let owner = owner.as_ref().map(Metadata::uid).map(user_name);
    let whose = match owner.filter(|owner| *owner != me) {
        Some(owner) if owner != "root" => {
            format!(
                "which belongs to {owner}: run this as root or as {owner} (sudo -u {owner} ...)"
            )
        }
        _ => "run this as root (sudo ...)".to_owned(),
    };
    Some(format!("user {me} may not {verb} {place}, {whose}"))
}

/// An error of the database, in words that say what to do.
pub(crate) fn explained(path: &Path, error: &SqlError) -> MachinesError {
    let shown = path.display();
    MachinesError::Inventory(match denied(path) {
        Some(why) => why,
        None if error.to_string().contains("(code: 26)") => {
            format!("{shown} is not an SQLite database")
        }
        None => format!("database {shown}: {error}"),
    })
}
