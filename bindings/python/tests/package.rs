//! The package `bootwire` in the Python of this machine, with the library of this build: the tests that Python runs.
//!
//! Those that compare it with fbtftp need fbtftp, and the wheels: `./test --python` runs them.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// `bindings/python`.
fn here() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The library that was built for this test, and lies beside it.
fn library() -> PathBuf {
    let program = env::current_exe().expect("this program");
    let directory = program.parent().expect("a directory");
    directory.join("lib_bootwire.so")
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a directory");
    for entry in fs::read_dir(from).expect("a directory of the package") {
        let entry = entry.expect("an entry");
        let target = to.join(entry.file_name());
        if entry.file_type().expect("its kind").is_dir() {
            copy(&entry.path(), &target);
        } else if entry.path().extension().is_none_or(|ending| ending != "so") {
            fs::copy(entry.path(), target).expect("a copy");
        }
    }
}

#[test]
fn pythons_own_tests_pass() {
    let place = env::temp_dir().join(format!("bootwire-package-{}", std::process::id()));
    copy(&here().join("python/bootwire"), &place.join("bootwire"));
    let module = place.join("bootwire/_bootwire.abi3.so");
    fs::copy(library(), module).expect("the library of this build");
    copy(&here().join("../fbtftp/fbtftp"), &place.join("fbtftp"));

    let status = Command::new("python3")
        .arg(here().join("tests"))
        .arg("!side_by_side")
        .env("PYTHONPATH", &place)
        .env("PYTHONDONTWRITEBYTECODE", "1")
        // Others are tested at the same time.
        .env("AT_A_TIME", "4")
        .status()
        .expect("python3, 3.10 or later");

    fs::remove_dir_all(&place).expect("the place of the test");
    assert!(status.success(), "{status}");
}
