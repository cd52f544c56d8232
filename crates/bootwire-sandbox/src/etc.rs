//! The system's settings, without what only root may read of them.
//!
//! Who is not root gets `/etc` as a whole: file modes keep its secrets. To a server that is root
//! modes say nothing, so it gets what everybody may read, file by file where there are others
//! beside it. What is put there later under an old name it does not get.

use std::fs::{self, Metadata};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// Directories beneath directories that are looked into.
const DEPTH_MAX: usize = 8;
/// What everybody may do with a file that is public, and with a directory.
const READ: u32 = 0o4;
const READ_AND_ENTER: u32 = 0o5;

/// What everybody may read beneath a directory: files, and directories without secrets in them.
pub(super) fn public(directory: &Path) -> Vec<PathBuf> {
    match look(directory, DEPTH_MAX) {
        Found::All => vec![directory.to_owned()],
        Found::Some(paths) => paths,
    }
}

enum Found {
    All,
    Some(Vec<PathBuf>),
}

fn look(path: &Path, depth: usize) -> Found {
    let nothing = || Found::Some(Vec::new());
    let Ok(stat) = fs::symlink_metadata(path) else {
        return nothing();
    };
    if stat.is_symlink() {
        return look_behind(path);
    }
    if !stat.is_dir() {
        let is_public = stat.is_file() && grants(&stat, READ);
        return if is_public { Found::All } else { nothing() };
    }
    if depth == 0 || !grants(&stat, READ_AND_ENTER) {
        return nothing();
    }
    let Ok(entries) = fs::read_dir(path) else {
        return nothing();
    };
    let (mut all, mut some) = (true, Vec::new());
    for entry in entries.flatten() {
        let path = entry.path();
        match look(&path, depth - 1) {
            Found::All => some.push(path),
            Found::Some(paths) => {
                // Nothing behind a link is in this directory.
                all &= entry.file_type().is_ok_and(|kind| kind.is_symlink());
                some.extend(paths);
            }
        }
    }
    if all { Found::All } else { Found::Some(some) }
}

/// A link to a file is as good as the file. Directories behind links are granted where they are.
fn look_behind(link: &Path) -> Found {
    let is_public = fs::metadata(link).is_ok_and(|stat| stat.is_file() && grants(&stat, READ));
    if is_public {
        Found::All
    } else {
        Found::Some(Vec::new())
    }
}

fn grants(stat: &Metadata, wanted: u32) -> bool {
    stat.mode() & wanted == wanted
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    #[test]
    fn what_is_not_for_everybody_is_left_out() {
        let dir = tempfile::tempdir().unwrap();
        let path = |name: &str| dir.path().join(name);
        let mode = |name: &str, mode| {
            fs::set_permissions(path(name), fs::Permissions::from_mode(mode)).unwrap();
        };
        mode("", 0o755);
        for (name, of_name) in [
            ("shadow", 0o640),
            ("hosts", 0o644),
            ("ssl/certs/ca.pem", 0o644),
            ("ssl/private/key.pem", 0o644),
            ("ssh/host_key", 0o600),
            ("ssh/ssh_config", 0o644),
        ] {
            fs::create_dir_all(path(name).parent().unwrap()).unwrap();
            fs::write(path(name), "").unwrap();
            mode(name, of_name);
        }
        mode("ssl/private", 0o710);
        for open in ["ssl", "ssl/certs", "ssh"] {
            mode(open, 0o755);
        }
        symlink("hosts", path("link")).unwrap();
        symlink("shadow", path("ssl/certs/to_shadow")).unwrap();
        symlink("nowhere", path("broken")).unwrap();
        let mut found = public(dir.path());
        found.sort();
        let expected = ["hosts", "link", "ssh/ssh_config", "ssl/certs"].map(path);
        assert_eq!(found, expected);
        fs::remove_file(path("ssh/host_key")).unwrap();
        assert!(public(dir.path()).contains(&path("ssh")));
        assert!(public(&path("none")).is_empty());
    }
}
