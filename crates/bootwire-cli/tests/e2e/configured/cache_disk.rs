//! The cache's disk: full, read-only, with rubbish on it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use super::web::{Object, Web};
use super::{expect_note, fails, fetch};
use crate::harness::{Builder, Isolation, Server, bootwire, is_root, noise, run_to_end};

const MIB: usize = 1 << 20;

fn builder(web: &Web) -> Builder {
    let builder = Server::builder().config(&web.images());
    fs::create_dir(builder.place().join("cache")).expect("a directory");
    builder
}

/// Files of the cache whose names end in `ending`.
fn files(dir: &Path, ending: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).expect("a directory") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            found.extend(files(&path, ending));
        } else if path.to_string_lossy().ends_with(ending) {
            found.push(path);
        }
    }
    found
}

#[test]
fn a_full_disk_is_error_0_and_the_log_says_so() {
    let web = Web::of([
        ("large", Object::new(noise(6 * MIB, 1), "1")),
        ("small", Object::new(noise(9_000, 2), "1")),
    ]);
    let builder = builder(&web);
    let mount = format!(
        "mount -t tmpfs -o size=1m bootwire {:?}",
        builder.place().join("cache")
    );
    let server = builder.wrapped(Isolation::mounts(&mount)).start();
    fails(&server, "images/large").expect_try_again(&["No space left"]);
    // Small ones are in memory.
    assert!(fetch(&server, "images/small") == noise(9_000, 2));
}

/// As a disk with errors becomes.
#[test]
fn a_disk_that_becomes_read_only_serves_what_it_has() {
    let web = Web::of([
        ("cached", Object::new(noise(5 * MIB, 1), "1")),
        ("new", Object::new(noise(5 * MIB, 3), "1")),
        ("small", Object::new(noise(9_000, 2), "1")),
    ]);
    let server = builder(&web).wrapped(Isolation::mounts("")).start();
    assert!(fetch(&server, "images/cached") == noise(5 * MIB, 1));

    let user = if is_root() {
        ""
    } else {
        "-U --preserve-credentials"
    };
    let within = format!("nsenter -t {} {user} -m mount", server.pid());
    let cache = server.outside().join("cache");
    let origin = fs::read_dir(cache.join("objects")).expect("there").next();
    let origin = origin.expect("one origin").expect("an entry").path();
    let remount =
        format!("{within} --bind {origin:?} {origin:?}; {within} -o remount,bind,ro {origin:?}");
    let status = Command::new("sh").args(["-c", &remount]).status();
    assert!(status.expect("a shell").success(), "{remount}");
    assert!(fetch(&server, "images/cached") == noise(5 * MIB, 1));
    fails(&server, "images/new").expect_try_again(&["Read-only"]);
    // Small ones are in memory.
    assert!(fetch(&server, "images/small") == noise(9_000, 2));
}

/// Whatever happened to the disk while the server was down: no client gets a wrong byte.
#[test]
fn a_corrupt_file_is_told_and_fetched_again() {
    let web = Web::of([("image", Object::new(noise(9 * MIB, 1), "1"))]);
    let server = builder(&web).start();
    assert!(fetch(&server, "images/image") == noise(9 * MIB, 1));
    let again = server.again();
    let data = files(&again.place().join("cache"), ".data");
    assert_eq!(data.len(), 1, "{data:?}");
    let mut bytes = fs::read(&data[0]).expect("there");
    bytes[5 * MIB] ^= 1;
    fs::write(&data[0], bytes).expect("written");
    let sent = web.sent("image");
    let server = again.start();
    assert!(fetch(&server, "images/image") == noise(9 * MIB, 1));
    expect_note(&server, &["chunk 1", "corrupt"]);
    assert_eq!(web.sent("image") - sent, 4 * MIB as u64, "that chunk alone");
}

#[test]
fn a_corrupt_index_is_an_object_that_is_not_there() {
    let web = Web::of([("image", Object::new(noise(5 * MIB, 1), "1"))]);
    let mut server = builder(&web).start();
    for rubbish in ["", "{", "\0\0\0\0", "{\"size\": 99999999999999}\n"] {
        assert!(fetch(&server, "images/image") == noise(5 * MIB, 1));
        let again = server.again();
        for meta in files(&again.place().join("cache"), ".meta") {
            fs::write(meta, rubbish).expect("written");
        }
        server = again.start();
    }
    assert!(fetch(&server, "images/image") == noise(5 * MIB, 1));
    assert_eq!(web.sent("image"), 5 * 5 * MIB as u64);
}

/// Another server at work in the same directory: refused, and the line names it.
#[test]
fn a_cache_that_is_in_use_is_refused() {
    let web = Web::start();
    let server = builder(&web).start();
    let config = server.outside().join("bootwire.toml");
    let mut command = Command::new(bootwire());
    command.arg("serve").arg("--config").arg(&config);
    command.args(["--listen", "127.0.0.1:0"]);
    let output = run_to_end(&mut command, Duration::from_secs(60));
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success(), "{told}");
    assert!(told.contains("cache") && told.contains("another"), "{told}");
}
