//! The ways an upload may be taken: not at all, new names only, in place of the old file, or as one
//! more version of it.

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::PathBuf;

use tempfile::TempDir;

use crate::harness::{Extras, Server, Tool};

/// A local file to send.
fn local(here: &TempDir, content: &str) -> PathBuf {
    let path = here.path().join("local");
    fs::write(&path, content).expect("a file");
    path
}

#[test]
fn uploads_are_refused_unless_allowed() {
    let server = Server::of("there", b"as it was");
    let here = TempDir::new().expect("a place for files");
    let local = local(&here, "new");
    for tool in Tool::ALL {
        for name in ["new", "there"] {
            let output = tool.try_put(server.address(), &local, name, Extras::default());
            assert!(tool.reports(&output, 2, ""), "{tool:?}: {output:?}");
        }
    }
    assert_eq!(server.listing(), ["there"]);
    assert_eq!(
        fs::read(server.path("there")).expect("still there"),
        b"as it was"
    );
    for record in server.finish() {
        assert_eq!(
            (record.outcome(), record.error_code()),
            ("denied", Some(2)),
            "{record:?}"
        );
    }
}

#[test]
fn create_takes_new_names_only() {
    for tool in Tool::ALL {
        let server = Server::builder().flags(["--create"]).start();
        let here = TempDir::new().expect("a place for files");
        tool.put(
            server.address(),
            &local(&here, "first"),
            "name",
            Extras::default(),
        );
        let output = tool.try_put(
            server.address(),
            &local(&here, "second"),
            "name",
            Extras::default(),
        );
        assert!(
            tool.reports(&output, 6, "File already exists"),
            "{tool:?}: {output:?}"
        );
        assert_eq!(
            fs::read(server.path("name")).expect("stored"),
            b"first",
            "{tool:?}"
        );
        assert_eq!(server.listing(), ["name"], "{tool:?}");
    }
}

#[test]
fn replace_takes_the_place_of_the_old_file() {
    let before = b"a much longer file that was there before";
    let server = Server::builder()
        .file("name", before)
        .flags(["--replace"])
        .start();
    let here = TempDir::new().expect("a place for files");
    for tool in Tool::ALL {
        let content = format!("by {tool:?}");
        tool.put(
            server.address(),
            &local(&here, &content),
            "name",
            Extras::default(),
        );
        assert_eq!(
            fs::read_to_string(server.path("name")).expect("stored"),
            content
        );
    }
    assert_eq!(server.listing(), ["name"]);
}

#[test]
fn versioned_keeps_every_upload() {
    let server = Server::builder().flags(["--versioned"]).start();
    let here = TempDir::new().expect("a place for files");
    for tool in Tool::ALL {
        tool.put(
            server.address(),
            &local(&here, &format!("by {tool:?}")),
            "config",
            Extras::default(),
        );
    }
    let mut kept: Vec<_> = server
        .listing()
        .into_iter()
        .map(|name| {
            assert!(
                name.starts_with("config"),
                "{name} can be found by its name"
            );
            fs::read_to_string(server.path(&name)).expect("a version")
        })
        .collect();
    kept.sort();
    assert_eq!(
        kept,
        Tool::ALL.map(|tool| format!("by {tool:?}")),
        "each version, and each once"
    );
}

/// A client can read back what it wrote.
#[test]
fn what_was_written_can_be_read() {
    let server = Server::builder().flags(["--create"]).start();
    let here = TempDir::new().expect("a place for files");
    for tool in Tool::ALL {
        let name = format!("{tool:?}");
        tool.put(
            server.address(),
            &local(&here, &name),
            &name,
            Extras::default(),
        );
        let back = here.path().join("back");
        tool.get(server.address(), &name, &back, Extras::default());
        assert_eq!(fs::read_to_string(&back).expect("fetched"), name);
    }
}

/// As in.tftpd without `-c`: nothing new, and what is there stays whose and as it is.
#[test]
fn overwrite_takes_files_that_exist_and_leaves_them_their_mode_and_owner() {
    let server = Server::builder()
        .file("name", b"a much longer file that was there before")
        .flags(["--overwrite"])
        .start();
    let path = server.path("name");
    fs::set_permissions(&path, Permissions::from_mode(0o604)).expect("ours");
    let before = fs::metadata(&path).expect("there");
    let here = TempDir::new().expect("a place for files");
    for tool in Tool::ALL {
        let content = format!("by {tool:?}");
        let local = local(&here, &content);
        tool.put(server.address(), &local, "name", Extras::default());
        assert_eq!(
            fs::read_to_string(&path).expect("stored"),
            content,
            "{tool:?}"
        );
        let after = fs::metadata(&path).expect("there");
        assert_eq!(
            (after.mode(), after.uid(), after.gid()),
            (before.mode(), before.uid(), before.gid()),
            "{tool:?}"
        );
        let output = tool.try_put(server.address(), &local, "new", Extras::default());
        assert!(tool.reports(&output, 1, ""), "{tool:?}: {output:?}");
        assert_eq!(server.listing(), ["name"], "{tool:?}");
    }
}
