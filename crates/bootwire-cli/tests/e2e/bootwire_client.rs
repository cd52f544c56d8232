//! `bootwire get` and `put` as commands: names, places, exit codes.

use std::fs;
use std::io::Write;
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use tempfile::TempDir;

use crate::harness::{Ports, Server, bootwire, noise, run_to_end};

fn run(place: &TempDir, words: &[&str]) -> Output {
    run_to_end(
        Command::new(bootwire())
            .args(words)
            .current_dir(place.path()),
        Duration::from_secs(60),
    )
}

fn code(output: &Output) -> i32 {
    output.status.code().expect("an exit code")
}

#[test]
fn get_names_the_file_like_the_remote_one() {
    let server = Server::of("boot/vmlinuz", &noise(50_000, 31));
    let place = TempDir::new().expect("a directory");
    let output = run(
        &place,
        &["get", &format!("tftp://{}/boot/vmlinuz", server.address())],
    );
    assert_eq!(code(&output), 0, "{output:?}");
    assert!(fs::read(place.path().join("vmlinuz")).expect("fetched") == noise(50_000, 31));
}

#[test]
fn get_writes_to_standard_output_and_into_directories() {
    let server = Server::of("file", &noise(50_000, 31));
    let place = TempDir::new().expect("a directory");
    let url = format!("tftp://{}/file", server.address());
    assert!(run(&place, &["get", &url, "-o", "-"]).stdout == noise(50_000, 31));
    fs::create_dir(place.path().join("sub")).expect("a directory");
    assert_eq!(code(&run(&place, &["get", &url, "-o", "sub"])), 0);
    assert!(fs::read(place.path().join("sub/file")).expect("fetched") == noise(50_000, 31));
}

/// What is there stays, unless told otherwise; what fails leaves nothing.
#[test]
fn get_replaces_nothing_unasked() {
    let server = Server::of("file", b"new");
    let place = TempDir::new().expect("a directory");
    let url = format!("tftp://{}/file", server.address());
    fs::write(place.path().join("file"), "old").expect("a file");
    assert_eq!(code(&run(&place, &["get", &url])), 7);
    assert_eq!(fs::read(place.path().join("file")).expect("there"), b"old");
    assert_eq!(code(&run(&place, &["get", &url, "--force"])), 0);
    assert_eq!(fs::read(place.path().join("file")).expect("there"), b"new");

    let missing = format!("tftp://{}/missing", server.address());
    assert_eq!(code(&run(&place, &["get", &missing])), 3);
    assert!(!place.path().join("missing").exists());
}

#[test]
fn exit_codes_tell_why() {
    let server = Server::of("file", b"x");
    let place = TempDir::new().expect("a directory");
    fs::write(place.path().join("local"), "x").expect("a file");
    let target = format!("tftp://{}/file", server.address());
    assert_eq!(
        code(&run(&place, &["put", "local", &target])),
        4,
        "uploads are off"
    );
    assert_eq!(code(&run(&place, &["put", "missing", &target])), 7);
    assert_eq!(code(&run(&place, &["get", "no colon, no url"])), 2);
    assert_eq!(code(&run(&place, &["get", "http://example.com/x"])), 2);
    assert_eq!(code(&run(&place, &["get", &target, "--blksize", "4"])), 2);
    let nobody = Ports::one();
    let silent = format!("tftp://127.0.0.1:{}/file", nobody.first());
    let asked = std::time::Instant::now();
    let output = run(&place, &["get", &silent, "--retries", "1"]);
    assert_eq!(code(&output), 5, "{output:?}");
    assert!(asked.elapsed() < Duration::from_secs(20));
}

#[test]
fn put_reads_standard_input_and_completes_names() {
    let server = Server::builder()
        .file("dir/.keep", b"")
        .flags(["--create"])
        .start();
    let place = TempDir::new().expect("a directory");
    fs::write(place.path().join("local.cfg"), "from a file").expect("a file");
    let dir = format!("tftp://{}/dir/", server.address());
    assert_eq!(code(&run(&place, &["put", "local.cfg", &dir])), 0);
    assert_eq!(
        fs::read(server.path("dir/local.cfg")).expect("stored"),
        b"from a file"
    );

    let mut child = Command::new(bootwire())
        .args(["put", "-", &format!("tftp://{}/piped", server.address())])
        .stdin(Stdio::piped())
        .spawn()
        .expect("started");
    child
        .stdin
        .take()
        .expect("piped")
        .write_all(&noise(100_000, 32))
        .expect("written");
    assert!(child.wait().expect("ended").success());
    assert!(fs::read(server.path("piped")).expect("stored") == noise(100_000, 32));
}

/// Good sizes without a word: what the server records is what the client asks by default.
#[test]
fn windows_are_used_by_default() {
    let server = Server::of("file", &noise(500_000, 31));
    let place = TempDir::new().expect("a directory");
    let output = run(
        &place,
        &["get", &format!("tftp://{}/file", server.address())],
    );
    assert_eq!(code(&output), 0, "{output:?}");
    let record = server.record();
    assert_eq!(
        (record.number("blksize"), record.number("windowsize")),
        (1428, 16)
    );
}
