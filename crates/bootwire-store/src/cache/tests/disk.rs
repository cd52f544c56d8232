//! The cache directory: bounds, restarts, versions.

use std::path::Path;
use std::sync::Arc;

use crate::cache::chunks::{CHUNK, Sum};
use crate::cache::disk::Disk;
use crate::cache::entry::Chunk;
use crate::cache::index::footprint;
use crate::cache::key::Key;
use crate::cache::storage::{Files, SystemClock};
use crate::origin::{ObjectName, Version};

fn open(dir: &Path, max: u64) -> std::io::Result<Arc<Disk>> {
    let beneath = (Arc::new(Files) as _, Arc::new(SystemClock) as _);
    Disk::open(dir, max, beneath, Arc::default())
}

fn key(object: &str) -> Key {
    Key {
        origin: "http://o/".into(),
        access: "".into(),
        object: ObjectName::new(object.as_bytes()).unwrap(),
    }
}

fn version(etag: &str) -> Version {
    Version {
        etag: Some(etag.to_owned()),
        modified: None,
    }
}

fn names(dir: &Path) -> Vec<String> {
    let files = std::fs::read_dir(dir.join("objects/o")).unwrap();
    let mut names: Vec<_> = files
        .map(|file| file.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn what_was_read_longest_ago_makes_room_and_the_bound_holds() {
    let dir = tempfile::tempdir().unwrap();
    let max = 3 * footprint(CHUNK);
    let disk = open(dir.path(), max).unwrap();
    let entries: Vec<_> = ["a", "b", "c"]
        .iter()
        .map(|name| {
            let made = disk.create(&key(name), &version("1"), CHUNK, false);
            Arc::clone(made.unwrap().entry())
        })
        .collect();
    assert_eq!(disk.index().figures().0, max);
    std::thread::sleep(std::time::Duration::from_millis(2));
    entries[0].touch(disk.now());
    entries[2].touch(disk.now());
    disk.create(&key("d"), &version("1"), 100, false).unwrap();
    assert!(entries[1].is_gone() && disk.index().by_id(entries[1].about.id).is_none());
    assert!(disk.index().figures().0 <= max);
    assert!(!entries[1].about.data.exists() && !entries[1].about.meta.exists());
    assert_eq!(names(dir.path()).len(), 6);
    let full = disk.create(&key("e"), &version("1"), 4 * CHUNK, false);
    assert!(full.unwrap_err().to_string().contains("full"));
}

#[test]
fn an_object_too_large_to_be_true_does_not_fit() {
    let dir = tempfile::tempdir().unwrap();
    let disk = open(dir.path(), 100 * CHUNK).unwrap();
    for size in [u64::MAX, u64::MAX - 4096, 1 << 60] {
        assert!(disk.create(&key("a"), &version("1"), size, false).is_err());
    }
    assert_eq!(disk.index().figures(), (0, 0));
}

/// Whoever reads the log goes and looks at that file.
#[tokio::test]
async fn a_file_that_cannot_be_used_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let disk = open(dir.path(), 10 * CHUNK).unwrap();
    let entry = disk.create(&key("a"), &version("1"), 5, false).unwrap();
    let file = entry.about.data.display();
    for (errno, told) in [
        (
            5,
            format!("the cache cannot use {file}: Input/output error (os error 5)"),
        ),
        (2, format!("{file} was removed from the cache")),
    ] {
        let error = std::io::Error::from_raw_os_error(errno);
        let refusal = disk.unreadable(&entry, &error).await;
        assert_eq!(refusal.detail(), Some(told.as_str()));
    }
}

#[test]
fn room_that_is_not_used_is_given_back() {
    let dir = tempfile::tempdir().unwrap();
    let disk = open(dir.path(), 10 * CHUNK).unwrap();
    let room = disk.room(8 * CHUNK).unwrap();
    assert!(disk.room(8 * CHUNK).is_err());
    drop(room);
    assert!(disk.room(8 * CHUNK).is_ok());
    assert_eq!(disk.index().figures().0, 0);
}

#[test]
fn a_restart_finds_what_is_there_and_removes_what_makes_no_sense() {
    let dir = tempfile::tempdir().unwrap();
    let sum = Sum::of(b"x");
    {
        let disk = open(dir.path(), 100 * CHUNK).unwrap();
        let old = disk.create(&key("a"), &version("1"), CHUNK, false).unwrap();
        let entry = disk
            .create(&key("a"), &version("2"), CHUNK + 1, false)
            .unwrap();
        let data = entry.open_to_fill(disk.storage()).unwrap();
        disk.written(&entry, 1, sum, &data).unwrap();
        std::thread::sleep(std::time::Duration::from_millis(2));
        entry.check(disk.now());
        entry.note_check(&**disk.storage());
        let spoiled = disk.create(&key("b"), &version("1"), 5, false).unwrap();
        std::fs::write(&spoiled.about.meta, "nonsense").unwrap();
        let short = disk.create(&key("c"), &version("1"), 5, false).unwrap();
        std::fs::write(&short.about.data, "1234").unwrap();
        let orphan = disk.create(&key("d"), &version("1"), 5, false).unwrap();
        std::fs::remove_file(&orphan.about.meta).unwrap();
        std::fs::write(dir.path().join("objects/o/NOTES.txt"), "mine").unwrap();
        assert!(open(dir.path(), CHUNK).is_err(), "is locked");
        drop(old);
    }
    let disk = open(dir.path(), 100 * CHUNK).unwrap();
    let entry = disk.index().current(&key("a")).unwrap();
    assert_eq!(entry.about.version, version("2"));
    assert_eq!(*entry.chunks(), [Chunk::Missing, Chunk::Claimed(sum)]);
    assert_eq!(disk.index().figures().1, 2, "the old version is kept");
    assert_eq!(names(dir.path()).len(), 5, "and the operator's notes");
    assert!(disk.index().current(&key("b")).is_none());
}

#[test]
fn a_lower_bound_holds_from_the_start() {
    let dir = tempfile::tempdir().unwrap();
    let disk = open(dir.path(), 100 * CHUNK).unwrap();
    for name in ["a", "b", "c"] {
        disk.create(&key(name), &version("1"), CHUNK, false)
            .unwrap();
    }
    drop(disk);
    let disk = open(dir.path(), footprint(CHUNK)).unwrap();
    assert_eq!(disk.index().figures().1, 1);
}

#[test]
fn the_version_of_a_time_past_is_found_while_it_is_here() {
    let dir = tempfile::tempdir().unwrap();
    let disk = open(dir.path(), 100 * CHUNK).unwrap();
    let pause = || std::thread::sleep(std::time::Duration::from_millis(3));
    let first = disk.create(&key("a"), &version("1"), 5, false).unwrap();
    disk.set_current(&first);
    pause();
    let then = disk.now();
    pause();
    assert!(
        disk.index().current_at(&key("a"), then, 0).is_none(),
        "the origin was not asked then"
    );
    let second = disk.create(&key("a"), &version("2"), 5, false).unwrap();
    disk.set_current(&second);
    assert_eq!(
        disk.index()
            .current_at(&key("a"), then, 60_000)
            .unwrap()
            .about
            .id,
        first.about.id
    );
    assert_eq!(
        disk.index()
            .current_at(&key("a"), disk.now(), 60_000)
            .unwrap()
            .about
            .id,
        second.about.id
    );
    assert!(
        disk.index()
            .current_at(&key("a"), then - 1_000_000, 60_000)
            .is_none()
    );
}

/// Several chunks meet a full disk at once, and one of them makes room: all go on.
#[test]
fn room_that_one_has_made_is_there_for_all() {
    let dir = tempfile::tempdir().unwrap();
    let disk = open(dir.path(), 10 << 30).unwrap();
    let made = disk.create(&key("spare"), &Version::default(), CHUNK, false);
    drop(made.unwrap());
    let seen = disk.reliefs();
    assert!(disk.relieve(seen), "the first has made room");
    assert!(disk.relieve(seen), "the second met the same full disk");
    assert!(!disk.relieve(disk.reliefs()), "nothing more can go");
}
